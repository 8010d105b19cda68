package auth

import (
	"slices"
	"sync/atomic"
	"time"

	"opora/auth/directory"
	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/fault"
)

// Config are the choices of whoever runs Opora. Zero values are filled in by New.
type Config struct {
	Idle     time.Duration // a session ends after this long without a request; default 8 h
	Max      time.Duration // and this long after the sign-in in any case; default a week
	Language string        // where neither person, directory nor browser says one; default en
	Zone     *time.Location
	Limits   Limits
}

// Limits bound how often somebody may guess.
type Limits struct {
	PerLogin   int           // refused attempts with one login; default 5. One person may be tried by twice as many, under any of the names they have
	PerAddress int           // refused attempts from one address (IPv6: one /64); default 50
	Window     time.Duration // in which they count; default 15 min
	Refusal    time.Duration // a refusal takes at least this long, so that its time tells nothing; default 400 ms
}

// Directory is a directory that people sign in with. Name is part of the key of its people: it must
// stay, and is neither empty nor holds a colon.
type Directory struct {
	Name   string
	Client *directory.Client
	Roles  map[string][]Role // by group, named by cn or DN
}

// How long the things of a sign-in live that nobody needs to set.
const (
	linkLife        = 15 * time.Minute
	linkSessionLife = time.Hour
	touchEvery      = time.Minute // seen_at of a session is not written more often
)

// Service is who somebody is and what they may do. It is safe for concurrent use.
type Service struct {
	db          *db.DB
	log         *audit.Log
	config      Config
	directories atomic.Pointer[[]Directory]
	clock       func() time.Time
}

// New makes the service on a migrated database. Directories are asked in their order.
func New(pool *db.DB, log *audit.Log, directories []Directory, c Config) *Service {
	def(&c.Idle, 8*time.Hour)
	def(&c.Max, 7*24*time.Hour)
	def(&c.Language, "en")
	def(&c.Zone, time.UTC)
	def(&c.Limits.PerLogin, 5)
	def(&c.Limits.PerAddress, 50)
	def(&c.Limits.Window, 15*time.Minute)
	def(&c.Limits.Refusal, 400*time.Millisecond)
	s := &Service{db: pool, log: log, config: c, clock: time.Now}
	s.SetDirectories(directories)
	return s
}

func def[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// SetDirectories changes the directories while people work: after an administrator has saved one. The clients that are no
// longer used are the caller's to close.
func (s *Service) SetDirectories(list []Directory) {
	list = slices.Clone(list)
	s.directories.Store(&list)
}

func (s *Service) directory(name string) (Directory, bool) {
	list := *s.directories.Load()
	i := slices.IndexFunc(list, func(d Directory) bool { return d.Name == name })
	if i < 0 {
		return Directory{}, false
	}
	return list[i], true
}

// now is the present moment as the database keeps it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// entry begins a row of the audit log for something that the actor does.
func entry(a Actor, now time.Time, action, subject string) audit.Entry {
	return audit.Entry{At: now, ActorID: a.ID, Action: action, Subject: subject, Channel: string(a.Channel), RequestID: a.RequestID}
}

// must is Need for what Opora itself does too: a demo, a command.
func (a Actor) must(p Permission) error {
	if a.System {
		return nil
	}
	return a.Need(p)
}

func errStale() *fault.Error { return fault.New(fault.Conflict, "auth.stale") }
