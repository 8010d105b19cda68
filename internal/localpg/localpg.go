// Package localpg runs Opora's private PostgreSQL: it finds the server's programs on the machine, makes a cluster in a
// folder of its own, starts postgres as a child process that listens on a Unix socket only, and stops it with Opora.
//
// What it promises: a folder that is not empty is never deleted and never initialised again; a kill -9 of Opora shuts
// the database down cleanly and leaves no process behind; started as root, postgres (and nothing else) runs as an
// ordinary user. What does not belong here: migrations, pools and everything that knows a table.
package localpg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "github.com/lib/pq" // the driver of the ready check
)

// The names inside the cluster. Owner owns the database and is the cluster's superuser: migrations run as it.
// App is the role that the server signs in as: it owns nothing, and the migrations grant it what it may do.
const (
	Owner    = "opora"
	App      = "opora_app"
	Database = "opora"
)

const (
	port         = "5432"           // only a part of the socket's name
	startWithin  = 10 * time.Minute // the recovery of a large database after a power cut
	stopWithin   = 30 * time.Second
	lockWithin   = stopWithin + 5*time.Second
	pollInterval = 20 * time.Millisecond
	logKept      = 16 << 20 // bytes; a larger log is set aside as postgres.log.1 at the next start
)

const (
	sqlHasRole     = `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'opora_app')`
	sqlAddRole     = `CREATE ROLE opora_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT`
	sqlHasDatabase = `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = 'opora')`
	sqlAddDatabase = `CREATE DATABASE opora OWNER opora`
)

// Options say where the cluster lives and how it runs.
type Options struct {
	Dir    string       // ours alone: data/, run/ (socket), postgres.log, lock; made when it lacks
	BinDir string       // folder of initdb and postgres (OPORA_PG_BIN); empty: looked for
	Log    *slog.Logger // nil: slog.Default()

	// Scratch trades every durability for speed and allows more connections. For tests, whose data may be lost.
	Scratch bool
}

// Server is a running private PostgreSQL.
type Server struct {
	socket string
	bin    binaries
	cmd    *exec.Cmd
	lock   *os.File
	log    *slog.Logger
	done   chan struct{} // closed when postgres has exited
	exit   error         // why; set before done is closed
	stop   sync.Once
}

// Start makes the cluster in o.Dir if the folder is empty, starts PostgreSQL on it and returns when it answers. It waits
// for a server that is still shutting down there, and gives up at ctx's deadline (ten minutes when it has none).
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startWithin)
		defer cancel()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the database folder %q: %w", o.Dir, err)
	}
	c := cluster{dir: dir, scratch: o.Scratch}
	if err := c.open(); err != nil {
		return nil, err
	}
	lock, err := c.acquire(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.start(ctx, o, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// start initialises the cluster where needed and starts postgres on it.
func (c *cluster) start(ctx context.Context, o Options, lock *os.File) (*Server, error) {
	major, err := c.version()
	if err != nil {
		return nil, err
	}
	bin, err := find(ctx, o.BinDir, major)
	if err != nil {
		return nil, fmt.Errorf("%w (the data folder is %s)", err, c.data())
	}
	if major == 0 {
		if err := c.init(ctx, bin); err != nil {
			return nil, err
		}
	}
	socket, given, err := c.socketDir()
	if err != nil {
		return nil, err
	}
	s := &Server{socket: socket, bin: bin, lock: lock, log: o.Log, done: make(chan struct{})}
	started := make(chan error)
	go s.run(c, given, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Join(bin.dir, "postgres"), err)
	}
	return s, nil
}

// run starts postgres and waits for its end, on one OS thread that lives as long as postgres does: the parent-death
// signal that shuts postgres down after a kill -9 of Opora is tied to the thread that forked it.
func (s *Server) run(c *cluster, socketDir string, started chan<- error) {
	runtime.LockOSThread()
	cmd, closeFiles, err := c.command(s.bin, s.lock, socketDir)
	if err == nil {
		err = cmd.Start()
		closeFiles()
	}
	s.cmd = cmd
	started <- err
	if err != nil {
		return
	}
	s.exit = cmd.Wait()
	close(s.done)
}

// prepare waits until the server answers, and makes the run-time role and the database where they lack.
func (s *Server) prepare(ctx context.Context) (err error) {
	db, err := sql.Open("postgres", s.dsn(Owner, "postgres"))
	if err != nil {
		return fmt.Errorf("opening the private PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		last := db.PingContext(ctx)
		if last == nil {
			break
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("the private PostgreSQL ended while starting (%w); its last words: %s", s.exit, s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("the private PostgreSQL does not answer (%w): %w; its last words: %s", last, ctx.Err(), s.lastWords())
		}
	}
	for _, step := range []struct{ has, add string }{{sqlHasRole, sqlAddRole}, {sqlHasDatabase, sqlAddDatabase}} {
		var has bool
		if err := db.QueryRowContext(ctx, step.has).Scan(&has); err != nil {
			return fmt.Errorf("reading the private PostgreSQL's catalogue: %w", err)
		}
		if has {
			continue
		}
		if _, err := db.ExecContext(ctx, step.add); err != nil {
			return fmt.Errorf("preparing the private PostgreSQL: %w", err)
		}
	}
	return nil
}

// OwnerDSN is the connection string of the database's owner, for migrations and backups.
func (s *Server) OwnerDSN() string { return s.dsn(Owner, Database) }

// DSN is the connection string of the run-time role.
func (s *Server) DSN() string { return s.dsn(App, Database) }

// BinDir is the folder of the programs that run this server; pg_dump of the same version stands there on Debian.
func (s *Server) BinDir() string { return s.bin.dir }

// Done is closed when postgres has ended, asked for or not.
func (s *Server) Done() <-chan struct{} { return s.done }

func (s *Server) dsn(role, database string) string {
	return fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable binary_parameters=yes", quote(s.socket), port, role, database)
}

// quote writes a value for a key/value connection string.
func quote(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

// Stop shuts PostgreSQL down: open transactions are rolled back, everything committed is on disk. It returns when the
// process has ended. A second call does nothing.
func (s *Server) Stop() (err error) {
	s.stop.Do(func() { err = s.shutDown() })
	return err
}

func (s *Server) shutDown() error {
	defer s.lock.Close() //nolint:errcheck // nothing was written to it
	// SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one, which costs a recovery at the next start.
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stopping the private PostgreSQL: %w", err)
		}
		select {
		case <-s.done:
			return nil
		case <-time.After(stopWithin):
			s.log.Warn("private PostgreSQL does not stop", "after", stopWithin, "signal", signal.String())
		}
	}
	return fmt.Errorf("the private PostgreSQL (process %d) does not stop", s.cmd.Process.Pid)
}
