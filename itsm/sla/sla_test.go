package sla_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm/sla"
	"opora/workflows/worktime"
)

func TestEveryFaultOfADefinitionIsToldByItsPath(t *testing.T) {
	sound := standard(nil)
	if err := sound.Validate(); err != nil {
		t.Fatalf("the sound definition: %v", err)
	}
	tests := []struct {
		name string
		def  sla.Definition
		want []string
	}{
		{"nothing", sla.Definition{}, []string{"calendar sla.calendar_missing", "clocks sla.no_clock"}},
		{"zone and clocks", sla.Definition{Calendar: "office", Zone: "Mars/Base", Clocks: []sla.Rule{
			{Clock: "resolve", Targets: map[int]int64{1: 60}},
			{Clock: sla.Update},
			{Clock: sla.Update, Targets: map[int]int64{0: 1, 1: 0, 2: -1, 3: sla.MaxTarget + 1, 6: 60}},
		}}, []string{
			"zone sla.zone", "clocks[0].clock sla.clock_unknown", "clocks[1].targets sla.target_missing", "clocks[2].clock sla.clock_twice",
			"clocks[2].targets.0 sla.priority", "clocks[2].targets.1 sla.target", "clocks[2].targets.2 sla.target",
			"clocks[2].targets.3 sla.target", "clocks[2].targets.6 sla.priority",
		}},
		{"steps", sla.Definition{Calendar: "office", Clocks: []sla.Rule{{
			Clock: sla.Response, Targets: map[int]int64{1: 60}, Pause: []string{"caller", "", "caller"},
			Steps: []sla.Step{
				{Percent: 50, Do: sla.Notify, To: []string{sla.ToLead}},
				{ID: "a", Do: sla.Notify, To: []string{"boss"}},
				{ID: "a", Percent: 50, After: 60, Do: sla.Raise, Priority: 5},
				{ID: "b", Percent: 1001, Do: sla.Reassign},
				{ID: "c", After: -1, Do: "shout"},
				{ID: "d", Percent: 100, Do: sla.Notify},
			},
		}}}, []string{
			"clocks[0].pause[1] sla.pause", "clocks[0].pause[2] sla.pause",
			"clocks[0].steps[0].id sla.step_id_missing",
			"clocks[0].steps[1].percent sla.step_when", "clocks[0].steps[1].to[0] sla.receiver_unknown",
			"clocks[0].steps[2].id sla.step_id_twice", "clocks[0].steps[2].percent sla.step_when", "clocks[0].steps[2].priority sla.raise",
			"clocks[0].steps[3].percent sla.percent", "clocks[0].steps[3].team sla.team_missing",
			"clocks[0].steps[4].after sla.after", "clocks[0].steps[4].do sla.action_unknown",
			"clocks[0].steps[5].to sla.receiver_missing",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e *fault.Error
			if !errors.As(tt.def.Validate(), &e) {
				t.Fatal("it is taken")
			}
			var got []string
			for _, f := range e.Fields {
				got = append(got, f.Name+" "+f.ID)
				if !locale.Has(f.ID) {
					t.Errorf("the catalogue lacks %s", f.ID)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRulesNeedTheirCalendars(t *testing.T) {
	_, err := sla.NewRules([]sla.PolicyVersion{{Policy: 1, ValidFrom: at("16 09:00"), Definition: standard(nil)}}, nil)
	if err == nil {
		t.Error("a policy without its calendar is taken")
	}
}

// TestLives walks through whole tickets. The office is open from 09:00 to 17:00, Monday 16 to Friday 20 November 2026;
// Wednesday 18 is a holiday. Priority 2: response 2 h, update 4 h, resolution 8 h; priority 1: 1 h, 2 h, 4 h; priority
// 5 has a response alone.
func TestLives(t *testing.T) {
	tests := []struct {
		name    string
		pause   []string
		moments []sla.Moment
		want    []string
	}{
		{"opened and left alone", nil, []sla.Moment{
			open("16 10:00", 2),
		}, []string{
			"response 1 running used 0s due 16 12:00 next half 16 11:00",
			"update 1 running used 0s due 16 14:00",
			"resolution 1 running used 0s due 17 10:00 next r50 16 14:00",
		}},
		{"answered, held, resumed, resolved", nil, []sla.Moment{
			open("16 10:00", 2),
			with(open("16 11:00", 2), func(m *sla.Moment) { m.Responded, m.PublicUpdate = true, true }),
			held("16 16:00", 2, "caller"),
			open("19 09:30", 2),
			resolved("19 11:00", 2),
		}, []string{
			"response 1 met used 1h0m0s met 16 11:00",
			"update 1 met used 1h0m0s met 16 11:00",
			"update 2 met used 6h30m0s met 19 11:00 breached 16 15:00",
			"resolution 1 met used 7h30m0s met 19 11:00",
		}},
		{"a hold that the policy does not name", []string{"vendor"}, []sla.Moment{
			open("16 10:00", 2),
			held("16 11:00", 2, "caller"),
		}, []string{
			"response 1 running used 1h0m0s due 16 12:00 next half 16 11:00",
			"update 1 paused used 1h0m0s",
			"resolution 1 running used 1h0m0s due 17 10:00 next r50 16 14:00",
		}},
		{"reopened", nil, []sla.Moment{
			open("16 10:00", 2),
			resolved("16 16:00", 2),
			open("17 16:00", 2),
		}, []string{
			"response 1 met used 6h0m0s met 16 16:00 breached 16 12:00",
			"update 1 met used 6h0m0s met 16 16:00 breached 16 14:00",
			"update 2 running used 0s due 19 12:00",
			"resolution 1 running used 6h0m0s due 19 10:00 next r50 16 14:00",
		}},
		{"met exactly at the due instant", nil, []sla.Moment{
			open("16 09:00", 2),
			resolved("16 17:00", 2),
		}, []string{
			"response 1 met used 8h0m0s met 16 17:00 breached 16 11:00",
			"update 1 met used 8h0m0s met 16 17:00 breached 16 13:00",
			"resolution 1 met used 8h0m0s met 16 17:00",
		}},
		{"met at night after the due instant", nil, []sla.Moment{
			open("16 09:00", 2),
			resolved("17 08:00", 2),
		}, []string{
			"response 1 met used 8h0m0s met 17 08:00 breached 16 11:00",
			"update 1 met used 8h0m0s met 17 08:00 breached 16 13:00",
			"resolution 1 met used 8h0m0s met 17 08:00 breached 16 17:00",
		}},
		{"a higher priority keeps the time and is overdue at once", nil, []sla.Moment{
			open("16 09:00", 2),
			open("16 15:00", 1),
		}, []string{
			"response 1 running used 6h0m0s due 16 10:00 breached 16 10:00 next half 16 09:30",
			"update 1 running used 6h0m0s due 16 11:00 breached 16 11:00",
			"resolution 1 running used 6h0m0s due 16 13:00 breached 16 13:00 next r50 16 11:00",
		}},
		{"a lower priority takes the breach back", nil, []sla.Moment{
			open("16 09:00", 1),
			with(open("16 15:00", 2), func(m *sla.Moment) {
				m.Fired = []sla.Fired{{Clock: sla.Resolution, Cycle: 1, Step: "r50"}, {Clock: sla.Resolution, Cycle: 1, Step: "over"}}
			}),
		}, []string{
			"response 1 running used 6h0m0s due 16 11:00 breached 16 11:00 next half 16 10:00",
			"update 1 running used 6h0m0s due 16 13:00 breached 16 13:00",
			"resolution 1 running used 6h0m0s due 16 17:00 next full 16 17:00",
		}},
		{"a priority without a target, and back", nil, []sla.Moment{
			open("16 09:00", 2),
			open("16 10:00", 5),
			open("16 15:00", 2),
		}, []string{
			"response 1 running used 6h0m0s due 16 11:00 breached 16 11:00 next half 16 10:00",
			"update 1 running used 1h0m0s due 17 10:00",
			"resolution 1 running used 1h0m0s due 17 14:00 next r50 17 10:00",
		}},
		{"cancelled", nil, []sla.Moment{
			open("16 09:00", 2),
			with(open("16 10:00", 2), func(m *sla.Moment) { m.Responded = true }),
			with(resolved("16 11:00", 2), func(m *sla.Moment) { m.Phase, m.Cancelled = sla.Closed, true }),
		}, []string{
			"response 1 met used 1h0m0s met 16 10:00",
			"update 1 cancelled used 2h0m0s",
			"resolution 1 cancelled used 2h0m0s",
		}},
		{"resolved at the first contact", nil, []sla.Moment{resolved("16 09:00", 2)}, []string{
			"response 1 met used 0s met 16 09:00",
			"update 1 met used 0s met 16 09:00",
			"resolution 1 met used 0s met 16 09:00",
		}},
		{"closed and made active again by another desk", nil, []sla.Moment{
			open("16 09:00", 2),
			with(resolved("16 10:00", 2), func(m *sla.Moment) { m.Phase = sla.Closed }),
			open("16 11:00", 2),
			with(resolved("16 12:00", 2), func(m *sla.Moment) { m.Phase = sla.Closed }),
		}, []string{
			"response 1 met used 1h0m0s met 16 10:00",
			"update 1 met used 1h0m0s met 16 10:00",
			"update 2 met used 1h0m0s met 16 12:00",
			"resolution 1 met used 2h0m0s met 16 12:00",
		}},
		{"out of order and at one time", nil, []sla.Moment{
			resolved("16 12:00", 2),
			open("16 09:00", 2),
			held("16 10:00", 2, "caller"),
			open("16 10:00", 2),
		}, []string{
			"response 1 met used 3h0m0s met 16 12:00 breached 16 11:00",
			"update 1 met used 3h0m0s met 16 12:00",
			"resolution 1 met used 3h0m0s met 16 12:00",
		}},
		{"in the zone of the site", nil, []sla.Moment{
			with(open("16 10:00", 2), func(m *sla.Moment) { m.Zone = "America/New_York" }), // 05:00 there
		}, []string{
			"response 1 running used 0s due 16 16:00 next half 16 15:00",
			"update 1 running used 0s due 16 18:00",
			"resolution 1 running used 0s due 16 22:00 next r50 16 18:00",
		}},
		{"without a policy", nil, []sla.Moment{with(open("16 10:00", 2), func(m *sla.Moment) { m.Policy = 0 })}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := newRules(t, sla.PolicyVersion{Policy: 1, ValidFrom: at("1 00:00"), Definition: standard(tt.pause)})
			if diff := cmp.Diff(tt.want, tell(sla.Fold(rules, tt.moments))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewVersionsCountFromTheirMomentOn(t *testing.T) {
	faster := standard(nil)
	faster.Clocks = faster.Clocks[2:]
	faster.Clocks[0].Targets = map[int]int64{2: 3 * 3600}
	faster.Calendar = "always"
	rules := newRules(t,
		sla.PolicyVersion{Policy: 1, ValidFrom: at("16 16:00"), Definition: faster},
		sla.PolicyVersion{Policy: 1, ValidFrom: at("2 00:00"), Definition: standard(nil)},
	)
	moments := []sla.Moment{open("16 15:00", 2)}
	want := []string{
		"response 1 cancelled used 0s",
		"update 1 cancelled used 0s",
		"resolution 1 running used 0s due 16 18:00 next r50 16 16:30",
	}
	if diff := cmp.Diff(want, tell(sla.Fold(rules, moments))); diff != "" {
		t.Error(diff)
	}
	moments = append(moments, held("16 17:30", 2, "vendor"))
	if diff := cmp.Diff("resolution 1 paused used 2h30m0s", tell(sla.Fold(rules, moments))[2]); diff != "" {
		t.Error(diff)
	}
}

func TestStepsFireInTheirOrder(t *testing.T) {
	rules := newRules(t, sla.PolicyVersion{Policy: 1, ValidFrom: at("1 00:00"), Definition: standard(nil)})
	moments := []sla.Moment{open("16 10:00", 2)}
	steps := func(now string) (ids []string) {
		clocks := sla.Fold(rules, moments)
		for _, s := range clocks[2].DueSteps(at(now)) {
			ids = append(ids, s.ID+" "+s.At.Format("2 15:04"))
		}
		return ids
	}
	for _, tt := range []struct {
		now  string
		want []string
	}{
		{"16 13:59", nil},
		{"16 14:00", []string{"r50 16 14:00"}},
		{"17 10:00", []string{"r50 16 14:00", "full 17 10:00"}},
		{"17 11:00", []string{"r50 16 14:00", "full 17 10:00", "over 17 11:00"}},
	} {
		if diff := cmp.Diff(tt.want, steps(tt.now)); diff != "" {
			t.Errorf("%s: %s", tt.now, diff)
		}
	}
	moments[0].Fired = []sla.Fired{{Clock: sla.Resolution, Cycle: 1, Step: "r50"}, {Clock: sla.Response, Cycle: 1, Step: "full"}}
	if diff := cmp.Diff([]string{"full 17 10:00", "over 17 11:00"}, steps("20 00:00")); diff != "" {
		t.Error(diff)
	}
}

func TestExplain(t *testing.T) {
	rules := newRules(t, sla.PolicyVersion{Policy: 1, ValidFrom: at("1 00:00"), Definition: standard(nil)})
	clocks := sla.Fold(rules, []sla.Moment{
		open("16 16:00", 2), held("17 10:00", 2, "caller"), open("17 11:00", 2), resolved("17 12:00", 2), open("17 13:00", 2),
	})
	c := &clocks[len(clocks)-1]
	want := []string{
		"16 16:00 16 17:00 counted 1h0m0s 1h0m0s",
		"16 17:00 17 09:00 outside 0s 1h0m0s",
		"17 09:00 17 10:00 counted 1h0m0s 2h0m0s",
		"17 10:00 17 11:00 paused caller 0s 2h0m0s",
		"17 11:00 17 12:00 counted 1h0m0s 3h0m0s",
		"17 12:00 17 13:00 resolved 0s 3h0m0s",
		"17 13:00 17 16:00 counted 3h0m0s 6h0m0s",
		"17 16:00 17 17:00 planned 1h0m0s 7h0m0s",
		"17 17:00 18 00:00 outside 0s 7h0m0s",
		"18 00:00 19 00:00 holiday 0s 7h0m0s",
		"19 00:00 19 09:00 outside 0s 7h0m0s",
		"19 09:00 19 10:00 planned 1h0m0s 8h0m0s",
	}
	var got []string
	for _, i := range c.Explain(at("17 16:00")) {
		s := i.From.Format("2 15:04") + " " + i.To.Format("2 15:04") + " " + string(i.What)
		if i.Reason != "" {
			s += " " + i.Reason
		}
		got = append(got, s+" "+i.Counted.String()+" "+i.Sum.String())
		if !locale.Has("sla.interval." + string(i.What)) {
			t.Errorf("no word for %s", i.What)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(c.Explain(at("17 16:00").AddDate(1, 0, 0))); n > 130 {
		t.Errorf("a year takes %d intervals", n)
	}
}

func at(s string) time.Time {
	t, err := time.Parse("2006-01 2 15:04", "2026-11 "+s)
	if err != nil {
		panic(err)
	}
	return t
}

func open(when string, priority int) sla.Moment {
	return sla.Moment{At: at(when), Phase: sla.Open, Priority: priority, Policy: 1}
}

func held(when string, priority int, reason string) sla.Moment {
	return sla.Moment{At: at(when), Phase: sla.Paused, Reason: reason, Priority: priority, Policy: 1}
}

func resolved(when string, priority int) sla.Moment {
	return sla.Moment{At: at(when), Phase: sla.Resolved, Priority: priority, Policy: 1}
}

func with(m sla.Moment, change func(*sla.Moment)) sla.Moment {
	change(&m)
	return m
}

// standard is the policy of TestLives; its holds pause as said.
func standard(pause []string) sla.Definition {
	tell := []string{sla.ToAssignee}
	return sla.Definition{Calendar: "office", Clocks: []sla.Rule{
		{Clock: sla.Response, Targets: map[int]int64{1: 3600, 2: 2 * 3600, 5: 3600}, Pause: pause, Steps: []sla.Step{
			{ID: "half", Percent: 50, Do: sla.Notify, To: tell},
		}},
		{Clock: sla.Update, Targets: map[int]int64{1: 2 * 3600, 2: 4 * 3600}, Pause: pause},
		{Clock: sla.Resolution, Targets: map[int]int64{1: 4 * 3600, 2: 8 * 3600}, Pause: pause, Steps: []sla.Step{
			{ID: "over", After: 3600, Do: sla.Raise},
			{ID: "full", Percent: 100, Do: sla.Reassign, Team: 7},
			{ID: "r50", Percent: 50, Do: sla.Notify, To: tell},
		}},
	}}
}

func newRules(t fatal, policies ...sla.PolicyVersion) *sla.Rules {
	t.Helper()
	day := []worktime.Span{{Open: "09:00", Close: "17:00"}}
	office := compile(t, worktime.Spec{
		TZ:       "UTC",
		Weekly:   map[string][]worktime.Span{"mon": day, "tue": day, "wed": day, "thu": day, "fri": day},
		Holidays: []string{"2026-11-18"},
	})
	always := compile(t, worktime.Spec{TZ: "UTC", AlwaysOpen: true})
	rules, err := sla.NewRules(policies, []sla.CalendarVersion{
		{Code: "office", ValidFrom: at("1 00:00"), Calendar: office},
		{Code: "always", ValidFrom: at("1 00:00"), Calendar: always},
	})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func compile(t fatal, s worktime.Spec) *worktime.Calendar {
	t.Helper()
	c, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tell puts clocks into lines.
func tell(clocks []sla.Clock) (out []string) {
	for _, c := range clocks {
		s := string(c.Name) + " " + string(rune('0'+c.Cycle)) + " " + string(c.State) + " used " + c.Used.String()
		for _, x := range []struct {
			word string
			at   *time.Time
		}{{"due", c.DueAt}, {"met", c.MetAt}, {"breached", c.BreachedAt}} {
			if x.at != nil {
				s += " " + x.word + " " + x.at.Format("2 15:04")
			}
		}
		if c.NextStep != nil {
			s += " next " + c.NextStep.ID + " " + c.NextAt.Format("2 15:04")
		}
		out = append(out, s)
	}
	return out
}

// fatal is what tests, benchmarks and drawn checks have in common.
type fatal interface {
	Helper()
	Fatal(args ...any)
}
