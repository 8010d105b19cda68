package testkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"opora/internal/localpg"
)

// The cluster is shared by all test programs of a run, and go test starts and ends those as it likes. So none of them
// owns it: the first one starts its own program once more as a keeper, a process apart that runs the cluster as long as
// somebody holds the users' lock, and removes it when nobody has for a while. Locks go with their processes, so that
// nothing is left behind whatever is killed.

const (
	keeperEnv  = "OPORA_TESTKIT_KEEPER" // the base folder; set in the keeper only
	keeperIdle = 30 * time.Second       // go test compiles between two packages
	keeperTick = time.Second
	enoughRoom = 1 << 30 // bytes free in the file system in memory
)

func init() {
	if base := os.Getenv(keeperEnv); base != "" {
		keep(context.Background(), base, os.NewFile(3, "ready"))
		os.Exit(0)
	}
}

// keep is the keeper's whole life. It tells the starter by the pipe how the start went.
func keep(ctx context.Context, base string, ready io.WriteCloser) {
	s, dir, err := startCluster(ctx, base)
	if err != nil {
		fmt.Fprint(ready, err)
		return
	}
	fmt.Fprint(ready, "ok")
	ready.Close() //nolint:errcheck // a pipe
	for idle := time.Duration(0); idle < keeperIdle; idle += keeperTick {
		select {
		case <-s.Done():
			return
		case <-time.After(keeperTick):
		}
		if f, err := try(filepath.Join(base, "users.lock")); err != nil {
			idle = 0
		} else if idle+keeperTick < keeperIdle {
			f.Close() //nolint:errcheck // the lock goes with it
		} // else it is held to the end: who comes now waits for it and then starts a cluster of their own
	}
	_ = s.Stop()
	_ = os.Remove(filepath.Join(base, "dsn"))
	_ = os.RemoveAll(dir)
}

func startCluster(ctx context.Context, base string) (*localpg.Server, string, error) {
	old, err := filepath.Glob(filepath.Join(base, "pg-*"))
	if err != nil {
		return nil, "", err
	}
	for _, dir := range old { // of a keeper that was killed
		_ = os.RemoveAll(dir)
	}
	dir := filepath.Join(base, fmt.Sprintf("pg-%d", os.Getpid()))
	s, err := localpg.Start(ctx, localpg.Options{
		Dir: dir, BinDir: os.Getenv("OPORA_PG_BIN"), Scratch: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, "", err
	}
	dsn := rename(s.OwnerDSN(), "dbname="+localpg.Database, "dbname=postgres")
	if err := os.WriteFile(filepath.Join(base, "dsn"), []byte(dsn), 0o600); err != nil {
		return nil, "", errors.Join(err, s.Stop())
	}
	return s, dir, nil
}

// startKeeper starts the keeper and waits for its word. The caller holds both locks.
func startKeeper(base string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer in.Close() //nolint:errcheck // opened to read
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), keeperEnv+"="+base)
	cmd.Dir = base
	cmd.ExtraFiles = []*os.File{out}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C is for the tests
	err = cmd.Start()
	if err = errors.Join(err, out.Close()); err != nil {
		return "", err
	}
	word, err := io.ReadAll(in)
	if err != nil {
		return "", err
	}
	if string(word) != "ok" {
		return "", fmt.Errorf("it did not start: %s", strings.TrimSpace(string(word)))
	}
	return running(base)
}

// running is the connection string of a cluster that answers.
func running(base string) (string, error) {
	dsn, err := os.ReadFile(filepath.Join(base, "dsn"))
	if err != nil {
		return "", err
	}
	db, err := sql.Open("postgres", string(dsn))
	if err != nil {
		return "", err
	}
	defer db.Close()
	return string(dsn), db.Ping()
}

// baseDir is the folder of this user's test cluster: in memory where there is room.
func baseDir() (string, error) {
	parent := os.TempDir()
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &fs); err == nil && fs.Bavail*uint64(fs.Bsize) > enoughRoom {
		parent = "/dev/shm"
	}
	dir := filepath.Join(parent, fmt.Sprintf("opora-test-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); !ok || !st.IsDir() || int(sys.Uid) != os.Getuid() {
		return "", fmt.Errorf("%s is somebody else's: remove it", dir)
	}
	return dir, nil
}

const (
	exclusive  = syscall.LOCK_EX
	sharedLock = syscall.LOCK_SH
)

// locked waits for a lock on a file; it is held until the file is closed or the process ends.
func locked(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
	}
	return f, nil
}

// try takes the exclusive lock if nobody has any.
func try(path string) (*os.File, error) { return locked(path, exclusive|syscall.LOCK_NB) }
