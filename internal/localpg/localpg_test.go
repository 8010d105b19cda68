package localpg

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// childDir makes this test program, started again, a stand-in for Opora: it starts the server, says so and waits.
const childDir = "OPORA_LOCALPG_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		s, err := Start(context.Background(), Options{Dir: dir, Scratch: true})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("ready", s.cmd.Process.Pid)
		select {}
	}
	os.Exit(m.Run())
}

// start runs a server under dir for the time of the test and returns the owner's connection.
func start(t *testing.T, dir string) (*Server, *sql.DB) {
	t.Helper()
	s, err := Start(t.Context(), Options{Dir: dir, Scratch: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	db, err := sql.Open("postgres", s.OwnerDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return s, db
}

func TestStartStopStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	s, db := start(t, dir)
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)`); err != nil {
		t.Fatal(err)
	}
	app, err := sql.Open("postgres", s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	var user string
	if err := app.QueryRowContext(t.Context(), `SELECT current_user`).Scan(&user); err != nil || user != App {
		t.Fatalf("the run-time role signs in as %q, %v; want %s", user, err, App)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	_, db = start(t, dir)
	var n int
	if err := db.QueryRowContext(t.Context(), `SELECT n FROM kept`).Scan(&n); err != nil || n != 7 {
		t.Fatalf("after a restart: %d, %v; want 7", n, err)
	}
	for _, path := range []string{"data", "run"} {
		if st, err := os.Stat(filepath.Join(dir, path)); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s: mode %v, %v; want 0700", path, st.Mode(), err)
		}
	}
}

func TestListensOnNoPort(t *testing.T) {
	_, db := start(t, filepath.Join(t.TempDir(), "pg"))
	var addresses string
	if err := db.QueryRowContext(t.Context(), `SHOW listen_addresses`).Scan(&addresses); err != nil || addresses != "" {
		t.Fatalf("listen_addresses = %q, %v; want none", addresses, err)
	}
}

func TestKillLeavesNothingBehind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var postgres int
	if n, _ := fmt.Sscanf(line, "ready %d", &postgres); err != nil || n != 1 {
		t.Fatalf("the child said %q, %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed: that is its error
	// The start waits for the lock that the old processes hold to their end.
	start(t, dir)
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", postgres)); err == nil && strings.HasPrefix(string(comm), "postgres") {
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", postgres)); err == nil && !strings.Contains(string(stat), ") Z ") {
			t.Errorf("process %d still runs", postgres)
		}
	}
	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "database system is shut down") || strings.Contains(string(log), "not properly shut down") {
		t.Errorf("the database was not shut down cleanly:\n%s", log)
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	start(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := Start(ctx, Options{Dir: dir, Scratch: true})
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("got %v; want a refusal that names the other process", err)
	}
}

func TestForeignFoldersAreLeftAlone(t *testing.T) {
	for name, tc := range map[string]struct{ file, content, want string }{
		"somebody's folder":     {"notes.txt", "mine", "not Opora's"},
		"data without version":  {"data/base.txt", "mine", "no PostgreSQL cluster"},
		"data of another major": {"data/PG_VERSION", "9\n", "two ways out"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "pg")
			path := filepath.Join(dir, tc.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if a, err := ordinary(); err != nil || a.own(filepath.Dir(path)) != nil {
				t.Fatal(err)
			}
			_, err := Start(t.Context(), Options{Dir: dir, Scratch: true})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v; want %q", err, tc.want)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != tc.content {
				t.Errorf("the file holds %q, %v; want it untouched", got, err)
			}
		})
	}
}

func TestNamedBinariesMustBeThere(t *testing.T) {
	_, err := Start(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "pg"), BinDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "OPORA_PG_BIN") {
		t.Fatalf("got %v; want an error that names OPORA_PG_BIN", err)
	}
}

func TestLongPathTakesAShortSocket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 20), "pg")
	s, db := start(t, dir)
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.socket) > 60 {
		t.Errorf("the socket stands in %s", s.socket)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.socket); err != nil {
		t.Errorf("the socket's folder is not empty after the stop: %v", err)
	}
}
