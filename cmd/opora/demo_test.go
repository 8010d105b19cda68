package main

import (
	"maps"
	"slices"
	"testing"
	"time"

	"opora/auth"
	"opora/auth/directory"
	"opora/auth/directory/demodir"
	"opora/cmdb"
	"opora/internal/audit"
	"opora/internal/files"
	"opora/internal/testkit"
	"opora/itsm"
	"opora/workflows/lifecycle"
)

// newDemo is the demo on a fresh database, with its directory.
func newDemo(t *testing.T) *demo {
	t.Helper()
	pool := testkit.DB(t)
	server, err := demodir.Start(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	client, err := directory.New(server.Config())
	if err != nil {
		t.Fatal(err)
	}
	store, err := files.Open(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := audit.NewKey([]byte("a secret of the tests, 32 bytes long"))
	if err != nil {
		t.Fatal(err)
	}
	company, err := readCompany()
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string][]auth.Role{}
	for group, role := range company.Roles {
		roles[group] = []auth.Role{role}
	}
	log := audit.NewLog(pool, key)
	people := []auth.Directory{{Name: "default", Client: client, Roles: roles}}
	d := &demo{db: pool, auth: auth.New(pool, log, people, auth.Config{}), items: cmdb.New(pool, log), tickets: itsm.New(pool, key, store)}
	if err := d.tickets.Defaults(t.Context(), "Europe/Kyiv"); err != nil {
		t.Fatal(err)
	}
	return d
}

// rows counts the rows of every table that the demo fills.
func (d *demo) rows(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, table := range []string{
		"people", "person_roles", "teams", "team_members", "sites", "items", "categories", "tickets", "ticket_events",
		"ticket_texts", "ticket_clocks", "ticket_tasks", "ticket_links", "ticket_items", "ticket_participants", "attachments", "notifications",
		"audit_log",
	} {
		var n int
		if err := d.db.GetContext(t.Context(), &n, "SELECT count(*) FROM "+table); err != nil {
			t.Fatal(err)
		}
		out[table] = n
	}
	return out
}

// sound fails when the checks of the desk find anything.
func (d *demo) sound(t *testing.T) {
	t.Helper()
	written, err := d.tickets.VerifyAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(written.Findings) > 0 || written.Tickets == 0 {
		t.Errorf("the audit of the demo: %+v", written)
	}
	clocks, err := d.tickets.VerifyClocks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(clocks.Faults) > 0 {
		t.Errorf("the clocks of the demo: %+v", clocks)
	}
}

func TestDemoIsSeededOnce(t *testing.T) {
	d := newDemo(t)
	if err := d.seed(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	d.sound(t)
	first := d.rows(t)
	if err := d.seed(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again := d.rows(t); !maps.Equal(first, again) {
		t.Errorf("a second start changed the demo: %v, before %v", again, first)
	}
	p, _, err := d.prepare(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("every page has something to show", func(t *testing.T) { d.wantStory(t, p) })
	t.Run("whenever it is started", func(t *testing.T) { wantAnyTime(t, p.cast) })
}

// wantStory checks that the lists that people open first are not empty.
func (d *demo) wantStory(t *testing.T, p *demoPlay) {
	open := itsm.OpenPhases()
	count := func(who, what string, f itsm.Filter) {
		t.Helper()
		n, err := d.tickets.Count(t.Context(), p.cast[who], f)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Errorf("%s: %s: nothing to show", who, what)
		}
	}
	for _, team := range slices.Sorted(maps.Keys(p.teamIDs)) {
		count("petro", team+", new and nobody's", itsm.Filter{States: []string{"new"}, Teams: []int64{p.teamIDs[team]}, Unassigned: true})
	}
	count("taras", "without a team", itsm.Filter{NoTeam: true, Phases: open})
	count("taras", "confidential ones of the service desk", itsm.Filter{Category: p.categoryIDs["security"], Phases: open})
	count("svitlana", "confidential ones of applications", itsm.Filter{Category: p.categoryIDs["applications-payroll"], Phases: open})
	count("olena", "breached", itsm.Filter{Breached: true})
	count("olena", "at risk", itsm.Filter{AtRisk: true})
	count("boris", "his", itsm.Filter{Assignee: p.cast["boris"].ID, Phases: open})
	count("olena", "hers", itsm.Filter{Assignee: p.cast["olena"].ID, Phases: open})
	count("olena", "reopened", itsm.Filter{Reopened: true, Phases: open})
	anna := p.cast["anna"].ID
	count("anna", "waits for her answer", itsm.Filter{Requester: anna, States: []string{"on_hold"}})
	count("anna", "waits for her confirmation", itsm.Filter{Requester: anna, Phases: []lifecycle.Phase{lifecycle.Resolved}})
	count("anna", "new", itsm.Filter{Requester: anna, States: []string{"new"}})
	count("anna", "closed", itsm.Filter{Requester: anna, Phases: []lifecycle.Phase{lifecycle.Closed}})
	for _, login := range []string{"anna", "boris", "olena"} {
		if n, err := d.tickets.Unread(t.Context(), p.cast[login]); err != nil || n == 0 {
			t.Errorf("%s has %d notifications to read, %v", login, n, err)
		}
	}
}

// wantAnyTime puts the story in order for starts at every hour of four weeks, among them a change of the clocks.
func wantAnyTime(t *testing.T, cast map[string]auth.Actor) {
	story, err := readStory()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 12, 0, 7, 0, 0, time.UTC)
	for range 4 * 7 * 24 {
		if _, err := arrange(story, cast, now); err != nil {
			t.Fatalf("a start at %s: %v", now, err)
		}
		now = now.Add(time.Hour)
	}
}

func TestDemoGoesOnWhereItWasInterrupted(t *testing.T) {
	d := newDemo(t)
	begun := time.Now().UTC().Truncate(time.Microsecond)
	if err := writeDemoMark(t.Context(), d.db, demoMark{Begun: begun}); err != nil {
		t.Fatal(err)
	}
	p, moments, err := d.prepare(t.Context(), begun)
	if err != nil {
		t.Fatal(err)
	}
	half := moments[:len(moments)/2]
	p.begun = half[len(half)-1].at
	if err := p.tell(t.Context(), half); err != nil {
		t.Fatal(err)
	}
	if err := d.seed(t.Context(), begun.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	d.sound(t)
	told, err := readDemoDone(t.Context(), d.db)
	if err != nil {
		t.Fatal(err)
	}
	story := map[string]bool{}
	for _, m := range moments {
		story[m.ticket.Key] = true
		if !told.moments[m.at.UnixMicro()] {
			t.Errorf("%s at %s was not told", m.ticket.Key, m.at)
		}
	}
	if n := d.rows(t)["tickets"]; n != len(story) || len(told.moments) != len(moments) {
		t.Errorf("%d tickets and %d moments, the story has %d and %d", n, len(told.moments), len(story), len(moments))
	}
}

func TestDemoKeepsOutOfADeskInUse(t *testing.T) {
	d := newDemo(t)
	if _, err := d.auth.EnsurePerson(t.Context(), auth.MachineActor(), "anna"); err != nil {
		t.Fatal(err)
	}
	before := d.rows(t)
	if err := d.seed(t.Context(), time.Now()); err != errInUse { //nolint:errorlint // it is never wrapped
		t.Errorf("seeding a desk that has people: %v, want a refusal", err)
	}
	if after := d.rows(t); !maps.Equal(before, after) {
		t.Errorf("a refused demo left rows: %v, before %v", after, before)
	}
}
