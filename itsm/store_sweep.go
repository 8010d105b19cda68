package itsm

import (
	"fmt"
	"time"

	"opora/internal/fault"
)

const (
	// SKIP LOCKED lets the sweeps of several replicas share the work; the limit is on clocks, of which a ticket has few.
	sqlDueTickets     = `SELECT c.ticket_id FROM ticket_clocks c JOIN tickets x ON x.id = c.ticket_id WHERE c.next_at <= ? ORDER BY c.next_at LIMIT ? FOR UPDATE OF x SKIP LOCKED`
	sqlSettledTickets = `SELECT x.id FROM tickets x WHERE x.phase = 'resolved' AND x.resolved_at <= ? ORDER BY x.resolved_at LIMIT ? FOR UPDATE SKIP LOCKED`
	sqlNextOpen       = `SELECT x.id FROM tickets x WHERE x.id > ? AND x.phase IN ('open', 'paused') ORDER BY x.id LIMIT ?`
	sqlPutDue         = `UPDATE tickets SET due_clock = $2, due_at = $3, risk_at = $4 WHERE id = $1
  AND (due_clock, due_at, risk_at) IS DISTINCT FROM ($2, $3, $4)`
)

// refold stores the clocks of the locked tickets as their fold says, and nothing else.
func (u *unit) refold(list []*change) error {
	if len(list) == 0 {
		return nil
	}
	var clocks clockRows
	tickets := make([]int64, len(list))
	for i, c := range list {
		clocks.add(c.t, c.fold())
		tickets[i] = c.t.ID
		if _, err := u.tx.ExecContext(u.ctx, sqlPutDue, c.t.ID, c.t.DueClock, c.t.DueAt, c.t.RiskAt); err != nil {
			return fmt.Errorf("refold: %w", err)
		}
	}
	return clocks.save(u.ctx, u.tx, tickets)
}

// workingDaysBefore is the moment so many working days before now, by the default policy's calendar: the same time of day, with days
// on which that calendar is closed not counted.
func (r *rules) workingDaysBefore(now time.Time, days int) (time.Time, error) {
	cal, err := r.sla.Calendar(r.defaultPolicy, now)
	if err != nil {
		return time.Time{}, fault.Wrap(err, fault.Unavailable, "itsm.no_policy")
	}
	at := now
	for range 366 {
		if days == 0 {
			break
		}
		at = at.AddDate(0, 0, -1)
		if cal.IsWorkday(at) {
			days--
		}
	}
	return at, nil
}
