package jobs

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"
)

const (
	sqlAlive = `SELECT max(version) FROM jobs.river_migration WHERE line = 'main'`

	sqlRecordRun = `
INSERT INTO job_runs (task, tick, started_at, took_ms, done, error)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT job_runs_tick_key
DO UPDATE SET started_at = EXCLUDED.started_at, took_ms = EXCLUDED.took_ms, done = EXCLUDED.done, error = EXCLUDED.error`

	sqlRuns = `
SELECT id, task, tick, started_at, took_ms, done, error
FROM job_runs WHERE task = $1 ORDER BY tick DESC LIMIT $2`

	sqlLastRuns = `
SELECT r.id, r.task, r.tick, r.started_at, r.took_ms, r.done, r.error
FROM unnest(CAST($1 AS text[])) WITH ORDINALITY AS t (name, place)
CROSS JOIN LATERAL (
    SELECT id, task, tick, started_at, took_ms, done, error
    FROM job_runs WHERE task = t.name ORDER BY tick DESC LIMIT 1
) AS r
ORDER BY t.place`

	sqlPruneRuns = `DELETE FROM job_runs WHERE started_at < $1`

	sqlTryLock = `SELECT pg_try_advisory_lock(hashtextextended('opora task ' || $1, 0))`
	sqlUnlock  = `SELECT pg_advisory_unlock(hashtextextended('opora task ' || $1, 0))`

	unlockTimeout = 5 * time.Second
)

// Run is one run of a scheduled task.
type Run struct {
	ID        int64     `db:"id"`
	Task      string    `db:"task"`
	Tick      time.Time `db:"tick"` // the moment it was due
	StartedAt time.Time `db:"started_at"`
	TookMS    int       `db:"took_ms"` // milliseconds
	Done      int       `db:"done"`    // how many things it did, by the task's own count
	Error     string    `db:"error"`   // empty: it went well
}

// RecordRun keeps a run. A second run of the same tick (after a failure) takes the place of the first.
func (c *Client) RecordRun(ctx context.Context, r Run) error {
	text := strings.ReplaceAll(strings.ToValidUTF8(r.Error, "\uFFFD"), "\x00", "") // what PostgreSQL can store
	_, err := c.pool.ExecContext(ctx, sqlRecordRun, r.Task, r.Tick, r.StartedAt, r.TookMS, r.Done, text)
	if err != nil {
		return fmt.Errorf("recording run of %s: %w", r.Task, err)
	}
	return nil
}

// Runs lists the latest runs of a task, the newest first.
func (c *Client) Runs(ctx context.Context, task string, limit int) ([]Run, error) {
	var runs []Run
	if err := c.pool.SelectContext(ctx, &runs, sqlRuns, task, limit); err != nil {
		return nil, fmt.Errorf("listing runs of %s: %w", task, err)
	}
	return runs, nil
}

// LastRuns gives the latest run of each of the tasks, in their order; one that never ran is left out.
func (c *Client) LastRuns(ctx context.Context, tasks []string) ([]Run, error) {
	var runs []Run
	if err := c.pool.SelectContext(ctx, &runs, sqlLastRuns, pq.Array(tasks)); err != nil {
		return nil, fmt.Errorf("listing last runs: %w", err)
	}
	return runs, nil
}

// PruneRuns forgets the runs that started before the moment, and says how many.
func (c *Client) PruneRuns(ctx context.Context, before time.Time) (int, error) {
	res, err := c.pool.ExecContext(ctx, sqlPruneRuns, before)
	if err != nil {
		return 0, fmt.Errorf("pruning runs: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// Exclusive runs f unless somebody, on whatever replica, is within Exclusive of the same name; ran tells. The lock is of
// a session, so it ends with the process that holds it, however that ends. It keeps a task from piling up on itself; it is
// no fence: when the connection is lost, f goes on without it, and what f does must bear a second one beside it.
func (c *Client) Exclusive(ctx context.Context, name string, f func(ctx context.Context) error) (ran bool, err error) {
	conn, err := c.pool.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("locking %s: %w", name, err)
	}
	defer conn.Close()
	// A connection that may hold the lock must not go back to the pool: closing it here lets PostgreSQL free the lock.
	discard := func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }
	var locked bool
	if err := conn.QueryRowContext(ctx, sqlTryLock, name).Scan(&locked); err != nil {
		discard()
		return false, fmt.Errorf("locking %s: %w", name, err)
	}
	if !locked {
		return false, nil
	}
	defer func() {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		var unlocked bool
		unlockErr := conn.QueryRowContext(release, sqlUnlock, name).Scan(&unlocked)
		if unlockErr == nil && !unlocked {
			unlockErr = errors.New("the lock was not held any more")
		}
		if unlockErr != nil {
			discard()
			c.config.Logger.WarnContext(ctx, "unlocking a task", "task", name, "error", unlockErr)
		}
	}()
	return true, f(ctx)
}
