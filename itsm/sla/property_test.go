package sla_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"opora/itsm/sla"
	"opora/workflows/worktime"
)

// world is drawn rules with what the plain reckoning needs of them.
type world struct {
	rules    *sla.Rules
	policies []sla.PolicyVersion
	office   []sla.CalendarVersion
}

var reasons = []string{"caller", "vendor", "change", "problem"}

// draw makes up to three versions of each of two policies and of their calendar, on whole minutes.
func draw(t *rapid.T) world {
	var w world
	minute := func(name string) time.Time {
		return at("2 00:00").Add(time.Duration(rapid.IntRange(0, 20*24*60).Draw(t, name)) * time.Minute)
	}
	for _, open := range []string{"09:00", "08:15", "13:45"}[:rapid.IntRange(1, 3).Draw(t, "calendars")] {
		day := []worktime.Span{{Open: open, Close: "17:00"}, {Open: "18:30", Close: "24:00"}}
		w.office = append(w.office, sla.CalendarVersion{Code: "office", ValidFrom: minute("calendar from"), Calendar: compile(t, worktime.Spec{
			TZ:       "Europe/Kyiv",
			Weekly:   map[string][]worktime.Span{"mon": day, "tue": day, "thu": day, "fri": day, "sun": day[1:]},
			Holidays: []string{"2026-11-12"},
		})})
	}
	for id := range int64(2) {
		for range rapid.IntRange(1, 3).Draw(t, "versions") {
			def := sla.Definition{Calendar: "office"}
			for _, name := range sla.Names {
				r := sla.Rule{Clock: name, Targets: map[int]int64{1: rapid.Int64Range(1, 3000).Draw(t, "target") * 60}}
				if rapid.Bool().Draw(t, "second priority") {
					r.Targets[2] = rapid.Int64Range(1, 3000).Draw(t, "target") * 60
				}
				if rapid.Bool().Draw(t, "some holds") {
					r.Pause = append([]string{}, reasons[:rapid.IntRange(0, 3).Draw(t, "holds")]...)
				}
				for _, percent := range []int{120, 50, 100} {
					r.Steps = append(r.Steps, sla.Step{ID: string(name) + string(rune(percent)), Percent: percent, Do: sla.Raise})
				}
				if rapid.IntRange(0, 5).Draw(t, "has the clock") > 0 {
					def.Clocks = append(def.Clocks, r)
				}
			}
			if len(def.Clocks) > 0 {
				w.policies = append(w.policies, sla.PolicyVersion{Policy: id + 1, ValidFrom: minute("policy from"), Definition: def})
			}
		}
	}
	rules, err := sla.NewRules(w.policies, w.office)
	if err != nil {
		t.Fatal(err)
	}
	w.rules = rules
	return w
}

// life draws a ticket's moments in order, on whole minutes.
func life(t *rapid.T) []sla.Moment {
	when := at("2 09:00").Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "opened")) * time.Minute)
	var out []sla.Moment
	for range rapid.IntRange(1, 10).Draw(t, "moments") {
		m := sla.Moment{
			At:           when,
			Phase:        rapid.SampledFrom([]sla.Phase{sla.Open, sla.Open, sla.Paused, sla.Paused, sla.Resolved, sla.Closed}).Draw(t, "phase"),
			Priority:     rapid.IntRange(1, 2).Draw(t, "priority"),
			Policy:       rapid.Int64Range(0, 2).Draw(t, "policy"),
			Zone:         rapid.SampledFrom([]string{"", "America/New_York"}).Draw(t, "zone"),
			Responded:    rapid.IntRange(0, 3).Draw(t, "responded") == 0,
			PublicUpdate: rapid.IntRange(0, 2).Draw(t, "update") == 0,
			Cancelled:    rapid.IntRange(0, 8).Draw(t, "cancelled") == 0,
		}
		if m.Phase == sla.Paused {
			m.Reason = rapid.SampledFrom(reasons).Draw(t, "reason")
		}
		out = append(out, m)
		when = when.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "later")) * time.Minute)
	}
	return out
}

// plain reckons the time used by looking at every minute: the sum over all cycles of each clock.
func (w world) plain(moments []sla.Moment) map[sla.Name]time.Duration {
	used := map[sla.Name]time.Duration{}
	answered := false
	for i, m := range moments[:len(moments)-1] {
		live := !m.Cancelled && (m.Phase == sla.Open || m.Phase == sla.Paused)
		answered = answered || m.Responded || !live && !m.Cancelled
		for now := m.At; live && now.Before(moments[i+1].At); now = now.Add(time.Minute) {
			for _, name := range sla.Names {
				rule, open := w.in(name, m, now)
				paused := m.Phase == sla.Paused &&
					(name == sla.Update || rule.Pause == nil || slices.Contains(rule.Pause, m.Reason))
				if open && !paused && (name != sla.Response || !answered) {
					used[name] += time.Minute
				}
			}
		}
	}
	return used
}

