package sla

import (
	"cmp"
	"slices"
	"time"
)

// State is how a clock stands. That it is breached is not a state: a breached clock goes on counting.
type State string

// The states.
const (
	Running   State = "running"
	Waiting   State = "paused"
	Met       State = "met"
	Cancelled State = "cancelled"
)

// Clock is one cycle of a clock, reckoned as of the ticket's last moment. What depends on a later now is asked by the
// methods.
type Clock struct {
	Name      Name
	Cycle     int // from 1
	State     State
	Target    time.Duration // working time; the one in force, or in force when the clock ended
	Used      time.Duration // working time as of the last moment
	StartedAt time.Time
	// RunningSince is when it began or went on to run; nil unless it runs.
	RunningSince *time.Time
	// DueAt is when the time used comes to the target, maybe in the past; nil unless it runs, and when its calendar
	// never gets there.
	DueAt *time.Time
	MetAt *time.Time
	// BreachedAt is when the target was passed, as far as the moments tell: a running clock whose DueAt comes after
	// the last moment is breached when that has come.
	BreachedAt *time.Time
	// NextStep is the earliest step that has not fired in this cycle, and NextAt its instant, maybe in the past; nil
	// when there is none and unless the clock runs.
	NextStep *Step
	NextAt   *time.Time

	asOf     time.Time // the last moment
	steps    []Step
	fired    []Fired // of the whole ticket
	segments []segment
}

// DueStep is a step whose instant has come.
type DueStep struct {
	Step
	At time.Time
}

// settle reckons what is told of the clock once all its segments are known.
func (c *Clock) settle(asOf time.Time, fired []Fired) {
	c.asOf, c.fired = asOf, fired
	c.Used = c.UsedAt(asOf)
	last := c.last()
	due, ok := c.reached(c.Target)
	switch last.kind {
	case counting:
		c.State = Running
		since := last.from
		for i := len(c.segments) - 2; i >= 0 && c.segments[i].kind == counting; i-- {
			since = c.segments[i].from
		}
		c.RunningSince = &since
		if ok {
			c.DueAt = &due
		}
		if next, at := c.next(); next != nil {
			c.NextStep, c.NextAt = next, &at
		}
	case holding:
		c.State = Waiting
	case stopped:
		c.State = Met
		met := last.from
		c.MetAt = &met
		ok = ok && due.Before(met)
	default:
		c.State = Cancelled
	}
	if ok && !due.After(asOf) {
		c.BreachedAt = &due
	}
}

// reached is the instant at which the time used comes to so much, when there is one.
func (c *Clock) reached(used time.Duration) (time.Time, bool) {
	for i := range c.segments {
		s := &c.segments[i]
		if s.kind != counting || !s.to.IsZero() && s.before+s.used < used {
			continue
		}
		at, err := s.calendar.Due(s.from, used-s.before)
		return at, err == nil
	}
	return time.Time{}, false
}

// ReachedAt is the instant at which the percentage of the target is used, past or to come; nil when a clock that does
// not run has not come so far.
func (c *Clock) ReachedAt(percent int) *time.Time {
	if at, ok := c.reached(Step{Percent: percent}.threshold(c.Target)); ok {
		return &at
	}
	return nil
}

func (c *Clock) next() (*Step, time.Time) {
	var first *Step
	for i := range c.steps {
		s := &c.steps[i]
		if !c.hasFired(s.ID) && (first == nil || s.threshold(c.Target) < first.threshold(c.Target)) {
			first = s
		}
	}
	if first == nil {
		return nil, time.Time{}
	}
	at, ok := c.reached(first.threshold(c.Target))
	if !ok {
		return nil, time.Time{}
	}
	return first, at
}

func (c *Clock) hasFired(step string) bool {
	return slices.Contains(c.fired, Fired{c.Name, c.Cycle, step})
}

// DueSteps are the steps of a running clock that have not fired and whose instant is now or earlier, in their order.
func (c *Clock) DueSteps(now time.Time) []DueStep {
	if c.State != Running {
		return nil
	}
	return c.ReachedSteps(now)
}

// ReachedSteps are the same for a clock in any state: what would be due if it ran.
func (c *Clock) ReachedSteps(now time.Time) []DueStep {
	var out []DueStep
	for _, s := range c.steps {
		if c.hasFired(s.ID) {
			continue
		}
		if at, ok := c.reached(s.threshold(c.Target)); ok && !at.After(now) {
			out = append(out, DueStep{s, at})
		}
	}
	slices.SortStableFunc(out, func(a, b DueStep) int {
		return cmp.Compare(a.threshold(c.Target), b.threshold(c.Target))
	})
	return out
}

// UsedAt is the working time used at an instant.
func (c *Clock) UsedAt(now time.Time) time.Duration {
	for i := len(c.segments) - 1; i >= 0; i-- {
		s := &c.segments[i]
		switch {
		case s.from.After(now):
			continue
		case s.kind != counting:
			return s.before
		case !s.to.IsZero() && !now.Before(s.to):
			return s.before + s.used
		}
		return s.before + s.calendar.Elapsed(s.from, now)
	}
	return 0
}

// Remaining is the working time left at an instant; negative when it is over.
func (c *Clock) Remaining(now time.Time) time.Duration { return c.Target - c.UsedAt(now) }

// Percent is the share of the target that is used at an instant, rounded down; above 100 when it is over.
func (c *Clock) Percent(now time.Time) int { return int(c.UsedAt(now) / (c.Target / 100)) }

// Zone is the zone in which the clock's working hours are meant; nil when it never counted.
func (c *Clock) Zone() *time.Location {
	for i := len(c.segments) - 1; i >= 0; i-- {
		if cal := c.segments[i].calendar; cal != nil {
			return cal.Zone()
		}
	}
	return nil
}

// Breached tells whether the target was passed by now.
func (c *Clock) Breached(now time.Time) bool {
	return c.BreachedAt != nil || c.DueAt != nil && !c.DueAt.After(now)
}
