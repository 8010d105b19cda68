package sla

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"opora/workflows/worktime"
)

// PolicyVersion is a policy's definition from a moment on.
type PolicyVersion struct {
	Policy     int64
	ValidFrom  time.Time
	Definition Definition
}

// CalendarVersion is a calendar from a moment on.
type CalendarVersion struct {
	Code      string
	ValidFrom time.Time
	Calendar  *worktime.Calendar
}

// Rules are the policies and calendars in all their versions. They never change and are safe for concurrent use.
type Rules struct {
	policies  map[int64][]policy
	calendars map[string][]CalendarVersion
}

// policy is a version of a policy with its rules at hand.
type policy struct {
	from   time.Time
	def    Definition
	clocks map[Name]*Rule
}

// NewRules takes the versions in any order. The first version of each is valid for all time before it too, so that an
// imported history has rules. Give it versions that have begun: the newest one decides the due times of what runs. The
// error names a definition that does not hold, or a calendar that is missing.
func NewRules(policies []PolicyVersion, calendars []CalendarVersion) (*Rules, error) {
	r := &Rules{policies: map[int64][]policy{}, calendars: map[string][]CalendarVersion{}}
	for _, c := range calendars {
		r.calendars[c.Code] = append(r.calendars[c.Code], c)
	}
	for _, list := range r.calendars {
		slices.SortStableFunc(list, func(a, b CalendarVersion) int { return a.ValidFrom.Compare(b.ValidFrom) })
	}
	for _, p := range policies {
		if err := p.Definition.Validate(); err != nil {
			return nil, fmt.Errorf("policy %d from %s: %w", p.Policy, p.ValidFrom.Format(time.RFC3339), err)
		}
		if len(r.calendars[p.Definition.Calendar]) == 0 {
			return nil, fmt.Errorf("policy %d from %s: no calendar %q", p.Policy, p.ValidFrom.Format(time.RFC3339), p.Definition.Calendar)
		}
		made := policy{from: p.ValidFrom, def: p.Definition, clocks: map[Name]*Rule{}}
		for i, rule := range p.Definition.Clocks {
			made.clocks[rule.Clock] = &p.Definition.Clocks[i]
		}
		r.policies[p.Policy] = append(r.policies[p.Policy], made)
	}
	for _, list := range r.policies {
		slices.SortStableFunc(list, func(a, b policy) int { return a.from.Compare(b.from) })
	}
	return r, nil
}

// term is what holds for one clock of a ticket from an instant on, until next (zero: for good).
type term struct {
	rule     *Rule // nil: the clock does not exist
	target   time.Duration
	calendar *worktime.Calendar
	next     time.Time
}

// term is what holds at an instant for a clock of a ticket in the state of m. It has a target of 0 where there is none.
func (r *Rules) term(name Name, m *Moment, at time.Time) term {
	list := r.policies[m.Policy]
	if len(list) == 0 {
		return term{}
	}
	var t term
	i := valid(list, at, func(p *policy) time.Time { return p.from })
	if i+1 < len(list) {
		t.next = list[i+1].from
	}
	p := &list[i]
	t.rule = p.clocks[name]
	if t.rule == nil {
		return t
	}
	t.target = time.Duration(t.rule.Targets[m.Priority]) * time.Second

	versions := r.calendars[p.def.Calendar]
	i = valid(versions, at, func(c *CalendarVersion) time.Time { return c.ValidFrom })
	if i+1 < len(versions) && (t.next.IsZero() || versions[i+1].ValidFrom.Before(t.next)) {
		t.next = versions[i+1].ValidFrom
	}
	t.calendar = versions[i].Calendar
	// A zone that is unknown here was taken by whoever stored it; the calendar's own is better than no clock.
	if zoned, err := t.calendar.In(cmp.Or(p.def.Zone, m.Zone)); err == nil {
		t.calendar = zoned
	}
	return t
}

// valid is the index of the version that is valid at an instant: the last one that has begun, else the first.
func valid[V any](versions []V, at time.Time, from func(*V) time.Time) int {
	i := len(versions) - 1
	for i > 0 && from(&versions[i]).After(at) {
		i--
	}
	return i
}
