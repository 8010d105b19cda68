// Package db opens PostgreSQL and gives the few things that every store needs: a transaction, a condition builder, a
// jsonb value, and the way from a constraint's name to a fault. Statements belong to the packages that own the tables.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver

	"opora/internal/fault"
)

// DB is the pool.
type DB struct{ *sqlx.DB }

// Q is what runs a statement: the pool or a transaction.
type Q interface {
	sqlx.ExtContext
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}

// Options of a pool.
type Options struct {
	MaxConns         int           // default 20
	StatementTimeout time.Duration // default 30 s; a request's context usually ends a statement sooner
	Role             string        // SET ROLE on each connection, so that the server may only append to the audit
	Name             string        // application_name
}

// Open opens a pool and waits for the first connection as long as ctx allows.
func Open(ctx context.Context, dsn string, o Options) (*DB, error) {
	if o.MaxConns == 0 {
		o.MaxConns = 20
	}
	if o.StatementTimeout == 0 { // a negative one means none
		o.StatementTimeout = 30 * time.Second
	}
	if o.Name == "" {
		o.Name = "opora"
	}
	settings := map[string]string{
		"binary_parameters": "yes", // one round trip for a query with arguments
		"application_name":  o.Name,
		"statement_timeout": fmt.Sprint(max(0, o.StatementTimeout.Milliseconds())),
		"timezone":          "UTC",
		"jit":               "off", // compiling takes longer than any statement of ours
	}
	if o.Role != "" {
		settings["role"] = o.Role
	}
	pool, err := sqlx.Open("postgres", With(dsn, settings))
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	for {
		err = pool.PingContext(ctx)
		if err == nil {
			return &DB{pool}, nil
		}
		select {
		case <-ctx.Done():
			pool.Close()
			return nil, fmt.Errorf("database does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// With adds settings to a DSN, in its URL or its key=value form; a setting that the DSN has already stays.
func With(dsn string, settings map[string]string) string {
	isURL := strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
	var b strings.Builder
	b.WriteString(dsn)
	for _, k := range []string{"binary_parameters", "application_name", "statement_timeout", "timezone", "jit", "role"} {
		v, ok := settings[k]
		if !ok || strings.Contains(dsn, k+"=") {
			continue
		}
		switch {
		case !isURL:
			b.WriteString(" " + k + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'")
		case strings.Contains(b.String(), "?"):
			b.WriteString("&" + k + "=" + url.QueryEscape(v))
		default:
			b.WriteString("?" + k + "=" + url.QueryEscape(v))
		}
	}
	return b.String()
}

// InTx runs f in one transaction and commits it when f returns nil. A serialisation failure or a deadlock, which
// PostgreSQL asks the client to try again, is tried up to three times: f must therefore have no effect outside tx.
//
// COMMIT runs without the deadline of ctx: a cancellation that meets a COMMIT waiting for a synchronous standby makes
// PostgreSQL report success for a row that may yet be lost.
func (d *DB) InTx(ctx context.Context, f func(tx *sqlx.Tx) error) error {
	var err error
	for range 3 {
		if err = d.once(ctx, f); !retryable(err) {
			return err
		}
	}
	return err
}

func (d *DB) once(ctx context.Context, f func(tx *sqlx.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := d.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it says so; there is nothing to do about the rest
	if err := f(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// One turns "no row" into a NotFound fault with the message id, and leaves the rest.
func One(err error, id string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Wrap(err, fault.NotFound, id, args...)
	}
	return err
}

// Affected checks that a guarded statement met exactly one row; else it gives the fault.
func Affected(res sql.Result, err error, otherwise *fault.Error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if n != 1 {
		return otherwise
	}
	return nil
}
