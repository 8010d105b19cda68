package localpg

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cluster is the folder of a private PostgreSQL and the account that its processes run as.
type cluster struct {
	dir     string // absolute
	scratch bool
	account *account // nil: Opora's own
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }
func (c *cluster) log() string  { return filepath.Join(c.dir, "postgres.log") }

// smallDesk are the settings that initdb's defaults lack for some hundred people on one machine. They are written into
// postgresql.conf once, so that an administrator may change them there.
const smallDesk = `
# Opora: a small desk on one machine. Durability is PostgreSQL's default: everything on.
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 128MB
max_connections = 100
random_page_cost = 1.1
effective_io_concurrency = 100
jit = off
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = on
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u %a '
log_checkpoints = off
idle_in_transaction_session_timeout = 5min
`

// scratchOnly are the settings that lose data with the machine; see Options.Scratch.
const scratchOnly = `
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
checkpoint_timeout = 1h
autovacuum_naptime = 10s
max_connections = 400
`

// open makes the folder when it lacks, and refuses one that holds anything else, or that belongs to somebody else.
func (c *cluster) open() error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("making the database folder: %w", err)
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("reading the database folder: %w; it belongs to another user: run Opora as that user, or chown -R the folder", err)
	}
	ours := []string{"data", "run", "lock", "postgres.log", "postgres.log.1"}
	for _, e := range entries {
		if !slices.Contains(ours, e.Name()) && !strings.HasPrefix(e.Name(), "init-") {
			return fmt.Errorf("%s is not empty and not Opora's (it holds %q): nothing was touched; name another folder in OPORA_DATA", c.dir, e.Name())
		}
	}
	owned, err := owner(c.data())
	if errors.Is(err, fs.ErrNotExist) {
		if c.account, err = ordinary(); err != nil {
			return err
		}
		return c.account.own(c.dir)
	}
	if err != nil {
		return fmt.Errorf("reading the database folder: %w", err)
	}
	return c.runAs(owned)
}

// runAs settles the account for data that is already there: its owner.
func (c *cluster) runAs(owned uint32) error {
	me := uint32(os.Geteuid())
	switch {
	case owned == me && me != 0:
		return nil
	case owned == 0:
		return fmt.Errorf("%s belongs to root, and PostgreSQL refuses to run as root: chown -R postgres: %s", c.data(), c.dir)
	case me != 0:
		return fmt.Errorf("%s belongs to the user with id %d, and Opora runs as %d: run it as that user, or chown -R %d %s", c.data(), owned, me, me, c.dir)
	}
	a, err := byID(owned)
	c.account = a
	return err
}

// version is the major version of the cluster's data; 0 when there is none yet.
func (c *cluster) version() (int, error) {
	entries, err := os.ReadDir(c.data())
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(entries) == 0) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the database folder: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%s is not empty and no PostgreSQL cluster: nothing was touched; move it away, or name another folder in OPORA_DATA", c.data())
	}
	if err != nil {
		return 0, fmt.Errorf("reading the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("reading the cluster's version from %s: %w", filepath.Join(c.data(), "PG_VERSION"), err)
	}
	return major, nil
}

// acquire takes the folder for one server. The lock is handed on to postgres, so it is held until the last of its
// processes is gone, even when Opora was killed; hence the wait.
func (c *cluster) acquire(ctx context.Context) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, lockWithin)
	defer cancel()
	f, err := os.OpenFile(filepath.Join(c.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the database's lock: %w", err)
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking the database folder: %w", err), f.Close())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another process runs the PostgreSQL in %s: %w", c.dir, ctx.Err()), f.Close())
		}
	}
}

// init makes the cluster beside its final place and moves it there when it is whole, so that a start that was cut off
// leaves nothing that looks like data.
func (c *cluster) init(ctx context.Context, bin binaries) error {
	draft, err := os.MkdirTemp(c.dir, "init-")
	if err != nil {
		return fmt.Errorf("making the database folder: %w", err)
	}
	if err := c.fill(ctx, bin, draft); err != nil {
		return errors.Join(err, os.RemoveAll(draft))
	}
	// An empty data folder is replaced by the rename; one that has got content meanwhile makes it fail.
	if err := os.Rename(draft, c.data()); err != nil {
		return errors.Join(fmt.Errorf("putting the new cluster in place: %w", err), os.RemoveAll(draft))
	}
	return nil
}

