package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"opora/internal/db"
	"opora/migrations"
)

// App is what every command that works on the data has open.
type App struct {
	Config Config
	Log    *slog.Logger
	DB     *db.DB
	DSN    string // for connections of its own (LISTEN), with the same rights as DB
	Secret []byte // at least 32 bytes; keys are derived from it, it is never used as one
	Files  string // folder of attachments
	Beside bool   // a server runs on the same data

	place *place
}

// opening says how a command wants the data.
type opening int

const (
	asServer opening = iota // holds the folder alone, and migrates
	asTool                  // may stand beside a running server; migrates only where it holds the folder itself
)

// open settles the configuration, takes the data folder or goes beside its holder, and opens the migrated database.
// Close ends all of it.
func open(ctx context.Context, c Config, env environmentFaults, how opening) (*App, error) {
	if err := c.Check(env); err != nil {
		return nil, err
	}
	a := &App{Config: c, Log: c.Log.Logger()}
	for _, key := range strangers() {
		a.Log.Warn("the environment has a key that Opora does not know", "key", key)
	}
	var err error
	if a.place, err = enter(ctx, c.Place, a.Log, how == asServer); err != nil {
		return nil, err
	}
	a.Beside, a.Files = a.place.beside, filepath.Join(a.place.dir, "files")
	if err := a.connect(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) connect(ctx context.Context) (err error) {
	if a.Secret, err = readSecret(a.Config.Place); err != nil {
		return err
	}
	if !a.Config.Place.NoMigrate && !a.Beside {
		n, err := migrations.Up(ctx, a.place.ownerDSN)
		if err != nil {
			return fmt.Errorf("migrating the database: %w", err)
		}
		if n > 0 {
			a.Log.Info("database migrated", "steps", n)
		}
	}
	if a.DB, a.DSN, err = a.place.pool(ctx, a.Log); err != nil {
		return err
	}
	if a.Secret == nil {
		if a.Secret, err = firstSecret(ctx, a.DB, a.Config.Place); err != nil {
			return err
		}
	}
	return checkFingerprint(ctx, a.DB, a.Secret)
}

// pool opens the database with the rights of the server. A single user of OPORA_DATABASE_URL steps down to the run-time
// role where it may.
func (p *place) pool(ctx context.Context, log *slog.Logger) (*db.DB, string, error) {
	pool, err := db.Open(ctx, p.dsn, db.Options{})
	if err != nil {
		return nil, "", err
	}
	if p.dsn != p.ownerDSN {
		return pool, p.dsn, nil
	}
	if !migrations.CanSetRole(ctx, pool) {
		log.Warn("the user of OPORA_DATABASE_URL cannot become "+migrations.Role+": triggers alone keep the audit append-only",
			"mend", "as a superuser: CREATE ROLE "+migrations.Role+"; GRANT "+migrations.Role+" TO the user; then start again")
		return pool, p.dsn, nil
	}
	if err := pool.Close(); err != nil {
		return nil, "", fmt.Errorf("closing the owner's pool: %w", err)
	}
	dsn := db.With(p.dsn, map[string]string{"role": migrations.Role})
	pool, err = db.Open(ctx, dsn, db.Options{})
	return pool, dsn, err
}

// Close closes the pool and then, where it is ours, the private PostgreSQL. What runs on the pool must have ended.
func (a *App) Close() error {
	var errs []error
	if a.DB != nil {
		errs = append(errs, a.DB.Close())
	}
	return errors.Join(append(errs, a.place.leave())...)
}
