package itsm

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"opora/workflows/lifecycle"
)

// Whatever a log holds, each of its rows is taken or rejected, no incident comes twice, and what is planned keeps the rules of time and
// of the lifecycle.
func FuzzLog(f *testing.F) {
	text, err := os.ReadFile("testdata/history.csv")
	if err != nil {
		f.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	header := lines[0]
	f.Add(strings.Join(lines[1:], ""), int64(0))
	f.Add(strings.Join(lines[1:], ""), time.Date(2016, 4, 1, 0, 0, 0, 0, time.UTC).Unix())
	f.Add(strings.Join(lines[20:40], "")+lines[1]+"\x00\n\n\"", int64(1))
	f.Add(strings.ReplaceAll(lines[1], ",", ";")+strings.Repeat("x", maxLogLine+1)+"\n"+lines[2], int64(0))
	m, err := LoadMapping("servicenow")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string, until int64) {
		in, err := newLogReader(strings.NewReader(header+body), &m)
		if err != nil {
			t.Fatal(err)
		}
		var end time.Time
		if until != 0 {
			end = time.Unix(until%4e9, 0)
		}
		seen, taken := map[string]bool{}, 0
		for {
			incident, err := in.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if seen[incident.number] || incident.number == "" || len(incident.rows) == 0 {
				t.Fatalf("incident %q twice, or empty", incident.number)
			}
			seen[incident.number] = true
			taken += len(incident.rows)
			if p := m.plan(incident, end); p != nil {
				checkPlan(t, p, len(incident.rows), end)
			}
		}
		if in.rows != taken+len(in.bad) {
			t.Fatalf("%d rows, %d taken, %d rejected", in.rows, taken, len(in.bad))
		}
		if !slices.IsSortedFunc(in.bad, func(a, b RejectedRow) int { return a.Line - b.Line }) {
			t.Fatal("rejected rows out of order")
		}
	})
}

func checkPlan(t *testing.T, p *pastIncident, rows int, end time.Time) {
	t.Helper()
	if len(p.steps)+p.later != rows {
		t.Fatalf("%d steps and %d later ones of %d rows", len(p.steps), p.later, rows)
	}
	def := definition(Incident)
	state, last, responses := def.Start, p.openedAt, 0
	for _, s := range p.steps {
		if s.at.Before(last) || !end.IsZero() && !s.at.Before(end) {
			t.Fatalf("a step at %s, after %s", s.at, last)
		}
		if (s.state.Phase == lifecycle.Paused) != (s.reason != "") {
			t.Fatalf("state %s with reason %q", s.state.ID, s.reason)
		}
		if s.moved && !s.outside && (s.transition.To != s.state.ID || !slices.Contains(s.transition.From, state)) {
			t.Fatalf("%s does not lead from %s to %s", s.transition.ID, state, s.state.ID)
		}
		if s.responded {
			responses++
		}
		state, last = s.state.ID, s.at
	}
	if responses > 1 {
		t.Fatal("two first responses")
	}
}

// Times that stand in order stay; else no fewer rows could have moved to one side.
func TestSettleTimes(t *testing.T) {
	at := func(minutes ...int) []loggedRow {
		rows := make([]loggedRow, len(minutes))
		for i, m := range minutes {
			rows[i].at = time.Unix(int64(m)*60, 0).UTC()
		}
		return rows
	}
	for _, c := range []struct{ rows, want []int }{
		{[]int{10, 20, 20, 30}, []int{10, 20, 20, 30}},
		{[]int{3, 20, 30}, []int{10, 20, 30}},                 // before the opening
		{[]int{25, 12, 20, 30}, []int{12, 12, 20, 30}},        // one too late
		{[]int{11, 12, 13, 5, 14}, []int{11, 12, 13, 13, 14}}, // one too early
		{[]int{3, 2, 1}, []int{10, 10, 10}},
	} {
		got := settleTimes(time.Unix(600, 0).UTC(), at(c.rows...))
		for i, row := range at(c.want...) {
			if !got[i].Equal(row.at) {
				t.Errorf("%v: row %d counts at minute %d, want %d", c.rows, i, got[i].Unix()/60, c.want[i])
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		opened := rapid.IntRange(0, 20).Draw(t, "opened")
		rows := at(rapid.SliceOfN(rapid.IntRange(0, 40), 1, 12).Draw(t, "rows")...)
		got := settleTimes(time.Unix(int64(opened)*60, 0).UTC(), rows)
		last, sorted := time.Unix(int64(opened)*60, 0).UTC(), true
		for i := range rows {
			sorted = sorted && !rows[i].at.Before(last)
			if got[i].Before(last) {
				t.Fatalf("row %d counts before the one above it", i)
			}
			if sorted && !got[i].Equal(rows[i].at) && slices.IsSortedFunc(rows, func(a, b loggedRow) int { return a.at.Compare(b.at) }) {
				t.Fatalf("row %d moved without need", i)
			}
			last = got[i]
		}
	})
}

func TestCodes(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"Group 70", "Group 7 0", "Группа 70", "Группа 71", "Group-70", strings.Repeat("long ", 30), "(none)", "&"} {
		code := codeOf("servicenow", name)
		if !codeForm.MatchString(code) {
			t.Errorf("%q has the code %q", name, code)
		}
		if other, taken := seen[code]; taken {
			t.Errorf("%q and %q have the code %s", name, other, code)
		}
		seen[code] = name
	}
	if codeOf("servicenow", "Group 70") != "servicenow-group-70" || codeOf("servicenow", "a b", "c") == codeOf("servicenow", "a", "b c") {
		t.Error("codes of plain names are not what they should be")
	}
}