func (c *cluster) fill(ctx context.Context, bin binaries, draft string) error {
	if err := c.account.own(draft); err != nil {
		return err
	}
	folder, err := os.Open(draft)
	if err != nil {
		return fmt.Errorf("making the database folder: %w", err)
	}
	defer folder.Close() //nolint:errcheck // opened to read
	args := []string{"-U", Owner, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-D", c.reach(draft)}
	settings := smallDesk
	if c.scratch {
		args = append(args, "--no-sync")
		settings += scratchOnly
	} else {
		args = append(args, "--data-checksums")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin.dir, "initdb"), args...)
	cmd.Env, cmd.SysProcAttr, cmd.Dir = environment(), c.account.attributes(), "/"
	cmd.ExtraFiles = []*os.File{folder}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	conf, err := os.OpenFile(filepath.Join(draft, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("writing postgresql.conf: %w", err)
	}
	_, err = conf.WriteString(settings)
	if err = errors.Join(err, conf.Sync(), conf.Close()); err != nil {
		return fmt.Errorf("writing postgresql.conf: %w", err)
	}
	return nil
}

// command is postgres itself, to be started on the cluster. The second result closes our copies of the handed-on files.
func (c *cluster) command(bin binaries, lock *os.File, socketDir string) (*exec.Cmd, func(), error) {
	if st, err := os.Stat(c.log()); err == nil && st.Size() > logKept {
		if err := os.Rename(c.log(), c.log()+".1"); err != nil {
			return nil, nil, fmt.Errorf("setting the old log aside: %w", err)
		}
	}
	out, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the database's log: %w", err)
	}
	data, err := os.Open(c.data())
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening the database folder: %w", err), out.Close())
	}
	cmd := exec.Command(filepath.Join(bin.dir, "postgres"), "-D", c.reach(c.data()),
		"-c", "listen_addresses=", "-c", "port="+port,
		"-c", "unix_socket_directories="+socketDir, "-c", "unix_socket_permissions=0700")
	cmd.Env, cmd.Dir = environment(), "/"
	cmd.SysProcAttr = onParentDeath(c.account.attributes())
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{data, lock}
	return cmd, func() { _, _ = out.Close(), data.Close() }, nil
}

// reach is how the child process names a folder of ours that it got as its first extra file. An account that we dropped
// to may not be able to walk there (a home folder of mode 0700 on the way): it goes by the open file instead.
func (c *cluster) reach(dir string) string {
	if c.account == nil {
		return dir
	}
	return "/proc/self/fd/3"
}

// socketDir makes the folder of the socket and returns it as we name it and as postgres, which works in the data
// folder, is told. A path too long for a socket's address moves it to the machine's run-time folder.
func (c *cluster) socketDir() (ours, given string, err error) {
	const longest = 107 // bytes of sockaddr_un.sun_path without its final NUL
	ours, given = filepath.Join(c.dir, "run"), "../run"
	if len(filepath.Join(ours, ".s.PGSQL."+port)) > longest {
		base := os.Getenv("XDG_RUNTIME_DIR")
		if base == "" || c.account != nil || len(base) > longest/2 {
			base = "/tmp"
		}
		ours = filepath.Join(base, fmt.Sprintf("opora-%x", sha256.Sum256([]byte(c.dir)))[:22])
		given = ours
	}
	err = os.Mkdir(ours, 0o700)
	if err == nil {
		return ours, given, c.account.own(ours)
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", "", fmt.Errorf("making the socket's folder: %w", err)
	}
	// It is there already: somebody else's folder in /tmp must not become the way to our database.
	st, err := os.Lstat(ours)
	if err != nil {
		return "", "", fmt.Errorf("reading the socket's folder: %w", err)
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); !ok || !st.IsDir() || st.Mode().Perm() != 0o700 || sys.Uid != c.account.id() {
		return "", "", fmt.Errorf("%s is not ours alone (wanted a folder of mode 0700 of the user with id %d): remove it", ours, c.account.id())
	}
	return ours, given, nil
}

// environment is what PostgreSQL's programs see of ours: nothing that could point them elsewhere (PGDATA, PGPORT …).
func environment() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// lastWords is the end of the server's log, to stand in an error.
func (s *Server) lastWords() string {
	out, ok := s.cmd.Stdout.(*os.File)
	if !ok {
		return ""
	}
	f, err := os.Open(out.Name())
	if err != nil {
		return err.Error()
	}
	defer f.Close() //nolint:errcheck // opened to read
	if st, err := f.Stat(); err == nil && st.Size() > 600 {
		if _, err := f.Seek(-600, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}
