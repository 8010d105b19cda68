package lifecycles_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opora/internal/fault"
	"opora/itsm/lifecycles"
	"opora/workflows/lifecycle"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it anew):\n%s", path, diff)
	}
}

func incidentEnv(openTasks int, holdReason string) map[string]any {
	return map[string]any{"open_tasks": openTasks, "hold_reason": holdReason}
}

func anything(string) bool { return true }

// Who may do what in which state, whole: a change of somebody's rights shows as a diff of this file.
func TestIncidentRights(t *testing.T) {
	d := lifecycles.Incident()
	var b strings.Builder
	b.WriteString("# state, transition, who may when all it needs is there\n")
	for _, s := range d.States {
		for _, tr := range d.Transitions {
			var may []string
			for _, who := range d.Relations {
				err := d.Check(tr.ID, s.ID, []string{who}, anything, incidentEnv(0, ""))
				if err == nil {
					may = append(may, who)
				} else if !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.Conflict) {
					t.Errorf("%s in %s by %s: %v", tr.ID, s.ID, who, err)
				}
			}
			if len(may) > 0 {
				fmt.Fprintf(&b, "%-11s %-7s → %-11s %s\n", s.ID, tr.ID, tr.To, strings.Join(may, " "))
			}
		}
	}
	golden(t, "testdata/incident.golden", b.String())
}

// What practices ask of an incident beyond who and where.
func TestIncidentNeeds(t *testing.T) {
	staff := []string{"staff"}
	for _, c := range []struct {
		name, transition, state string
		who, filled             []string
		env                     map[string]any
		want                    string
	}{
		{"resolve at first contact", "resolve", "new", staff, []string{"resolution_code", "resolution"}, incidentEnv(0, ""), ""},
		{"resolve without a word", "resolve", "in_progress", staff, nil, incidentEnv(0, ""), "invalid: fault.invalid; resolution_code: lifecycle.required; resolution: lifecycle.required"},
		{"resolve with open tasks", "resolve", "in_progress", staff, []string{"resolution_code", "resolution"}, incidentEnv(2, ""), "conflict: lifecycle.open_tasks"},
		{"hold without a reason", "hold", "new", staff, nil, incidentEnv(0, ""), "invalid: fault.invalid; hold_reason: lifecycle.required"},
		{"hold for the vendor", "hold", "new", staff, []string{"hold_reason"}, incidentEnv(0, "vendor"), ""},
		{"hold for the caller, silently", "hold", "new", staff, []string{"hold_reason"}, incidentEnv(0, "caller"), "invalid: fault.invalid; message: lifecycle.required"},
		{"hold for the caller", "hold", "new", staff, []string{"hold_reason", "message"}, incidentEnv(0, "caller"), ""},
		{"the answer resumes", "resume", "on_hold", []string{"system"}, nil, incidentEnv(0, "caller"), ""},
		{"reopen a closed one", "reopen", "closed", []string{"requester"}, nil, incidentEnv(0, ""), "conflict: lifecycle.wrong_state"},
		{"staff confirms for the requester", "confirm", "resolved", staff, nil, incidentEnv(0, ""), "forbidden: lifecycle.forbidden"},
		{"cancel without a reason", "cancel", "new", staff, nil, incidentEnv(0, ""), "invalid: fault.invalid; reason: lifecycle.required"},
		{"a stranger", "resolve", "new", nil, nil, incidentEnv(0, ""), "forbidden: lifecycle.forbidden"},
		{"no such verb", "explode", "new", staff, nil, incidentEnv(0, ""), "not found: lifecycle.unknown_transition"},
	} {
		filled := func(f string) bool { return strings.Contains(" "+strings.Join(c.filled, " ")+" ", " "+f+" ") }
		got := ""
		if err := lifecycles.Incident().Check(c.transition, c.state, c.who, filled, c.env); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// Every name that people read is there in the three languages.
func TestNames(t *testing.T) {
	for _, d := range lifecycles.All() {
		check := func(what, en, ru, uk string) {
			if en == "" || ru == "" || uk == "" {
				t.Errorf("%s: %s lacks a language: %q, %q, %q", d.Name, what, en, ru, uk)
			}
		}
		check("title", d.Title.En, d.Title.Ru, d.Title.Uk)
		for _, s := range d.States {
			check(s.ID, s.Name.En, s.Name.Ru, s.Name.Uk)
			for _, r := range s.Reasons {
				check(s.ID+" "+r.ID, r.Name.En, r.Name.Ru, r.Name.Uk)
			}
		}
		for _, tr := range d.Transitions {
			check(tr.ID, tr.Name.En, tr.Name.Ru, tr.Name.Uk)
		}
	}
}

// The page in docs is the one that the definitions make: make docs writes it.
func TestPage(t *testing.T) {
	golden(t, "../../docs/lifecycles.md", lifecycle.Page(lifecycles.All()...))
}
