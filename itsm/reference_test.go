package itsm_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm"
	"opora/itsm/sla"
	"opora/workflows/worktime"
)

// faults lists the bad fields of an Invalid fault; an id that the catalogue lacks is said too.
func faults(err error) []string {
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		return nil
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Name+" "+f.ID)
		if !locale.Has(f.ID) {
			out = append(out, "not in the catalogue: "+f.ID)
		}
	}
	return out
}

func settingsLog(t *testing.T, d *desk) []audit.Listed {
	t.Helper()
	list, err := audit.NewLog(d.pool, d.key).List(t.Context(), audit.Settings, time.Now().Add(time.Hour), 500)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDefaultsArePutInOnce(t *testing.T) {
	d := newDesk(t) // puts them in
	before := settingsLog(t, d)
	if _, err := d.pool.ExecContext(t.Context(), `UPDATE categories SET code = 'renamed' WHERE code = 'mail'`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := d.Defaults(t.Context(), "Europe/Kyiv"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if after := settingsLog(t, d); len(after) != len(before) {
		t.Errorf("%d entries became %d: the first data was put in again", len(before), len(after))
	}

	matrix, err := d.PriorityMatrix(t.Context(), d.anna)
	if want := (itsm.Matrix{{1, 2, 3}, {2, 3, 4}, {3, 4, 5}}); err != nil || matrix != want {
		t.Errorf("matrix %v, %v", matrix, err)
	}
	levels, err := d.Priorities(t.Context(), d.anna)
	if err != nil || len(levels) != 5 || levels[0].Name.Uk != "Критичний" {
		t.Errorf("priorities %v, %v", levels, err)
	}
	policies, err := d.Policies(t.Context(), d.boris)
	if err != nil || len(policies) != 2 || !policies[0].Default || policies[0].Code != itsm.StandardPolicy {
		t.Fatalf("policies %v, %v", policies, err)
	}
	if !policies[0].ValidFrom.Equal(time.Unix(0, 0)) {
		t.Errorf("the first policy is valid from %s: imported history has none", policies[0].ValidFrom)
	}
	for _, c := range mustCategories(t, d, itsm.AllCategories) {
		if c.Name.En == "" || c.Name.Ru == "" || c.Name.Uk == "" {
			t.Errorf("category %s lacks a language", c.Code)
		}
	}
	if err := d.Defaults(t.Context(), "Mars/Olympus"); err != nil {
		t.Errorf("a zone that is not needed any more is looked at: %v", err)
	}
}

func mustCategories(t *testing.T, d *desk, scope itsm.CategoryScope) []itsm.Category {
	t.Helper()
	list, err := d.Categories(t.Context(), d.admin, scope)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCategoryTree(t *testing.T) {
	d := newDesk(t)
	save := func(c itsm.Category) itsm.Category {
		t.Helper()
		out, err := d.SaveCategory(t.Context(), d.admin, c)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	d.exec(t, `DELETE FROM categories WHERE parent_id IS NOT NULL`)
	d.exec(t, `DELETE FROM categories`)
	root := save(itsm.Category{Code: "root", Name: locale.Text{En: " Root "}, Position: 2, Portal: true, Active: true, TeamID: d.network})
	first := save(itsm.Category{Code: "first", Name: locale.Plain("First"), Position: 1, Portal: true, Active: true})
	child := save(itsm.Category{Code: "child", ParentID: root.ID, Name: locale.Plain("Child"), Portal: true, Active: true})
	save(itsm.Category{Code: "leaf", ParentID: child.ID, Name: locale.Plain("Leaf"), Portal: true, Active: true, Confidential: true, TeamID: d.apps})
	save(itsm.Category{Code: "staff", ParentID: root.ID, Name: locale.Plain("Staff"), Position: 1, Active: true})
	old := save(itsm.Category{Code: "old", Name: locale.Plain("Old"), Position: 3, Portal: true})
	save(itsm.Category{Code: "under-old", ParentID: old.ID, Name: locale.Plain("Under"), Portal: true, Active: true})

	paths := func(scope itsm.CategoryScope) []string {
		var out []string
		for _, c := range mustCategories(t, d, scope) {
			var path []string
			for _, n := range c.Path {
				path = append(path, n.In("en"))
			}
			out = append(out, strings.Join(path, "/"))
			if c.Depth != len(c.Path)-1 {
				t.Errorf("%s is at depth %d", c.Code, c.Depth)
			}
		}
		return out
	}
	for scope, want := range map[itsm.CategoryScope][]string{
		itsm.PortalCategories: {"First", "Root", "Root/Child", "Root/Child/Leaf"},
		itsm.DeskCategories:   {"First", "Root", "Root/Child", "Root/Child/Leaf", "Root/Staff"},
		itsm.AllCategories:    {"First", "Root", "Root/Child", "Root/Child/Leaf", "Root/Staff", "Old", "Old/Under"},
	} {
		if diff := cmp.Diff(want, paths(scope)); diff != "" {
			t.Errorf("scope %d: %s", scope, diff)
		}
	}
	if root.Team.En != "network" || root.Version != 1 {
		t.Errorf("root: %+v", root)
	}

	below := root
	below.ParentID = child.ID
	if _, err := d.SaveCategory(t.Context(), d.admin, below); !cmp.Equal(faults(err), []string{"parent reference.circle"}) {
		t.Errorf("below its own child: %v", err)
	}
	_, err := d.SaveCategory(t.Context(), d.admin, itsm.Category{Code: "First!", Name: locale.Text{Ru: "a\x00"}, ParentID: 999_999, TeamID: 999_999, Position: -1})
	want := []string{"code reference.code", "name_ru reference.not_text", "position reference.position", "parent reference.unknown_choice", "team reference.unknown_choice"}
	if diff := cmp.Diff(want, faults(err)); diff != "" {
		t.Error(diff)
	}
	if _, err := d.SaveCategory(t.Context(), d.admin, itsm.Category{Code: "first", Confidential: true, Active: true}); !cmp.Equal(faults(err), []string{"name reference.name_needed", "team reference.team_needed", "code reference.code_taken"}) {
		t.Errorf("a code that is taken: %v", err)
	}
	moved := first
	moved.ParentID = root.ID
	if got := save(moved); got.Version != 2 || got.Depth != 1 {
		t.Errorf("moved: %+v", got)
	}
	if _, err := d.SaveCategory(t.Context(), d.admin, first); !fault.Is(err, fault.Conflict) {
		t.Errorf("the second of two writers: %v", err)
	}
	e := settingsLog(t, d)[0]
	if e.Action != "category.changed" || e.Subject != "category:first" || e.ActorID != d.admin.ID || len(e.Details) != 1 || !strings.HasPrefix(e.Details["parent"], " → ") {
		t.Errorf("audit entry of the move: %+v", e.Entry)
	}
}

func TestSettingsAreForAdministrators(t *testing.T) {
	d := newDesk(t)
	for name, f := range map[string]func(a auth.Actor) error{
		"category":   func(a auth.Actor) error { _, err := d.SaveCategory(t.Context(), a, itsm.Category{}); return err },
		"priorities": func(a auth.Actor) error { return d.SavePriorities(t.Context(), a, nil) },
		"matrix":     func(a auth.Actor) error { return d.SaveMatrix(t.Context(), a, itsm.Matrix{}) },
		"calendar":   func(a auth.Actor) error { _, err := d.CreateCalendar(t.Context(), a, itsm.Calendar{}); return err },
		"hours":      func(a auth.Actor) error { _, err := d.SaveCalendar(t.Context(), a, itsm.Calendar{}); return err },
		"policy":     func(a auth.Actor) error { _, err := d.CreatePolicy(t.Context(), a, itsm.Policy{}); return err },
		"targets":    func(a auth.Actor) error { _, err := d.SavePolicy(t.Context(), a, itsm.Policy{}); return err },
		"target": func(a auth.Actor) error {
			_, err := d.SetTarget(t.Context(), a, "standard", 1, sla.Response, 1, 1)
			return err
		},
		"default": func(a auth.Actor) error { return d.SetDefaultPolicy(t.Context(), a, itsm.AroundTheClock) },
	} {
		for _, a := range []auth.Actor{d.anna, d.boris, d.olena, d.audit} {
			if err := f(a); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s by %s: %v", name, a.Login, err)
			}
		}
		if err := f(auth.Actor{}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s by nobody: %v", name, err)
		}
	}
	if _, err := d.Categories(t.Context(), auth.Actor{}, itsm.PortalCategories); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody reads categories: %v", err)
	}
}

func TestMatrixAppliesFromThenOn(t *testing.T) {
	d := newDesk(t)
	old := d.report(t, itsm.NewIncident{Impact: 3, Urgency: 3})
	m := itsm.Matrix{{1, 2, 3}, {2, 3, 4}, {3, 4, 2}}
	if err := d.SaveMatrix(t.Context(), d.admin, m); err != nil {
		t.Fatal(err)
	}
	if fresh := d.report(t, itsm.NewIncident{Impact: 3, Urgency: 3}); old.Priority != 5 || fresh.Priority != 2 {
		t.Errorf("before %d, after %d; want 5 and 2", old.Priority, fresh.Priority)
	}
	if diff := cmp.Diff(map[string]string{"matrix_3_3": "5 → 2"}, settingsLog(t, d)[0].Details); diff != "" {
		t.Error(diff)
	}
	m[0][1], m[2][0] = 0, 6
	if err := d.SaveMatrix(t.Context(), d.admin, m); !cmp.Equal(faults(err), []string{"matrix_1_2 reference.unknown_choice", "matrix_3_1 reference.unknown_choice"}) {
		t.Errorf("bad cells: %v", err)
	}

	if err := d.SavePriorities(t.Context(), d.admin, []itsm.Priority{{Level: 1, Name: locale.Text{En: "Emergency"}}}); err != nil {
		t.Fatal(err)
	}
	levels, err := d.Priorities(t.Context(), d.anna)
	if err != nil || levels[0].Name.In("ru") != "Emergency" || levels[1].Name.En != "High" {
		t.Errorf("levels %v, %v", levels, err)
	}
	err = d.SavePriorities(t.Context(), d.admin, []itsm.Priority{{Level: 2}, {Level: 9, Name: locale.Plain("x")}})
	if diff := cmp.Diff([]string{"name_2 reference.name_needed", "name_9 reference.unknown_choice"}, faults(err)); diff != "" {
		t.Error(diff)
	}
}

func TestCalendarVersions(t *testing.T) {
	d := newDesk(t)
	spans := func(open, end string) []worktime.Span { return []worktime.Span{{Open: open, Close: end}} }
	c, _, err := d.Calendar(t.Context(), d.admin, itsm.BusinessHours)
	if err != nil {
		t.Fatal(err)
	}
	c.Name.En, c.Spec.Weekly["fri"], c.Spec.Holidays = "Office hours", spans("09:00", "16:00"), []string{"*-01-01"}
	saved, err := d.SaveCalendar(t.Context(), d.admin, c)
	if err != nil || saved.Version != 2 {
		t.Fatalf("saved: %+v, %v", saved, err)
	}
	want := map[string]string{"name_en": "Business hours → Office hours", "holidays": " → *-01-01", "weekly.fri": `[["09:00","18:00"]] → [["09:00","16:00"]]`}
	if diff := cmp.Diff(want, settingsLog(t, d)[0].Details); diff != "" {
		t.Error(diff)
	}
	if _, err := d.SaveCalendar(t.Context(), d.admin, c); !fault.Is(err, fault.Conflict) {
		t.Errorf("the second of two writers: %v", err)
	}
	saved.Name.En, saved.Spec.Weekly["sun"] = "Hours", nil
	if saved, err = d.SaveCalendar(t.Context(), d.admin, saved); err != nil || saved.Version != 2 {
		t.Errorf("a new name alone made version %d, %v", saved.Version, err)
	}
	got, versions, err := d.Calendar(t.Context(), d.admin, itsm.BusinessHours)
	if err != nil || len(versions) != 2 || versions[0].SetBy != "maria" || versions[1].SetBy != "" {
		t.Fatalf("versions %+v, %v", versions, err)
	}
	if got.Name.En != "Hours" || !cmp.Equal(got.Spec, c.Spec) || !cmp.Equal(versions[1].Spec.Weekly["fri"], spans("09:00", "18:00")) {
		t.Errorf("read back: %+v, first version %+v", got, versions[1])
	}

	got.Spec = worktime.Spec{TZ: "Mars/Olympus", Weekly: map[string][]worktime.Span{"mon": spans("18:00", "09:00")}}
	got.Name = locale.Text{}
	_, err = d.SaveCalendar(t.Context(), d.admin, got)
	if diff := cmp.Diff([]string{"name reference.name_needed", "tz worktime.zone", "weekly.mon[0] worktime.reversed"}, faults(err)); diff != "" {
		t.Error(diff)
	}
	_, err = d.CreateCalendar(t.Context(), d.admin, itsm.Calendar{Code: itsm.AroundTheClock, Name: locale.Plain("Two"), Spec: worktime.Spec{TZ: "UTC", AlwaysOpen: true}})
	if diff := cmp.Diff([]string{"code reference.code_taken"}, faults(err)); diff != "" {
		t.Error(diff)
	}
	made, err := d.CreateCalendar(t.Context(), d.admin, itsm.Calendar{Code: "night", Name: locale.Plain("Night"), Spec: worktime.Spec{TZ: "UTC", AlwaysOpen: true}})
	if err != nil || made.ID == 0 || made.Version != 1 {
		t.Errorf("created: %+v, %v", made, err)
	}
	if _, _, err := d.Calendar(t.Context(), d.admin, "a\x00"); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such calendar: %v", err)
	}
}

func TestPolicyVersions(t *testing.T) {
	d := newDesk(t)
	p, _, err := d.Policy(t.Context(), d.admin, itsm.StandardPolicy)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := d.SetTarget(t.Context(), d.admin, p.Code, p.Version, sla.Resolution, 3, 3600)
	if err != nil || saved.Version != 2 || !saved.ValidFrom.After(p.ValidFrom) {
		t.Fatalf("saved: %+v, %v", saved, err)
	}
	if diff := cmp.Diff(map[string]string{"resolution.target.3": "97200 → 3600"}, settingsLog(t, d)[0].Details); diff != "" {
		t.Error(diff)
	}
	if _, err := d.SetTarget(t.Context(), d.admin, p.Code, p.Version, sla.Resolution, 3, 60); !fault.Is(err, fault.Conflict) {
		t.Errorf("the second of two writers: %v", err)
	}
	_, err = d.SetTarget(t.Context(), d.admin, p.Code, saved.Version, sla.Response, 7, -1)
	if diff := cmp.Diff([]string{"clocks[0].targets.7 sla.priority", "clocks[0].targets.7 sla.target"}, faults(err)); diff != "" {
		t.Error(diff)
	}
	read, versions, err := d.Policy(t.Context(), d.boris, p.Code)
	if err != nil || len(versions) != 2 || !cmp.Equal(read.Definition, versions[0].Definition) || !cmp.Equal(versions[1].Definition, p.Definition) {
		t.Fatalf("versions %+v, %v", versions, err)
	}

	bad := read
	bad.Active, bad.Definition.Calendar = false, "nowhere"
	bad.Definition.Clocks = []sla.Rule{{
		Clock: sla.Update, Targets: map[int]int64{1: 60}, Pause: []string{"weather"},
		Steps: []sla.Step{{ID: "a", Percent: 100, Do: sla.Reassign, Team: 999_999}},
	}}
	_, err = d.SavePolicy(t.Context(), d.admin, bad)
	want := []string{"active reference.default_stays", "calendar reference.unknown_choice", "clocks[0].pause[0] reference.unknown_choice", "clocks[0].steps[0].team reference.unknown_choice"}
	if diff := cmp.Diff(want, faults(err)); diff != "" {
		t.Error(diff)
	}

	made, err := d.CreatePolicy(t.Context(), d.admin, itsm.Policy{Code: "gold", Name: locale.Plain("Gold"), Definition: read.Definition})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetDefaultPolicy(t.Context(), d.admin, "gold"); !fault.Is(err, fault.Conflict) {
		t.Errorf("an inactive policy as default: %v", err)
	}
	made.Active = true
	if made, err = d.SavePolicy(t.Context(), d.admin, made); err != nil || made.Version != 1 {
		t.Fatalf("activated: %+v, %v", made, err)
	}
	if err := d.SetDefaultPolicy(t.Context(), d.admin, "gold"); err != nil {
		t.Fatal(err)
	}
	list, err := d.Policies(t.Context(), d.admin)
	if err != nil || list[0].Code != "gold" || !list[0].Default || list[1].Default || list[2].Default {
		t.Errorf("policies %+v, %v", list, err)
	}
	if tk := d.report(t, itsm.NewIncident{}); tk.PolicyID != made.ID {
		t.Errorf("a new ticket has policy %d, want the new default %d", tk.PolicyID, made.ID)
	}
}

func TestWithTargetLeavesTheOriginalAlone(t *testing.T) {
	d := sla.Definition{Calendar: "business", Clocks: []sla.Rule{{Clock: sla.Response, Targets: map[int]int64{1: 60}}}}
	if got := itsm.WithTarget(d, sla.Response, 1, 0); len(got.Clocks) != 0 {
		t.Errorf("the last target went, its clock stayed: %+v", got)
	}
	got := itsm.WithTarget(d, sla.Update, 2, 30)
	want := sla.Definition{Calendar: "business", Clocks: []sla.Rule{{Clock: sla.Response, Targets: map[int]int64{1: 60}}, {Clock: sla.Update, Targets: map[int]int64{2: 30}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d.Clocks[0].Targets[1] != 60 || len(d.Clocks) != 1 {
		t.Errorf("the original changed: %+v", d)
	}
}

func TestDueTimesFollowATarget(t *testing.T) {
	d := newDesk(t)
	tk := d.report(t, itsm.NewIncident{})
	if _, err := d.SetTarget(t.Context(), d.admin, itsm.StandardPolicy, 1, sla.Response, tk.Priority, 60); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Refold(t.Context()); err != nil {
		t.Fatal(err)
	}
	var due time.Time
	d.get(t, &due, `SELECT due_at FROM tickets WHERE id = $1`, tk.ID)
	if tk.DueAt == nil || !due.Before(*tk.DueAt) {
		t.Errorf("due at %v, before the shorter target at %v", due, tk.DueAt)
	}
}
