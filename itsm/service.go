package itsm

import (
	"context"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/files"
	"opora/internal/jobs"
	"opora/itsm/lifecycles"
	"opora/workflows/lifecycle"
)

// Service is the service desk. Its methods are the use cases; pages, the API and commands call the same ones.
type Service struct {
	db    *db.DB
	key   audit.Key
	log   *audit.Log
	files *files.Store

	jobs *jobs.Client // nil: nothing is put off, as in a command

	clock func() time.Time
	mu    sync.Mutex
	rules *rules // what clocks are folded under; kept until a version is added
}

// New makes the service on a migrated database.
func New(pool *db.DB, key audit.Key, store *files.Store) *Service {
	return &Service{db: pool, key: key, log: audit.NewLog(pool, key), files: store, clock: time.Now}
}

// SetClock makes the service live by another clock: a test, or a demo that tells of the days before.
func (s *Service) SetClock(now func() time.Time) { s.clock = now }

// now is the present moment as the database keeps it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// definition is the lifecycle of a ticket's kind.
func definition(k Kind) *lifecycle.Definition { return kinds[k].lifecycle() }

// kinds is the registry: what the shared code needs to know of each kind.
var kinds = map[Kind]struct {
	prefix    string
	lifecycle func() *lifecycle.Definition
	details   func() Details
}{
	Incident: {"INC", lifecycles.Incident, func() Details { return new(IncidentDetails) }},
}

// Lifecycle returns the state machine of the kind, for pages that name states and draw buttons.
func Lifecycle(k Kind) *lifecycle.Definition { return definition(k) }

// refoldArgs asks for the clocks of all open tickets to be reckoned anew.
type refoldArgs struct{}

// Kind names the job.
func (refoldArgs) Kind() string { return "itsm.refold" }

// Register tells the client how the desk's jobs are run, and lets the desk put them in. Call it before the client starts.
func (s *Service) Register(c *jobs.Client) {
	s.jobs = c
	jobs.Register(c, func(ctx context.Context, _ jobs.Job[refoldArgs]) error {
		_, err := s.Refold(ctx)
		return err
	})
}

// refoldLater is how long after the first reckoning a second one comes: for a ticket that was opened under the former rules in a
// transaction that had not ended when the first one passed. No transaction lasts so long.
const refoldLater = time.Minute

// refoldSoon has the clocks of all open tickets reckoned anew once tx is committed.
func (s *Service) refoldSoon(ctx context.Context, tx *sqlx.Tx) error {
	if s.jobs == nil {
		return nil
	}
	if err := s.jobs.Insert(ctx, tx.Tx, refoldArgs{}, jobs.Options{}); err != nil {
		return err
	}
	return s.jobs.Insert(ctx, tx.Tx, refoldArgs{}, jobs.Options{At: s.now().Add(refoldLater)})
}
