package auth_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"

	"github.com/google/go-cmp/cmp"
)

func names(hits []auth.PersonHit) (out []string) {
	for _, h := range hits {
		out = append(out, h.Name)
	}
	return out
}

func TestFindAndAdopt(t *testing.T) {
	d := newDesk(t)
	d.enter(t, "fedorov")
	_, a := d.enter(t, "smith") // makes kravchuk too
	find := func(text string) []auth.PersonHit {
		t.Helper()
		hits, err := d.Find(t.Context(), a, text, 10)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return hits
	}
	for text, want := range map[string][]string{
		"кравч":      {"Остап Кравчук"},
		"ОСТАП кр":   {"Остап Кравчук"},
		"smith":      {"John Smith"},
		"Jon Smith":  {"John Smith"}, // a slip of the pen
		"їжак":       {"Ґанна Їжакевич-Горова"},
		"федоров":    {"Пётр Фёдоров"},
		"disabled":   nil,
		"%":          nil,
		"_":          nil,
		"":           nil,
		"*":          {`#hash = Хеш\слеш (дужки*)`},
		"*)(uid=*":   nil,
		"' OR 1=1--": nil,
		"sm\x00ith":  {"John Smith"},
		"\xff":       nil,
	} {
		if diff := cmp.Diff(want, names(find(text))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	hit := find("gorova")[0]
	if hit.ID != 0 {
		t.Fatalf("gorova is known already: %+v", hit)
	}
	id, err := d.Adopt(t.Context(), a, hit.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if p := d.person(t, id); p.Login != "gorova" || p.Manager != "Остап Кравчук" || p.DirectoryLanguage != "uk" || !p.SeenAt.IsZero() {
		t.Errorf("adopted %+v", p)
	}
	if hits := find("gorova"); len(hits) != 1 || hits[0].ID != id {
		t.Errorf("found after adopting: %+v", hits)
	}
	for _, ref := range []string{hit.Ref, find("gorova")[0].Ref} {
		if again, err := d.Adopt(t.Context(), a, ref); err != nil || again != id {
			t.Errorf("adopting %s again: %d, %v", ref, again, err)
		}
	}
	admin := d.admin(t)
	for _, ref := range []string{"", "0", "-1", "99999999999999999999", "hard:", "hard:*", "hard:nobody", "other:x", "hard:\x00", find("smith")[0].Ref + " "} {
		if id, err := d.Adopt(t.Context(), a, ref); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q adopts %d, %v", ref, id, err)
		}
	}
	if err := d.Deactivate(t.Context(), admin, id); err != nil {
		t.Fatal(err)
	}
	if hits := find("gorova"); len(hits) != 0 {
		t.Errorf("somebody switched off is found in the directory: %+v", hits)
	}
	if _, err := d.Find(t.Context(), auth.Actor{}, "smith", 10); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody finds people: %v", err)
	}
	d.ldap.Stop()
	if diff := cmp.Diff([]string{"John Smith"}, names(find("smith"))); diff != "" {
		t.Errorf("without a directory: %s", diff)
	}
}

// People of an imported log stand beside those who work here, under the same logins.
func TestHistoryIsLeftAlone(t *testing.T) {
	d := newDesk(t)
	var id int64
	if err := d.db.GetContext(t.Context(), &id, `INSERT INTO people (kind, login, name, directory, external_id)
VALUES ('history', 'smith', 'Smith of the log', 'log', 'smith') RETURNING id`); err != nil {
		t.Fatal(err)
	}
	_, smith := d.enter(t, "smith")
	admin := d.admin(t)
	if smith.ID == id {
		t.Fatal("somebody signed in as a person of the log")
	}
	hits, err := d.Find(t.Context(), smith, "smith", 10)
	if diff := cmp.Diff([]string{"John Smith"}, names(hits)); diff != "" || err != nil {
		t.Errorf("found: %s, %v", diff, err)
	}
	for name, err := range map[string]error{
		"gives roles":  d.SetRoles(t.Context(), admin, id, []auth.Role{auth.Agent}),
		"switches off": d.Deactivate(t.Context(), admin, id),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("an administrator %s: %v", name, err)
		}
	}
	if p := d.person(t, id); p.Kind != "history" || p.Name != "Smith of the log" || !p.Active {
		t.Errorf("it is now %+v", p)
	}
}

func TestEnsurePerson(t *testing.T) {
	d := newDesk(t)
	id, err := d.EnsurePerson(t.Context(), auth.MachineActor(), "weiss")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.EnsurePerson(t.Context(), auth.MachineActor(), "WEISS"); err != nil || again != id {
		t.Errorf("%d, then %d, %v", id, again, err)
	}
	if _, err := d.EnsurePerson(t.Context(), auth.MachineActor(), "weis*"); !fault.Is(err, fault.NotFound) {
		t.Errorf("nobody is ensured: %v", err)
	}
}

