package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"opora/internal/db"
)

const (
	sqlLocalAdministrator = `INSERT INTO people (kind, login, name) VALUES ('local', 'opora-admin', 'Local administrator')
ON CONFLICT (lower(login), coalesce(directory, '')) WHERE active AND kind <> 'history' DO UPDATE SET updated_at = now() RETURNING id`
	sqlLinkAdd  = `INSERT INTO signin_links (token_hash, person_id, expires_at) VALUES ($1, $2, $3)`
	sqlLinkTake = `UPDATE signin_links l SET used_at = $2 FROM people p
WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND p.id = l.person_id AND p.active AND p.kind = 'local' RETURNING p.id`
)

// localAdministrator is the break-glass person, made when missing.
func localAdministrator(ctx context.Context, q db.Q) (int64, error) {
	var id int64
	if err := q.GetContext(ctx, &id, sqlLocalAdministrator); err != nil {
		return 0, fmt.Errorf("finding the local administrator: %w", err)
	}
	return id, nil
}

func addLink(ctx context.Context, q db.Q, hash []byte, person int64, expires time.Time) error {
	if _, err := q.ExecContext(ctx, sqlLinkAdd, hash, person, expires); err != nil {
		return fmt.Errorf("storing a link: %w", err)
	}
	return nil
}

// takeLink uses the link up and returns whose it is; 0 when it opens nothing.
func takeLink(ctx context.Context, q db.Q, hash []byte, now time.Time) (int64, error) {
	var id int64
	err := q.GetContext(ctx, &id, sqlLinkTake, hash, now)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("using a link: %w", err)
	}
	return id, nil
}
