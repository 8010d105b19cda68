package itsm

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"opora/auth"
	"opora/internal/db"
	"opora/itsm/sla"
	"opora/workflows/lifecycle"
)

// batch is how many tickets a sweep takes into one transaction: enough to be quick, few enough to hold no lock for long.
const batch = 100

// Escalate carries out every escalation step that is due by now, each once for its clock and cycle, and returns how many. It is safe
// to run on any number of replicas at once: what one has locked the others pass over, and a step that was carried out is an event
// that the next fold sees.
func (s *Service) Escalate(ctx context.Context, now time.Time) (int, error) {
	return s.sweep(ctx, now, sqlDueTickets, func(c *change) (int, error) {
		n := 0
		// Each step that fires may change what is due (a raised priority has another target): fold again after each.
		for range 50 {
			step, clock, ok := c.nextDue(now)
			if !ok {
				return n, nil
			}
			if err := c.escalate(clock, step); err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
}

// nextDue is the earliest step of any clock of the ticket that is due by now.
func (c *change) nextDue(now time.Time) (step sla.DueStep, clock sla.Clock, ok bool) {
	for _, k := range c.fold() {
		if due := k.DueSteps(now); len(due) > 0 && (!ok || due[0].At.Before(step.At)) {
			step, clock, ok = due[0], k, true
		}
	}
	return step, clock, ok
}

func (c *change) escalate(clock sla.Clock, step sla.DueStep) error {
	e := Event{Type: EventEscalated, eventBody: eventBody{Step: &StepFired{
		Clock: string(clock.Name), Cycle: clock.Cycle, Step: step.ID, Do: step.Do, Policy: c.t.PolicyID,
	}}}
	switch step.Do {
	case sla.Raise:
		to := step.Priority
		if to == 0 {
			to = max(1, c.t.Priority-1)
		}
		if to < c.t.Priority {
			c.t.Priority, c.t.PriorityReason = to, RaisedByEscalation
		}
	case sla.Reassign:
		if _, ok, err := ref[teamRef](c.u.ctx, c.u.tx, sqlTeamRef, step.Team); err != nil {
			return err
		} else if ok && step.Team != c.t.TeamID {
			c.assign(step.Team, 0)
		}
	}
	c.record(e)
	args := noticeArgs{Clock: string(clock.Name), Percent: step.Percent, After: step.After}
	for _, to := range step.To {
		people, err := c.receivers(to, step.Team)
		if err != nil {
			return err
		}
		for _, p := range people {
			c.noticeWith(NoticeEscalated, p, args)
		}
	}
	return nil
}

// receivers are the people that a step's word means. A ticket that nobody has is everybody's in its team.
func (c *change) receivers(to string, team int64) ([]int64, error) {
	if team == 0 {
		team = c.t.TeamID
	}
	switch to {
	case sla.ToAssignee:
		if c.t.AssigneeID != 0 {
			return []int64{c.t.AssigneeID}, nil
		}
		return c.u.membersOf(team)
	case sla.ToTeam:
		return c.u.membersOf(team)
	case sla.ToLead:
		return c.u.leadOf(team)
	case sla.ToRequester:
		return []int64{c.t.RequesterID}, nil
	case sla.ToAffected:
		return []int64{c.t.AffectedID}, nil
	}
	return nil, fmt.Errorf("escalation: unknown receiver %q", to)
}

// membersOf and leadOf look a team up once a unit: what is due together is often of one team.
func (u *unit) membersOf(team int64) ([]int64, error) {
	return remember(&u.members, team, func() ([]int64, error) { return ids(u.ctx, u.tx, sqlMembers, team) })
}

func (u *unit) leadOf(team int64) ([]int64, error) {
	return remember(&u.leads, team, func() ([]int64, error) {
		t, _, err := ref[teamRef](u.ctx, u.tx, sqlTeamRef, team)
		return []int64{t.LeadID}, err
	})
}

// remember is the answer for the team in the memory, or a new one.
func remember(memory *map[int64][]int64, team int64, find func() ([]int64, error)) ([]int64, error) {
	if list, ok := (*memory)[team]; ok {
		return list, nil
	}
	list, err := find()
	if err != nil {
		return nil, err
	}
	if *memory == nil {
		*memory = map[int64][]int64{}
	}
	(*memory)[team] = list
	return list, nil
}

// AutoClose closes what was resolved at least AutoCloseDays working days ago (by the default policy's calendar) and was neither
// confirmed nor reopened.
func (s *Service) AutoClose(ctx context.Context, now time.Time) (int, error) {
	r, err := s.currentRules(ctx, s.db)
	if err != nil {
		return 0, err
	}
	before, err := r.workingDaysBefore(now, AutoCloseDays)
	if err != nil {
		return 0, err
	}
	return s.sweepBefore(ctx, now, before, sqlSettledTickets, func(c *change) (int, error) {
		def := definition(c.t.Kind)
		tr, _ := def.Transition("close")
		to, _ := def.State(tr.To)
		c.enter(to, "", c.u.now)
		c.record(Event{Type: EventTransition, Public: true, eventBody: eventBody{Transition: "close"}})
		return 1, nil
	})
}

// AutoCloseDays is how many working days a resolved ticket waits for the requester's word.
const AutoCloseDays = 3

// Refold reckons the clocks of every open ticket anew, after a policy or a calendar got a new version. It returns how many tickets
// it looked at. A ticket's events are not touched: its clocks are only a cache of them.
func (s *Service) Refold(ctx context.Context) (int, error) {
	n, last := 0, int64(0)
	for {
		var got int
		err := s.in(ctx, auth.MachineActor(), s.now(), func(u *unit) error {
			list, err := u.lock(func(w *db.Where) {
				w.And("t.id = ANY (ARRAY("+sqlNextOpen+"))", last, batch)
			})
			if err != nil {
				return err
			}
			got = len(list)
			if got > 0 {
				last = list[got-1].t.ID
			}
			return u.refold(list)
		})
		if err != nil {
			return n, err
		}
		n += got
		if got < batch {
			return n, nil
		}
	}
}

// sweep runs f on the tickets that the query finds, in batches of one transaction each, until none is left that this run has not
// seen. f returns how much it did.
func (s *Service) sweep(ctx context.Context, now time.Time, query string, f func(c *change) (int, error)) (int, error) {
	return s.sweepBefore(ctx, now, now, query, f)
}

func (s *Service) sweepBefore(ctx context.Context, now, before time.Time, query string, f func(c *change) (int, error)) (int, error) {
	total, idle := 0, false
	for {
		var did, found int
		err := s.in(ctx, auth.MachineActor(), now, func(u *unit) error {
			did = 0 // a transaction may be tried again
			list, err := u.lock(func(w *db.Where) { w.And("t.id = ANY (ARRAY("+query+"))", before, batch) })
			if err != nil {
				return err
			}
			found = len(list)
			for _, c := range list {
				n, err := f(c)
				if err != nil {
					return fmt.Errorf("%s: %w", c.t.Number, err)
				}
				did += n
			}
			var stale []*change
			for _, c := range list {
				if len(c.events) == 0 {
					stale = append(stale, c)
				}
			}
			// A stored clock that says it is due though its fold does not would be found again and again: mend the cache.
			return u.refold(stale)
		})
		if err != nil {
			return total, err
		}
		total += did
		if did == 0 && found > 0 {
			slog.WarnContext(ctx, "stale clocks mended", "tickets", found)
		}
		// The query is limited in clocks, of which a ticket may have several: only one that finds nothing says that this was all. What
		// neither was done nor mended in two batches on end is left to the next run.
		if found == 0 || did == 0 && idle {
			return total, nil
		}
		idle = did == 0
	}
}

var openPhases = []lifecycle.Phase{lifecycle.Open, lifecycle.Paused}

// OpenPhases are the phases in which somebody still has to do something.
func OpenPhases() []lifecycle.Phase { return append([]lifecycle.Phase(nil), openPhases...) }
