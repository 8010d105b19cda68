package itsm

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"opora/internal/db"
	"opora/itsm/sla"
	"opora/workflows/worktime"
)

const (
	// The stamp counts the versions of policies and calendars, which are only ever added, and names the default policy: an equal
	// stamp means equal rules.
	sqlStamp = `SELECT coalesce((SELECT id FROM sla_policies WHERE is_default), 0) * 1000000000
  + (SELECT count(*) FROM sla_policy_versions) + (SELECT count(*) FROM calendar_versions)`
	sqlPolicies = `SELECT p.id, p.is_default, v.valid_from, v.definition FROM sla_policies p JOIN sla_policy_versions v ON v.policy_id = p.id`
	sqlCalendar = `SELECT c.code, v.valid_from, v.definition FROM calendars c JOIN calendar_versions v ON v.calendar_id = c.id`

	clockColumns = `ticket_id, clock, cycle, state, target_s, used_us, started_at, running_since, risk_at, due_at, met_at, breached_at, next_at, next_step`
	freshClocks  = `SELECT * FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[]), CAST($3 AS integer[]), CAST($4 AS text[]), CAST($5 AS bigint[]),
    CAST($6 AS bigint[]), CAST($7 AS timestamptz[]), CAST($8 AS timestamptz[]), CAST($9 AS timestamptz[]), CAST($10 AS timestamptz[]),
    CAST($11 AS timestamptz[]), CAST($12 AS timestamptz[]), CAST($13 AS timestamptz[]), CAST($14 AS text[])) AS f (` + clockColumns + `)`
	// A new ticket has no clocks to replace; to plan for them takes as long as all the rest of its opening.
	sqlAddClocks = `INSERT INTO ticket_clocks (` + clockColumns + `) ` + freshClocks
	sqlPutClocks = `WITH fresh AS (` + freshClocks + `), gone AS (
  DELETE FROM ticket_clocks c WHERE c.ticket_id = ANY ($15)
    AND NOT EXISTS (SELECT FROM fresh f WHERE f.ticket_id = c.ticket_id AND f.clock = c.clock AND f.cycle = c.cycle)
)
INSERT INTO ticket_clocks (` + clockColumns + `) SELECT ` + clockColumns + ` FROM fresh
ON CONFLICT (ticket_id, clock, cycle) DO UPDATE SET state = excluded.state, target_s = excluded.target_s, used_us = excluded.used_us,
  started_at = excluded.started_at, running_since = excluded.running_since, risk_at = excluded.risk_at, due_at = excluded.due_at, met_at = excluded.met_at,
  breached_at = excluded.breached_at, next_at = excluded.next_at, next_step = excluded.next_step`
)

// rules are the policies and calendars of the database at a stamp.
type rules struct {
	stamp         int64
	sla           *sla.Rules
	defaultPolicy int64
}

// rulesAt returns the rules, read again when a version was added.
func (s *Service) rulesAt(ctx context.Context, q db.Q, stamp int64) (*rules, error) {
	s.mu.Lock()
	r := s.rules
	s.mu.Unlock()
	if r != nil && r.stamp == stamp {
		return r, nil
	}
	return s.loadRules(ctx, q)
}

// currentRules asks for the stamp first.
func (s *Service) currentRules(ctx context.Context, q db.Q) (*rules, error) {
	var stamp int64
	if err := q.GetContext(ctx, &stamp, sqlStamp); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return s.rulesAt(ctx, q, stamp)
}

func (s *Service) loadRules(ctx context.Context, q db.Q) (*rules, error) {
	var policies []struct {
		ID         int64                   `db:"id"`
		IsDefault  bool                    `db:"is_default"`
		ValidFrom  time.Time               `db:"valid_from"`
		Definition db.JSON[sla.Definition] `db:"definition"`
	}
	if err := q.SelectContext(ctx, &policies, sqlPolicies); err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	var calendars []struct {
		Code       string    `db:"code"`
		ValidFrom  time.Time `db:"valid_from"`
		Definition string    `db:"definition"`
	}
	if err := q.SelectContext(ctx, &calendars, sqlCalendar); err != nil {
		return nil, fmt.Errorf("calendars: %w", err)
	}
	r := &rules{}
	var ps []sla.PolicyVersion
	for _, p := range policies {
		ps = append(ps, sla.PolicyVersion{Policy: p.ID, ValidFrom: p.ValidFrom, Definition: p.Definition.V})
		if p.IsDefault {
			r.defaultPolicy = p.ID
		}
	}
	r.stamp = r.defaultPolicy*1_000_000_000 + int64(len(policies)+len(calendars))
	var cs []sla.CalendarVersion
	for _, c := range calendars {
		cal, err := worktime.Parse([]byte(c.Definition))
		if err != nil {
			return nil, fmt.Errorf("calendar %s: %w", c.Code, err)
		}
		cs = append(cs, sla.CalendarVersion{Code: c.Code, ValidFrom: c.ValidFrom, Calendar: cal})
	}
	var err error
	if r.sla, err = sla.NewRules(ps, cs); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	s.mu.Lock()
	s.rules = r
	s.mu.Unlock()
	return r, nil
}

// clockRows are the clocks of a unit's tickets, column by column.
type clockRows struct {
	owners                                []*Ticket // of each row; tells the id once the ticket has one
	stored                                bool      // one of the tickets is stored already, maybe with clocks
	tickets                               pq.Int64Array
	clocks, states, steps                 pq.StringArray
	cycles                                []int32
	targets, used                         pq.Int64Array
	started                               []time.Time
	since, risk, due, met, breached, next []*time.Time
}

// add takes a ticket's clocks, before a new ticket gets its id.
func (r *clockRows) add(t *Ticket, clocks []sla.Clock) {
	r.stored = r.stored || t.ID != 0
	for i := range clocks {
		c := &clocks[i]
		r.owners = append(r.owners, t)
		r.clocks, r.states = append(r.clocks, string(c.Name)), append(r.states, string(c.State))
		r.cycles = append(r.cycles, int32(c.Cycle))
		r.targets, r.used = append(r.targets, int64(c.Target/time.Second)), append(r.used, c.Used.Microseconds())
		r.started, r.since, r.met = append(r.started, c.StartedAt), append(r.since, c.RunningSince), append(r.met, c.MetAt)
		r.due, r.breached, r.next = append(r.due, c.DueAt), append(r.breached, c.BreachedAt), append(r.next, c.NextAt)
		var risk *time.Time
		if c.State == sla.Running {
			risk = c.ReachedAt(riskPercent)
		}
		r.risk = append(r.risk, risk)
		step := ""
		if c.NextStep != nil {
			step = c.NextStep.ID
		}
		r.steps = append(r.steps, step)
	}
}

// save replaces the stored clocks of the tickets.
func (r *clockRows) save(ctx context.Context, tx *sqlx.Tx, tickets []int64) error {
	r.tickets = make(pq.Int64Array, len(r.owners))
	for i, t := range r.owners {
		r.tickets[i] = t.ID
	}
	query, args := sqlAddClocks, []any{
		r.tickets, r.clocks, pq.Array(r.cycles), r.states, r.targets, r.used, pq.Array(r.started), pq.Array(r.since),
		pq.Array(r.risk), pq.Array(r.due), pq.Array(r.met), pq.Array(r.breached), pq.Array(r.next), r.steps,
	}
	if r.stored {
		query, args = sqlPutClocks, append(args, pq.Array(tickets))
	}
	_, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("save clocks: %w", err)
	}
	return nil
}
