package itsm_test

import (
	"context"
	"testing"
	"time"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/fault"
	"opora/internal/files"
	"opora/internal/testkit"
	"opora/itsm"
	"opora/itsm/sla"
	"opora/workflows/lifecycle"
)

// desk is a service desk on a fresh database, with a few people.
type desk struct {
	*itsm.Service
	db    testkit.Database
	pool  *db.DB
	key   audit.Key
	anna  auth.Actor // employee; reports to olena
	boris auth.Actor // agent, team network
	vera  auth.Actor // agent, team apps
	olena auth.Actor // lead of network, Anna's manager
	ivan  auth.Actor // employee, a stranger
	audit auth.Actor
	admin auth.Actor

	network, apps int64
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{db: testkit.NewDatabase(t)}
	d.pool = d.db.Open(t)
	key, err := audit.NewKey([]byte("a secret of the tests, 32 bytes long"))
	if err != nil {
		t.Fatal(err)
	}
	d.key = key
	store, err := files.Open(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d.Service = itsm.New(d.pool, key, store)
	if err := d.Defaults(t.Context(), "Europe/Kyiv"); err != nil {
		t.Fatal(err)
	}
	team := func(code string) (id int64) {
		d.get(t, &id, `INSERT INTO teams (code, name) VALUES ($1, jsonb_build_object('en', CAST($1 AS text))) RETURNING id`, code)
		return id
	}
	d.network, d.apps = team("network"), team("apps")
	person := func(login string, manager int64, teams []int64, roles ...auth.Role) auth.Actor {
		a := auth.Actor{Login: login, Name: login, Roles: roles, Teams: teams, Channel: auth.Desk, Language: "en", Zone: time.UTC}
		d.get(t, &a.ID, `INSERT INTO people (login, name, manager_id) VALUES ($1, $1, NULLIF(CAST($2 AS bigint), 0)) RETURNING id`, login, manager)
		for _, r := range roles {
			d.exec(t, `INSERT INTO person_roles (person_id, role, source) VALUES ($1, $2, 'hand')`, a.ID, string(r))
		}
		for _, team := range teams {
			d.exec(t, `INSERT INTO team_members (team_id, person_id) VALUES ($1, $2)`, team, a.ID)
		}
		return a
	}
	d.olena = person("olena", 0, []int64{d.network}, auth.TeamLead)
	d.anna = person("anna", d.olena.ID, nil)
	d.boris = person("boris", 0, []int64{d.network}, auth.Agent)
	d.vera = person("vera", 0, []int64{d.apps}, auth.Agent)
	d.ivan = person("ivan", 0, nil)
	d.audit = person("audrey", 0, nil, auth.Auditor)
	d.admin = person("maria", 0, nil, auth.Administrator)
	d.exec(t, `UPDATE teams SET lead_id = $1 WHERE id = $2`, d.olena.ID, d.network)
	return d
}

func (d *desk) get(t testing.TB, to any, query string, args ...any) {
	t.Helper()
	if err := d.pool.GetContext(t.Context(), to, query, args...); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := d.pool.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) report(t testing.TB, n itsm.NewIncident) itsm.Ticket {
	t.Helper()
	if n.Title == "" {
		n.Title = "Printer prints blank pages"
	}
	ticket, err := d.OpenIncident(t.Context(), d.anna, n)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func (d *desk) inTeam(t testing.TB, tk itsm.Ticket) itsm.Ticket {
	t.Helper()
	out, err := d.Assign(t.Context(), d.boris, tk.Number, tk.Version, d.network, 0)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantKind(t testing.TB, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Fatalf("got error %v, want %s", err, k)
	}
}

func TestAnIncidentsLife(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	tk := d.report(t, itsm.NewIncident{Title: "Printer", Description: "It prints blank pages", Impact: 2, Urgency: 2})
	if tk.Number != "INC-000001" || tk.State != "new" || tk.Priority != 3 || tk.DueAt == nil {
		t.Fatalf("opened: %+v", tk)
	}
	tk, err := d.Take(ctx, d.boris, tk.Number, tk.Version)
	if err != nil || tk.State != "in_progress" || tk.AssigneeID != d.boris.ID || tk.TeamID != d.network {
		t.Fatalf("taken: %+v, %v", tk, err)
	}
	if _, err := d.Take(ctx, d.vera, tk.Number, tk.Version-1); !fault.Is(err, fault.Conflict) {
		t.Fatalf("the second of two agents: %v, want a conflict", err)
	}
	if _, err := d.Hold(ctx, d.boris, tk.Number, tk.Version, "caller", ""); !fault.Is(err, fault.Invalid) {
		t.Fatalf("hold for the caller without a question: %v", err)
	}
	tk, err = d.Hold(ctx, d.boris, tk.Number, tk.Version, "caller", "Which tray?")
	if err != nil || tk.Phase != lifecycle.Paused || tk.RespondedAt == nil {
		t.Fatalf("hold: %+v, %v", tk, err)
	}
	tk, err = d.Reply(ctx, d.anna, tk.Number, "Tray two", nil)
	if err != nil || tk.State != "in_progress" {
		t.Fatalf("the caller's answer resumes: %+v, %v", tk, err)
	}
	if _, err := d.Note(ctx, d.boris, tk.Number, "toner?", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddTask(ctx, d.boris, tk.Number, "Change the toner", 0, d.boris.ID); err != nil {
		t.Fatal(err)
	}
	_, err = d.Resolve(ctx, d.boris, tk.Number, 0, itsm.Resolution{Code: "solved", Text: "New toner"})
	wantKind(t, err, fault.Conflict) // open task
	v, err := d.Get(ctx, d.boris, tk.Number)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.EndTask(ctx, d.boris, tk.Number, v.Tasks[0].ID, itsm.TaskDone); err != nil {
		t.Fatal(err)
	}
	tk, err = d.Resolve(ctx, d.boris, tk.Number, 0, itsm.Resolution{Code: "solved", Text: "New toner"})
	if err != nil || tk.Phase != lifecycle.Resolved {
		t.Fatalf("resolve: %v", err)
	}
	_, err = d.Confirm(ctx, d.ivan, tk.Number, tk.Version)
	wantKind(t, err, fault.NotFound)
	_, err = d.Confirm(ctx, d.boris, tk.Number, tk.Version)
	wantKind(t, err, fault.Forbidden)
	tk, err = d.Reopen(ctx, d.anna, tk.Number, tk.Version, "Still blank")
	if err != nil || tk.State != "in_progress" || tk.ReopenCount != 1 || tk.Incident().Resolution != "" {
		t.Fatalf("reopen: %+v, %v", tk, err)
	}
	tk, err = d.Resolve(ctx, d.boris, tk.Number, tk.Version, itsm.Resolution{Code: "solved", Text: "New drum"})
	if err != nil {
		t.Fatal(err)
	}
	tk, err = d.Confirm(ctx, d.anna, tk.Number, tk.Version)
	if err != nil || tk.Phase != lifecycle.Closed {
		t.Fatalf("confirm: %v", err)
	}
	follow, err := d.Reply(ctx, d.anna, tk.Number, "It happened again", nil)
	if err != nil || follow.Number == tk.Number || follow.State != "new" {
		t.Fatalf("an answer to a closed one: %+v, %v", follow, err)
	}
	seen, err := d.Get(ctx, d.anna, tk.Number)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range seen.Events {
		if e.Type == itsm.EventNote || e.Text == "toner?" || !e.Public {
			t.Errorf("the requester sees an internal event: %+v", e)
		}
	}
}

func TestWhoSeesATicket(t *testing.T) {
	d := newDesk(t)
	plain := d.inTeam(t, d.report(t, itsm.NewIncident{}))
	secret := d.inTeam(t, d.report(t, itsm.NewIncident{}))
	yes := true
	if _, err := d.Update(t.Context(), d.boris, secret.Number, secret.Version, itsm.Edit{Confidential: &yes}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who           auth.Actor
		plain, secret bool
	}{
		{d.anna, true, true},
		{d.boris, true, true},
		{d.vera, true, false},
		{d.olena, true, true},
		{d.ivan, false, false},
		{d.audit, true, true},
		{d.admin, false, false},
		{auth.Actor{}, false, false},
		{auth.Actor{ID: d.olena.ID, Login: "olena as manager only"}, true, false},
	} {
		for _, x := range []struct {
			ticket itsm.Ticket
			want   bool
		}{{plain, c.plain}, {secret, c.secret}} {
			_, err := d.Get(t.Context(), c.who, x.ticket.Number)
			if got := err == nil; got != x.want {
				t.Errorf("%s gets %s: %v, want %v (%v)", c.who.Login, x.ticket.Number, got, x.want, err)
			}
			if err != nil {
				wantKind(t, err, fault.NotFound)
			}
			list, err := d.List(t.Context(), c.who, itsm.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, r := range list.Rows {
				found = found || r.Number == x.ticket.Number
			}
			if found != x.want {
				t.Errorf("%s lists %s: %v, want %v", c.who.Login, x.ticket.Number, found, x.want)
			}
			live, err := d.VisibleOf(t.Context(), c.who, []int64{x.ticket.ID})
			if err != nil || (len(live) == 1) != x.want {
				t.Errorf("%s is told of %s: %v, %v", c.who.Login, x.ticket.Number, live, err)
			}
		}
	}
}

func TestEscalationFiresOnce(t *testing.T) {
	d := newDesk(t)
	tk := d.inTeam(t, d.report(t, itsm.NewIncident{Impact: 1, Urgency: 1}))
	v, err := d.Get(t.Context(), d.boris, tk.Number)
	if err != nil {
		t.Fatal(err)
	}
	clock := v.Clock(sla.Response)
	if clock == nil || clock.DueAt == nil {
		t.Fatal("a critical incident has no running response clock")
	}
	later := clock.DueAt.Add(time.Second)
	type result struct {
		n   int
		err error
	}
	results := make(chan result)
	for range 4 {
		go func() {
			n, err := itsm.New(d.pool, d.key, nil).Escalate(context.WithoutCancel(t.Context()), later)
			results <- result{n, err}
		}()
	}
	total := 0
	for range 4 {
		r := <-results
		if r.err != nil {
			t.Fatal(r.err)
		}
		total += r.n
	}
	var events, distinct int
	d.get(t, &events, `SELECT count(*) FROM ticket_events WHERE type = 'escalated'`)
	d.get(t, &distinct, `SELECT count(DISTINCT CAST(body AS jsonb) -> 'step') FROM ticket_events WHERE type = 'escalated'`)
	if total == 0 || total != events || events != distinct {
		t.Errorf("four replicas fired %d steps, stored %d events of %d steps", total, events, distinct)
	}
	if n, err := d.Escalate(t.Context(), later); err != nil || n != 0 {
		t.Errorf("once more: %d, %v", n, err)
	}
	if n, err := d.Unread(t.Context(), d.olena); err != nil || n == 0 {
		t.Errorf("the lead was told nothing: %d, %v", n, err)
	}
}
