package migrations

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"opora/internal/db"
)

// State is how a database stands, as the set-up page shows it.
type State struct {
	Version    string // of PostgreSQL: 15.14
	Encoding   string // UTF8
	User       string // whose rights the statements have
	Schema     int64  // the newest migration that was applied
	Wanted     int64  // the newest one there is
	AppendOnly bool   // the user cannot change or remove what the audit tables hold
}

const sqlState = `SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding, current_user AS user,
  (SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied) AS schema,
  NOT EXISTS (SELECT FROM unnest(CAST($1 AS text[])) AS t (name)
    WHERE has_table_privilege(t.name, 'UPDATE') OR has_table_privilege(t.name, 'DELETE') OR has_table_privilege(t.name, 'TRUNCATE')) AS appendonly`

// Look tells how the database stands.
func Look(ctx context.Context, pool *db.DB) (State, error) {
	var s State
	if err := pool.GetContext(ctx, &s, sqlState, pq.Array(appendOnly)); err != nil {
		return s, fmt.Errorf("looking at the database: %w", err)
	}
	var err error
	s.Wanted, err = newest()
	return s, err
}

// newest is the number of the last file of FS.
func newest() (int64, error) {
	names, err := fs.Glob(FS, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("migrations: no files: %w", err)
	}
	number, _, _ := strings.Cut(names[len(names)-1], "_") // Glob sorts
	return strconv.ParseInt(number, 10, 64)
}
