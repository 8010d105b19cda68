package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/localpg"
	"opora/itsm"
	"opora/migrations"
)

// The sizes of the two databases, in incidents.
const (
	small = 10_000
	large = 1_000_000
	quick = 100_000
)

func (b *bench) large() int {
	if b.quick {
		return quick
	}
	return large
}

// data is a folder as a server has it (OPORA_DATA), with its database running and no server on it.
type data struct {
	dir     string
	size    int
	key     audit.Key
	server  *localpg.Server
	pool    *db.DB // with the rights of the server
	owner   *db.DB // no trigger fires, no foreign key is checked: for copies alone
	company company
}

// folder is where the data of so many incidents is.
func (b *bench) folder(size int) string { return filepath.Join(b.dir, fmt.Sprintf("data-%d", size)) }

// open starts the database of a size, and fills it when that was not done.
func (b *bench) open(ctx context.Context, size int) (*data, error) {
	d, err := openData(ctx, b.folder(size), size)
	if err != nil {
		return nil, err
	}
	done := filepath.Join(d.dir, "filled")
	if _, err := os.Stat(done); errors.Is(err, fs.ErrNotExist) {
		from := time.Now()
		if err := d.fill(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("filling: %w", err), d.close())
		}
		slog.Info("filled", "incidents", size, "took", time.Since(from).Round(time.Second))
		if size == small || b.verify {
			if err := d.verify(ctx); err != nil {
				return nil, errors.Join(err, d.close())
			}
		}
		if err := os.WriteFile(done, nil, 0o600); err != nil {
			return nil, errors.Join(err, d.close())
		}
	} else if err := d.company.read(ctx, d.pool); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// openData starts PostgreSQL in the folder, makes the secret where it lacks, and migrates.
func openData(ctx context.Context, dir string, size int) (d *data, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d = &data{dir: dir, size: size}
	secret, err := secretOf(dir)
	if err != nil {
		return nil, err
	}
	if d.key, err = audit.NewKey(secret); err != nil {
		return nil, err
	}
	if d.server, err = localpg.Start(ctx, localpg.Options{Dir: filepath.Join(dir, "pg")}); err != nil {
		return nil, err
	}
	err = func() error {
		if _, err := migrations.Up(ctx, d.server.OwnerDSN()); err != nil {
			return err
		}
		if d.pool, err = db.Open(ctx, d.server.DSN(), db.Options{StatementTimeout: -1, Name: "bench"}); err != nil {
			return err
		}
		loading := d.server.OwnerDSN() + " options='-c session_replication_role=replica -c synchronous_commit=off -c maintenance_work_mem=1GB'"
		d.owner, err = db.Open(ctx, loading, db.Options{StatementTimeout: -1, Name: "bench"})
		return err
	}()
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// secretOf is the key of the folder, where a server looks for it too.
func secretOf(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails
		text = []byte(hex.EncodeToString(key[:]))
		err = os.WriteFile(path, text, 0o600)
	}
	return []byte(strings.TrimSpace(string(text))), err
}

func (d *data) close() error {
	var errs []error
	for _, pool := range []*db.DB{d.pool, d.owner} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(append(errs, d.server.Stop())...)
}

// desk is the service desk on the data.
func (d *data) desk() *itsm.Service { return itsm.New(d.pool, d.key, nil) }

// verify holds every row against what the product says of it.
func (d *data) verify(ctx context.Context) error {
	sealed, err := d.desk().VerifyAudit(ctx)
	if err != nil {
		return err
	}
	clocks, err := d.desk().VerifyClocks(ctx)
	if err != nil {
		return err
	}
	slog.Info("verified", "incidents", sealed.Tickets, "events", sealed.Events, "findings", len(sealed.Findings), "clocks", clocks.Clocks, "differences", len(clocks.Faults))
	if len(sealed.Findings) > 0 || len(clocks.Faults) > 0 {
		return fmt.Errorf("the rows of the bench do not hold: %v %v", head(sealed.Findings), head(clocks.Faults))
	}
	return nil
}

// head is the beginning of a list, to be shown.
func head[T any](list []T) []T { return list[:min(5, len(list))] }
