package worktime

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Calendar is a compiled Spec in one zone. It is safe for concurrent use and never changes; what it learns about a year
// it keeps.
type Calendar struct {
	hours *hours
	loc   *time.Location
	years [LastYear - FirstYear + 1]atomic.Pointer[year]
}

// In gives the same hours in another zone (IANA name). The empty name gives c itself.
func (c *Calendar) In(name string) (*Calendar, error) {
	if name == "" || name == c.loc.String() {
		return c, nil
	}
	if found, ok := c.hours.zones.Load(name); ok {
		return found.(*Calendar), nil
	}
	loc, err := zone(name)
	if err != nil {
		return nil, fmt.Errorf("loading the zone of a calendar: %w", err)
	}
	found, _ := c.hours.zones.LoadOrStore(name, &Calendar{hours: c.hours, loc: loc})
	return found.(*Calendar), nil
}

// Zone is the zone whose wall clock the hours are.
func (c *Calendar) Zone() *time.Location { return c.loc }

// hours are the rules of a calendar without its zone.
type hours struct {
	always  bool
	week    [7][]minutes // by time.Weekday
	date    map[day][]minutes
	holiday map[day]bool
	yearly  [13][32]bool // by month and day
	ranges  []dayRange
	zones   sync.Map // zone name → *Calendar with these hours
}

// minutes is a stretch of a day in minutes of its wall clock, from ≤ m < to.
type minutes struct{ from, to int }

// dayRange is a stretch of days, both included.
type dayRange struct{ from, to day }

// day is a date as the number of days since 1970-01-01.
type day int

func dayOf(t time.Time) day {
	y, m, d := t.Date()
	return day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

func (d day) date() time.Time       { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }
func (d day) weekday() time.Weekday { return d.date().Weekday() }

const secondsPerDay = 24 * 60 * 60

var wholeDay = []minutes{{0, 24 * 60}}

// of gives the spans of a date, sorted and free of overlaps.
func (h *hours) of(d day) []minutes {
	switch {
	case h.always:
		return wholeDay
	case h.isHoliday(d):
		return nil
	}
	if spans, ok := h.date[d]; ok {
		return spans
	}
	return h.week[d.weekday()]
}

func (h *hours) isHoliday(d day) bool {
	if h.holiday[d] {
		return true
	}
	for _, r := range h.ranges {
		if r.from <= d && d <= r.to {
			return true
		}
	}
	_, m, n := d.date().Date()
	return h.yearly[m][n]
}

// year has the open pieces of a local year as instants, in nanoseconds since 1970, sorted and apart.
type year struct {
	from, to int64
	open     []piece
	total    int64
}

// piece is open from ≤ t < to; before is the open time of the year ahead of it.
type piece struct{ from, to, before int64 }

func (c *Calendar) year(y int) *year {
	slot := &c.years[y-FirstYear]
	if got := slot.Load(); got != nil {
		return got
	}
	// Two goroutines may both reckon the year; they come to the same.
	made := c.reckon(y)
	slot.Store(made)
	return made
}

func (c *Calendar) reckon(y int) *year {
	first := dayOf(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC))
	last := dayOf(time.Date(y, 12, 31, 0, 0, 0, 0, time.UTC))
	begin := c.instant(first, 0)
	out := &year{from: begin}
	var today []piece
	for d := first; d <= last; d++ {
		end := c.instant(d+1, 0)
		today = today[:0]
		for _, s := range c.hours.of(d) {
			p := piece{from: max(c.instant(d, s.from), begin), to: min(c.instant(d, s.to), end)}
			if p.from < p.to {
				today = append(today, p)
			}
		}
		// A skipped hour can put them out of order.
		slices.SortFunc(today, func(a, b piece) int { return cmp.Compare(a.from, b.from) })
		for _, p := range today {
			if n := len(out.open); n > 0 && p.from <= out.open[n-1].to {
				out.open[n-1].to = max(out.open[n-1].to, p.to)
				continue
			}
			out.open = append(out.open, p)
		}
		begin = end
	}
	out.to = begin
	out.open = slices.Clip(out.open)
	for i := range out.open {
		out.open[i].before = out.total
		out.total += out.open[i].to - out.open[i].from
	}
	return out
}

// instant is when the wall clock of the zone shows the minute of the day, in nanoseconds since 1970. Of two such
// instants it is the first; if there is none, the offset from before the change is taken.
func (c *Calendar) instant(d day, minute int) int64 {
	wall := int64(d)*secondsPerDay + int64(minute)*60
	before, after := c.offset(wall-secondsPerDay), c.offset(wall+secondsPerDay)
	at := wall - before
	if before != after && c.offset(at) != before && c.offset(wall-after) == after {
		at = wall - after
	}
	return at * int64(time.Second)
}

// offset is the zone's distance from UTC in seconds at an instant in seconds since 1970.
func (c *Calendar) offset(at int64) int64 {
	_, off := time.Unix(at, 0).In(c.loc).Zone()
	return int64(off)
}

// everOpen tells whether there is an open hour at all.
func (c *Calendar) everOpen() bool {
	for d := range c.hours.date {
		if len(c.hours.of(d)) > 0 {
			return true
		}
	}
	for y := FirstYear; y <= LastYear; y++ {
		if c.hours.openIn(y) {
			return true
		}
	}
	return false
}

func (h *hours) openIn(y int) bool {
	first := dayOf(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC))
	last := dayOf(time.Date(y, 12, 31, 0, 0, 0, 0, time.UTC))
	for d := first; d <= last; d++ {
		if len(h.of(d)) > 0 {
			return true
		}
	}
	return false
}
