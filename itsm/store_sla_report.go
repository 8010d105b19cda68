package itsm

import (
	"context"
	"fmt"
	"time"

	"opora/internal/db"
)

const (
	// A ticket kept its promises when none of its clocks was over; a ticket without a clock made none and is not counted as kept.
	sqlReportTickets = `WITH done AS (
  SELECT t.id, t.priority, t.opened_at, t.resolved_at, t.responded_at, t.reopen_count FROM tickets t
  WHERE t.kind = 'incident' AND t.resolved_at >= $1 AND t.resolved_at < $2
), kept AS (
  SELECT d.id, count(c.clock) > 0 AND bool_and(c.breached_at IS NULL) AS met FROM done d LEFT JOIN ticket_clocks c ON c.ticket_id = d.id AND c.state <> 'cancelled'
  GROUP BY d.id
)
`
	sqlReportTotals = sqlReportTickets + `SELECT count(*) AS resolved, count(*) FILTER (WHERE k.met) AS all_met,
  avg(extract(epoch FROM d.resolved_at - d.opened_at)) AS mttr_s, avg(extract(epoch FROM d.responded_at - d.opened_at)) AS response_s,
  count(*) FILTER (WHERE d.reopen_count > 0) AS reopened,
  (SELECT count(*) FROM tickets o WHERE o.kind = 'incident' AND o.opened_at >= $1 AND o.opened_at < $2) AS opened
FROM done d JOIN kept k ON k.id = d.id`
	sqlReportPriorities = sqlReportTickets + `SELECT d.priority, count(*) AS resolved, count(*) FILTER (WHERE k.met) AS all_met,
  round(100.0 * count(*) FILTER (WHERE k.met) / count(*), 2) AS attainment, avg(extract(epoch FROM d.resolved_at - d.opened_at)) AS mttr_s
FROM done d JOIN kept k ON k.id = d.id GROUP BY d.priority ORDER BY d.priority`
	sqlReportClocks = `SELECT c.clock, count(*) AS ended, count(*) FILTER (WHERE c.breached_at IS NULL) AS in_time,
  round(100.0 * count(*) FILTER (WHERE c.breached_at IS NULL) / count(*), 2) AS attainment, avg(c.used_us) / 1e6 AS mean_s,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY c.used_us) / 1e6 AS p50_s, percentile_cont(0.9) WITHIN GROUP (ORDER BY c.used_us) / 1e6 AS p90_s
FROM tickets t JOIN ticket_clocks c ON c.ticket_id = t.id AND c.state = 'met'
WHERE t.kind = 'incident' AND t.resolved_at >= $1 AND t.resolved_at < $2
GROUP BY c.clock ORDER BY array_position(ARRAY['response', 'update', 'resolution'], c.clock)`
)

func readReport(ctx context.Context, q db.Q, from, to time.Time) (Report, error) {
	r := Report{From: from, To: to, Clocks: []ClockSummary{}, Priorities: []PrioritySummary{}}
	var totals struct {
		Resolved int64    `db:"resolved"`
		AllMet   int64    `db:"all_met"`
		MTTR     *float64 `db:"mttr_s"`
		Response *float64 `db:"response_s"`
		Reopened int64    `db:"reopened"`
		Opened   int64    `db:"opened"`
	}
	if err := q.GetContext(ctx, &totals, sqlReportTotals, from, to); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	r.Opened, r.Resolved, r.AllMet, r.Reopened = totals.Opened, totals.Resolved, totals.AllMet, totals.Reopened
	r.MTTR, r.Response = totals.MTTR, totals.Response
	if r.Resolved > 0 {
		share := float64(r.AllMet*10000/r.Resolved) / 100
		r.Attainment = &share
	}
	if err := q.SelectContext(ctx, &r.Priorities, sqlReportPriorities, from, to); err != nil {
		return r, fmt.Errorf("report by priority: %w", err)
	}
	if err := q.SelectContext(ctx, &r.Clocks, sqlReportClocks, from, to); err != nil {
		return r, fmt.Errorf("report by clock: %w", err)
	}
	return r, nil
}
