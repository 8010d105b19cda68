package worktime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zones must not depend on what the machine has installed

	"opora/internal/fault"
)

// The years that a calendar answers for, both included.
const (
	FirstYear = 1900
	LastYear  = 2199
)

// Spec is a calendar as people write it and as it is stored.
type Spec struct {
	// TZ is the IANA name of the zone whose wall clock the hours are.
	TZ string `json:"tz"`
	// Weekly has the hours of each weekday, mon to sun; a day that is not named is closed.
	Weekly map[string][]Span `json:"weekly"`
	// Holidays are closed days: 2026-01-01, *-12-25 in every year, or 2026-12-24/2027-01-06 with both ends.
	Holidays []string `json:"holidays,omitempty"`
	// Overrides replace the hours of a date (YYYY-MM-DD); no spans close it.
	Overrides map[string][]Span `json:"overrides,omitempty"`
	// Breaks are cut out of the hours of a date (YYYY-MM-DD).
	Breaks map[string][]Span `json:"breaks,omitempty"`
	// AlwaysOpen is 24×7, above everything else.
	AlwaysOpen bool `json:"always_open,omitempty"`
}

// Span is a stretch of a day by the wall clock, "HH:MM" to "HH:MM"; 24:00 is the end of the day.
// In JSON it is a pair: ["09:00", "17:00"].
type Span struct{ Open, Close string }

// MarshalJSON writes the pair.
func (s Span) MarshalJSON() ([]byte, error) { return json.Marshal([2]string{s.Open, s.Close}) }

// UnmarshalJSON reads the pair and refuses anything else.
func (s *Span) UnmarshalJSON(data []byte) error {
	var pair []string
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("a span is a pair of times, not %d", len(pair))
	}
	s.Open, s.Close = pair[0], pair[1]
	return nil
}

// Parse reads a Spec in JSON and compiles it. What cannot be read, and every rule of Compile, is an Invalid fault.
func Parse(data []byte) (*Calendar, error) {
	var s Spec
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "worktime.unreadable")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Wrap(errors.New("something follows the calendar"), fault.Invalid, "worktime.unreadable")
	}
	return s.Compile()
}

// Validate tells every fault of the calendar by its path, such as weekly.mon[1] or holidays[0].
func (s Spec) Validate() error {
	_, err := s.Compile()
	return err
}

// Compile makes a Calendar to reckon with. The error is that of Validate.
func (s Spec) Compile() (*Calendar, error) {
	var f fault.Fields
	loc, err := zone(s.TZ)
	if err != nil {
		f.Add("tz", "worktime.zone", "Zone", s.TZ)
	}
	h := &hours{holiday: map[day]bool{}, date: map[day][]minutes{}, always: s.AlwaysOpen}
	h.readWeek(&f, s.Weekly)
	h.readHolidays(&f, s.Holidays)
	h.readDates(&f, s.Overrides, s.Breaks)
	if !f.Empty() {
		return nil, f.Err()
	}
	c := &Calendar{hours: h, loc: loc}
	h.zones.Store(loc.String(), c)
	if !c.everOpen() {
		f.Add("weekly", "worktime.never_open")
		return nil, f.Err()
	}
	return c, nil
}

// weekdays are the keys of Spec.Weekly in the order of time.Weekday.
var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (h *hours) readWeek(f *fault.Fields, weekly map[string][]Span) {
	for _, name := range slices.Sorted(maps.Keys(weekly)) {
		path := "weekly." + name
		wd := slices.Index(weekdays[:], name)
		if wd < 0 {
			f.Add(path, "worktime.weekday", "Day", name)
			continue
		}
		h.week[wd] = readSpans(f, path, weekly[name])
	}
}

