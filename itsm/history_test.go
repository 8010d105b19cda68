package itsm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"opora/internal/fault"
	"opora/itsm"
	"opora/workflows/lifecycle"
)

func serviceNow(t testing.TB) itsm.Mapping {
	t.Helper()
	m, err := itsm.LoadMapping("servicenow")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func historyFile(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/history.csv")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (d *desk) bring(t testing.TB, log, until string) itsm.Summary {
	t.Helper()
	s, err := d.ImportHistory(t.Context(), strings.NewReader(log), serviceNow(t), itsm.HistoryOptions{Until: until})
	if err != nil {
		t.Fatal(err)
	}
	d.sound(t)
	return s
}

// sound checks that what is stored is what the write path would have stored: chains whole, clocks equal to their replay.
func (d *desk) sound(t testing.TB) {
	t.Helper()
	a, err := d.VerifyAudit(t.Context())
	if err != nil || len(a.Findings) > 0 {
		t.Fatalf("audit: %v, %v", a.Findings, err)
	}
	c, err := d.VerifyClocks(t.Context())
	if err != nil || len(c.Faults) > 0 {
		t.Fatalf("clocks: %v, %v", c.Faults, err)
	}
}

// past is an imported ticket as it is stored.
type past struct {
	Number     string     `db:"number"`
	State      string     `db:"state"`
	Reason     string     `db:"hold_reason"`
	Priority   int        `db:"priority"`
	ByHand     string     `db:"priority_reason"`
	Channel    string     `db:"channel"`
	Title      string     `db:"title"`
	Requester  string     `db:"requester"`
	Team       string     `db:"team"`
	Opened     time.Time  `db:"opened_at"`
	Updated    time.Time  `db:"updated_at"`
	Responded  *time.Time `db:"responded_at"`
	Resolved   *time.Time `db:"resolved_at"`
	Closed     *time.Time `db:"closed_at"`
	Outside    int        `db:"outside_lifecycle"`
	Reopened   int        `db:"reopen_count"`
	Reassigned int        `db:"reassign_count"`
}

func (d *desk) past(t testing.TB, n int) past {
	t.Helper()
	var p past
	d.get(t, &p, `SELECT t.number, t.state, t.hold_reason, t.priority, t.priority_reason, t.channel, t.title, r.name AS requester,
  coalesce(m.name ->> 'en', '') AS team, t.opened_at, t.updated_at, t.responded_at, t.resolved_at, t.closed_at, t.outside_lifecycle,
  t.reopen_count, t.reassign_count
FROM tickets t JOIN people r ON r.id = t.requester_id AND r.kind = 'history' LEFT JOIN teams m ON m.id = t.team_id
WHERE t.source = 'servicenow' AND t.external_number = $1`, fmt.Sprintf("INC90000%02d", n))
	return p
}

func march(text string) time.Time {
	at, err := time.Parse("2006-01-02 15:04", "2016-03-"+text)
	if err != nil {
		panic(err)
	}
	return at
}

func at(text string) *time.Time { v := march(text); return &v }

func TestHistoryAsItHappened(t *testing.T) {
	d := newDesk(t)
	want := itsm.Summary{
		Incidents: 14, Events: 64, ByState: map[string]int{"Closed": 14}, ByPriority: map[string]int{"1": 1, "2": 1, "3": 11, "4": 1},
		Reopened: 2, Reassigned: 1, OutsideLifecycle: 4, Imported: 14, Retimed: 2, Rows: 64, RejectedRows: []itsm.RejectedRow{},
	}
	if diff := cmp.Diff(want, d.bring(t, historyFile(t), "")); diff != "" {
		t.Error("summary (-want +got):\n", diff)
	}
	for n, want := range map[int]past{
		1: { // resolved when work ended, not when it was saved once more
			State: "closed", Priority: 3, Channel: "phone", Title: "Category 55 · Subcategory 170 · Symptom 72", Requester: "Caller 1", Team: "Group 70",
			Opened: march("01 09:00"), Updated: march("07 13:00"), Responded: at("01 10:00"), Resolved: at("02 12:00"), Closed: at("07 13:00"),
		},
		3: {
			State: "closed", Priority: 3, Channel: "phone", Title: "Category 55 · Subcategory 170 · Symptom 72", Requester: "Caller 3", Team: "Group 70",
			Opened: march("01 09:20"), Updated: march("12 12:00"), Responded: at("01 09:21"), Resolved: at("07 11:00"), Closed: at("12 12:00"),
			Outside: 1, Reopened: 1,
		},
		4: { // never resolved
			State: "closed", Priority: 1, Channel: "phone", Title: "Category 55 · Subcategory 170 · Symptom 72", Requester: "Caller 4", Team: "Group 70",
			Opened: march("01 09:30"), Updated: march("01 16:00"), Responded: at("01 16:00"), Closed: at("01 16:00"), Outside: 1,
		},
		5: {
			State: "closed", Priority: 3, Channel: "phone", Title: "Category 55 · Subcategory 170 · Symptom 72", Requester: "Caller 5", Team: "Group 70",
			Opened: march("01 09:40"), Updated: march("06 11:00"), Responded: at("01 10:00"), Resolved: at("01 10:02"), Closed: at("06 11:00"), Outside: 2,
		},
		6: { // an update before the opening counts at the opening
			State: "closed", Priority: 3, Channel: "phone", Title: "Category 55 · Subcategory 170 · Symptom 72", Requester: "Caller 6", Team: "Group 70",
			Opened: march("01 09:50"), Updated: march("06 12:00"), Responded: at("01 09:50"), Resolved: at("01 12:00"), Closed: at("06 12:00"),
		},
		7: { // one row was late: the others keep their times
			State: "closed", Priority: 4, ByHand: "imported", Channel: "phone", Title: "Category 55 · Subcategory 170 · Symptom 72", Requester: "Caller 7",
			Team: "Group 70", Opened: march("01 10:00"), Updated: march("06 11:30"), Responded: at("01 11:03"), Resolved: at("01 11:03"), Closed: at("06 11:30"),
		},
		8: {
			State: "closed", Priority: 3, Channel: "mail", Title: "INC9000008", Requester: "Unknown",
			Opened: march("01 10:10"), Updated: march("06 11:00"), Responded: at("01 10:20"), Resolved: at("01 11:00"), Closed: at("06 11:00"),
		},
		9: {
			State: "closed", Priority: 2, Channel: "portal", Title: "Category 55 · Subcategory 170 · Symptom 72", Requester: "Caller 9", Team: "Group 25",
			Opened: march("01 10:20"), Updated: march("06 14:00"), Responded: at("01 10:30"), Resolved: at("01 14:00"), Closed: at("06 14:00"), Reassigned: 2,
		},
	} {
		if diff := cmp.Diff(want, d.past(t, n), cmpopts.IgnoreFields(past{}, "Number"), cmpopts.EquateApproxTime(0)); diff != "" {
			t.Errorf("incident %d (-want +got):\n%s", n, diff)
		}
	}
	d.checkPastEvents(t)
	var told int
	if d.get(t, &told, `SELECT count(*) FROM notifications`); told != 0 {
		t.Errorf("%d notifications of the past", told)
	}
	var name string
	d.get(t, &name, `SELECT i.name ->> 'en' FROM ticket_items x JOIN items i ON i.id = x.item_id WHERE i.source = 'servicenow'`)
	if name != "cmdb_ci 31" {
		t.Errorf("linked to %q", name)
	}
	d.get(t, &name, `SELECT p.code || ' / ' || c.code FROM tickets t JOIN categories c ON c.id = t.category_id JOIN categories p ON p.id = c.parent_id
WHERE t.external_number = 'INC9000009'`)
	if name != "servicenow-category-40 / servicenow-category-40_subcategory-215" {
		t.Errorf("category %s", name)
	}
	// The clocks are those of the log: no replies, so no update clock.
	var clocks string
	d.get(t, &clocks, `SELECT string_agg(DISTINCT clock || ' ' || state, ', ') FROM ticket_clocks`)
	if clocks != "resolution met, response met" {
		t.Errorf("clocks: %s", clocks)
	}
}

// checkPastEvents reads the timelines of the odd ones.
func (d *desk) checkPastEvents(t *testing.T) {
	t.Helper()
	lines := func(n int) (out []string) {
		t.Helper()
		view, err := d.Get(t.Context(), d.boris, d.past(t, n).Number)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range view.Events {
			line := e.At.UTC().Format("02 15:04 ") + string(e.Type)
			if c, ok := e.Change("state"); ok {
				line += " " + c.To
			}
			for flag, is := range map[string]bool{" outside": e.Outside, " derived": e.Responded && e.Derived} {
				if is {
					line += flag
				}
			}
			if e.Former != "" {
				line += " former " + e.Former
			}
			if e.Type == itsm.EventImported {
				line = fmt.Sprint("imported ", e.Import.Number, " ", e.Import.Rows, " ", len(e.Import.Passed))
			}
			out = append(out, line)
		}
		return out
	}
	for n, want := range map[int][]string{
		3: {
			"01 09:20 opened new", "01 09:21 transition in_progress derived", "01 09:50 transition resolved", "06 10:00 transition closed",
			"07 10:00 transition in_progress outside", "07 11:00 transition resolved", "12 12:00 transition closed", "imported INC9000003 6 0",
		},
		5: {
			"01 09:40 opened new", "01 09:41 changed", "01 10:00 changed outside derived former -100", "01 10:01 changed",
			"01 10:02 transition resolved outside", "06 11:00 transition closed", "imported INC9000005 5 0",
		},
		8: {
			"01 10:10 opened new", "01 10:11 changed", "01 10:20 transition on_hold derived", "01 10:30 transition", "01 10:40 transition",
			"01 10:50 changed former Awaiting Evidence", "01 11:00 transition resolved", "06 11:00 transition closed", "imported INC9000008 7 0",
		},
	} {
		got := lines(n)
		for i := range got { // the order of the two marks does not matter
			got[i] = strings.Replace(got[i], " derived outside", " outside derived", 1)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events of %d (-want +got):\n%s", n, diff)
		}
	}
}

func TestHistoryTwice(t *testing.T) {
	d := newDesk(t)
	first := d.bring(t, historyFile(t), "")
	state := func() (s string) {
		d.get(t, &s, `SELECT concat_ws(' ', (SELECT count(*) FROM tickets), (SELECT count(*) FROM ticket_events), (SELECT count(*) FROM people),
  (SELECT count(*) FROM teams), (SELECT count(*) FROM categories), (SELECT count(*) FROM items), (SELECT count(*) FROM sla_policies),
  (SELECT count(*) FROM audit_log), (SELECT last_value FROM incident_number), (SELECT max(xmin::text::bigint) FROM tickets))`)
		return s
	}
	before := state()
	want := first
	want.Imported, want.Unchanged = 0, 14
	if diff := cmp.Diff(want, d.bring(t, historyFile(t), "")); diff != "" {
		t.Error("second summary (-want +got):\n", diff)
	}
	if after := state(); after != before {
		t.Errorf("a second run changed something: %s, then %s", before, after)
	}
	// A shorter history of the same incidents is another one: what is there stays, and every row is accounted for.
	s := d.bring(t, historyFile(t), "2016-03-31")
	if s.Imported != 0 || s.Unchanged != 9 || s.Differing != 8 || s.Events+s.Later+s.Differing != s.Rows || state() != before {
		t.Errorf("until: %+v", s)
	}
}

// An import that is killed goes on where it stopped.
func TestHistoryResumed(t *testing.T) {
	d := newDesk(t)
	log := historyFile(t)
	broken := errors.New("the disk is gone")
	for _, share := range []int{3, 2} {
		r := io.MultiReader(strings.NewReader(log[:len(log)/share]), iotest.ErrReader(broken))
		s, err := d.ImportHistory(t.Context(), r, serviceNow(t), itsm.HistoryOptions{})
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "line ") || s.Incidents == 0 {
			t.Fatalf("broken at 1/%d: %v, %+v", share, err, s)
		}
		d.sound(t)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := readerFunc(func([]byte) (int, error) { cancel(); return 0, nil })
	if _, err := d.ImportHistory(ctx, io.MultiReader(strings.NewReader(log[:len(log)*3/4]), &once{stop}, strings.NewReader(log[len(log)*3/4:])),
		serviceNow(t), itsm.HistoryOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	s := d.bring(t, log, "")
	if s.Incidents != 14 || s.Events != 64 || s.Imported == 0 || s.Unchanged == 0 || s.Imported+s.Unchanged != 14 {
		t.Errorf("resumed: %+v", s)
	}
	var n int
	if d.get(t, &n, `SELECT count(*) FROM ticket_events`); n != 64+2*14 {
		t.Errorf("%d events", n)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// once reads from r one time, then is at its end.
type once struct{ r io.Reader }

func (o *once) Read(p []byte) (int, error) {
	if o.r == nil {
		return 0, io.EOF
	}
	r := o.r
	o.r = nil
	return r.Read(p)
}

func TestHistoryByTwoAtOnce(t *testing.T) {
	d := newDesk(t)
	m := serviceNow(t)
	var sums [3]itsm.Summary
	var wg sync.WaitGroup
	for i := range sums {
		wg.Go(func() {
			other := itsm.New(d.pool, d.key, nil)
			s, err := other.ImportHistory(t.Context(), strings.NewReader(historyFile(t)), m, itsm.HistoryOptions{})
			if err != nil {
				t.Error(err)
			}
			sums[i] = s
		})
	}
	wg.Wait()
	d.sound(t)
	imported := 0
	for _, s := range sums {
		imported += s.Imported
		if s.Incidents != 14 || s.Events != 64 || s.Imported+s.Unchanged != 14 {
			t.Errorf("%+v", s)
		}
	}
	var tickets, people int
	d.get(t, &tickets, `SELECT count(*) FROM tickets`)
	d.get(t, &people, `SELECT count(*) - count(DISTINCT login) FROM people`)
	if imported != 14 || tickets != 14 || people != 0 {
		t.Errorf("%d imported, %d tickets, %d people twice", imported, tickets, people)
	}
}

func TestHistoryUntil(t *testing.T) {
	d := newDesk(t)
	now := march("31 23:59").Add(time.Minute)
	d.SetClock(func() time.Time { return now })
	s := d.bring(t, historyFile(t), "2016-03-31")
	if s.Incidents != 13 || s.Rows != s.Events+s.Later || s.Events != 53 ||
		!cmp.Equal(s.ByState, map[string]int{"Closed": 9, "In Progress": 1, "On Hold": 1, "Resolved": 1, "New": 1}) {
		t.Fatalf("%+v", s)
	}
	for n, state := range map[int]string{10: "in_progress ", 11: "on_hold caller", 12: "resolved ", 13: "new "} {
		if p := d.past(t, n); p.State+" "+p.Reason != state || p.Closed != nil {
			t.Errorf("%d is %s %s", n, p.State, p.Reason)
		}
	}
	// Business hours are 9 to 18 on the log's own clock. 10 was opened on Thursday before they began: moderate, 2 hours to respond,
	// met at 12:00 though that is late; 27 to resolve, 9 of which are used.
	var due, running time.Time
	d.get(t, &due, `SELECT c.due_at FROM ticket_clocks c JOIN tickets t ON t.id = c.ticket_id WHERE external_number = 'INC9000010' AND clock = 'resolution'`)
	d.get(t, &running, `SELECT c.running_since FROM ticket_clocks c JOIN tickets t ON t.id = c.ticket_id WHERE external_number = 'INC9000010' AND clock = 'resolution'`)
	if want := time.Date(2016, 4, 4, 18, 0, 0, 0, time.UTC); !due.Equal(want) || !running.Equal(march("31 08:00")) {
		t.Errorf("due %s, running since %s", due, running)
	}
	fired := func(at time.Time) int {
		t.Helper()
		n, err := d.Escalate(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		d.sound(t)
		return n
	}
	if n := fired(now); n != 0 {
		t.Errorf("%d steps of the past were carried out", n)
	}
	// 10 at three quarters of its target: 20:15 hours used, on Monday 4 April at 11:15. 13 by then has missed its response (75, 100).
	if n := fired(time.Date(2016, 4, 4, 11, 14, 0, 0, time.UTC)); n != 2 {
		t.Errorf("%d steps until Monday", n)
	}
	if n := fired(time.Date(2016, 4, 4, 11, 15, 0, 0, time.UTC)); n != 1 {
		t.Errorf("%d steps at three quarters", n)
	}
	// 11 has used its target up before it went on hold. What was due then is not due when it goes on.
	p := d.past(t, 11)
	now = now.Add(time.Hour)
	if _, err := d.Resume(t.Context(), d.boris, p.Number, 1); err != nil {
		t.Fatal(err)
	}
	if n := fired(now); n != 0 {
		t.Errorf("%d steps of the past were carried out after the hold", n)
	}
	// It is a ticket like any other now.
	got, err := d.Reopen(t.Context(), d.boris, d.past(t, 12).Number, 1, "Still broken.")
	if err != nil || got.State != "in_progress" || got.Phase != lifecycle.Open {
		t.Errorf("reopened: %+v, %v", got, err)
	}
	d.sound(t)
}

func TestHistoryWithBadRows(t *testing.T) {
	d := newDesk(t)
	lines := strings.Split(strings.TrimSuffix(historyFile(t), "\n"), "\n")
	change := func(n int, old, fresh string) string {
		if !strings.Contains(lines[n-1], old) {
			t.Fatalf("line %d has no %q", n, old)
		}
		return strings.Replace(lines[n-1], old, fresh, 1)
	}
	bad := []struct{ row, reason string }{
		{change(2, ",Phone", ""), "35 fields where the header has 36"},
		{change(2, "1/3/2016 09:05", "31/2/2016 09:05"), `sys_updated_at: "31/2/2016 09:05" is not a date of the form "2/1/2006 15:04"`},
		{change(2, "3 - Moderate", "9 - Never"), `priority: unknown value "9 - Never"`},
		{change(2, "2 - Medium", "?"), "impact: missing"},
		{change(2, "INC9000001", "?"), "number: missing"},
		{change(2, "INC9000001", ""), "number: missing"},
		{change(2, "Caller 1", "Caller\x001"), "holds a NUL character"},
		{change(2, "Caller 1", "Caller \xff"), "not UTF-8"},
		{change(2, "Caller 1", strings.Repeat("я", 201)), "caller_id: longer than 200 characters"},
		{change(2, "Caller 1", `"Caller 1`), `not CSV: extraneous or missing " in quoted-field`},
		{strings.Repeat("x", 200_000), "longer than 65536 bytes"},
		{change(2, ",0,0,0,", ",0,-1,0,"), `reopen_count: "-1" is not a count`},
	}
	var file []string
	var want []itsm.RejectedRow
	file = append(file, "\ufeff"+lines[0])
	for _, b := range bad {
		file = append(file, b.row)
		want = append(want, itsm.RejectedRow{Line: len(file), Reason: b.reason})
	}
	file = append(file, "") // no row
	file = append(file, lines[1:]...)
	file = append(file, lines[1])
	want = append(want, itsm.RejectedRow{Line: len(file), Reason: "the rows of INC9000001 do not stand together"})
	s := d.bring(t, strings.Join(file, "\r\n"), "")
	if diff := cmp.Diff(want, s.RejectedRows); diff != "" {
		t.Error("rejected (-want +got):\n", diff)
	}
	if s.Incidents != 14 || s.Events != 64 || s.Rejected != len(want) || s.Rows != 64+len(want) {
		t.Errorf("%+v", s)
	}
}

func TestHistoryThatIsNone(t *testing.T) {
	d := newDesk(t)
	for text, want := range map[string]string{
		"":                         "line 1: the file is empty",
		"a,b\n1,2\n":               "the header lacks the columns",
		"number,number\n":          "twice",
		strings.Repeat("x", 70000): "longer than",
		"\x89PNG\r\n\x1a\n\x00":    "not UTF-8",
	} {
		_, err := d.ImportHistory(t.Context(), strings.NewReader(text), serviceNow(t), itsm.HistoryOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	if _, err := d.ImportHistory(t.Context(), strings.NewReader(historyFile(t)), serviceNow(t), itsm.HistoryOptions{Until: "31.03.2016"}); err == nil {
		t.Error("a date of another form was taken")
	}
	// Without targets nothing can be reckoned.
	d.exec(t, `UPDATE sla_policies SET is_default = false`)
	_, err := d.ImportHistory(t.Context(), strings.NewReader(historyFile(t)), serviceNow(t), itsm.HistoryOptions{})
	wantKind(t, err, fault.Unavailable)
}

func TestMappingFaults(t *testing.T) {
	good, err := os.ReadFile("mappings/servicenow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, fresh, want string }{
		{"source: servicenow", "source: Service Now", "source:"},
		{`delimiter: ","`, `delimiter: ",,"`, "delimiter:"},
		{`layout: "2/1/2006 15:04"`, `layout: "15:04"`, "dates.layout:"},
		{"zone: UTC", "zone: Mars/Olympus", "dates.zone:"},
		{"  number: number\n", "", "columns.number: missing"},
		{"  team: assignment_group", "  crew: assignment_group", "columns.crew:"},
		{"Active: {state: in_progress}", "Active: {state: busy}", `no state "busy"`},
		{"reason: vendor}", "reason: weather}", `"weather" is no reason`},
		{"New: {state: new}", "New: {state: resolved}", "none of them is new"},
		{"1 - Critical: 1", "1 - Critical: 0", "priority.1 - Critical"},
		{"Phone: phone", "Phone: pigeon", "pigeon"},
		{"clocks: [response, resolution]", "clocks: [lunch]", "lunch"},
		{"missing:", "mising:", "mising"},
	} {
		text := bytes.Replace(good, []byte(c.old), []byte(c.fresh), 1)
		if bytes.Equal(text, good) {
			t.Fatalf("%q is not there", c.old)
		}
		if _, err := itsm.ParseMapping(text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.fresh, err, c.want)
		}
	}
	if _, err := itsm.LoadMapping("remedy"); err == nil || !strings.Contains(err.Error(), "servicenow") {
		t.Errorf("a mapping that does not ship: %v", err)
	}
}
