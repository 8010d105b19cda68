package locale

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/en_GB"
	"github.com/go-playground/locales/ru"
	"github.com/go-playground/locales/uk"
)

// English dates are written day first with a 24-hour clock: one habit in all three languages.
var translators = map[string]locales.Translator{"en": en_GB.New(), "ru": ru.New(), "uk": uk.New()}

// Number groups the digits as the language does.
func (p *Printer) Number(n int64) string { return translators[p.Lang].FmtNumber(float64(n), 0) }

// Date is a day: 3 Nov 2026.
func (p *Printer) Date(t time.Time) string {
	return translators[p.Lang].FmtDateMedium(t.In(p.Zone))
}

// DateTime is a day and a wall-clock time in the reader's zone.
func (p *Printer) DateTime(t time.Time) string { return p.Date(t) + ", " + p.Time(t) }

// Time is a wall-clock time in the reader's zone: 09:05.
func (p *Printer) Time(t time.Time) string { return t.In(p.Zone).Format("15:04") }

// Weekday is the day's short name: Mon.
func (p *Printer) Weekday(t time.Time) string {
	return translators[p.Lang].WeekdayAbbreviated(t.In(p.Zone).Weekday())
}

// When is the shortest unambiguous way to say t to somebody who reads it at now: a time today, a weekday and time within
// six days, else the date.
func (p *Printer) When(t, now time.Time) string {
	a, b := t.In(p.Zone), now.In(p.Zone)
	if a.Year() == b.Year() && a.YearDay() == b.YearDay() {
		return p.Time(t)
	}
	if d := a.Sub(b).Abs(); d < 6*24*time.Hour {
		return p.Weekday(t) + " " + p.Time(t)
	}
	return p.Date(t)
}

// Duration says a length of time in its two largest units, rounded down: "2 d 3 h", "18 min".
// Days are of 24 hours. A length under a minute is said in seconds.
func (p *Printer) Duration(d time.Duration) string {
	d = d.Abs()
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	two := func(a int, unitA string, b int, unitB string) string {
		s := fmt.Sprintf("%d %s", a, p.T("unit."+unitA))
		if b > 0 {
			s += fmt.Sprintf(" %d %s", b, p.T("unit."+unitB))
		}
		return s
	}
	switch {
	case days > 0:
		return two(days, "day", hours, "hour")
	case hours > 0:
		return two(hours, "hour", minutes, "minute")
	case minutes > 0:
		return two(minutes, "minute", 0, "")
	}
	return two(int(d/time.Second), "second", 0, "")
}

// Exact says a length of time to the second, for a reckoning whose parts add up: "9 h 19 min 42 s".
func (p *Printer) Exact(d time.Duration) string {
	d = d.Abs().Truncate(time.Second)
	var parts []string
	for _, u := range []struct {
		n    time.Duration
		unit string
	}{{d / time.Hour, "hour"}, {d % time.Hour / time.Minute, "minute"}, {d % time.Minute / time.Second, "second"}} {
		if u.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", u.n, p.T("unit."+u.unit)))
		}
	}
	if len(parts) == 0 {
		return "0 " + p.T("unit.second")
	}
	return strings.Join(parts, " ")
}

// Ago says how long before now t was ("5 min ago"); under a minute "just now".
func (p *Printer) Ago(t, now time.Time) string {
	d := now.Sub(t)
	if d < time.Minute {
		return p.T("unit.just_now")
	}
	if d > 6*24*time.Hour {
		return p.Date(t)
	}
	return p.T("unit.ago", "Duration", p.Duration(d))
}
