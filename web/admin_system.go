package web

import (
	"context"

	"opora/auth"
	"opora/auth/directory"
)

// System is what the administration shows of the set-up. The command that starts the server fills it in.
type System struct {
	Tasks     []string               // names of the scheduled tasks, in their order
	Directory *directory.Config      // nil: none is configured
	Client    *directory.Client      // of that directory
	Roles     map[string][]auth.Role // by its groups
	Database  func(ctx context.Context) (Database, error)
}

// Database is how the database stands.
type Database struct {
	Version    string // of PostgreSQL
	Encoding   string
	User       string // whose rights the statements have
	Schema     int64  // the newest migration that was applied
	Wanted     int64  // the newest one there is
	AppendOnly bool   // the user cannot change or remove what the audit tables hold
}

// Current tells whether the schema is the one that this program wants.
func (d Database) Current() bool { return d.Schema == d.Wanted }

// UTF8 tells whether every language can be stored.
func (d Database) UTF8() bool { return d.Encoding == "UTF8" }
