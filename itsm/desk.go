package itsm

import (
	"context"
	"time"

	"opora/auth"
	"opora/itsm/sla"
)

// What an agent's day is made of, beside the tickets themselves.

// TaskRow is an open task with the ticket that it belongs to.
type TaskRow struct {
	Task
	Number      string `db:"number"`
	TicketTitle string `db:"ticket_title"`
	Priority    int    `db:"priority"`
}

// OpenTasks lists the actor's open tasks on tickets that he sees, those that have waited longest first.
func (s *Service) OpenTasks(ctx context.Context, actor auth.Actor, limit int) ([]TaskRow, error) {
	if err := actor.Need(auth.WorkTickets); err != nil {
		return nil, err
	}
	return openTasks(ctx, s.db, actor, min(max(limit, 1), MaxPage))
}

// Load is how much open work somebody of a team has.
type Load struct {
	AssigneeID int64  `db:"assignee_id"` // 0: nobody yet
	Assignee   string `db:"assignee"`
	Open       int    `db:"open"`
	Paused     int    `db:"paused"` // of the open ones
	Breached   int    `db:"breached"`
}

// TeamLoad counts the open incidents of the teams by assignee, the most loaded first and what nobody has at the end: for those who
// distribute work.
func (s *Service) TeamLoad(ctx context.Context, actor auth.Actor, teams []int64) ([]Load, error) {
	if err := actor.Need(auth.AssignAnyone); err != nil {
		return nil, err
	}
	return teamLoad(ctx, s.db, actor, teams, s.now())
}

// Order is the order in which List gives the filter's tickets, and whether they could be ordered by what is due: only open ones can.
func (f Filter) Order() (now Sort, byDue bool) {
	if err := f.check(); err != nil {
		return SortNewest, false
	}
	return f.Sort, f.openOnly()
}

// MayWork tells whether the reader can change the ticket as staff.
func (v *View) MayWork() bool { return v.Staff() && !v.Ended() }

// AtRisk tells whether a running clock has used so much of its target that a list counts it as at risk.
func AtRisk(c *sla.Clock, now time.Time) bool {
	at := c.ReachedAt(riskPercent)
	return c.State == sla.Running && at != nil && !at.After(now)
}

// reasonCaller is the hold reason that waits for the one who asked; his answer ends it.
const reasonCaller = "caller"

// AwaitsCaller tells whether the ticket waits for the one who asked.
func (t *Ticket) AwaitsCaller() bool { return t.HoldReason == reasonCaller }

// AwaitsCaller tells whether the ticket waits for the one who asked.
func (r *Row) AwaitsCaller() bool { return r.HoldReason == reasonCaller }
