package main

import (
	"context"
	"fmt"
	"time"

	"opora/internal/db"
)

const (
	sqlRunning   = `SELECT count(*) FROM ticket_clocks WHERE state = 'running'`
	sqlReadOne   = `SELECT number FROM tickets WHERE id = $1`
	sqlRoundTrip = `SELECT 1`
	sqlDueAt     = `SELECT next_at FROM ticket_clocks WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1 OFFSET $1`
	sqlOneOpen   = `SELECT number FROM tickets WHERE id >= $1 AND NOT confidential ORDER BY id LIMIT 1`
)

func countRunning(ctx context.Context, q db.Q) (n int, err error) {
	return n, q.GetContext(ctx, &n, sqlRunning)
}

// readOne and roundTrip are the yardsticks: the least that a page must do.
func readOne(ctx context.Context, q db.Q, id int64) error {
	var number string
	return q.GetContext(ctx, &number, sqlReadOne, id)
}

func roundTrip(ctx context.Context, q db.Q) error {
	var n int
	return q.GetContext(ctx, &n, sqlRoundTrip)
}

// dueAt is the first moment at which so many clocks are due.
func dueAt(ctx context.Context, q db.Q, n int) (at time.Time, err error) {
	if err := q.GetContext(ctx, &at, sqlDueAt, n-1); err != nil {
		return at, fmt.Errorf("when %d clocks are due: %w", n, err)
	}
	return at, nil
}

// someNumber is the number of an incident that every agent sees.
func someNumber(ctx context.Context, q db.Q, id int64) (number string, err error) {
	return number, q.GetContext(ctx, &number, sqlOneOpen, id)
}
