package worktime_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"opora/workflows/worktime"
)

// TestFacts asks every row of testdata/facts.jsonl. Rows named after a project (biz, libredesk …) are facts of that
// project's own tests; "error" stands for any refusal.
func TestFacts(t *testing.T) {
	facts, err := os.ReadFile("testdata/facts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := worktime.Eval(t.Context(), bytes.NewReader(facts), &out); err != nil {
		t.Fatal(err)
	}
	questions, answers := lines(string(facts)), lines(out.String())
	if len(questions) != len(answers) {
		t.Fatalf("%d answers to %d rows", len(answers), len(questions))
	}
	for i, line := range questions {
		var q struct {
			ID       string
			Expected any
		}
		var a struct {
			ID     string
			Result any
			Error  string
		}
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(answers[i]), &a); err != nil {
			t.Fatal(err)
		}
		switch {
		case a.ID != q.ID:
			t.Errorf("row %s is answered as %s", q.ID, a.ID)
		case q.Expected == "error":
			if a.Error == "" || a.Error == "unsupported" {
				t.Errorf("%s: want a refusal, got %s", q.ID, answers[i])
			}
		case !same(a.Result, q.Expected):
			t.Errorf("%s: want %v, got %s", q.ID, q.Expected, answers[i])
		}
	}
}

func lines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }

// same compares instants as instants and all else as it is.
func same(a, b any) bool {
	x, okX := a.(string)
	y, okY := b.(string)
	if !okX || !okY {
		return a == b
	}
	s, errS := time.Parse(time.RFC3339, x)
	u, errU := time.Parse(time.RFC3339, y)
	return errS == nil && errU == nil && s.Equal(u)
}

func TestEvalGoesOnAfterABrokenLine(t *testing.T) {
	in := `{"id":"a","kind":"is_workday","calendar":{"tz":"UTC","weekly":{"mon":[["09:00","17:00"]]}},"date":"2026-11-16"}

{"id":"b","kind":
{"id":"c","kind":"due_days","start":7}
{"id":"d","kind":"due","start":7}
{"id":7,"kind":"due","calendar":{"tz":"UTC","weekly":{},"always_open":true},"start":"2026-11-16T00:00:00Z","work_seconds":60}`
	var out bytes.Buffer
	if err := worktime.Eval(t.Context(), strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"id":"a","result":true}`,
		`{"id":null,"error":"line 3: unexpected end of JSON input"}`,
		`{"id":"c","error":"unsupported"}`,
		`{"id":"d","error":"line 5: Time.UnmarshalJSON: input is not a JSON string"}`,
		`{"id":7,"result":"2026-11-16T00:01:00Z"}`,
	}
	if got := lines(out.String()); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
