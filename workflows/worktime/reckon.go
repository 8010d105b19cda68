package worktime

import (
	"errors"
	"iter"
	"sort"
	"time"
)

// ErrNotFound says that a calendar has no such instant in the years that it answers for: it has closed for good, it
// never closes, or the amount of time is too large.
var ErrNotFound = errors.New("worktime: no such instant in the calendar")

// Interval is a stretch of real time, From ≤ t < To.
type Interval struct{ From, To time.Time }

// The instants that a calendar reckons with, in nanoseconds since 1970. They leave room for every zone's offset.
var (
	firstInstant = time.Date(FirstYear, 1, 2, 0, 0, 0, 0, time.UTC).UnixNano()
	lastInstant  = time.Date(LastYear, 12, 31, 0, 0, 0, 0, time.UTC).UnixNano()
)

// nanos is t in nanoseconds since 1970, kept within what a calendar reckons with.
func nanos(t time.Time) int64 {
	switch s := t.Unix(); {
	case s < firstInstant/int64(time.Second):
		return firstInstant
	case s >= lastInstant/int64(time.Second):
		return lastInstant
	}
	return t.UnixNano()
}

func instant(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// yearAt is the local year of an instant, and the year's number.
func (c *Calendar) yearAt(ns int64) (*year, int) {
	n := min(max(instant(ns).Year(), FirstYear), LastYear)
	y := c.year(n)
	for ns < y.from && n > FirstYear {
		n--
		y = c.year(n)
	}
	for ns >= y.to && n < LastYear {
		n++
		y = c.year(n)
	}
	return y, n
}

// at is the index of the first piece that ends after the instant.
func (y *year) at(ns int64) int {
	return sort.Search(len(y.open), func(i int) bool { return y.open[i].to > ns })
}

// count is the open time of the year ahead of the instant.
func (y *year) count(ns int64) int64 {
	i := y.at(ns)
	if i == len(y.open) {
		return y.total
	}
	return y.open[i].before + max(0, ns-y.open[i].from)
}

// Elapsed is the working time from a to b; zero when b is not after a.
func (c *Calendar) Elapsed(a, b time.Time) time.Duration {
	from, to := nanos(a), nanos(b)
	if to <= from {
		return 0
	}
	y, n := c.yearAt(from)
	sum := -y.count(from)
	for to >= y.to && n < LastYear {
		sum += y.total
		n++
		y = c.year(n)
	}
	return time.Duration(sum + y.count(to))
}

// Due is the first instant, from start on, at which d of working time has passed; with a negative d, the last instant
// from which -d of working time passes until start. With zero it is start. The error is ErrNotFound.
func (c *Calendar) Due(start time.Time, d time.Duration) (time.Time, error) {
	switch {
	case d > 0:
		return c.after(nanos(start), int64(d))
	case d < 0:
		return c.before(nanos(start), int64(-d))
	}
	return start.UTC(), nil
}

func (c *Calendar) after(start, d int64) (time.Time, error) {
	y, n := c.yearAt(start)
	goal := d // in open time of the year y
	if done := y.count(start); goal > y.total-done {
		goal -= y.total - done
	} else {
		return y.first(goal + done), nil
	}
	for n++; n <= LastYear; n++ {
		y = c.year(n)
		if goal <= y.total {
			return y.first(goal), nil
		}
		goal -= y.total
	}
	return time.Time{}, ErrNotFound
}

func (c *Calendar) before(start, d int64) (time.Time, error) {
	if d < 0 { // the one duration that has no opposite
		return time.Time{}, ErrNotFound
	}
	y, n := c.yearAt(start)
	have := y.count(start)
	for d > have {
		d -= have
		n--
		if n < FirstYear {
			return time.Time{}, ErrNotFound
		}
		y = c.year(n)
		have = y.total
	}
	return y.last(have - d), nil
}

// first is the first instant at which the open time of the year has reached the goal, 0 < goal ≤ total.
func (y *year) first(goal int64) time.Time {
	i := sort.Search(len(y.open), func(i int) bool {
		p := y.open[i]
		return p.before+p.to-p.from >= goal
	})
	return instant(y.open[i].from + goal - y.open[i].before)
}

// last is the last instant at which the open time of the year is still the goal, 0 ≤ goal < total.
func (y *year) last(goal int64) time.Time {
	i := sort.Search(len(y.open), func(i int) bool { return y.open[i].before > goal }) - 1
	return instant(y.open[i].from + goal - y.open[i].before)
}

// IsOpen tells whether t is within working hours; a closing instant is not.
func (c *Calendar) IsOpen(t time.Time) bool {
	ns := nanos(t)
	y, _ := c.yearAt(ns)
	i := y.at(ns)
	return i < len(y.open) && y.open[i].from <= ns
}

// IsWorkday tells whether the local day of t has any working hours.
func (c *Calendar) IsWorkday(t time.Time) bool {
	return len(c.hours.of(dayOf(t.In(c.loc)))) > 0
}

// IsHoliday tells whether the local day of t is closed by its date: a holiday, or an override without hours.
func (c *Calendar) IsHoliday(t time.Time) bool {
	d := dayOf(t.In(c.loc))
	if c.hours.always {
		return false
	}
	spans, own := c.hours.date[d]
	return c.hours.isHoliday(d) || own && len(spans) == 0
}

// NextOpen is the first open instant, t itself or later. The error is ErrNotFound.
func (c *Calendar) NextOpen(t time.Time) (time.Time, error) {
	ns := nanos(t)
	for p := range c.pieces(ns) {
		return instant(max(p.from, ns)), nil
	}
	return time.Time{}, ErrNotFound
}

// PrevOpen is the last instant that is open or closing, t itself or earlier. The error is ErrNotFound.
func (c *Calendar) PrevOpen(t time.Time) (time.Time, error) {
	ns := nanos(t)
	y, n := c.yearAt(ns)
	for {
		i := sort.Search(len(y.open), func(i int) bool { return y.open[i].from > ns }) - 1
		if i >= 0 {
			return instant(min(y.open[i].to, ns)), nil
		}
		if n--; n < FirstYear {
			return time.Time{}, ErrNotFound
		}
		y = c.year(n)
	}
}

// NextClose is the first closing instant after t. The error is ErrNotFound.
func (c *Calendar) NextClose(t time.Time) (time.Time, error) {
	if c.hours.always {
		return time.Time{}, ErrNotFound
	}
	var end int64
	for p := range c.pieces(nanos(t)) {
		if end != 0 && p.from != end {
			return instant(end), nil
		}
		end = p.to
	}
	if end == 0 || end >= lastInstant {
		return time.Time{}, ErrNotFound
	}
	return instant(end), nil
}

// NextOpeningAfter is the start of the first span that begins after t. The error is ErrNotFound.
func (c *Calendar) NextOpeningAfter(t time.Time) (time.Time, error) {
	if c.hours.always {
		return time.Time{}, ErrNotFound
	}
	ns := nanos(t)
	var end int64
	for p := range c.pieces(ns) {
		if p.from > ns && p.from != end {
			return instant(p.from), nil
		}
		end = p.to
	}
	return time.Time{}, ErrNotFound
}

// Intervals are the open stretches from a to b, cut to them, in order; none when b is not after a.
func (c *Calendar) Intervals(a, b time.Time) []Interval {
	from, to := nanos(a), nanos(b)
	if to <= from {
		return nil
	}
	var out []Interval
	for p := range c.pieces(from) {
		if p.from >= to {
			break
		}
		i := Interval{instant(max(p.from, from)), instant(min(p.to, to))}
		if n := len(out); n > 0 && out[n-1].To.Equal(i.From) {
			out[n-1].To = i.To
			continue
		}
		out = append(out, i)
	}
	return out
}

// pieces runs through the pieces that end after the instant, in order. A year begins a new piece even where the
// calendar stays open over New Year.
func (c *Calendar) pieces(ns int64) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		y, n := c.yearAt(ns)
		for i := y.at(ns); ; i = 0 {
			for _, p := range y.open[i:] {
				if !yield(p) {
					return
				}
			}
			if n++; n > LastYear {
				return
			}
			y = c.year(n)
		}
	}
}
