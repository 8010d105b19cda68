package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"opora/internal/db"
	"opora/internal/localpg"
)

// A backup is one tar:
//
//	backup.json       what it is: format, version, time, the key's fingerprint
//	secret.key        the key itself, only when asked for
//	database/000000…  pg_dump's custom format in pieces, since a tar wants each size beforehand and the dump is streamed
//	files/…           the folder of attachments
//	end.json          how many of each there were: a tar that was cut off has no end
//
// The database is dumped first: what a row of that moment names is then still in the folder.
const (
	backupFormat = 1
	nameHead     = "backup.json"
	nameDatabase = "database/"
	nameFiles    = "files/"
	nameEnd      = "end.json"
	pieceSize    = 4 << 20
)

type backupHead struct {
	Format      int       `json:"format"`
	Version     string    `json:"version"`
	At          time.Time `json:"at"`
	Fingerprint string    `json:"secret_fingerprint"`
}

type backupEnd struct {
	Pieces int `json:"pieces"`
	Files  int `json:"files"`
}

type backupCommand struct {
	Config  `embed:""`
	WithKey bool   `help:"Put the secret key into the backup as well: whoever has the file can then forge the audit."`
	File    string `arg:"" placeholder:"FILE" help:"File to write; it must not exist. - is standard output."`
}

// Run writes the backup beside its final name and moves it there when it is whole.
func (c *backupCommand) Run(ctx context.Context, env environmentFaults) (err error) {
	c.Place.NoMigrate = true // a backup changes nothing
	app, err := open(ctx, c.Config, env, asTool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	if c.File == "-" {
		_, err = app.backup(ctx, os.Stdout, c.WithKey)
		return err
	}
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already: a backup overwrites nothing", c.File)
	}
	draft := c.File + ".part"
	out, err := os.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	end, err := app.backup(ctx, out, c.WithKey)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	if err := os.Rename(draft, c.File); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if !c.WithKey {
		fmt.Fprintln(os.Stderr, "opora: the secret key is not in the backup: keep OPORA_SECRET_KEY or OPORA_DATA/"+secretFile+" apart; restore wants it")
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"file": c.File, "files": end.Files})
}

// backup writes the whole tar to w.
func (a *App) backup(ctx context.Context, w io.Writer, withKey bool) (end backupEnd, err error) {
	out := tar.NewWriter(w)
	now := time.Now().UTC().Truncate(time.Second)
	v, _ := version()
	if err := addJSON(out, nameHead, now, backupHead{backupFormat, v, now, fingerprint(a.Secret)}); err != nil {
		return end, err
	}
	if withKey {
		if err := addBytes(out, secretFile, now, a.Secret); err != nil {
			return end, err
		}
	}
	if end.Pieces, err = a.place.dump(ctx, out, now, a.Config.Place.PGBin); err != nil {
		return end, err
	}
	if end.Files, err = addFiles(ctx, out, a.Files); err != nil {
		return end, err
	}
	if err := addJSON(out, nameEnd, now, end); err != nil {
		return end, err
	}
	if err := out.Close(); err != nil {
		return end, fmt.Errorf("writing the backup: %w", err)
	}
	return end, nil
}

// dump streams pg_dump into the tar and returns the number of pieces.
func (p *place) dump(ctx context.Context, out *tar.Writer, now time.Time, bin string) (n int, err error) {
	cmd, err := p.client(ctx, bin, "pg_dump", "--format=custom", "--no-owner", "--no-privileges")
	if err != nil {
		return 0, err
	}
	var words strings.Builder
	cmd.Stderr = &words
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("pg_dump: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("pg_dump: %w", err)
	}
	piece := make([]byte, pieceSize)
	for err == nil {
		var size int
		size, err = io.ReadFull(stream, piece)
		if size == 0 {
			break
		}
		if werr := addBytes(out, fmt.Sprintf("%s%06d", nameDatabase, n), now, piece[:size]); werr != nil {
			return n, errors.Join(werr, cmd.Cancel(), cmd.Wait())
		}
		n++
	}
	if err := cmd.Wait(); err != nil {
		return n, fmt.Errorf("pg_dump: %w: %s", err, strings.TrimSpace(words.String()))
	}
	return n, nil
}

// client is a client program of PostgreSQL on our database, as its owner. The connection goes by the environment, where
// a list of processes does not show the password.
func (p *place) client(ctx context.Context, bin, name string, args ...string) (*exec.Cmd, error) {
	path, err := localpg.Program(name, bin)
	if err != nil {
		return nil, err
	}
	c, err := pq.NewConfig(p.ownerDSN)
	if err != nil {
		return nil, fmt.Errorf("reading OPORA_DATABASE_URL: %w", err)
	}
	hosts, ports := c.Host, strconv.Itoa(int(c.Port))
	for _, m := range c.Multi {
		hosts, ports = hosts+","+m.Host, ports+","+strconv.Itoa(int(m.Port))
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "PGHOST="+hosts, "PGPORT="+ports, "PGDATABASE="+c.Database, "PGUSER="+c.User)
	for key, value := range map[string]string{
		"PGPASSWORD": c.Password, "PGSSLMODE": string(c.SSLMode), "PGSSLROOTCERT": c.SSLRootCert,
		"PGSSLCERT": c.SSLCert, "PGSSLKEY": c.SSLKey, "PGPASSFILE": c.Passfile,
	} {
		if value != "" {
			cmd.Env = append(cmd.Env, key+"="+value)
		}
	}
	return cmd, nil
}

// addFiles puts the folder of attachments into the tar; a folder that is not there holds none.
func addFiles(ctx context.Context, out *tar.Writer, dir string) (n int, err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the files: %w", err)
	}
	defer root.Close() //nolint:errcheck // opened to read
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		n++
		return addFile(out, root, path)
	})
	if err != nil {
		return n, fmt.Errorf("reading the files: %w", err)
	}
	return n, nil
}

func addFile(out *tar.Writer, root *os.Root, path string) error {
	f, err := root.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened to read
	st, err := f.Stat()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: nameFiles + filepath.ToSlash(path), Mode: 0o600, Size: st.Size(), ModTime: st.ModTime()}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(out, f, st.Size())
	return err
}

func addJSON(out *tar.Writer, name string, now time.Time, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return addBytes(out, name, now, text)
}

func addBytes(out *tar.Writer, name string, now time.Time, content []byte) error {
	err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: now})
	if err == nil {
		_, err = out.Write(content)
	}
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

// empty refuses a database that holds anything.
func (p *place) empty(ctx context.Context) (err error) {
	pool, err := db.Open(ctx, p.ownerDSN, db.Options{MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	n, err := tables(ctx, pool)
	if err == nil && n > 0 {
		return fmt.Errorf("the database is not empty (%d tables): a restore goes into an empty one only, nothing was touched", n)
	}
	return err
}
