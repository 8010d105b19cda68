package web_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/audit"
	"opora/internal/files"
	"opora/internal/jobs"
	"opora/internal/testkit"
	"opora/itsm"
	"opora/itsm/sla"
	"opora/web"
)

// adminSite is a whole server with jobs, and an administrator and an auditor beside the small company.
type adminSite struct {
	portalSite
	jobs            *jobs.Client
	maria, vic, kim auth.Actor // administrator, auditor, configuration manager
}

func newAdminSite(t *testing.T) *adminSite {
	t.Helper()
	database := testkit.NewDatabase(t)
	s := &adminSite{portalSite: portalSite{pool: database.Open(t)}}
	key, err := audit.NewKey([]byte("a secret of the tests, 32 bytes long"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := files.Open(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.jobs, err = jobs.Open(t.Context(), jobs.Config{DSN: database.DSN}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.jobs.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	log := audit.NewLog(s.pool, key)
	s.desk = itsm.New(s.pool, key, store)
	s.desk.Register(s.jobs)
	if err := s.desk.Defaults(t.Context(), "Europe/Kyiv"); err != nil {
		t.Fatal(err)
	}
	s.get(t, &s.network, `INSERT INTO teams (code, name) VALUES ('network', '{"en": "Network team"}') RETURNING id`)
	s.anna = s.person(t, "Anna Kovalenko", 0)
	s.boris = s.person(t, "Boris Orlov", 0, auth.Agent)
	s.maria = s.person(t, "Maria Belova", 0, auth.Administrator)
	s.vic = s.person(t, "Victor Nosov", 0, auth.Auditor)
	s.kim = s.person(t, "Kim Reed", 0, auth.ConfigurationManager)
	server, err := web.New(web.Config{MaxUpload: 1 << 20, Language: "en", Zone: time.UTC, Version: "test"}, web.Deps{
		Desk: s.desk, Auth: auth.New(s.pool, log, nil, auth.Config{}), Items: cmdb.New(s.pool, log), Jobs: s.jobs, Log: log,
		Ready: func(context.Context) error { return nil }, LiveDSN: database.DSN, System: web.System{
			Tasks: []string{"itsm.escalate"}, Database: func(context.Context) (web.Database, error) {
				return web.Database{Version: "15.14", Encoding: "UTF8", User: "opora_app", Schema: 3, Wanted: 3, AppendOnly: true}, nil
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

// TestAdminIsForThoseWhoMay: employees and agents are refused at every address, and a role opens what is its own.
func TestAdminIsForThoseWhoMay(t *testing.T) {
	s := newAdminSite(t)
	team, person, site := strconv.FormatInt(s.network, 10), strconv.FormatInt(s.anna.ID, 10), "1"
	posts := []string{
		"/admin/setup", "/admin/people/" + person + "/roles", "/admin/people/" + person + "/sessions", "/admin/people/" + person + "/active",
		"/admin/teams/new", "/admin/teams/" + team, "/admin/teams/" + team + "/members", "/admin/sites/new", "/admin/sites/" + site,
		"/admin/categories/new", "/admin/categories/1", "/admin/priorities", "/admin/priorities/matrix", "/admin/calendars/new", "/admin/calendars/business",
		"/admin/targets/new", "/admin/targets/standard", "/admin/targets/standard/default", "/admin/items/new", "/admin/items/1", "/admin/directory",
		"/admin/jobs/1/retry", "/admin/jobs/1/cancel",
	}
	gets := []string{
		"/admin?stay=1", "/admin/setup", "/admin/people", "/admin/people/" + person, "/admin/roles", "/admin/teams", "/admin/teams/new", "/admin/teams/" + team,
		"/admin/sites", "/admin/sites/new", "/admin/categories", "/admin/categories/new", "/admin/categories/1", "/admin/priorities", "/admin/calendars",
		"/admin/calendars/new", "/admin/calendars/business", "/admin/targets", "/admin/targets/new", "/admin/targets/standard", "/admin/items", "/admin/items/new",
		"/admin/directory", "/admin/jobs", "/reports",
	}
	for _, who := range []auth.Actor{s.anna, s.boris} {
		v := s.as(t, who)
		for _, path := range posts {
			v.post(path, url.Values{"version": {"1"}}).want(t, 403)
		}
		for _, path := range append(slices.Clone(gets), "/audit") {
			v.get(path).want(t, 403)
		}
	}
	for _, path := range gets {
		s.as(t, s.maria).get(path).want(t, 200, "<h1>")
	}
	s.as(t, s.maria).get("/audit").want(t, 403)
	s.as(t, s.vic).get("/audit").want(t, 200, "Refused: no right", "Anna Kovalenko")
	s.as(t, s.vic).get("/reports").want(t, 200)
	s.as(t, s.vic).get("/admin/people").want(t, 403)
	s.as(t, s.kim).get("/admin/items").want(t, 200).lacks(t, `href="/admin/people"`)
}

// TestTargetMovesDueTimes: an administrator changes a target, and the due time of an open ticket follows.
func TestTargetMovesDueTimes(t *testing.T) {
	s := newAdminSite(t)
	tk := s.reported(t, s.anna, "Printer prints blank pages")
	due := func() time.Time {
		var at time.Time
		s.get(t, &at, `SELECT due_at FROM ticket_clocks WHERE ticket_id = $1 AND clock = 'resolution' ORDER BY cycle DESC LIMIT 1`, tk.ID)
		return at
	}
	refolds := func() (n int) {
		s.get(t, &n, `SELECT count(*) FROM jobs.river_job WHERE kind = 'itsm.refold'`)
		return n
	}
	admin := s.as(t, s.maria)
	stored, _, err := s.desk.Policy(t.Context(), s.maria, itsm.StandardPolicy)
	if err != nil {
		t.Fatal(err)
	}
	form := formOf(t, admin.get("/admin/targets/standard").want(t, 200, "1 open ticket is reckoned anew"))
	before, waiting := due(), refolds()
	form.Set("target_resolution_"+strconv.Itoa(tk.Priority), "1 h 30 min")
	admin.post("/admin/targets/standard", form).want(t, 200, "Version 2 is in force", "1 open ticket gets new due times", `value="1 h 30 min"`)
	if refolds() <= waiting {
		t.Error("nobody is asked to reckon the clocks anew")
	}
	if _, err := s.desk.Refold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := due(); !after.Before(before) {
		t.Errorf("the ticket is due at %s, was %s", after, before)
	}
	changed, _, err := s.desk.Policy(t.Context(), s.maria, itsm.StandardPolicy)
	if err != nil {
		t.Fatal(err)
	}
	want := itsm.WithTarget(stored.Definition, sla.Resolution, tk.Priority, 90*60)
	if diff := cmp.Diff(want, changed.Definition); diff != "" {
		t.Errorf("saving one target changed more than that: %s", diff)
	}

	// The form that began before is stale now: nothing is stored, and what was typed is there with the present version.
	form.Set("target_resolution_1", "77 h")
	admin.post("/admin/targets/standard", form).want(t, 409, "Somebody saved this while you were typing", `value="77 h"`, `name="version" value="2"`)
	admin.get("/admin/targets/standard").lacks(t, "77 h")
}

// formOf is what a browser would send of the page's form that has a version.
func formOf(t *testing.T, p page) url.Values {
	t.Helper()
	return readForm(t, p.body, `name="version"`)
}

func TestAdminFormsKeepWhatIsTyped(t *testing.T) {
	s := newAdminSite(t)
	admin := s.as(t, s.maria)
	for _, c := range []struct {
		path string
		form url.Values
		want []string
	}{
		{"/admin/teams/new", url.Values{"code": {"Über alles"}, "name_ru": {"Сеть <b>"}, "mail": {"nowhere"}, "lead_text": {"Nobody At All"}}, []string{"field-lead-error", "field-code-error", "field-mail-error", "Сеть &lt;b&gt;", "Über alles"}},
		{"/admin/sites/new", url.Values{"code": {"kyiv"}, "timezone": {"Mars/Olympus"}}, []string{"field-timezone-error", "Mars/Olympus", `href="#field-name"`}},
		{"/admin/categories/new", url.Values{"code": {"A B"}, "parent": {"999"}, "position": {"-4"}, "name_en": {"Kept name"}}, []string{"field-code-error", "field-parent-error", "field-position-error", "Kept name"}},
		{"/admin/priorities/matrix", url.Values{"matrix_1_1": {"9"}}, []string{"#field-matrix_1_1", "#field-matrix_3_3"}},
		{"/admin/priorities", url.Values{"name_1_en": {"Kept name"}}, []string{"#field-name_2", "Kept name"}},
		{
			"/admin/calendars/new",
			url.Values{"code": {"A b"}, "name_en": {"Kept name"}, "timezone": {"Europe/Kyiv"}, "weekly_mon": {"18-9"}, "holidays": {"2026-12-25\nsoon"}, "overrides": {"tomorrow 09:00–13:00"}},
			[]string{"field-code-error", "field-weekly_mon-error", "field-holidays-error", "field-overrides-error", "Kept name", "18-9", "soon"},
		},
		{"/admin/targets/new", url.Values{
			"code": {"G old"}, "name_en": {"Gold"}, "calendar": {"business"}, "target_response_1": {"2 days"}, "target_resolution_2": {"0h"},
			"steps_response": {"2"}, "step_response_1_value": {"soon"}, "step_response_1_do": {"notify"},
		}, []string{"field-target_response_1-error", "is not a length", "field-step_response_1_value-error", "is not a percentage", "field-target_resolution_2-error", "field-code-error", "2 days", "soon"}},
		{"/admin/targets/new", url.Values{
			"code": {"gold"}, "name_en": {"Gold"}, "calendar": {"business"}, "target_resolution_2": {"0h"}, "target_resolution_1": {"1h"},
			"steps_resolution": {"2"}, "step_resolution_1_value": {"5000"}, "step_resolution_1_do": {"reassign"},
		}, []string{"field-target_resolution_2-error", "field-step_resolution_1_value-error", "field-step_resolution_1_team-error"}},
		{"/admin/items/new", url.Values{"class": {"server"}, "criticality": {"9"}, "timezone": {"UTC"}, "owner_text": {"Nobody At All"}, "tag": {"SRV-1"}}, []string{"field-owner-error", "field-criticality-error", "field-timezone-error", "#field-name", "Nobody At All", "SRV-1"}},
		{"/admin/setup", url.Values{"url": {"http://dc1"}, "base_dn": {"nonsense"}, "roles": {"Boss"}}, []string{"field-roles-error", "http://dc1", "nonsense", "Boss"}},
		{"/admin/setup", url.Values{"url": {"http://dc1"}, "base_dn": {"nonsense"}}, []string{"field-url-error", "field-base_dn-error"}},
		{"/admin/people/" + strconv.FormatInt(s.anna.ID, 10) + "/roles", url.Values{"role": {"emperor"}}, []string{"#field-roles"}},
	} {
		admin.post(c.path, c.form).want(t, 422, append(c.want, "error-summary")...)
	}
	admin.get("/reports?from=2026-02-30&to=x").want(t, 422, "field-from-error", "field-to-error")
	admin.get("/reports?from=2026-02-03&to=2026-02-01").want(t, 422, "ends before it begins")
}

func TestAdminSavesAndGuardsVersions(t *testing.T) {
	s := newAdminSite(t)
	admin := s.as(t, s.maria)
	path := "/admin/teams/" + strconv.FormatInt(s.network, 10)
	team := url.Values{"version": {"1"}, "code": {"network"}, "name_en": {"Network"}, "active": {"true"}, "lead_text": {"Boris Orlov"}}
	admin.post(path, team).want(t, 200, "Saved.", "Boris Orlov")
	team.Set("name_en", "Late name")
	admin.post(path, team).want(t, 409, "Somebody saved this while you were typing", "Late name")
	admin.get(path).want(t, 200, `value="Network"`).lacks(t, "Late name")

	version := formOf(t, admin.get(path)).Get("version")
	admin.post(path+"/members", url.Values{"version": {version}, "add": {strconv.FormatInt(s.anna.ID, 10)}, "add_text": {"Anna"}}).want(t, 200, "Anna Kovalenko")
	version = formOf(t, admin.get(path)).Get("version")
	admin.post(path+"/members", url.Values{"version": {version}}).want(t, 200, "Nobody yet.")

	admin.post("/admin/categories/new", url.Values{"code": {"lifts"}, "name_en": {"Lifts"}, "portal": {"true"}, "position": {"5"}}).want(t, 200, "Lifts")
	admin.post("/admin/items/new", url.Values{"class": {"service"}, "criticality": {"1"}, "name_en": {"Mail"}, "timezone": {"Europe/Kyiv"}}).want(t, 200, "Mail")
	admin.post("/admin/sites/new", url.Values{"code": {"lviv"}, "name_uk": {"Львів"}, "timezone": {"Europe/Kyiv"}}).want(t, 200, "Львів")

	half := url.Values{"version": {"1"}, "name_en": {"Business hours"}, "timezone": {"Europe/Kyiv"}, "weekly_mon": {"9-13, 14:00 – 18:00"}, "holidays": {"*-12-25"}, "overrides": {"2026-12-31 closed"}}
	half.Set("preview", "1")
	admin.post("/admin/calendars/business", half).want(t, 200, "09:00–13:00, 14:00–18:00").lacks(t, "Version 2")
	half.Del("preview")
	admin.post("/admin/calendars/business", half).want(t, 200, "Version 2 is in force", "*-12-25", "2026-12-31")

	roles := "/admin/people/" + strconv.FormatInt(s.anna.ID, 10)
	admin.post(roles+"/roles", url.Values{"role": {"agent"}}).want(t, 200)
	s.as(t, s.anna).get("/desk").want(t, 200)
	admin.post(roles+"/active", url.Values{"active": {"no"}}).want(t, 200, "Let in again")
	admin.post("/admin/people/"+strconv.FormatInt(s.maria.ID, 10)+"/active", url.Values{"active": {"no"}}).want(t, 409, "You cannot switch yourself off")
	admin.get("/admin/people/999999").want(t, 404)
	admin.get("/admin/teams/999999").want(t, 404)
	admin.post("/admin/jobs/999999/retry", nil).want(t, 404)
}

// TestAnEscalationIsAddedAndRemoved by forms alone, without a script.
func TestAnEscalationIsAddedAndRemoved(t *testing.T) {
	s := newAdminSite(t)
	admin := s.as(t, s.maria)
	steps := func() []sla.Step {
		p, _, err := s.desk.Policy(t.Context(), s.maria, itsm.StandardPolicy)
		if err != nil {
			t.Fatal(err)
		}
		return p.Definition.Clocks[0].Steps
	}
	kept := steps()
	form := formOf(t, admin.get("/admin/targets/standard"))
	form.Set("more", "response")
	form = formOf(t, admin.post("/admin/targets/standard", form).want(t, 200))
	at := "step_response_" + strconv.Itoa(len(kept))
	form.Set(at+"_when", "after")
	form.Set(at+"_value", "45 хв")
	form.Set(at+"_do", "raise")
	admin.post("/admin/targets/standard", form).want(t, 200, "Version 2")
	got := steps()
	if len(got) != len(kept)+1 || got[len(kept)].After != 45*60 || got[len(kept)].Do != sla.Raise || got[len(kept)].ID == "" || got[0].ID != kept[0].ID {
		t.Fatalf("steps %+v", got)
	}
	form = formOf(t, admin.get("/admin/targets/standard"))
	form.Set("step_response_0_value", "")
	admin.post("/admin/targets/standard", form).want(t, 200, "Version 3")
	if got := steps(); len(got) != len(kept) || got[0].ID != kept[1].ID {
		t.Fatalf("steps %+v", got)
	}
	// Saving what stands there changes nothing.
	admin.post("/admin/targets/standard", formOf(t, admin.get("/admin/targets/standard"))).want(t, 200, "Saved.").lacks(t, "Version 4")
}

func TestAuditPages(t *testing.T) {
	s := newAdminSite(t)
	at := time.Now().UTC().Truncate(time.Microsecond)
	key, err := audit.NewKey([]byte("a secret of the tests, 32 bytes long"))
	if err != nil {
		t.Fatal(err)
	}
	log := audit.NewLog(s.pool, key)
	for i := range 230 {
		// Threes of one moment, which a page must not part.
		e := audit.Entry{At: at.Add(time.Duration(i/3) * time.Second), ActorID: s.maria.ID, Action: "site.changed", Subject: "mark-" + strconv.Itoa(i) + "."}
		if err := log.Write(t.Context(), audit.Settings, e); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	v, path := s.as(t, s.vic), "/audit?q=mark-&stream=settings"
	for range 5 {
		p := v.get(path).want(t, 200)
		for i := range 230 {
			mark := "mark-" + strconv.Itoa(i) + "."
			seen[mark] += strings.Count(p.body, mark)
		}
		if path = older(p.body); path == "" {
			break
		}
	}
	for i := range 230 {
		if mark := "mark-" + strconv.Itoa(i) + "."; seen[mark] != 1 {
			t.Errorf("%s is shown %d times", mark, seen[mark])
		}
	}
	v.get("/audit?until=yesterday").want(t, 422, "This is not a date.")
}

func TestWorkLengthsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Int64Range(0, sla.MaxTarget).Draw(t, "seconds")
		lang := rapid.SampledFrom([]string{"en", "ru", "uk"}).Draw(t, "language")
		text := web.WorkLength(lang, seconds)
		if got, bad := web.ParseWorkLength(text); bad || got != seconds {
			t.Fatalf("%d s is %q, which is read as %d (%t)", seconds, text, got, bad)
		}
	})
	for text, want := range map[string]int64{"4h": 4 * 3600, "1:30": 5400, "2 часа 5 минут": 7500, "30MIN": 1800, "1 година": 3600} {
		if got, bad := web.ParseWorkLength(text); bad || got != want {
			t.Errorf("%q is %d (%t), want %d", text, got, bad, want)
		}
	}
	for _, text := range []string{"4", "2d", "1:75", "-1h", "h", "4h x", "1e3 h", "999999999999 h"} {
		if got, bad := web.ParseWorkLength(text); !bad {
			t.Errorf("%q is taken as %d s", text, got)
		}
	}
}

// TestSetUpTriesADirectory against a real slapd: a preview, the roles that groups would give, and lines without the password.
func TestSetUpTriesADirectory(t *testing.T) {
	s := newAdminSite(t)
	ldap := testkit.Slapd(t)
	admin := s.as(t, s.maria)
	form := url.Values{
		"url": {ldap.TLSURL}, "ca_file": {ldap.CAFile}, "bind_dn": {ldap.BindDN}, "bind_password": {ldap.BindPassword}, "base_dn": {ldap.BaseDN}, "kind": {"auto"},
		"roles": {"Service Desk=agent"},
	}
	admin.post("/admin/setup", form).want(t, 200, "check-good", "OPORA_LDAP_URL=&#39;"+ldap.TLSURL, "OPORA_LDAP_BIND_PASSWORD=&#39;…&#39;", "OPORA_LDAP_ROLES=&#39;Service Desk=agent&#39;", "The first people")
	form.Set("bind_password", "wrong")
	admin.post("/admin/setup", form).want(t, 200, "check-bad", "refuses the service account").lacks(t, "OPORA_LDAP_URL=")
}
