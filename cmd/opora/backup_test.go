package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opora/internal/db"
	"opora/internal/localpg"
)

// dataIn is a configuration whose data is in a folder of the test.
func dataIn(dir string) Config {
	c := Config{Web: Web{Listen: "127.0.0.1:0", Language: "en", Timezone: "UTC", SessionIdle: 1e12, SessionMax: 1e13}, Log: Log{Format: "text"}}
	c.Place.Data = dir
	return c
}

func opened(t *testing.T, c Config, how opening) *App {
	t.Helper()
	app, err := open(t.Context(), c, nil, how)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func closed(t *testing.T, app *App) {
	t.Helper()
	if err := app.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBackupBesideAServerAndRestore(t *testing.T) {
	old, file := dataIn(filepath.Join(t.TempDir(), "var")), filepath.Join(t.TempDir(), "desk.backup")
	app := opened(t, old, asServer)
	if _, err := app.DB.ExecContext(t.Context(), `INSERT INTO sites (code, name, timezone) VALUES ('kyiv', '{"uk": "Київ"}', 'Europe/Kyiv')`); err != nil {
		t.Fatal(err)
	}
	attachment := filepath.Join(app.Files, "ab", "abcdef")
	if err := errors.Join(os.MkdirAll(filepath.Dir(attachment), 0o700), os.WriteFile(attachment, []byte("a picture"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := (&backupCommand{Config: old, File: file}).Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := (&backupCommand{Config: old, File: file}).Run(t.Context(), nil); err == nil {
		t.Error("a second backup overwrote the first")
	}
	key, err := os.ReadFile(filepath.Join(old.Place.Data, secretFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&restoreCommand{Config: old, File: file}).Run(t.Context(), nil); !errors.Is(err, errHeld) {
		t.Errorf("a restore beside the server: %v; want a refusal", err)
	}
	closed(t, app)
	if err := (&restoreCommand{Config: old, File: file}).Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a restore over data: %v; want a refusal", err)
	}

	fresh := dataIn(filepath.Join(t.TempDir(), "var"))
	restore := &restoreCommand{Config: fresh, File: file}
	if err := restore.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "secret key") {
		t.Errorf("a restore without the key: %v; want one that names the key", err)
	}
	if err := os.WriteFile(filepath.Join(fresh.Place.Data, secretFile), key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := restore.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	app = opened(t, fresh, asServer)
	defer closed(t, app)
	var name string
	if err := app.DB.GetContext(t.Context(), &name, `SELECT name ->> 'uk' FROM sites WHERE code = 'kyiv'`); err != nil || name != "Київ" {
		t.Errorf("the site is called %q, %v", name, err)
	}
	if content, err := os.ReadFile(filepath.Join(app.Files, "ab", "abcdef")); err != nil || string(content) != "a picture" {
		t.Errorf("the attachment holds %q, %v", content, err)
	}
	var may bool
	if err := app.DB.GetContext(t.Context(), &may, `SELECT has_table_privilege('audit_log', 'DELETE')`); err != nil || may {
		t.Errorf("after the restore the server may delete from the audit: %v, %v", may, err)
	}
}

func TestCutOffBackupIsRefused(t *testing.T) {
	c, file := dataIn(filepath.Join(t.TempDir(), "var")), filepath.Join(t.TempDir(), "desk.backup")
	if err := (&migrateCommand{Config: c}).Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := (&backupCommand{Config: c, File: file, WithKey: true}).Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The end of a tar is padding: what is cut must reach the last entries.
	for _, left := range []int{len(whole) / 2, len(whole) - 3*512, 512, 0} {
		if err := os.WriteFile(file, whole[:left], 0o600); err != nil {
			t.Fatal(err)
		}
		target := dataIn(filepath.Join(t.TempDir(), "var"))
		if err := (&restoreCommand{Config: target, File: file}).Run(t.Context(), nil); err == nil {
			t.Errorf("a backup cut to %d of %d bytes was restored", left, len(whole))
		}
		if _, err := os.Stat(target.Place.Data); err == nil {
			t.Error("the refused restore made a data folder")
		}
	}
}

func TestAnotherKeyIsRefused(t *testing.T) {
	c := dataIn(filepath.Join(t.TempDir(), "var"))
	app := opened(t, c, asServer)
	if _, err := open(t.Context(), c, nil, asServer); !errors.Is(err, errHeld) {
		t.Errorf("a second server: %v; want a refusal", err)
	}
	beside := opened(t, c, asTool)
	if !beside.Beside {
		t.Error("the command does not know that a server runs")
	}
	closed(t, beside)
	if err := app.DB.PingContext(t.Context()); err != nil {
		t.Errorf("after a command beside it the server has no database: %v", err)
	}
	closed(t, app)

	other := c
	other.Place.SecretKey = strings.Repeat("another ", 8)
	if _, err := open(t.Context(), other, nil, asServer); !errors.Is(err, errOtherKey) {
		t.Errorf("with another key: %v; want a refusal", err)
	}
	if err := os.Remove(filepath.Join(c.Place.Data, secretFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t.Context(), c, nil, asServer); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("without the key: %v; want one that says it is missing", err)
	}
	if _, err := os.Stat(filepath.Join(c.Place.Data, secretFile)); err == nil {
		t.Error("a new key was made for a sealed database")
	}
}

func TestSingleUserStepsDown(t *testing.T) {
	server, err := localpg.Start(t.Context(), localpg.Options{Dir: filepath.Join(t.TempDir(), "pg"), Scratch: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	owner, err := db.Open(t.Context(), server.OwnerDSN(), db.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.ExecContext(t.Context(), `CREATE ROLE single LOGIN CREATEROLE; GRANT CREATE ON SCHEMA public TO single; GRANT CREATE ON DATABASE opora TO single;
GRANT opora_app TO single`); err != nil {
		t.Fatal(err)
	}
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	c := dataIn(filepath.Join(t.TempDir(), "var"))
	c.Place.DatabaseURL = strings.Replace(server.OwnerDSN(), "user=opora", "user=single", 1)
	app := opened(t, c, asServer)
	defer closed(t, app)
	var user string
	if err := app.DB.GetContext(t.Context(), &user, `SELECT current_user`); err != nil || user != localpg.App {
		t.Errorf("works as %q, %v; want %s", user, err, localpg.App)
	}
}
