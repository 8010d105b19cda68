package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"opora/internal/db"
)

const (
	sqlDemoRead     = `SELECT value FROM settings WHERE key = 'demo'`
	sqlDemoWrite    = `INSERT INTO settings (key, value) VALUES ('demo', $1) ON CONFLICT (key) DO UPDATE SET value = $1, version = settings.version + 1, updated_at = now()`
	sqlDemoStranger = `SELECT EXISTS (SELECT FROM people WHERE kind <> 'local') OR EXISTS (SELECT FROM tickets)`
	sqlDemoNextStep = `SELECT min(next_at) FROM ticket_clocks WHERE next_at <= $1`
	// What Opora did by itself has no actor; it may fall on the very moment of a step.
	sqlDemoDone = `SELECT e.at, e.type = 'opened' AS opened, t.number FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id WHERE e.actor_id IS NOT NULL`
)

// demoMark says how far the demo company has been set up. It is the row demo of the settings.
type demoMark struct {
	Begun time.Time `json:"begun"` // the story's now: its moments are reckoned from it
	Done  bool      `json:"done"`
}

// readDemoMark is nil on a database that the demo has never seen.
func readDemoMark(ctx context.Context, q db.Q) (*demoMark, error) {
	var m db.JSON[demoMark]
	err := q.GetContext(ctx, &m, sqlDemoRead)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the demo's mark: %w", err)
	}
	return &m.V, nil
}

func writeDemoMark(ctx context.Context, q db.Q, m demoMark) error {
	if _, err := q.ExecContext(ctx, sqlDemoWrite, db.JSON[demoMark]{V: m}); err != nil {
		return fmt.Errorf("writing the demo's mark: %w", err)
	}
	return nil
}

// inUse tells whether the database has people or tickets already.
func inUse(ctx context.Context, q db.Q) (used bool, err error) {
	if err := q.GetContext(ctx, &used, sqlDemoStranger); err != nil {
		return false, fmt.Errorf("looking whether the desk is in use: %w", err)
	}
	return used, nil
}

// nextStepBy is the moment of the earliest escalation step that is due by then; ok is false when there is none.
func nextStepBy(ctx context.Context, q db.Q, by time.Time) (at time.Time, ok bool, err error) {
	var next sql.NullTime
	if err := q.GetContext(ctx, &next, sqlDemoNextStep, by); err != nil {
		return at, false, fmt.Errorf("looking for the next escalation: %w", err)
	}
	return next.Time.UTC(), next.Valid, nil
}

// demoDone is what stands in the tickets already, by the moment in microseconds since 1970 at which somebody did it.
type demoDone struct {
	moments map[int64]bool
	opened  map[int64]string // number of the ticket that was opened then
}

func readDemoDone(ctx context.Context, q db.Q) (demoDone, error) {
	d := demoDone{map[int64]bool{}, map[int64]string{}}
	var rows []struct {
		At     time.Time `db:"at"`
		Opened bool      `db:"opened"`
		Number string    `db:"number"`
	}
	if err := q.SelectContext(ctx, &rows, sqlDemoDone); err != nil {
		return d, fmt.Errorf("reading what was told already: %w", err)
	}
	for _, r := range rows {
		d.moments[r.At.UnixMicro()] = true
		if r.Opened {
			d.opened[r.At.UnixMicro()] = r.Number
		}
	}
	return d, nil
}
