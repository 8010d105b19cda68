package sla

import (
	"slices"
	"time"

	"opora/workflows/worktime"
)

// Phase is where a ticket stands, whatever the names of its states.
type Phase string

// The phases.
const (
	Open     Phase = "open"
	Paused   Phase = "paused"
	Resolved Phase = "resolved"
	Closed   Phase = "closed"
)

// Moment is one event of a ticket, as far as clocks care. Phase, Reason, Priority, Policy and Zone are how the ticket
// stands after it; the others happen in it.
type Moment struct {
	At       time.Time
	Phase    Phase
	Reason   string // of the hold, when paused
	Priority int
	Policy   int64  // 0: none
	Zone     string // IANA name for a policy without one; empty: the calendar's own

	Responded    bool    // the first public answer by staff
	PublicUpdate bool    // a public answer by staff
	Cancelled    bool    // the ticket was cancelled, or still is
	Fired        []Fired // steps that were fired, or passed over for good
}

// Fired names a step of a clock's cycle that shall not fire again.
type Fired struct {
	Clock Name
	Cycle int
	Step  string
}

func (m *Moment) live() bool { return !m.Cancelled && (m.Phase == Open || m.Phase == Paused) }

// Fold reckons the clocks of a ticket from its moments, the first of which is the opening. They come in the order of
// Names and of their cycles; an update clock has one entry for each cycle, the last one of which may run. Moments that
// are out of order are taken by time; of equal times the order given counts.
func Fold(r *Rules, moments []Moment) []Clock {
	if len(moments) == 0 {
		return nil
	}
	byTime := func(a, b Moment) int { return a.At.Compare(b.At) }
	if !slices.IsSortedFunc(moments, byTime) {
		moments = slices.Clone(moments)
		slices.SortStableFunc(moments, byTime)
	}
	out := make([]Clock, 0, len(Names))
	for _, name := range Names {
		f := folder{rules: r, name: name, out: out, current: none}
		for i := range moments {
			f.begin(&moments[i], i == 0)
			f.pass(moments, i)
		}
		out = f.out
	}
	var fired []Fired
	for _, m := range moments {
		fired = append(fired, m.Fired...)
	}
	for i := range out {
		out[i].settle(moments[len(moments)-1].At, fired)
	}
	return out
}

// folder folds one clock.
type folder struct {
	rules   *Rules
	name    Name
	out     []Clock
	current int  // index in out of the cycle that goes on
	cycles  int  // begun so far
	done    bool // nothing will move this clock any more
}

const none = -1

// begin lets a moment happen.
func (f *folder) begin(m *Moment, opening bool) {
	if c := f.clock(); c != nil && f.name == Update && m.PublicUpdate && m.live() && c.goesOn() && c.StartedAt.Before(m.At) {
		c.enter(segment{kind: stopped, from: m.At})
		f.current = none
	}
	if !opening || m.live() || m.Cancelled {
		return
	}
	// Resolved as it was opened, a ticket has met its targets at once.
	if t := f.rules.term(f.name, m, m.At); t.target > 0 {
		f.start(m.At, t)
		f.clock().enter(segment{kind: stopped, from: m.At})
	}
}

// pass lets the time run from moment i to the next one, or for good, through the versions of the rules.
func (f *folder) pass(moments []Moment, i int) {
	m := &moments[i]
	for at := m.At; !f.done; {
		t := f.rules.term(f.name, m, at)
		if m.live() {
			f.run(m, at, t)
		} else {
			f.stop(m, at)
		}
		if f.name == Response && m.Responded {
			f.stop(m, at)
		}
		if t.next.IsZero() || i+1 < len(moments) && !t.next.Before(moments[i+1].At) {
			return
		}
		at = t.next
	}
}

// run puts the clock into the state that it has in a live ticket under the term.
func (f *folder) run(m *Moment, at time.Time, t term) {
	c := f.clock()
	if t.target <= 0 {
		if c != nil && c.goesOn() {
			c.enter(segment{kind: untargeted, from: at})
		}
		return
	}
	if c == nil {
		f.start(at, t)
		c = f.clock()
	}
	c.Target, c.steps = t.target, t.rule.Steps
	s := segment{kind: counting, from: at, calendar: t.calendar}
	if m.Phase == Paused && (f.name == Update || t.rule.Pause == nil || slices.Contains(t.rule.Pause, m.Reason)) {
		s = segment{kind: holding, from: at, reason: m.Reason}
	}
	c.enter(s)
}

// stop ends what goes on, by being met or cancelled.
func (f *folder) stop(m *Moment, at time.Time) {
	if c := f.clock(); c != nil && c.goesOn() {
		kind := stopped
		if m.Cancelled {
			kind = cancelled
		}
		c.enter(segment{kind: kind, from: at})
	}
	switch f.name {
	case Response:
		f.done = !m.Cancelled || m.Responded
	case Update:
		f.current = none
	}
}

func (f *folder) start(at time.Time, t term) {
	f.cycles++
	f.current = len(f.out)
	f.out = append(f.out, Clock{Name: f.name, Cycle: f.cycles, StartedAt: at, Target: t.target, steps: t.rule.Steps})
}

func (f *folder) clock() *Clock {
	if f.current == none {
		return nil
	}
	return &f.out[f.current]
}

// segment is a stretch of a clock's life in one state; a zero to is open.
type segment struct {
	kind     kind
	from, to time.Time
	reason   string // of a hold
	calendar *worktime.Calendar
	before   time.Duration // counted ahead of it
	used     time.Duration // counted in it, once it has ended
}

type kind int

const (
	counting kind = iota
	holding
	stopped    // met: answered, updated, resolved or closed
	cancelled  // with its ticket
	untargeted // no target for this policy and priority
)

// enter puts the clock into another state from an instant on.
func (c *Clock) enter(s segment) {
	n := len(c.segments)
	if n > 0 && c.segments[n-1].from.Equal(s.from) {
		n--
		c.segments = c.segments[:n]
	}
	if n > 0 {
		last := &c.segments[n-1]
		if last.kind == s.kind && last.reason == s.reason && last.calendar == s.calendar {
			last.to, last.used = time.Time{}, 0
			return
		}
		last.to = s.from
		if last.kind == counting {
			last.used = last.calendar.Elapsed(last.from, last.to)
		}
		s.before = last.before + last.used
	}
	c.segments = append(c.segments, s)
}

// goesOn tells that the clock is neither met nor cancelled.
func (c *Clock) goesOn() bool {
	k := c.last().kind
	return k == counting || k == holding
}

func (c *Clock) last() *segment { return &c.segments[len(c.segments)-1] }
