package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"opora/internal/db"

	"github.com/lib/pq"
)

const (
	sqlFailureLock = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`
	// The attempt that has to grow old before one more is allowed.
	sqlFailureReached = `SELECT at FROM signin_failures WHERE key = $1 AND at > $2 ORDER BY at DESC OFFSET $3 LIMIT 1`
	sqlFailureAdd     = `INSERT INTO signin_failures (key, at) VALUES ($1, $2) RETURNING id`
	sqlFailureRemove  = `DELETE FROM signin_failures WHERE id = ANY ($1)`
	sqlFailureForget  = `DELETE FROM signin_failures WHERE key = ANY ($1)`
	sqlFailureSweep   = `DELETE FROM signin_failures WHERE at <= $1`
)

func lockFailures(ctx context.Context, q db.Q, key string) error {
	if _, err := q.ExecContext(ctx, sqlFailureLock, key); err != nil {
		return fmt.Errorf("locking attempts: %w", err)
	}
	return nil
}

// reachedUntil tells whether the limit is reached by what happened after since, and by which attempt.
func reachedUntil(ctx context.Context, q db.Q, l limit, since time.Time) (time.Time, bool, error) {
	var at time.Time
	err := q.GetContext(ctx, &at, sqlFailureReached, l.key, since, l.max-1)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, fmt.Errorf("counting attempts: %w", err)
	}
	return at, true, nil
}

func addFailure(ctx context.Context, q db.Q, key string, at time.Time) (int64, error) {
	var id int64
	if err := q.GetContext(ctx, &id, sqlFailureAdd, key, at); err != nil {
		return 0, fmt.Errorf("counting an attempt: %w", err)
	}
	return id, nil
}

func removeFailures(ctx context.Context, q db.Q, ids []int64) error {
	if _, err := q.ExecContext(ctx, sqlFailureRemove, pq.Int64Array(ids)); err != nil {
		return fmt.Errorf("forgiving an attempt: %w", err)
	}
	return nil
}

func forgetFailures(ctx context.Context, q db.Q, keys ...string) error {
	if _, err := q.ExecContext(ctx, sqlFailureForget, pq.StringArray(keys)); err != nil {
		return fmt.Errorf("forgetting attempts: %w", err)
	}
	return nil
}
