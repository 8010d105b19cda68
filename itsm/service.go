package itsm

import (
	"sync"

	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/files"
	"opora/itsm/lifecycles"
	"opora/workflows/lifecycle"
)

// Service is the service desk. Its methods are the use cases; pages, the API and commands call the same ones.
type Service struct {
	db    *db.DB
	key   audit.Key
	log   *audit.Log
	files *files.Store

	mu    sync.Mutex
	rules *rules // what clocks are folded under; kept until a version is added
}

// New makes the service on a migrated database.
func New(pool *db.DB, key audit.Key, store *files.Store) *Service {
	return &Service{db: pool, key: key, log: audit.NewLog(pool, key), files: store}
}

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