// in is the rule in force, and whether its calendar is open for a ticket that has a target.
func (w world) in(name sla.Name, m sla.Moment, now time.Time) (sla.Rule, bool) {
	var versions []sla.PolicyVersion
	for _, p := range w.policies {
		if p.Policy == m.Policy {
			versions = append(versions, p)
		}
	}
	if len(versions) == 0 {
		return sla.Rule{}, false
	}
	def := current(versions, now, func(p sla.PolicyVersion) time.Time { return p.ValidFrom }).Definition
	i := slices.IndexFunc(def.Clocks, func(r sla.Rule) bool { return r.Clock == name })
	if i < 0 || def.Clocks[i].Targets[m.Priority] == 0 {
		return sla.Rule{}, false
	}
	c := current(w.office, now, func(c sla.CalendarVersion) time.Time { return c.ValidFrom }).Calendar
	zoned, err := c.In(m.Zone)
	if err != nil {
		panic(err)
	}
	return def.Clocks[i], zoned.IsOpen(now)
}

func current[V any](versions []V, now time.Time, from func(V) time.Time) V {
	sorted := slices.Clone(versions)
	slices.SortStableFunc(sorted, func(a, b V) int { return from(a).Compare(from(b)) })
	best := sorted[0]
	for _, v := range sorted {
		if !from(v).After(now) {
			best = v
		}
	}
	return best
}

func TestFoldAgreesWithThePlainReckoning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, moments := draw(t), life(t)
		got := map[sla.Name]time.Duration{}
		for _, c := range sla.Fold(w.rules, moments) {
			got[c.Name] += c.Used
		}
		want := w.plain(moments)
		for _, name := range sla.Names {
			if got[name] != want[name] {
				t.Fatalf("%s: %v used, %v by the minute", name, got[name], want[name])
			}
		}
	})
}

func TestClocksHoldTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, moments := draw(t), life(t)
		last := moments[len(moments)-1].At
		now := last.Add(time.Duration(rapid.IntRange(0, 30*24*60).Draw(t, "now")) * time.Minute)
		clocks := sla.Fold(w.rules, moments)
		if diff := cmp.Diff(clocks, sla.Fold(w.rules, moments), cmpopts.IgnoreUnexported(sla.Clock{})); diff != "" {
			t.Fatalf("a replay differs: %s", diff)
		}
		for i := range clocks {
			c := &clocks[i]
			if c.DueAt != nil && c.UsedAt(*c.DueAt) != c.Target {
				t.Fatalf("%s is due at %v with %v of %v used", c.Name, c.DueAt, c.UsedAt(*c.DueAt), c.Target)
			}
			if c.State == sla.Running && c.Breached(now) != (c.UsedAt(now) >= c.Target) {
				t.Fatalf("%s: breached %v with %v of %v used", c.Name, c.Breached(now), c.UsedAt(now), c.Target)
			}
			if c.State != sla.Running && c.Breached(now) && c.Used < c.Target {
				t.Fatalf("%s is breached with %v of %v used", c.Name, c.Used, c.Target)
			}
			if c.State != sla.Running && !c.Breached(now) && c.Used > c.Target {
				t.Fatalf("%s is not breached with %v of %v used", c.Name, c.Used, c.Target)
			}
			explained(t, c, now)
			stepped(t, c, now)
		}
	})
}

// explained checks that the intervals follow each other and add up.
func explained(t *rapid.T, c *sla.Clock, now time.Time) {
	list := c.Explain(now)
	var past, sum time.Duration
	for i, x := range list {
		sum += x.Counted
		if x.What != sla.Planned {
			past += x.Counted
		}
		switch {
		case x.Sum != sum:
			t.Fatalf("interval %d has the sum %v, not %v", i, x.Sum, sum)
		case !x.From.Before(x.To) || x.Counted > x.To.Sub(x.From):
			t.Fatalf("interval %d is no interval: %v", i, x)
		case i > 0 && !x.From.Equal(list[i-1].To):
			t.Fatalf("a gap before %v", x)
		case x.What == sla.Planned && x.From.Before(now):
			t.Fatalf("planned in the past: %v", x)
		}
	}
	if past != c.UsedAt(now) {
		t.Fatalf("%s: %v explained of %v", c.Name, past, c.UsedAt(now))
	}
	if c.DueAt != nil && c.DueAt.After(now) && sum != c.Target {
		t.Fatalf("%s: %v planned of %v", c.Name, sum, c.Target)
	}
}

func stepped(t *rapid.T, c *sla.Clock, now time.Time) {
	due := c.DueSteps(now)
	if len(due) > 0 && (!due[0].At.Equal(*c.NextAt) || due[0].ID != c.NextStep.ID) {
		t.Fatalf("%s: first due is %v, next is %v", c.Name, due[0], c.NextStep)
	}
	if len(due) == 0 && c.NextAt != nil && !c.NextAt.After(now) {
		t.Fatalf("%s: the next step is due and is not told", c.Name)
	}
	for _, s := range due {
		if 100*c.UsedAt(now) < time.Duration(s.Percent)*c.Target || s.At.After(now) {
			t.Fatalf("%s: %v is due too early", c.Name, s)
		}
	}
}