func (h *hours) readHolidays(f *fault.Fields, list []string) {
	for i, text := range list {
		path := "holidays[" + strconv.Itoa(i) + "]"
		if from, to, ok := strings.Cut(text, "/"); ok {
			a, errA := readDate(from)
			b, errB := readDate(to)
			switch {
			case errA != nil || errB != nil:
				f.Add(path, "worktime.holiday", "Date", text)
			case b < a:
				f.Add(path, "worktime.range", "Date", text)
			default:
				h.ranges = append(h.ranges, dayRange{a, b})
			}
			continue
		}
		if rest, ok := strings.CutPrefix(text, "*-"); ok {
			// 2000 is a leap year, so that 29 February can be named.
			t, err := time.Parse(time.DateOnly, "2000-"+rest)
			if err != nil {
				f.Add(path, "worktime.holiday", "Date", text)
				continue
			}
			h.yearly[t.Month()][t.Day()] = true
			continue
		}
		d, err := readDate(text)
		if err != nil {
			f.Add(path, "worktime.holiday", "Date", text)
			continue
		}
		h.holiday[d] = true
	}
}

func (h *hours) readDates(f *fault.Fields, overrides, breaks map[string][]Span) {
	for _, text := range slices.Sorted(maps.Keys(overrides)) {
		path := "overrides." + text
		d, err := readDate(text)
		if err != nil {
			f.Add(path, "worktime.date", "Date", text)
			continue
		}
		h.date[d] = readSpans(f, path, overrides[text])
	}
	for _, text := range slices.Sorted(maps.Keys(breaks)) {
		path := "breaks." + text
		d, err := readDate(text)
		if err != nil {
			f.Add(path, "worktime.date", "Date", text)
			continue
		}
		open, ok := h.date[d]
		if !ok {
			open = h.week[d.weekday()]
		}
		h.date[d] = cut(open, readSpans(f, path, breaks[text]))
	}
}

// readSpans reads the spans of one day in any order and gives them sorted; faulty ones are noted and left out.
func readSpans(f *fault.Fields, path string, spans []Span) []minutes {
	type numbered struct {
		minutes
		path string
	}
	var list []numbered
	for i, s := range spans {
		p := path + "[" + strconv.Itoa(i) + "]"
		open, errOpen := readTime(s.Open)
		end, errEnd := readTime(s.Close)
		switch {
		case errOpen != nil:
			f.Add(p, "worktime.time", "Time", s.Open)
		case errEnd != nil:
			f.Add(p, "worktime.time", "Time", s.Close)
		case end <= open:
			f.Add(p, "worktime.reversed", "Open", s.Open, "Close", s.Close)
		default:
			list = append(list, numbered{minutes{open, end}, p})
		}
	}
	slices.SortStableFunc(list, func(a, b numbered) int { return a.from - b.from })
	out := make([]minutes, 0, len(list))
	for i, s := range list {
		if i > 0 && s.from < list[i-1].to {
			f.Add(s.path, "worktime.overlap")
			continue
		}
		out = append(out, s.minutes)
	}
	return out
}

// cut takes the breaks out of the open spans; both are sorted and free of overlaps.
func cut(open, breaks []minutes) []minutes {
	out := make([]minutes, 0, len(open)+len(breaks))
	for _, s := range open {
		for _, b := range breaks {
			if b.to <= s.from || b.from >= s.to {
				continue
			}
			if b.from > s.from {
				out = append(out, minutes{s.from, b.from})
			}
			s.from = b.to
		}
		if s.from < s.to {
			out = append(out, s)
		}
	}
	return out
}

// readTime reads "HH:MM" as minutes from midnight, 00:00 to 24:00.
func readTime(s string) (int, error) {
	if len(s) == 5 && s[2] == ':' {
		h, errH := strconv.ParseUint(s[:2], 10, 8)
		m, errM := strconv.ParseUint(s[3:], 10, 8)
		if n := int(h*60 + m); errH == nil && errM == nil && m < 60 && n <= 24*60 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("not a time of day: %q", s)
}

func readDate(s string) (day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, err
	}
	if t.Year() < FirstYear || t.Year() > LastYear {
		return 0, fmt.Errorf("year %d is out of reach", t.Year())
	}
	return dayOf(t), nil
}

// zone loads a zone by its IANA name. The empty name and "Local", which Go knows too, are none.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("not an IANA zone: %q", name)
	}
	return time.LoadLocation(name)
}
