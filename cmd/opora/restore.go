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
	"path/filepath"
	"strings"

	"opora/migrations"
)

type restoreCommand struct {
	Config `embed:""`
	File   string `arg:"" type:"existingfile" placeholder:"FILE" help:"A file that opora backup wrote."`
}

// Run reads the backup twice: once to know that it is whole and fits the key, then to bring it in. The database comes
// in one transaction, the files beside their folder, which is named at the end.
func (c *restoreCommand) Run(ctx context.Context, env environmentFaults) (err error) {
	if err := c.Check(env); err != nil {
		return err
	}
	content, err := inspectBackup(ctx, c.File)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	p, err := enter(ctx, c.Place, c.Log.Logger(), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.leave()) }()
	key, err := c.key(content)
	if err != nil {
		return err
	}
	files := filepath.Join(p.dir, "files")
	if err := errors.Join(p.empty(ctx), emptyFolder(files)); err != nil {
		return err
	}
	if err := p.bringIn(ctx, c, files); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if key != nil {
		if err := storeSecret(c.Place, key); err != nil {
			return err
		}
	}
	if !c.Place.NoMigrate { // the rights of the run-time role are not in the dump
		if _, err := migrations.Up(ctx, p.ownerDSN); err != nil {
			return fmt.Errorf("migrating the database: %w", err)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"made_at": content.head.At, "version": content.head.Version, "files": content.end.Files})
}

// key makes sure that the data can be read afterwards: it compares the key that is here with the backup's, and else
// returns the one of the backup, to be stored.
func (c *restoreCommand) key(b backupContent) ([]byte, error) {
	secret, err := readSecret(c.Place)
	if err != nil {
		return nil, err
	}
	switch {
	case secret != nil && fingerprint(secret) != b.head.Fingerprint:
		return nil, fmt.Errorf("the backup was sealed with another secret key (its fingerprint is %s, ours %s): put the right one into OPORA_SECRET_KEY or OPORA_DATA/%s",
			b.head.Fingerprint, fingerprint(secret), secretFile)
	case secret != nil:
		return nil, nil
	case b.key == nil:
		return nil, fmt.Errorf("the secret key of the backup (fingerprint %s) is needed: put it into OPORA_SECRET_KEY or OPORA_DATA/%s first",
			b.head.Fingerprint, secretFile)
	}
	return b.key, nil
}

// backupContent is what a backup says of itself.
type backupContent struct {
	head backupHead
	key  []byte
	end  backupEnd
}

// inspectBackup reads a backup from end to end and refuses one that is no backup, too new, or cut off.
func inspectBackup(ctx context.Context, path string) (b backupContent, err error) {
	var seen backupEnd
	whole := false
	err = eachEntry(ctx, path, func(name string, r io.Reader) error {
		if (name == nameHead) != (b.head.Format == 0) {
			return fmt.Errorf("%s stands in the wrong place", name)
		}
		switch {
		case name == nameHead:
			err := json.NewDecoder(r).Decode(&b.head)
			if err == nil && b.head.Format != backupFormat {
				err = fmt.Errorf("its format is %d, and this opora reads %d", b.head.Format, backupFormat)
			}
			return err
		case name == nameEnd:
			whole = true
			return json.NewDecoder(r).Decode(&b.end)
		case name == secretFile:
			b.key, err = io.ReadAll(io.LimitReader(r, 4096))
			return err
		case strings.HasPrefix(name, nameDatabase):
			seen.Pieces++
		case strings.HasPrefix(name, nameFiles):
			seen.Files++
		default:
			return fmt.Errorf("%s is unknown", name)
		}
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if err != nil {
		return b, fmt.Errorf("not a backup of opora: %w", err)
	}
	if !whole || b.end != seen {
		return b, fmt.Errorf("the backup is not whole: it holds %d pieces and %d files of %d and %d", seen.Pieces, seen.Files, b.end.Pieces, b.end.Files)
	}
	return b, nil
}

// eachEntry calls f with each entry of the tar in order. Its errors, and f's, end the reading.
func eachEntry(ctx context.Context, path string, f func(name string, r io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // opened to read
	in := tar.NewReader(file)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			return fmt.Errorf("%q is no entry of a backup", h.Name)
		}
		if err := f(h.Name, in); err != nil {
			return err
		}
	}
}

func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for files: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: a restore goes into an empty place only, nothing was touched", dir)
	}
	return nil
}

// bringIn writes the files into a draft folder and the dump into pg_restore, and names the folder when both are there.
func (p *place) bringIn(ctx context.Context, c *restoreCommand, files string) (err error) {
	draft, err := os.MkdirTemp(p.dir, "files-restore-")
	if err != nil {
		return fmt.Errorf("restoring files: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(draft))
		}
	}()
	root, err := os.OpenRoot(draft)
	if err != nil {
		return fmt.Errorf("restoring files: %w", err)
	}
	defer root.Close() //nolint:errcheck // every file in it was closed by itself
	// The files come first and pg_restore's transaction ends last: a fault with either leaves the database empty.
	err = eachEntry(ctx, c.File, func(name string, r io.Reader) error {
		if path, ok := strings.CutPrefix(name, nameFiles); ok {
			return writeFile(root, path, r)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restoring files: %w", err)
	}
	if err := p.restoreDatabase(ctx, c); err != nil {
		return err
	}
	if err := os.Remove(files); err != nil && !errors.Is(err, fs.ErrNotExist) { // it is empty
		return fmt.Errorf("restoring files: %w", err)
	}
	if err := os.Rename(draft, files); err != nil {
		return fmt.Errorf("restoring files: %w", err)
	}
	return nil
}

// restoreDatabase feeds the pieces of the dump to pg_restore, which brings all of it in or nothing.
func (p *place) restoreDatabase(ctx context.Context, c *restoreCommand) error {
	cmd, err := p.client(ctx, c.Place.PGBin, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-comments")
	if err != nil {
		return err
	}
	// Without --dbname pg_restore writes a script to standard output.
	cmd.Args = append(cmd.Args, "--dbname="+databaseName(cmd.Env))
	var words strings.Builder
	cmd.Stdout, cmd.Stderr = &words, &words
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("pg_restore: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pg_restore: %w", err)
	}
	fed := eachEntry(ctx, c.File, func(name string, r io.Reader) error {
		if !strings.HasPrefix(name, nameDatabase) {
			return nil
		}
		_, err := io.Copy(in, r)
		return err
	})
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		return fmt.Errorf("pg_restore: %w: %s", err, strings.TrimSpace(words.String()))
	}
	return fed
}

// databaseName is the last PGDATABASE of an environment.
func databaseName(env []string) (name string) {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PGDATABASE="); ok {
			name = v
		}
	}
	return name
}

func writeFile(root *os.Root, path string, r io.Reader) error {
	if dir := filepath.Dir(path); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}