func TestPeoplePages(t *testing.T) {
	d := newDesk(t)
	admin := d.admin(t)
	for _, login := range []string{"gorova", "smith", "sato", "khoury", "odd1"} {
		if _, err := d.EnsurePerson(t.Context(), auth.MachineActor(), login); err != nil {
			t.Fatal(err)
		}
	}
	all, next, err := d.People(t.Context(), admin, auth.PeopleFilter{}, auth.PeopleKey{}, 100)
	if err != nil || next != nil || len(all) != 7 { // the manager and the local administrator too
		t.Fatalf("%d people, %v, %v", len(all), next, err)
	}
	var paged []auth.PersonRow
	key := &auth.PeopleKey{}
	for key != nil {
		page, n, err := d.People(t.Context(), admin, auth.PeopleFilter{}, *key, 2)
		if err != nil || len(page) > 2 {
			t.Fatal(page, err)
		}
		paged, key = append(paged, page...), n
	}
	if diff := cmp.Diff(all, paged); diff != "" {
		t.Errorf("page by page: %s", diff)
	}
	for name, c := range map[string]struct {
		filter auth.PeopleFilter
		want   int
	}{
		"by text":          {auth.PeopleFilter{Text: "кравч ОСТ"}, 1},
		"by role":          {auth.PeopleFilter{Role: auth.TeamLead}, 2},
		"by unknown role":  {auth.PeopleFilter{Role: "' OR 1=1 --"}, 0},
		"inactive":         {auth.PeopleFilter{State: "inactive"}, 0},
		"by unknown team":  {auth.PeopleFilter{TeamID: 7}, 0},
		"everything typed": {auth.PeopleFilter{Text: `%_\' x`}, 0},
	} {
		if got, _, err := d.People(t.Context(), admin, c.filter, auth.PeopleKey{}, 100); err != nil || len(got) != c.want {
			t.Errorf("%s: %d, %v; want %d", name, len(got), err, c.want)
		}
	}
	_, smith := d.enter(t, "smith")
	if _, _, err := d.People(t.Context(), smith, auth.PeopleFilter{}, auth.PeopleKey{}, 100); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an agent lists people: %v", err)
	}
	_, sato := d.enter(t, "sato")
	if _, err := d.Person(t.Context(), sato, smith.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("an employee reads somebody: %v", err)
	}
	if _, err := d.Person(t.Context(), smith, sato.ID); err != nil {
		t.Errorf("an agent reads somebody: %v", err)
	}
}

func TestSetRolesIsForManagersOfPeople(t *testing.T) {
	d := newDesk(t)
	_, smith := d.enter(t, "smith")
	admin := d.admin(t)
	if err := d.SetRoles(t.Context(), smith, smith.ID, []auth.Role{auth.Administrator}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("making oneself administrator: %v", err)
	}
	for _, bad := range [][]auth.Role{{"root"}, {auth.Employee}, {""}} {
		if err := d.SetRoles(t.Context(), admin, smith.ID, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("role %q: %v", bad, err)
		}
	}
	for _, id := range []int64{0, -1, 4711, admin.ID} { // the local administrator's are fixed
		if err := d.SetRoles(t.Context(), admin, id, nil); !fault.Is(err, fault.NotFound) {
			t.Errorf("person %d: %v", id, err)
		}
	}
	if err := d.SetRoles(t.Context(), admin, smith.ID, []auth.Role{auth.Auditor, auth.Auditor}); err != nil {
		t.Fatal(err)
	}
	e := d.entries(t, audit.Settings)[0]
	if e.Action != "roles.changed" || e.ActorID != admin.ID || e.Details["from"] != "" || e.Details["to"] != "auditor" || e.Details["source"] != "hand" {
		t.Errorf("the log: %+v", e)
	}
	before := len(d.entries(t, audit.Settings))
	if err := d.SetRoles(t.Context(), admin, smith.ID, []auth.Role{auth.Auditor}); err != nil || len(d.entries(t, audit.Settings)) != before {
		t.Errorf("nothing changed, yet it is logged; %v", err)
	}
}

func TestProfile(t *testing.T) {
	d := newDesk(t)
	_, a := d.enter(t, "smith")
	err := d.SetProfile(t.Context(), a, auth.Profile{Language: "de", Timezone: "../../etc/passwd", Theme: "pink"})
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Fields) != 3 {
		t.Errorf("want three bad fields: %v", err)
	}
	if err := d.SetProfile(t.Context(), a, auth.Profile{Timezone: "Local"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("the server's zone: %v", err)
	}
	if err := d.SetProfile(t.Context(), auth.Actor{}, auth.Profile{}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody's profile: %v", err)
	}
}

