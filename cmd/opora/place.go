package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"opora/internal/localpg"
)

// holderWait is how long a command waits for a server that has just taken the folder to say where its database is.
const holderWait = 2 * time.Minute

// place is OPORA_DATA as this process uses it, and the way to the database.
//
// With the private PostgreSQL one process holds the folder: it has the lock opora.lock, runs the database, and writes
// into opora.json how to reach it. A command that comes beside it uses that. With OPORA_DATABASE_URL the folder holds
// no database, and any number of processes share it.
type place struct {
	dir      string
	ownerDSN string          // signs in as the owner of the schema
	dsn      string          // signs in as the server does; equal to ownerDSN with OPORA_DATABASE_URL
	private  *localpg.Server // ours; nil with OPORA_DATABASE_URL or beside a holder
	beside   bool            // another process holds the folder
	address  string          // of the holder's pages; "" when they are not there
	lock     *os.File        // ours; nil as for private
}

// holder is the content of opora.json.
type holder struct {
	PID      int    `json:"pid"`
	DSN      string `json:"dsn"`
	OwnerDSN string `json:"owner_dsn"`
	Address  string `json:"address,omitempty"` // of the pages, once a server answers there
}

// errHeld is the refusal of a second server on the same folder.
var errHeld = errors.New("another opora runs on this folder")

// enter takes the folder, or goes beside the process that has it. alone refuses the latter.
func enter(ctx context.Context, c Place, log *slog.Logger, alone bool) (*place, error) {
	if err := become(c); err != nil {
		return nil, err
	}
	dir, err := dataDir(c.Data)
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir}
	if c.DatabaseURL != "" {
		p.dsn, p.ownerDSN = c.DatabaseURL, c.DatabaseURL
		return p, nil
	}
	p.lock, err = lockFile(filepath.Join(dir, "opora.lock"))
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK) && alone:
		return nil, fmt.Errorf("%w: %s (%s)", errHeld, dir, p.whoHolds())
	case errors.Is(err, syscall.EWOULDBLOCK):
		return p, p.join(ctx)
	case err != nil:
		return nil, err
	}
	if err := p.runPostgres(ctx, c, log); err != nil {
		return nil, errors.Join(err, p.leave())
	}
	return p, nil
}

// dataDir makes OPORA_DATA where it lacks, and refuses another user's.
func dataDir(name string) (string, error) {
	dir, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("OPORA_DATA: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("OPORA_DATA: %w", err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("OPORA_DATA: %w", err)
	}
	if !st.IsDir() {
		return "", fmt.Errorf("OPORA_DATA: %s is no folder", dir)
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) != os.Geteuid() {
		name := strconv.FormatUint(uint64(sys.Uid), 10)
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
		return "", fmt.Errorf("OPORA_DATA: %s belongs to %s: run opora as %s (as root: OPORA_USER=%s), or give the folder away: chown -R %d %s",
			dir, name, name, name, os.Geteuid(), dir)
	}
	return dir, nil
}

// become drops from root to OPORA_USER, for good. A folder that lacks is made before, since the user may not be able to.
func become(c Place) error {
	if c.User == "" || os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(c.User)
	if err != nil {
		return fmt.Errorf("OPORA_USER: %w", err)
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	names, errGroups := u.GroupIds()
	if err := errors.Join(errUID, errGID, errGroups); err != nil {
		return fmt.Errorf("OPORA_USER: %w", err)
	}
	if uid == 0 {
		return nil
	}
	var groups []int
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil {
			groups = append(groups, id)
		}
	}
	if _, err := os.Stat(c.Data); errors.Is(err, fs.ErrNotExist) {
		if err := errors.Join(os.MkdirAll(c.Data, 0o700), os.Chown(c.Data, uid, gid)); err != nil {
			return fmt.Errorf("OPORA_DATA: %w", err)
		}
	}
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
		return fmt.Errorf("OPORA_USER: becoming %s: %w", c.User, err)
	}
	return nil
}

// lockFile takes the lock or returns EWOULDBLOCK. It is let go when the file is closed or the process ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
	}
	return f, nil
}

func (p *place) card() string { return filepath.Join(p.dir, "opora.json") }

// runPostgres starts the private PostgreSQL and writes down how to reach it.
func (p *place) runPostgres(ctx context.Context, c Place, log *slog.Logger) error {
	// The card of a holder that was killed must not lead anybody to a server that is not there.
	if err := os.Remove(p.card()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the last holder's card: %w", err)
	}
	server, err := localpg.Start(ctx, localpg.Options{Dir: filepath.Join(p.dir, "pg"), BinDir: c.PGBin, Log: log})
	if err != nil {
		return err
	}
	p.private, p.dsn, p.ownerDSN = server, server.DSN(), server.OwnerDSN()
	return p.write("")
}

// write writes the holder's card; address is where the pages are, "" while they are not.
func (p *place) write(address string) error {
	if p.private == nil {
		return nil // no holder, no card
	}
	text, err := json.Marshal(holder{PID: os.Getpid(), DSN: p.dsn, OwnerDSN: p.ownerDSN, Address: address})
	if err != nil {
		return fmt.Errorf("writing the holder's card: %w", err)
	}
	draft := p.card() + ".part"
	if err := errors.Join(os.WriteFile(draft, text, 0o600), os.Rename(draft, p.card())); err != nil {
		return fmt.Errorf("writing the holder's card: %w", err)
	}
	return nil
}

// join reads how to reach the holder's database; a holder that is just starting is waited for.
func (p *place) join(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, holderWait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if h, err := p.read(); err == nil {
			p.beside, p.dsn, p.ownerDSN, p.address = true, h.DSN, h.OwnerDSN, h.Address
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s, and its database is not ready: %w", errHeld, p.dir, ctx.Err())
		}
	}
}

func (p *place) read() (holder, error) {
	var h holder
	text, err := os.ReadFile(p.card())
	if err != nil {
		return h, fmt.Errorf("reading the holder's card: %w", err)
	}
	return h, json.Unmarshal(text, &h)
}

func (p *place) whoHolds() string {
	h, err := p.read()
	if err != nil {
		return "it is just starting"
	}
	return fmt.Sprintf("process %d", h.PID)
}

// ended is closed when the private PostgreSQL has ended; nil, which blocks for ever, when it is not ours.
func (p *place) ended() <-chan struct{} {
	if p.private == nil {
		return nil
	}
	return p.private.Done()
}

// leave stops the private PostgreSQL if it is ours and lets the folder go.
func (p *place) leave() error {
	var errs []error
	if p.private != nil {
		errs = append(errs, os.Remove(p.card()), p.private.Stop())
	}
	if p.lock != nil {
		errs = append(errs, p.lock.Close())
	}
	return errors.Join(errs...)
}
