package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"opora/internal/db"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const (
	// The one query that every request starts with. A history person never signs in, however a row came about.
	sqlSessionFind = `SELECT s.id AS session, s.seen_at, s.language AS browser_language, p.id, p.login, p.name, p.language, p.directory_language,
  p.timezone, coalesce(st.timezone, '') AS site_timezone, p.theme,
  ARRAY(SELECT DISTINCT r.role FROM person_roles r WHERE r.person_id = p.id ORDER BY r.role) AS roles,
  ARRAY(SELECT DISTINCT m.team_id FROM team_members m JOIN teams t ON t.id = m.team_id AND t.active WHERE m.person_id = p.id ORDER BY m.team_id) AS teams
FROM sessions s JOIN people p ON p.id = s.person_id AND p.active AND p.kind <> 'history' LEFT JOIN sites st ON st.id = p.site_id
WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.seen_at > $3`
	sqlSessionTouch = `UPDATE sessions SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2`
	sqlSessionAdd   = `INSERT INTO sessions (token_hash, id, person_id, via, created_at, seen_at, expires_at, address, agent, language)
VALUES (:token_hash, :id, :person_id, :via, :created_at, :seen_at, :expires_at, :address, :agent, :language)`
	sqlSessionEnd  = `DELETE FROM sessions WHERE token_hash = $1 RETURNING person_id`
	sqlSessionList = `SELECT id, via, created_at, seen_at, expires_at, address, agent FROM sessions
WHERE person_id = $1 AND expires_at > $2 AND seen_at > $3 ORDER BY seen_at DESC, id`
	sqlSessionRevoke    = `DELETE FROM sessions WHERE id = $1 AND (CAST($2 AS bigint) = 0 OR person_id = CAST($2 AS bigint)) RETURNING person_id`
	sqlSessionRevokeAll = `DELETE FROM sessions WHERE person_id = $1 AND id <> $2`
	sqlSessionSweep     = `DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2`
	sqlLinkSweep        = `DELETE FROM signin_links WHERE expires_at <= $1`
)

type actorRow struct {
	Session           string         `db:"session"`
	SeenAt            time.Time      `db:"seen_at"`
	BrowserLanguage   string         `db:"browser_language"`
	ID                int64          `db:"id"`
	Login             string         `db:"login"`
	Name              string         `db:"name"`
	Language          string         `db:"language"`
	DirectoryLanguage string         `db:"directory_language"`
	Timezone          string         `db:"timezone"`
	SiteTimezone      string         `db:"site_timezone"`
	Theme             string         `db:"theme"`
	Roles             pq.StringArray `db:"roles"`
	Teams             pq.Int64Array  `db:"teams"`
}

type sessionRow struct {
	TokenHash []byte    `db:"token_hash"`
	ID        string    `db:"id"`
	PersonID  int64     `db:"person_id"`
	Via       string    `db:"via"`
	CreatedAt time.Time `db:"created_at"`
	SeenAt    time.Time `db:"seen_at"`
	ExpiresAt time.Time `db:"expires_at"`
	Address   string    `db:"address"`
	Agent     string    `db:"agent"`
	Language  string    `db:"language"`
}

func findSession(ctx context.Context, q db.Q, hash []byte, now, seenAfter time.Time) (actorRow, bool, error) {
	var row actorRow
	err := q.GetContext(ctx, &row, sqlSessionFind, hash, now, seenAfter)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, fmt.Errorf("finding a session: %w", err)
	}
	return row, true, nil
}

func touchSession(ctx context.Context, q db.Q, hash []byte, now time.Time) error {
	if _, err := q.ExecContext(ctx, sqlSessionTouch, hash, now); err != nil {
		return fmt.Errorf("touching a session: %w", err)
	}
	return nil
}

func addSession(ctx context.Context, q db.Q, row sessionRow) error {
	if _, err := sqlx.NamedExecContext(ctx, q, sqlSessionAdd, row); err != nil {
		return fmt.Errorf("opening a session: %w", err)
	}
	return nil
}

// endSession returns whose session it was, 0 when there was none.
func endSession(ctx context.Context, q db.Q, hash []byte) (int64, error) {
	return deleted(ctx, q, sqlSessionEnd, hash)
}

// revokeSession ends the session with the public id if it is the owner's; owner 0 stands for anybody's.
func revokeSession(ctx context.Context, q db.Q, id string, owner int64) (int64, error) {
	return deleted(ctx, q, sqlSessionRevoke, clip(id, 64), owner)
}

func deleted(ctx context.Context, q db.Q, query string, args ...any) (int64, error) {
	var person int64
	err := q.GetContext(ctx, &person, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("ending a session: %w", err)
	}
	return person, nil
}

// revokeSessions ends all of the person's but the one with the public id except.
func revokeSessions(ctx context.Context, q db.Q, person int64, except string) (int, error) {
	return count(ctx, q, "ending sessions", sqlSessionRevokeAll, person, except)
}

func listSessions(ctx context.Context, q db.Q, person int64, now, seenAfter time.Time) ([]Session, error) {
	var list []Session
	if err := q.SelectContext(ctx, &list, sqlSessionList, person, now, seenAfter); err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	return list, nil
}

func sweep(ctx context.Context, q db.Q, now, seenAfter, failedAfter time.Time) (int, error) {
	total := 0
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{sqlSessionSweep, []any{now, seenAfter}},
		{sqlLinkSweep, []any{now}},
		{sqlFailureSweep, []any{failedAfter}},
	} {
		n, err := count(ctx, q, "sweeping", statement.query, statement.args...)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// count runs a statement and says how many rows it met.
func count(ctx context.Context, q db.Q, doing, query string, args ...any) (int, error) {
	res, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}