func TestTeams(t *testing.T) {
	d := newDesk(t)
	_, smith := d.enter(t, "smith")
	_, sato := d.enter(t, "sato")
	admin := d.admin(t)
	if _, err := d.SaveTeam(t.Context(), smith, auth.Team{Code: "net", Name: locale.Plain("Net")}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a team lead makes a team: %v", err)
	}
	_, err := d.SaveTeam(t.Context(), admin, auth.Team{Code: "Net Work", Mail: "nobody", LeadID: 4711, Name: locale.Text{Uk: "  "}})
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatal(err)
	}
	var fields []string
	for _, x := range f.Fields {
		fields = append(fields, x.Name)
	}
	slices.Sort(fields)
	if got := strings.Join(fields, " "); got != "code lead mail name" {
		t.Errorf("bad fields: %s", got)
	}
	net, err := d.SaveTeam(t.Context(), admin, auth.Team{Code: "net", Name: locale.Text{En: "Network", Uk: "Мережа"}, LeadID: smith.ID})
	if err != nil || net.Version != 1 || !net.Active || net.Lead != "John Smith" {
		t.Fatalf("%+v, %v", net, err)
	}
	if _, err := d.SaveTeam(t.Context(), admin, auth.Team{Code: "net", Name: locale.Plain("x")}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a code twice: %v", err)
	}
	full, err := d.SetMembers(t.Context(), admin, net.ID, net.Version, []int64{sato.ID, smith.ID, sato.ID})
	if err != nil || full.Size != 2 || len(full.Members) != 2 || full.Version != 2 {
		t.Fatalf("%+v, %v", full, err)
	}
	if _, err := d.SetMembers(t.Context(), admin, net.ID, net.Version, nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("a stale version: %v", err)
	}
	if _, err := d.SetMembers(t.Context(), admin, net.ID, full.Version, []int64{4711}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown member: %v", err)
	}
	stale := full
	full.Name.En, full.Group = "Networks", "ring-c" // sato is in it, round a ring
	if full, err = d.SaveTeam(t.Context(), admin, full); err != nil {
		t.Fatal(err)
	}
	if _, err := d.SaveTeam(t.Context(), admin, stale); !fault.Is(err, fault.Conflict) {
		t.Errorf("the second of two who save: %v", err)
	}
	e := d.entries(t, audit.Settings)[0]
	if diff := cmp.Diff(map[string]string{"name.en": "Network → Networks", "directory_group": " → ring-c"}, e.Details); diff != "" || e.ActorID != admin.ID {
		t.Errorf("the log: %s", diff)
	}
	token, _ := d.enter(t, "sato")
	team, err := d.Team(t.Context(), net.ID)
	if err != nil || team.Size != 2 || len(team.Members) != 3 {
		t.Errorf("by hand and by group: %+v, %v", team.Members, err)
	}
	if _, err := d.SetMembers(t.Context(), admin, net.ID, team.Version, nil); err != nil {
		t.Fatal(err)
	}
	if a, err := d.Resolve(t.Context(), token); err != nil || !a.In(net.ID) {
		t.Errorf("taken out by hand, the group's membership went too: %v, %v", a.Teams, err)
	}
	team.Version, team.Active = full.Version+1, false
	if _, err = d.SaveTeam(t.Context(), admin, team); err != nil {
		t.Fatal(err)
	}
	if a, err := d.Resolve(t.Context(), token); err != nil || a.In(net.ID) {
		t.Errorf("in a team that is switched off: %v, %v", a.Teams, err)
	}
	if _, err := d.Team(t.Context(), 4711); !fault.Is(err, fault.NotFound) {
		t.Errorf("no team: %v", err)
	}
}

func TestSites(t *testing.T) {
	d := newDesk(t)
	admin := d.admin(t)
	if _, err := d.SaveSite(t.Context(), admin, auth.Site{Code: "kyiv", Name: locale.Plain("Kyiv"), Timezone: "Kyiv"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a zone that is none: %v", err)
	}
	kyiv, err := d.SaveSite(t.Context(), admin, auth.Site{Code: "kyiv", Name: locale.Text{En: "Kyiv", Uk: "Київ"}, Timezone: "Europe/Kyiv"})
	if err != nil {
		t.Fatal(err)
	}
	stale := kyiv
	kyiv.Timezone = "Europe/Berlin"
	if kyiv, err = d.SaveSite(t.Context(), admin, kyiv); err != nil || kyiv.Version != 2 {
		t.Fatal(kyiv, err)
	}
	if _, err := d.SaveSite(t.Context(), admin, stale); !fault.Is(err, fault.Conflict) {
		t.Errorf("a stale version: %v", err)
	}
	_, boss := d.enter(t, "kravchuk") // l: Київ
	if boss.Zone.String() != "Europe/Berlin" {
		t.Errorf("the zone of the site: %s", boss.Zone)
	}
	d.edit(t, modify(dn("kravchuk"), "l", "Львів"))
	if _, boss = d.enter(t, "kravchuk"); boss.Zone.String() != "UTC" {
		t.Errorf("moved to where there is no site, still in %s", boss.Zone)
	}
	if list, err := d.Sites(t.Context()); err != nil || len(list) != 1 || list[0] != kyiv {
		t.Errorf("%+v, %v", list, err)
	}
}
