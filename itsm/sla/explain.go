package sla

import (
	"time"

	"opora/workflows/worktime"
)

// Interval is a stretch of a clock's life and what it was worth.
type Interval struct {
	From, To time.Time
	What     What
	Reason   string        // of the hold, when What is Held
	Counted  time.Duration // working time in it
	Sum      time.Duration // working time up to its end
}

// What says why an interval counts or does not.
type What string

// What an interval can be.
const (
	Counted    What = "counted"   // working hours, the clock ran
	Planned    What = "planned"   // working hours to come until the clock is due
	Outside    What = "outside"   // outside working hours
	Holiday    What = "holiday"   // a day closed by its date
	Held       What = "paused"    // on hold
	Ended      What = "resolved"  // met, before it was reopened
	Suspended  What = "no_target" // no target for the policy and priority
	OutOfForce What = "cancelled" // cancelled, before it was taken up again
)

// readable is the number of intervals beyond which nights are joined with the days around them.
const readable = 40

// Explain tells the life of the clock interval by interval: the past up to now (or to its end), and on to the due
// instant when it runs. Sum is the time used at now, and the target at the end of a plan. In a long life the nights
// between working hours are part of what counts around them; Counted then is less than the interval's length.
func (c *Clock) Explain(now time.Time) []Interval {
	if now.Before(c.asOf) {
		now = c.asOf
	}
	until := now
	if c.DueAt != nil {
		until = later(until, *c.DueAt)
	}
	var e explainer
	for i := range c.segments {
		s := &c.segments[i]
		from, to := s.from, s.to
		if to.IsZero() || to.After(until) {
			to = until
		}
		switch s.kind {
		case counting:
			e.worked(s.calendar, from, earlier(to, now), Counted)
			e.worked(s.calendar, later(from, now), to, Planned)
		case holding:
			e.add(Interval{From: from, To: to, What: Held, Reason: s.reason})
		case untargeted:
			e.add(Interval{From: from, To: to, What: Suspended})
		case stopped, cancelled:
			what := Ended
			if s.kind == cancelled {
				what = OutOfForce
			}
			if !s.to.IsZero() { // else this is its end
				e.add(Interval{From: from, To: to, What: what})
			}
		}
	}
	if len(e.list) > readable {
		return joinNights(e.list)
	}
	return e.list
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

type explainer struct {
	list []Interval
	sum  time.Duration
}

// add appends an interval that is not empty.
func (e *explainer) add(i Interval) {
	if !i.From.Before(i.To) {
		return
	}
	e.sum += i.Counted
	i.Sum = e.sum
	e.list = append(e.list, i)
}

// worked adds what lies between two instants while the clock runs: open hours and the closed ones between them.
func (e *explainer) worked(c *worktime.Calendar, from, to time.Time, open What) {
	for _, p := range c.Intervals(from, to) {
		e.closed(c, from, p.From)
		e.add(Interval{From: p.From, To: p.To, What: open, Counted: p.To.Sub(p.From)})
		from = p.To
	}
	e.closed(c, from, to)
}

// closed adds closed hours, with holidays apart.
func (e *explainer) closed(c *worktime.Calendar, from, to time.Time) {
	for from.Before(to) {
		what, end := Outside, from
		if c.IsHoliday(from) {
			what = Holiday
		}
		for end.Before(to) && c.IsHoliday(end) == (what == Holiday) {
			y, m, d := end.In(c.Zone()).Date()
			next := time.Date(y, m, d+1, 0, 0, 0, 0, c.Zone()).UTC()
			if !next.After(end) {
				// Where midnight is skipped it may be read as an instant of the day before.
				next = end.Add(time.Hour)
			}
			end = next
		}
		if end.After(to) {
			end = to
		}
		e.add(Interval{From: from, To: end, What: what})
		from = end
	}
}

// joinNights joins working hours with those after a closed stretch of less than a day.
func joinNights(list []Interval) []Interval {
	var out []Interval
	for i := 0; i < len(list); i++ {
		joined := list[i]
		works := joined.What == Counted || joined.What == Planned
		for works && i+2 < len(list) && night(list[i+1]) && list[i+2].What == joined.What {
			i += 2
			joined.To, joined.Sum = list[i].To, list[i].Sum
			joined.Counted += list[i].Counted
		}
		out = append(out, joined)
	}
	return out
}

func night(i Interval) bool { return i.What == Outside && i.To.Sub(i.From) < 24*time.Hour }
