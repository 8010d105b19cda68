package itsm

import (
	"strconv"
	"time"

	"opora/itsm/sla"
)

// riskPercent is the share of a target from which on a running clock is at risk.
const riskPercent = 75

// moments projects a ticket's events onto what its clocks care about. It needs nothing but the events: the stored clocks can be
// replayed from them at any time.
func moments(events []Event) []sla.Moment {
	out := make([]sla.Moment, 0, len(events))
	var m sla.Moment
	for i := range events {
		e := &events[i]
		m.At, m.Responded, m.PublicUpdate, m.Fired = e.At, e.Responded, e.Public && e.Staff && (e.Text != "" || e.Digest != ""), nil
		for _, c := range e.Changes {
			switch c.Field {
			case "phase":
				m.Phase = sla.Phase(c.To)
			case "state":
				m.Cancelled = c.To == stateCancelled
			case "hold_reason":
				m.Reason = c.To
			case "priority":
				m.Priority, _ = strconv.Atoi(c.To)
			case "policy":
				m.Policy, _ = strconv.ParseInt(c.To, 10, 64)
			case "zone":
				m.Zone = c.To
			}
		}
		if e.Type == EventOpened {
			m.PublicUpdate = false // what was reported is no answer, whoever typed it in
		}
		if e.Step != nil {
			m.Fired = append(m.Fired, e.Step.fired())
		}
		if e.Import != nil {
			for i := range e.Import.Passed {
				m.Fired = append(m.Fired, e.Import.Passed[i].fired())
			}
		}
		out = append(out, m)
	}
	return out
}

func (s *StepFired) fired() sla.Fired {
	return sla.Fired{Clock: sla.Name(s.Clock), Cycle: s.Cycle, Step: s.Step}
}

// stateCancelled is the state that ends a ticket without its promise being kept or broken.
const stateCancelled = "cancelled"

// fold reckons the ticket's clocks from all its events, stored and new, and sets what the ticket keeps of them for its lists.
func (c *change) fold() []sla.Clock {
	events := c.history
	if len(c.events) > 0 {
		events = append(events[:len(events):len(events)], c.events...)
	}
	clocks := sla.Fold(c.u.rules.sla, moments(events))
	c.t.DueClock, c.t.DueAt, c.t.RiskAt = soonest(clocks)
	return clocks
}

// soonest is the running clock that is due first, and the first moment at which a running clock is at risk.
func soonest(clocks []sla.Clock) (name string, due, risk *time.Time) {
	for i := range clocks {
		c := &clocks[i]
		if c.State != sla.Running || c.DueAt == nil {
			continue
		}
		if due == nil || c.DueAt.Before(*due) {
			name, due = string(c.Name), c.DueAt
		}
		if at := c.ReachedAt(riskPercent); at != nil && (risk == nil || at.Before(*risk)) {
			risk = at
		}
	}
	return name, due, risk
}
