package lifecycle_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"opora/internal/fault"
	"opora/workflows/lifecycle"
)

const door = `
name: door
version: 1
title: {en: Door}
start: ajar
relations: [keeper, guest]
fields: [why]
environment: {people: int, alarm: bool, name: string, keys: strings}
states:
  - {id: ajar, phase: open, name: {en: Ajar}}
  - {id: stuck, phase: paused, name: {en: Stuck}, reasons: [{id: snow, name: {en: Snow}}]}
  - {id: shut, phase: resolved, name: {en: Shut}}
  - {id: bricked, phase: closed, name: {en: Bricked up}, final: true}
transitions:
  - {id: shut, name: {en: Shut}, from: [ajar, stuck], to: shut, who: [keeper], guard: people == 0 and not alarm, guard_message: lifecycle.open_tasks}
  - {id: jam, name: {en: Jam}, from: [ajar], to: stuck, who: [keeper, guest], require_when: {why: '"snow" in keys'}}
  - {id: open, name: {en: Open}, from: [shut], to: ajar, who: [guest], reopen: true, clears: [why]}
  - {id: brick, name: {en: Brick up}, from: [shut], to: bricked, who: [keeper], require: [why]}
`

func env(people int, keys ...string) map[string]any {
	return map[string]any{"people": people, "alarm": false, "name": "", "keys": keys}
}

