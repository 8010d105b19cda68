package testkit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opora/internal/db"
	"opora/internal/localpg"
	"opora/migrations"
)

// Database is one test's own database.
type Database struct {
	Name     string
	DSN      string // signs in as the run-time role, like the server does
	OwnerDSN string // signs in as the owner, who may do anything: to migrate, or to tamper
}

// DB is a pool on a fresh migrated database, signed in as the server is. It is gone when the test ends.
func DB(t testing.TB) *db.DB {
	t.Helper()
	return NewDatabase(t).Open(t)
}

// NewDatabase is a fresh migrated database.
func NewDatabase(t testing.TB) Database {
	t.Helper()
	return create(t, true)
}

// EmptyDatabase is a fresh database without a schema.
func EmptyDatabase(t testing.TB) Database {
	t.Helper()
	return create(t, false)
}

// Open opens a pool as the server does.
func (d Database) Open(t testing.TB) *db.DB {
	t.Helper()
	return open(t, d.DSN)
}

// OpenOwner opens a pool as the owner.
func (d Database) OpenOwner(t testing.TB) *db.DB {
	t.Helper()
	return open(t, d.OwnerDSN)
}

func open(t testing.TB, dsn string) *db.DB {
	t.Helper()
	pool, err := db.Open(t.Context(), dsn, db.Options{MaxConns: 8, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

// templateWithin bounds the building of the template, for which all other test programs wait.
const templateWithin = 2 * time.Minute

// server is the cluster of this test run as this process uses it.
type server struct {
	admin    *sql.DB // as owner, on database postgres
	dsn      string  // of admin
	template string
	users    *os.File // the shared lock that keeps the cluster alive; held to the end of the process
}

var (
	shared = sync.OnceValues(connect)
	serial atomic.Int64
)

func create(t testing.TB, migrated bool) Database {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("the tests' PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("t_%d_%d", os.Getpid(), serial.Add(1))
	statement := `CREATE DATABASE ` + name
	if migrated {
		// File copy is the faster strategy on a file system in memory.
		statement += ` TEMPLATE ` + s.template + ` STRATEGY file_copy`
	}
	if _, err := s.admin.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("the test's database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := s.admin.ExecContext(context.WithoutCancel(t.Context()), `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return Database{
		Name:     name,
		DSN:      rename(s.dsn, "dbname=postgres", "dbname="+name, "user="+localpg.Owner, "user="+localpg.App),
		OwnerDSN: rename(s.dsn, "dbname=postgres", "dbname="+name),
	}
}

func rename(dsn string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(dsn) }

// connect finds the cluster of this test run or starts it, and builds the template of the present schema where it
// lacks. Test programs that start at once wait for each other here.
func connect() (*server, error) {
	base, err := baseDir()
	if err != nil {
		return nil, err
	}
	entry, err := locked(filepath.Join(base, "start.lock"), exclusive)
	if err != nil {
		return nil, err
	}
	defer entry.Close() //nolint:errcheck // the lock goes with it
	users, err := locked(filepath.Join(base, "users.lock"), sharedLock)
	if err != nil {
		return nil, err
	}
	dsn, err := running(base)
	if err != nil {
		dsn, err = startKeeper(base)
	}
	if err != nil {
		return nil, err
	}
	admin, err := sql.Open("postgres", dsn)
	if err != nil {
		return nil, err
	}
	s := &server{admin: admin, dsn: dsn, users: users}
	ctx, cancel := context.WithTimeout(context.Background(), templateWithin)
	defer cancel()
	if s.template, err = s.migrated(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("building the template: %w", err), admin.Close())
	}
	return s, nil
}

// migrated returns the name of a template database with the present schema, and builds it when it lacks.
func (s *server) migrated(ctx context.Context) (string, error) {
	sum, err := fingerprint()
	if err != nil {
		return "", err
	}
	name, draft := "template_"+sum, "draft_"+sum
	var has bool
	if err := s.admin.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&has); err != nil || has {
		return name, err
	}
	for _, statement := range []string{`DROP DATABASE IF EXISTS ` + draft + ` WITH (FORCE)`, `CREATE DATABASE ` + draft} {
		if _, err := s.admin.ExecContext(ctx, statement); err != nil {
			return "", err
		}
	}
	if _, err := migrations.Up(ctx, rename(s.dsn, "dbname=postgres", "dbname="+draft)); err != nil {
		return "", err
	}
	for _, statement := range []string{
		`ALTER DATABASE ` + draft + ` WITH ALLOW_CONNECTIONS false`, // a connection would block the copies
		`ALTER DATABASE ` + draft + ` RENAME TO ` + name,
	} {
		if _, err := s.admin.ExecContext(ctx, statement); err != nil {
			return "", err
		}
	}
	return name, nil
}

// fingerprint is a hash of everything that decides how a migrated database looks: the folders of the migrations and of
// the jobs' schema, and the versions of the libraries.
func fingerprint() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	var files []string
	for _, pattern := range []string{"migrations/*", "internal/jobs/*.go", "go.sum"} {
		match, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return "", err
		}
		files = append(files, match...)
	}
	h := sha256.New()
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		content, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", filepath.Base(f), len(content))
		h.Write(content)
	}
	return fmt.Sprintf("%x", h.Sum(nil))[:16], nil
}

// moduleRoot walks up from the folder that go test runs a package in.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("the tests run outside the module's folder")
}