// TestPastStaysAsItWas: what comes later changes neither a finished cycle nor the time used up to then.
func TestPastStaysAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, moments := draw(t), life(t)
		whole := sla.Fold(w.rules, moments)
		n := rapid.IntRange(1, len(moments)).Draw(t, "prefix")
		if n < len(moments) && moments[n].At.Equal(moments[n-1].At) {
			return // of moments at one time only the last one leaves a trace
		}
		for _, was := range sla.Fold(w.rules, moments[:n]) {
			i := slices.IndexFunc(whole, func(c sla.Clock) bool { return c.Name == was.Name && c.Cycle == was.Cycle })
			if i < 0 {
				if was.StartedAt.After(moments[n-1].At) {
					continue // a version of the rules would have begun it, had nothing else happened
				}
				t.Fatalf("%s %d is gone", was.Name, was.Cycle)
			}
			now := moments[n-1].At
			if got := whole[i].UsedAt(now); got != was.Used {
				t.Fatalf("%s %d: %v used, later %v", was.Name, was.Cycle, was.Used, got)
			}
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, moments := draw(t), life(t)
		moments = slices.CompactFunc(moments, func(a, b sla.Moment) bool { return a.At.Equal(b.At) })
		mixed := rapid.Permutation(moments).Draw(t, "mixed")
		if diff := cmp.Diff(sla.Fold(w.rules, moments), sla.Fold(w.rules, mixed), cmpopts.IgnoreUnexported(sla.Clock{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestHoldMovesDueByItsWorkingTime: the due instant moves by exactly the working time of the hold.
func TestHoldMovesDueByItsWorkingTime(t *testing.T) {
	office := newRules(t, sla.PolicyVersion{Policy: 1, ValidFrom: at("1 00:00"), Definition: standard(nil)})
	day := []worktime.Span{{Open: "09:00", Close: "17:00"}}
	calendar := compile(t, worktime.Spec{
		TZ:       "UTC",
		Weekly:   map[string][]worktime.Span{"mon": day, "tue": day, "wed": day, "thu": day, "fri": day},
		Holidays: []string{"2026-11-18"},
	})
	rapid.Check(t, func(t *rapid.T) {
		second := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(1, most).Draw(t, name)) * time.Second
		}
		opened := at("16 09:00")
		hold := opened.Add(second("hold", 8*3600-1))
		resume := hold.Add(second("resume", 5*24*3600))
		free := sla.Fold(office, []sla.Moment{open("16 09:00", 2)})[2]
		paused := sla.Fold(office, []sla.Moment{
			open("16 09:00", 2),
			with(held("16 09:00", 2, "caller"), func(m *sla.Moment) { m.At = hold }),
			with(open("16 09:00", 2), func(m *sla.Moment) { m.At = resume }),
		})[2]
		if moved, waited := calendar.Elapsed(*free.DueAt, *paused.DueAt), calendar.Elapsed(hold, resume); moved != waited {
			t.Fatalf("due moved by %v for a hold of %v", moved, waited)
		}
	})
}

func TestPriorityKeepsTheTimeUsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := newRules(t, sla.PolicyVersion{Policy: 1, ValidFrom: at("1 00:00"), Definition: standard(nil)})
		moments := []sla.Moment{open("16 10:00", 1), open("20 16:00", 1)}
		want := sla.Fold(rules, moments)
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			m := open("16 10:00", rapid.IntRange(1, 2).Draw(t, "priority"))
			m.At = m.At.Add(time.Duration(rapid.IntRange(0, 4*24*60).Draw(t, "minute")) * time.Minute)
			moments = append(moments, m)
		}
		for i, c := range sla.Fold(rules, moments) {
			if c.Used != want[i].Used {
				t.Fatalf("%s: %v used, %v without the changes", c.Name, c.Used, want[i].Used)
			}
		}
	})
}

func BenchmarkFold(b *testing.B) {
	rules := newRules(b, sla.PolicyVersion{Policy: 1, ValidFrom: at("1 00:00"), Definition: standard(nil)})
	moments := []sla.Moment{
		open("16 10:00", 2),
		with(open("16 11:00", 2), func(m *sla.Moment) { m.Responded, m.PublicUpdate = true, true }),
		held("16 16:00", 2, "caller"),
		open("19 09:30", 2),
		open("19 10:00", 1),
		resolved("20 11:00", 1),
		with(resolved("23 11:00", 1), func(m *sla.Moment) { m.Phase = sla.Closed }),
	}
	b.ReportAllocs()
	for b.Loop() {
		sla.Fold(rules, moments)
	}
}
