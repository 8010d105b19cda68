package worktime_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"opora/internal/fault"
	"opora/internal/locale"
	"opora/workflows/worktime"
)

func TestEveryFaultIsToldByItsPath(t *testing.T) {
	tests := []struct {
		name, json string
		want       []string
	}{
		{"a sound one", `{"tz":"Europe/Kyiv","weekly":{"mon":[["14:00","24:00"],["09:00","14:00"]]}}`, nil},
		{"no open hour", `{"tz":"UTC","weekly":{}}`, []string{"weekly worktime.never_open"}},
		{"only a holiday", `{"tz":"UTC","weekly":{},"overrides":{"2026-01-01":[["09:00","10:00"]]},"holidays":["2026-01-01"]}`, []string{"weekly worktime.never_open"}},
		{"breaks eat it all", `{"tz":"UTC","weekly":{},"overrides":{"2026-01-01":[["09:00","10:00"]]},"breaks":{"2026-01-01":[["08:00","12:00"]]}}`, []string{"weekly worktime.never_open"}},
		{"not a calendar", `[]`, []string{" worktime.unreadable"}},
		{"an unknown field", `{"tz":"UTC","weekly":{"mon":[["09:00","10:00"]]},"holiday":[]}`, []string{" worktime.unreadable"}},
		{"two calendars", `{"tz":"UTC","weekly":{"mon":[["09:00","10:00"]]}}{}`, []string{" worktime.unreadable"}},
		{"a span of three", `{"tz":"UTC","weekly":{"mon":[["09:00","10:00","11:00"]]}}`, []string{" worktime.unreadable"}},
		{"everything", `{"tz":"Mars/Base","weekly":{"monday":[],"mon":[["9:00","10:00"],["10:00","24:01"],["12:00","11:00"],["00:00","00:00"]],
			"tue":[["09:00","12:00"],["11:59","13:00"]]},"holidays":["2026-02-29","*-02-30","2026-01-02/2026-01-01","2026-01-01/x","1899-01-01"],
			"overrides":{"*-12-24":[]},"breaks":{"2026-13-01":[],"2026-12-01":[["24:00","24:00"]]}}`, []string{
			"tz worktime.zone",
			"weekly.mon[0] worktime.time", "weekly.mon[1] worktime.time", "weekly.mon[2] worktime.reversed", "weekly.mon[3] worktime.reversed",
			"weekly.monday worktime.weekday", "weekly.tue[1] worktime.overlap",
			"holidays[0] worktime.holiday", "holidays[1] worktime.holiday", "holidays[2] worktime.range", "holidays[3] worktime.holiday", "holidays[4] worktime.holiday",
			"overrides.*-12-24 worktime.date", "breaks.2026-12-01[0] worktime.reversed", "breaks.2026-13-01 worktime.date",
		}},
		{"the machine's zone", `{"tz":"Local","weekly":{"mon":[["09:00","10:00"]]}}`, []string{"tz worktime.zone"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := worktime.Parse([]byte(tt.json))
			var got []string
			var e *fault.Error
			if errors.As(err, &e) {
				if len(e.Fields) == 0 {
					got = append(got, " "+e.Message.ID)
				}
				for _, f := range e.Fields {
					got = append(got, f.Name+" "+f.ID)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			for _, s := range got {
				if _, id, _ := strings.Cut(s, " "); !locale.Has(id) {
					t.Errorf("the catalogue lacks %s", id)
				}
			}
		})
	}
}

var zones = []string{"UTC", "Europe/Kyiv", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "Africa/Casablanca"}

// specs draws sound calendars: up to three spans a day, holidays, overrides and breaks around 2011 and 2026.
func specs(t *rapid.T) worktime.Spec {
	s := worktime.Spec{
		TZ:        rapid.SampledFrom(zones).Draw(t, "tz"),
		Weekly:    map[string][]worktime.Span{},
		Overrides: map[string][]worktime.Span{},
		Breaks:    map[string][]worktime.Span{},
	}
	for _, d := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		s.Weekly[d] = spans(t, d)
	}
	s.Weekly["wed"] = []worktime.Span{{Open: "01:30", Close: "03:15"}, {Open: "09:00", Close: "24:00"}}
	date := func(name string) string {
		base := rapid.SampledFrom([]string{"2011-12-20", "2026-03-20", "2026-10-20"}).Draw(t, name)
		day, err := time.Parse(time.DateOnly, base)
		if err != nil {
			t.Fatal(err)
		}
		return day.AddDate(0, 0, rapid.IntRange(0, 20).Draw(t, name+" day")).Format(time.DateOnly)
	}
	for range rapid.IntRange(0, 3).Draw(t, "exceptions") {
		s.Holidays = append(s.Holidays, date("holiday"))
		s.Overrides[date("override")] = spans(t, "override")
		s.Breaks[date("break")] = spans(t, "break")
	}
	return s
}

func spans(t *rapid.T, name string) []worktime.Span {
	marks := rapid.SliceOfNDistinct(rapid.IntRange(0, 96), 0, 6, rapid.ID).Draw(t, name)
	slices.Sort(marks)
	var out []worktime.Span
	for i := 0; i+1 < len(marks); i += 2 {
		out = append(out, worktime.Span{Open: clock(marks[i] * 15), Close: clock(marks[i+1] * 15)})
	}
	return out
}

func clock(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

func compiled(t *rapid.T) *worktime.Calendar {
	c, err := specs(t).Compile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// instants draws instants near the changes of the clocks, New Year and the date that Samoa left out.
func instants(t *rapid.T, name string) time.Time {
	base := rapid.SampledFrom([]time.Time{
		time.Date(2011, 12, 25, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 25, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC),
	}).Draw(t, name)
	return base.Add(time.Duration(rapid.Int64Range(0, int64(20*24*time.Hour/time.Microsecond)).Draw(t, name+" +")) * time.Microsecond)
}

func TestDueAndElapsedAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := compiled(t)
		a := instants(t, "a")
		d := time.Duration(rapid.Int64Range(1, int64(400*time.Hour/time.Microsecond)).Draw(t, "d")) * time.Microsecond
		due, err := c.Due(a, d)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Elapsed(a, due); got != d {
			t.Fatalf("elapsed to the due instant %v is %v, not %v", due, got, d)
		}
		if got := c.Elapsed(a, due.Add(-1)); got != d-1 {
			t.Fatalf("%v is not the first such instant", due)
		}
		back, err := c.Due(a, -d)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Elapsed(back, a); got != d {
			t.Fatalf("elapsed from %v is %v, not %v", back, got, d)
		}
		if got := c.Elapsed(back.Add(1), a); got != d-1 {
			t.Fatalf("%v is not the last such instant", back)
		}
	})
}

func TestElapsedAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := compiled(t)
		at := []time.Time{instants(t, "a"), instants(t, "b"), instants(t, "c")}
		slices.SortFunc(at, time.Time.Compare)
		if whole, parts := c.Elapsed(at[0], at[2]), c.Elapsed(at[0], at[1])+c.Elapsed(at[1], at[2]); whole != parts {
			t.Fatalf("%v in one, %v in two", whole, parts)
		}
		if c.Elapsed(at[2], at[0]) != 0 || c.Intervals(at[2], at[0]) != nil {
			t.Fatal("time runs backwards")
		}
		var sum time.Duration
		last := at[0]
		for _, i := range c.Intervals(at[0], at[2]) {
			if i.From.Before(last) || !i.From.Before(i.To) || i.To.After(at[2]) {
				t.Fatalf("interval %v out of place", i)
			}
			sum, last = sum+i.To.Sub(i.From), i.To
		}
		if sum != c.Elapsed(at[0], at[2]) {
			t.Fatalf("intervals make %v of %v", sum, c.Elapsed(at[0], at[2]))
		}
	})
}

// TestAgreesWithTheWallClock compares with the plainest reading: look at the wall clock every quarter of an hour. In a
// zone whose clock changes the two may differ on the day of the change, which facts.jsonl has instead.
func TestAgreesWithTheWallClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := specs(t)
		s.TZ = rapid.SampledFrom([]string{"UTC", "Asia/Kolkata"}).Draw(t, "steady zone")
		c, err := s.Compile()
		if err != nil {
			t.Fatal(err)
		}
		a := instants(t, "a").Truncate(15 * time.Minute)
		var sum time.Duration
		for at := a; at.Before(a.AddDate(0, 0, 3)); at = at.Add(15 * time.Minute) {
			if open(s, at.In(c.Zone())) != c.IsOpen(at) {
				t.Fatalf("open at %v: %v", at, c.IsOpen(at))
			}
			if c.IsOpen(at) {
				sum += 15 * time.Minute
			}
		}
		if got := c.Elapsed(a, a.AddDate(0, 0, 3)); got != sum {
			t.Fatalf("%v elapsed, %v by the wall clock", got, sum)
		}
	})
}

func open(s worktime.Spec, at time.Time) bool {
	date := at.Format(time.DateOnly)
	if slices.Contains(s.Holidays, date) {
		return false
	}
	hours, own := s.Overrides[date]
	if !own {
		hours = s.Weekly[[...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}[at.Weekday()]]
	}
	return within(hours, at.Format("15:04")) && !within(s.Breaks[date], at.Format("15:04"))
}

func within(spans []worktime.Span, clock string) bool {
	return slices.ContainsFunc(spans, func(s worktime.Span) bool { return s.Open <= clock && clock < s.Close })
}

func TestNeighboursAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := compiled(t)
		at := instants(t, "at")
		ask := func(f func(time.Time) (time.Time, error)) time.Time {
			got, err := f(at)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		next, prev, end, begin := ask(c.NextOpen), ask(c.PrevOpen), ask(c.NextClose), ask(c.NextOpeningAfter)
		switch {
		case !c.IsOpen(next) || c.Elapsed(at, next) != 0 || next.Before(at):
			t.Fatalf("next open %v", next)
		case c.Elapsed(prev, at) != 0 || prev.After(at) || !c.IsOpen(prev) && !c.IsOpen(prev.Add(-1)):
			t.Fatalf("previous open %v", prev)
		case c.IsOpen(end) || !c.IsOpen(end.Add(-1)) || !end.After(at):
			t.Fatalf("next close %v", end)
		case !c.IsOpen(begin) || c.IsOpen(begin.Add(-1)) || !begin.After(at):
			t.Fatalf("next opening %v", begin)
		case c.IsOpen(at) != next.Equal(at):
			t.Fatalf("open at %v: %v", at, c.IsOpen(at))
		}
	})
}

func TestOutOfReach(t *testing.T) {
	c := week(t, "Europe/Kyiv")
	for _, d := range []time.Duration{1<<63 - 1, -1 << 63} {
		if at, err := c.Due(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), d); !errors.Is(err, worktime.ErrNotFound) {
			t.Errorf("due after %v: %v, %v", d, at, err)
		}
	}
	if c.IsOpen(time.Date(2300, 1, 2, 12, 0, 0, 0, time.UTC)) || c.IsOpen(time.Time{}) {
		t.Error("open beyond the years it answers for")
	}
	always, err := worktime.Spec{TZ: "UTC", AlwaysOpen: true}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if at, err := always.NextClose(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, worktime.ErrNotFound) {
		t.Errorf("24×7 closes at %v, %v", at, err)
	}
}

func TestSameHoursInAnotherZone(t *testing.T) {
	kyiv := week(t, "Europe/Kyiv")
	tokyo, err := kyiv.In("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 0, 30, 0, 0, time.UTC) // Friday 09:30 in Tokyo
	if kyiv.IsOpen(at) || !tokyo.IsOpen(at) {
		t.Error("the hours did not move with the zone")
	}
	if again, _ := tokyo.In("Europe/Kyiv"); again != kyiv {
		t.Error("a zone is compiled twice")
	}
	if _, err := kyiv.In("Mars/Base"); err == nil {
		t.Error("an unknown zone is taken")
	}
}

func TestConcurrentUse(t *testing.T) {
	c := week(t, "Europe/Kyiv")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			a := time.Date(2020+i, 1, 1, 0, 0, 0, 0, time.UTC)
			if c.Elapsed(a, a.AddDate(5, 0, 0)) == 0 {
				t.Error("nothing elapsed in five years")
			}
		})
	}
	wg.Wait()
}

func week(t testing.TB, tz string) *worktime.Calendar {
	t.Helper()
	day := []worktime.Span{{Open: "09:00", Close: "13:00"}, {Open: "14:00", Close: "18:00"}}
	c, err := worktime.Spec{TZ: tz, Weekly: map[string][]worktime.Span{"mon": day, "tue": day, "wed": day, "thu": day, "fri": day}}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"tz":"Europe/Kyiv","weekly":{"mon":[["09:00","24:00"]]},"holidays":["*-12-25","2026-01-01/2026-01-07"],"breaks":{"2026-11-16":[["12:00","13:00"]]}}`))
	f.Add([]byte(`{"tz":"","weekly":{"mon":[["25:00","17:00"]]},"overrides":{"x":[[]]}}`))
	f.Add([]byte(`{"tz":"UTC","weekly":null,"always_open":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := worktime.Parse(data)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("not a fault of the input: %v", err)
			}
			return
		}
		a := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if due, err := c.Due(a, time.Hour); err == nil && c.Elapsed(a, due) != time.Hour {
			t.Fatalf("an hour ends at %v", due)
		}
	})
}

func BenchmarkElapsedOverAYear(b *testing.B) {
	c := week(b, "Europe/Kyiv")
	from := time.Date(2026, 2, 3, 10, 11, 12, 0, time.UTC)
	to := from.AddDate(1, 0, 0)
	for b.Loop() {
		c.Elapsed(from, to)
	}
}

func BenchmarkDueOverAYear(b *testing.B) {
	c := week(b, "Europe/Kyiv")
	from := time.Date(2026, 2, 3, 10, 11, 12, 0, time.UTC)
	for b.Loop() {
		if _, err := c.Due(from, 2000*time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		week(b, "Europe/Kyiv").Elapsed(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
	}
}
