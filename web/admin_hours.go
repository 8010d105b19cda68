package web

import (
	"maps"
	"slices"
	"strings"
	"time"

	"opora/internal/fault"
	"opora/workflows/worktime"
)

// Hours as people type and read them.

// closed are the words for a day without hours that may stand in a form.
var closed = []string{"", "-", "–", "—", "closed", "закрыто", "выходной", "зачинено", "вихідний"}

// readSpans reads "09:00–13:00, 14:00–18:00"; worktime says what is wrong with a span that has no two times.
func readSpans(text string) []worktime.Span {
	if slices.Contains(closed, strings.ToLower(strings.TrimSpace(text))) {
		return nil
	}
	var out []worktime.Span
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' }) {
		from, to, ok := strings.Cut(strings.NewReplacer("–", "-", "—", "-").Replace(part), "-")
		from, to = wholeTime(from), wholeTime(to)
		if !ok {
			from, to = strings.TrimSpace(part), strings.TrimSpace(part)
		}
		out = append(out, worktime.Span{Open: from, Close: to})
	}
	return out
}

// wholeTime is 9:00 as 09:00, and 9 as 09:00.
func wholeTime(text string) string {
	text = strings.TrimSpace(text)
	if text != "" && len(text) <= 2 && strings.Trim(text, "0123456789") == "" {
		text += ":00"
	}
	if len(text) == len("9:00") && text[1] == ':' {
		return "0" + text
	}
	return text
}

func spansText(spans []worktime.Span) string {
	var out []string
	for _, s := range spans {
		out = append(out, s.Open+"–"+s.Close)
	}
	return strings.Join(out, ", ")
}

// readDates reads lines of a date and its hours: "2026-12-24 09:00–13:00"; a date alone has none.
func readDates(wrong *fault.Fields, field, text string) map[string][]worktime.Span {
	var out map[string][]worktime.Span
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		date, hours, _ := strings.Cut(line, " ")
		if _, twice := out[date]; twice {
			wrong.Add(field, "admin.calendars.date_twice", "Date", date)
		}
		if out == nil {
			out = map[string][]worktime.Span{}
		}
		out[date] = append([]worktime.Span{}, readSpans(hours)...)
	}
	return out
}

func datesText(dates map[string][]worktime.Span) string {
	var out []string
	for _, date := range slices.Sorted(maps.Keys(dates)) {
		out = append(out, strings.TrimSpace(date+" "+spansText(dates[date])))
	}
	return strings.Join(out, "\n")
}

// calendarPreview is what a calendar means today and in the next days, by its own wall clock.
type calendarPreview struct {
	Good   bool   // the calendar can be reckoned with
	Now    string // in words: open until 18:00
	Open   bool
	Next   string // the next holiday, in words; "" when none is near
	Days   []dayLine
	Always bool
}

// dayLine is a day with its hours in words.
type dayLine struct {
	Day, Hours      string
	Closed, Holiday bool
}

const (
	previewDays   = 14
	holidaySearch = 366 // days
)

func previewCalendar(r *req, spec worktime.Spec) calendarPreview {
	c, err := spec.Compile()
	if err != nil {
		return calendarPreview{}
	}
	here := r.P
	p := calendarPreview{Good: true, Always: spec.AlwaysOpen, Open: c.IsOpen(r.Now)}
	there := func(t time.Time) string { return t.In(c.Zone()).Format("15:04") }
	if p.Open && !p.Always {
		if end, err := c.NextClose(r.Now); err == nil {
			p.Now = here.T("admin.calendars.open_until", "Time", there(end))
		}
	} else if begin, err := c.NextOpen(r.Now); err == nil && !p.Always {
		p.Now = here.T("admin.calendars.closed_until", "Day", dayName(r, begin, c.Zone()), "Time", there(begin))
	}
	if p.Always {
		p.Now = here.T("admin.calendars.always_open")
	}
	today := r.Now.In(c.Zone())
	for n := range holidaySearch {
		noon := time.Date(today.Year(), today.Month(), today.Day()+n, 12, 0, 0, 0, c.Zone())
		holiday := c.IsHoliday(noon) && !p.Always
		if n < previewDays {
			p.Days = append(p.Days, dayOf(r, c, noon, holiday))
		}
		if holiday && p.Next == "" {
			p.Next = here.T("admin.calendars.next_holiday", "Day", dayName(r, noon, c.Zone()))
		}
	}
	return p
}

func dayOf(r *req, c *worktime.Calendar, noon time.Time, holiday bool) dayLine {
	y, m, d := noon.Date()
	line := dayLine{Day: dayName(r, noon, c.Zone()), Holiday: holiday}
	var spans []worktime.Span
	for _, i := range c.Intervals(time.Date(y, m, d, 0, 0, 0, 0, c.Zone()), time.Date(y, m, d+1, 0, 0, 0, 0, c.Zone())) {
		end := i.To.In(c.Zone()).Format("15:04")
		if end == "00:00" {
			end = "24:00"
		}
		spans = append(spans, worktime.Span{Open: i.From.In(c.Zone()).Format("15:04"), Close: end})
	}
	switch line.Hours = spansText(spans); {
	case holiday:
		line.Hours, line.Closed = r.P.T("admin.calendars.holiday"), true
	case line.Hours == "":
		line.Hours, line.Closed = r.P.T("admin.calendars.closed"), true
	}
	return line
}

// dayName is "Mon, 3 Nov 2026" in a zone.
func dayName(r *req, t time.Time, zone *time.Location) string {
	p := *r.P
	p.Zone = zone
	return p.Weekday(t) + ", " + p.Date(t)
}
