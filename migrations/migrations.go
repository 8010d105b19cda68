// Package migrations holds the schema of Opora as numbered SQL files and brings a database up to it: goose in public,
// River's own in schema jobs, then the rights of the role the server works as. Data that a fresh Opora starts with
// (priorities, a calendar, a policy) is put in by the packages that own it, not here.
package migrations

import (
	"context"
	"embed"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"opora/internal/db"
	"opora/internal/jobs"
)

// FS is the schema.
//
//go:embed *.sql
var FS embed.FS

// Role is what the server signs in as: it owns nothing and may only add to the append-only tables.
const Role = "opora_app"

// appendOnly are the tables that Role may only read and add to.
var appendOnly = []string{"ticket_events", "audit_log"}

// Up migrates the database at dsn, whose user owns it. Replicas that start at once wait for each other under one
// advisory lock. It reports how many files it applied.
func Up(ctx context.Context, dsn string) (int, error) {
	pool, err := db.Open(ctx, dsn, db.Options{MaxConns: 4, StatementTimeout: -1, Name: "opora migrate"})
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return 0, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, pool.DB.DB, FS, goose.WithSessionLocker(locker))
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	done, err := provider.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	// River and the grants have no lock of their own: a second one of ours orders the replicas here.
	conn, err := pool.Connx(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, sqlLock); err != nil {
		return 0, fmt.Errorf("migrations: lock: %w", err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), sqlUnlock) //nolint:errcheck // ends with the connection anyway
	if err := jobs.Migrate(ctx, pool.DB.DB); err != nil {
		return 0, fmt.Errorf("migrations: jobs: %w", err)
	}
	if err := grant(ctx, conn); err != nil {
		return 0, err
	}
	return len(done), nil
}

const (
	sqlLock    = `SELECT pg_advisory_lock(7261001)`
	sqlUnlock  = `SELECT pg_advisory_unlock(7261001)`
	sqlRole    = `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`
	sqlMayRole = `SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user`
)

// grant gives Role what it needs. A user that may create no roles works on without: CanSetRole tells.
func grant(ctx context.Context, conn *sqlx.Conn) error {
	var exists, may bool
	if err := conn.GetContext(ctx, &exists, sqlRole, Role); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := conn.GetContext(ctx, &may, sqlMayRole); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if !exists && !may {
		return nil
	}
	var statements []string
	if !exists {
		statements = append(statements, `CREATE ROLE `+Role+` NOLOGIN`)
	}
	if may {
		statements = append(statements, `GRANT `+Role+` TO CURRENT_USER`)
	}
	for _, schema := range []string{"public", jobs.Schema} {
		statements = append(statements,
			`GRANT USAGE ON SCHEMA `+schema+` TO `+Role,
			`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA `+schema+` TO `+Role,
			`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA `+schema+` TO `+Role)
	}
	for _, table := range appendOnly {
		statements = append(statements, `REVOKE UPDATE, DELETE, TRUNCATE ON `+pq.QuoteIdentifier(table)+` FROM `+Role)
	}
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("migrations: %s: %w", s, err)
		}
	}
	return nil
}

const sqlCanSetRole = `SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = $1`

// CanSetRole tells whether the user of the pool may work as Role. Where not, the append-only triggers still hold.
func CanSetRole(ctx context.Context, pool *db.DB) bool {
	var can bool
	err := pool.GetContext(ctx, &can, sqlCanSetRole, Role)
	return err == nil && can
}