func parse(t *testing.T, s string) *lifecycle.Definition {
	t.Helper()
	d, err := lifecycle.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Each change of a sound definition that breaks it, and the one fault that must be named.
func TestParseNamesEachFault(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"version: 1", "version: 0", "version: must be 1 or more"},
		{"version: 1", "version: 1\ncolour: red", "field colour not found"},
		{"version: 1", "version: 1\nversion: 2", "already defined"},
		{"start: ajar", "start: ajarr", `start: no state "ajarr"`},
		{"start: ajar", "start: shut", `the phase of "shut" is not open`},
		{"name: door", "name: A door", `name "A door": not an identifier`},
		{"{en: Ajar}", "{en: ' '}", `state "ajar": has no name`},
		{"{en: Ajar}", "{en: shut}", `states: two are named "Shut" in en`},
		{"{en: Ajar}", "{en: \"a\\nb\"}", "more than one line"},
		{"id: stuck,", "id: ajar,", `state "ajar": there twice`},
		{"phase: resolved", "phase: sleeping", `state "shut": no phase "sleeping"; there are open paused resolved closed`},
		{"phase: closed", "phase: resolved", `state "bricked": is final but its phase is not closed`},
		{", reasons: [{id: snow, name: {en: Snow}}]", "", `state "stuck": a paused state has reasons`},
		{"phase: paused", "phase: open", `state "stuck": a paused state has reasons, and no other has`},
		{", final: true", "", "states: none is final"},
		{", final: true", "", `state "ajar": no way to an end`},
		{"from: [ajar, stuck]", "from: [ajar]", `state "stuck": no way to an end`},
		{"from: [ajar], to: stuck", "from: [shut], to: stuck", `transition "jam": reopen must be set`},
		{"to: stuck", "to: shut", `state "stuck": nothing leads there from "ajar"`},
		{"to: stuck", "to: nowhere", `transition "jam": to: no state "nowhere"`},
		{"from: [ajar, stuck]", "from: [ajar, stuck, hell]", `transition "shut": from: no state "hell"`},
		{"from: [ajar, stuck]", "from: [ajar, stuck, bricked]", `leads out of "bricked", which is final`},
		{"from: [ajar], to: stuck", "from: [ajar], to: ajar", `leads from "ajar" to itself`},
		{"who: [guest]", "who: []", `transition "open": nobody may make it`},
		{"who: [guest]", "who: [thief]", `transition "open": who: "thief" is not declared`},
		{"require: [why]", "require: [how]", `transition "brick": require: "how" is not declared`},
		{"require: [why]", "require: [why], clears: [why]", `transition "brick": requires and clears "why"`},
		{"reopen: true, ", "", `transition "open": reopen must be set`},
		{"{en: Jam}", "{en: Shut}", `transitions from "ajar": two are named "Shut"`},
		{", guard_message: lifecycle.open_tasks", "", `transition "shut": a guard and its message come together`},
		{"lifecycle.open_tasks", "lifecycle.nothing", `guard_message: no message "lifecycle.nothing"`},
		{"people == 0 and not alarm", "people", `transition "shut": guard: expected bool`},
		{"people == 0 and not alarm", "persons == 0", `transition "shut": guard: unknown name persons`},
		{"people == 0 and not alarm", "'name > 0'", `transition "shut": guard: invalid operation`},
		{"people == 0 and not alarm", "now().Year() > 2000", `transition "shut": guard: unknown name now`},
		{"people == 0 and not alarm", "1" + strings.Repeat("+1", 120) + " == 0", `transition "shut": guard: compilation failed: expression exceeds maximum allowed nodes`},
		{"people == 0 and not alarm", strings.Repeat("people == 0 or ", 60) + "true", `transition "shut": guard: longer than`},
		{"'\"snow\" in keys'", "'\"snow\" in people'", `transition "jam": require_when why:`},
		{"people: int", "people: ticket", `environment "people": no type "ticket"`},
		{"name: door", "---\nname: door\n---\n", "more than one document"},
	} {
		if !strings.Contains(door, c.old) {
			t.Fatalf("the definition has no %q", c.old)
		}
		_, err := lifecycle.Parse([]byte(strings.Replace(door, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q → %q: got %v, want %q", c.old, c.new, err, c.want)
		}
	}
}

func TestParseSaysAllAtOnce(t *testing.T) {
	bad := strings.NewReplacer("version: 1", "version: -1", "to: stuck", "to: nowhere", "who: [guest]", "who: []").Replace(door)
	_, err := lifecycle.Parse([]byte(bad))
	for _, want := range []string{"version:", "nowhere", "nobody may"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestLoad(t *testing.T) {
	files := fstest.MapFS{"door.yaml": {Data: []byte(door)}, "gate.yaml": {Data: []byte(door)}}
	if d, err := lifecycle.Load(files, "door"); err != nil || d.Start != "ajar" {
		t.Errorf("door: %v", err)
	}
	if _, err := lifecycle.Load(files, "gate"); err == nil || !strings.Contains(err.Error(), `holds "door"`) {
		t.Errorf("a file of another name: %v", err)
	}
	if _, err := lifecycle.Load(files, "window"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestCheck(t *testing.T) {
	d := parse(t, door)
	keeper, guest := []string{"keeper"}, []string{"guest"}
	for _, c := range []struct {
		transition, state string
		who               []string
		filled            bool
		env               map[string]any
		want              fault.Kind
		ok                bool
	}{
		{"shut", "ajar", keeper, false, env(0), 0, true},
		{"shut", "ajar", keeper, false, env(1), fault.Conflict, false},
		{"shut", "ajar", guest, false, env(0), fault.Forbidden, false},
		{"shut", "shut", keeper, false, env(0), fault.Conflict, false},
		{"jam", "ajar", guest, false, env(0, "rust"), 0, true},
		{"jam", "ajar", guest, false, env(0, "snow"), fault.Invalid, false},
		{"jam", "ajar", guest, true, env(0, "snow"), 0, true},
		{"brick", "shut", keeper, false, env(0), fault.Invalid, false},
		{"fly", "shut", keeper, false, env(0), fault.NotFound, false},
		{"shut", "gone", keeper, false, env(0), fault.Internal, false},
		{"shut", "ajar", keeper, false, map[string]any{"people": 0}, fault.Internal, false},
		{"shut", "ajar", keeper, false, map[string]any{"people": "0", "alarm": false, "name": "", "keys": []string{}}, fault.Internal, false},
	} {
		err := d.Check(c.transition, c.state, c.who, func(string) bool { return c.filled }, c.env)
		if (err == nil) != c.ok || err != nil && fault.KindOf(err) != c.want {
			t.Errorf("%s in %s by %v (%v): got %v, want %v", c.transition, c.state, c.who, c.env, err, c.want)
		}
	}
	if !d.Allows("ajar", "stuck") || d.Allows("stuck", "ajar") || d.Allows("gone", "ajar") {
		t.Error("Allows does not follow the edges")
	}
}

// A guard that would eat the machine is refused, or stops by its budget.
func TestGuardBudget(t *testing.T) {
	for _, guard := range []string{
		"len(1..1000000000) == 0",
		"len(1..5000) + len(1..5001) == 0",
		"let r = 1..300; all(r, all(r, all(r, all(r, true))))",
		"all(1..100, all(1..100, true))",
		`let a = "abcdefghij"; let b = a + a; len(b) == 0`,
		`reduce(1..30, #acc + #acc, "ab") == ""`,
		`len(repeat("a", 1000000000)) == 0`,
	} {
		d, err := lifecycle.Parse([]byte(strings.Replace(door, "people == 0 and not alarm", "'"+guard+"'", 1)))
		if err == nil {
			err = d.Check("shut", "ajar", []string{"keeper"}, func(string) bool { return true }, env(0))
		}
		if err == nil || fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), "guard") {
			t.Errorf("%s: got %v, want that it is refused or stops", guard, err)
		}
	}
}

// Whatever somebody does, in whatever order: Check lets through exactly the edges that Allows and From tell of.
func TestWalks(t *testing.T) {
	d := parse(t, door)
	rapid.Check(t, func(t *rapid.T) {
		state := d.Start
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			tr := rapid.SampledFrom(d.Transitions).Draw(t, "transition")
			who := rapid.SliceOfDistinct(rapid.SampledFrom(d.Relations), rapid.ID).Draw(t, "who")
			err := d.Check(tr.ID, state, who, func(string) bool { return true }, env(0))
			if want := tr.May(who) && slices.Contains(tr.From, state); (err == nil) != want {
				t.Fatalf("%s in %s by %v: %v, want allowed %v", tr.ID, state, who, err, want)
			}
			if err != nil {
				continue
			}
			if !d.Allows(state, tr.To) {
				t.Fatalf("%s → %s was made but is not allowed", state, tr.To)
			}
			state = tr.To
		}
	})
}

func TestDiagram(t *testing.T) {
	got := parse(t, strings.Replace(door, "{en: Jam}", `{en: 'J"am: now; #1'}`, 1)).Diagram()
	for _, want := range []string{"stateDiagram-v2\n", `state "Ajar" as s_ajar`, "[*] --> s_ajar", "s_ajar --> s_stuck: J#quot;am#58; now#59; #35;1\n", "s_bricked --> [*]"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// Whatever is read: no panic, no endless work; and what passes the checks can be asked about and drawn.
func FuzzParse(f *testing.F) {
	f.Add([]byte(door))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("states: [{}]\ntransitions: [{}]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := lifecycle.Parse(raw)
		if err != nil {
			return
		}
		for _, s := range d.States {
			for _, tr := range d.From(s.ID) {
				if !d.Allows(s.ID, tr.To) {
					t.Errorf("%s leads out of %s but is not allowed", tr.ID, s.ID)
				}
			}
		}
		if lifecycle.Page(d) == "" {
			t.Error("no page")
		}
	})
}

// Whatever an administrator types as a guard either does not compile or ends at once with an answer or an error.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{
		"people == 0", `name matches "(a+)+$"`, "all(1..1000, # > 0)", "let x = people; x > 1 ? alarm : false",
		"1..1e6 == keys", "toJSON(1..99999) == name", "$env.people == 0", "keys[people] == name", "people % people == 0",
		"reduce(1..100000, #acc + [#], []) == []", "date(name).Year() == 1", "fromJSON(name) == nil", "sort(keys) == keys",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, guard string) {
		quoted := "'" + strings.ReplaceAll(guard, "'", "''") + "'"
		d, err := lifecycle.Parse([]byte(strings.Replace(door, "people == 0 and not alarm", quoted, 1)))
		if err != nil {
			return
		}
		begun := time.Now()
		_ = d.Check("shut", "ajar", []string{"keeper"}, func(string) bool { return true }, env(0, "a", "b"))
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("%q took %v", guard, took)
		}
	})
}
