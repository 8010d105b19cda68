package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/files"
	"opora/internal/testkit"
	"opora/itsm"
	"opora/web"
)

// portalSite is a whole server on a database of its own, with a small company: Anna and Ivan report to Olena, Boris is the agent.
type portalSite struct {
	url                      string
	pool                     *db.DB
	desk                     *itsm.Service
	anna, ivan, olena, boris auth.Actor
	network                  int64
}

func newPortalSite(t *testing.T) *portalSite {
	t.Helper()
	database := testkit.NewDatabase(t)
	s := &portalSite{pool: database.Open(t)}
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
	log := audit.NewLog(s.pool, key)
	s.desk = itsm.New(s.pool, key, store)
	if err := s.desk.Defaults(t.Context(), "Europe/Kyiv"); err != nil {
		t.Fatal(err)
	}
	s.get(t, &s.network, `INSERT INTO teams (code, name) VALUES ('network', '{"en": "Network team"}') RETURNING id`)
	s.olena = s.person(t, "Olena Bondar", 0)
	s.anna = s.person(t, "Anna Kovalenko", s.olena.ID)
	s.ivan = s.person(t, "Ivan Petrenko", 0)
	s.boris = s.person(t, "Boris Orlov", 0, auth.Agent)
	s.exec(t, `INSERT INTO team_members (team_id, person_id) VALUES ($1, $2)`, s.network, s.boris.ID)
	s.boris.Teams = []int64{s.network}
	server, err := web.New(web.Config{MaxUpload: 1 << 20, Language: "en", Zone: time.UTC, Version: "test"}, web.Deps{
		Desk: s.desk, Auth: auth.New(s.pool, log, nil, auth.Config{}), Items: cmdb.New(s.pool, log), Log: log,
		Ready: func(context.Context) error { return nil }, LiveDSN: database.DSN,
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *portalSite) get(t *testing.T, to any, query string, args ...any) {
	t.Helper()
	if err := s.pool.GetContext(t.Context(), to, query, args...); err != nil {
		t.Fatal(err)
	}
}

func (s *portalSite) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := s.pool.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func (s *portalSite) person(t *testing.T, name string, manager int64, roles ...auth.Role) auth.Actor {
	t.Helper()
	a := auth.Actor{Name: name, Login: strings.ToLower(strings.Fields(name)[0]), Roles: roles, Channel: auth.Desk, Language: "en", Zone: time.UTC}
	s.get(t, &a.ID, `INSERT INTO people (login, name, language, manager_id) VALUES ($1, $2, 'en', NULLIF(CAST($3 AS bigint), 0)) RETURNING id`, a.Login, a.Name, manager)
	for _, r := range roles {
		s.exec(t, `INSERT INTO person_roles (person_id, role, source) VALUES ($1, $2, 'hand')`, a.ID, string(r))
	}
	return a
}

// visitor is somebody's browser.
type visitor struct {
	t      *testing.T
	url    string
	client *http.Client
}

// as opens a session for the person as a sign-in leaves it.
func (s *portalSite) as(t *testing.T, a auth.Actor) *visitor {
	t.Helper()
	token := fmt.Sprintf("%043d", a.ID)
	hash := sha256.Sum256([]byte(token))
	s.exec(t, `INSERT INTO sessions (token_hash, id, person_id, via, created_at, seen_at, expires_at, agent)
VALUES ($1, $2, $3, 'directory', now(), now(), now() + interval '1 hour', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0') ON CONFLICT DO NOTHING`, hash[:], "session-"+strconv.FormatInt(a.ID, 10), a.ID)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(u, []*http.Cookie{{Name: "opora_session", Value: token}})
	return &visitor{t: t, url: s.url, client: &http.Client{Jar: jar}}
}

// page is what came back, after redirects.
type page struct {
	status int
	path   string
	body   string
}

func (v *visitor) do(req *http.Request, err error) page {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return page{res.StatusCode, res.Request.URL.RequestURI(), string(body)}
}

func (v *visitor) get(path string) page {
	v.t.Helper()
	return v.do(http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.url+path, http.NoBody))
}

func (v *visitor) post(path string, form url.Values) page {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url+path, strings.NewReader(form.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return v.do(req, err)
}

// send posts a form with files: name → content.
func (v *visitor) send(path string, form url.Values, attached map[string]string) page {
	v.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, values := range form {
		for _, value := range values {
			if err := w.WriteField(name, value); err != nil {
				v.t.Fatal(err)
			}
		}
	}
	for name, content := range attached {
		f, err := w.CreateFormFile("files", name)
		if err == nil {
			_, err = io.WriteString(f, content)
		}
		if err != nil {
			v.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		v.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url+path, &b)
	if err == nil {
		req.Header.Set("Content-Type", w.FormDataContentType())
	}
	return v.do(req, err)
}

func (p page) want(t *testing.T, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Errorf("%s: status %d, want %d", p.path, p.status, status)
	}
	for _, x := range texts {
		if !strings.Contains(p.body, x) {
			t.Errorf("%s: lacks %q", p.path, x)
		}
	}
	if t.Failed() {
		t.Fatalf("%s", p.body)
	}
	return p
}

func (p page) lacks(t *testing.T, texts ...string) {
	t.Helper()
	for _, x := range texts {
		if strings.Contains(p.body, x) {
			t.Fatalf("%s: has %q\n%s", p.path, x, p.body)
		}
	}
}

func (p page) number(t *testing.T) string {
	t.Helper()
	number, ok := strings.CutPrefix(p.path, "/tickets/")
	if !ok {
		t.Fatalf("landed on %s, not on a ticket\n%s", p.path, p.body)
	}
	return number
}

func (s *portalSite) reported(t *testing.T, who auth.Actor, title string) itsm.Ticket {
	t.Helper()
	tk, err := s.desk.OpenIncident(t.Context(), who, itsm.NewIncident{Title: title})
	if err != nil {
		t.Fatal(err)
	}
	return tk
}

func (s *portalSite) resolved(t *testing.T, number string) itsm.Ticket {
	t.Helper()
	tk, err := s.desk.Resolve(t.Context(), s.boris, number, 0, itsm.Resolution{Code: "solved", Text: "New toner"})
	if err != nil {
		t.Fatal(err)
	}
	return tk
}

func versionOf(tk itsm.Ticket) url.Values { return url.Values{"version": {strconv.Itoa(tk.Version)}} }

func TestReportAndFollowToTheEnd(t *testing.T) {
	s := newPortalSite(t)
	anna, boris := s.as(t, s.anna), s.as(t, s.boris)
	anna.get("/").want(t, 200, "Anna", "What I am waiting for", "Something is broken")
	anna.get("/tickets").want(t, 200, "Nothing is open")
	anna.get("/report").want(t, 200, "How much does it hinder you?", "<optgroup", `value="3" checked`)

	sent := anna.send("/report", url.Values{"title": {"Printer prints blank pages"}, "description": {"Since\nMonday"}, "urgency": {"2"}, "impact": {"2"}},
		map[string]string{"photo.txt": "not a photo"})
	sent.want(t, 200, "Printer prints blank pages", "first answer by", "photo.txt", "Since<br>Monday")
	sent.lacks(t, "P3", "SLA")
	number := sent.number(t)
	anna.get("/?").want(t, 200, number, "The service desk will look at it")
	anna.get("/search?q="+strings.TrimLeft(strings.TrimPrefix(number, "INC-"), "0")).want(t, 200, "About this request")
	anna.get("/search?q=blank").want(t, 200, number, "Report “blank”")

	tk, err := s.desk.Take(t.Context(), s.boris, number, 1)
	if err != nil {
		t.Fatal(err)
	}
	if tk, err = s.desk.Hold(t.Context(), s.boris, number, tk.Version, "caller", "Which tray?"); err != nil {
		t.Fatal(err)
	}
	anna.get("/notifications").want(t, 200, number, "Mark all as read")
	anna.get("/tickets/"+number).want(t, 200, "Which tray?", "We are waiting for your answer", "Your answer")
	anna.get("/notifications").lacks(t, "Mark all as read") // opening the ticket has seen it
	anna.send("/tickets/"+number+"/reply", url.Values{"text": {"Tray two"}}, nil).want(t, 200, "Tray two", "Boris Orlov has been on it since")
	boris.get("/notifications/ticket/"+number).lacks(t, "About this request")

	tk = s.resolved(t, number)
	anna.get("/").want(t, 200, "/tickets/"+number+"/confirm", "Not yet")
	anna.get("/tickets/"+number).want(t, 200, "Is it solved?", "New toner")
	anna.post("/tickets/"+number+"/reopen", versionOf(tk)).want(t, 422, `id="field-why"`, `<details class="fold" id="why" open`)
	again := versionOf(tk)
	again.Set("why", "Still blank")
	anna.post("/tickets/"+number+"/reopen", again).want(t, 200, "Still blank", "We go on working on it")

	tk = s.resolved(t, number)
	anna.post("/tickets/"+number+"/confirm", url.Values{"version": {"1"}}).want(t, 409, "Is it solved?")
	yes := versionOf(tk)
	yes.Set("back", "https://elsewhere.example/")
	confirmed := anna.post("/tickets/"+number+"/confirm", yes)
	confirmed.want(t, 200, number+" is closed")
	if confirmed.path != "/" {
		t.Errorf("after the confirmation: %s", confirmed.path)
	}
	anna.get("/tickets/"+number).want(t, 200, "opens a new request")
	follow := anna.send("/tickets/"+number+"/reply", url.Values{"text": {"Blank again"}}, nil)
	follow.want(t, 200, "Blank again", "is closed, so we opened")
	if follow.number(t) == number {
		t.Error("an answer to a closed request stayed in it")
	}
	anna.get("/tickets?show=ended").want(t, 200, number)
}

func TestAReportThatIsWrongKeepsEverything(t *testing.T) {
	s := newPortalSite(t)
	anna := s.as(t, s.anna)
	var category, service int64
	s.get(t, &category, `SELECT id FROM categories WHERE code = 'network-vpn'`)
	s.get(t, &service, `INSERT INTO items (class, name, criticality) VALUES ('service', '{"en": "Remote work"}', 2) RETURNING id`)
	form := url.Values{
		"title": {" "}, "description": {"It <b>drops</b>"}, "urgency": {"1"}, "impact": {"9"}, "category": {strconv.FormatInt(category, 10)},
		"service": {strconv.FormatInt(service, 10)}, "affected_text": {"Nobody Here"}, "participants_text": {"Ivan Petrenko"},
	}
	wrong := anna.send("/report", form, map[string]string{"log.txt": "dropped", "empty.txt": ""})
	wrong.want(t, 422, "It &lt;b&gt;drops&lt;/b&gt;", `value="Nobody Here"`, `value="Ivan Petrenko"`, fmt.Sprintf(`value="%d" selected`, category),
		fmt.Sprintf(`value="%d" selected`, service), `name="urgency" value="1" checked`, `href="#field-title"`, `href="#field-affected"`, `href="#field-impact"`,
		`href="#field-files"`, "log.txt")
	wrong.lacks(t, "<b>drops</b>")
	var n int
	if s.get(t, &n, `SELECT count(*) FROM tickets`); n != 0 {
		t.Fatalf("%d tickets of a wrong report", n)
	}
	token := regexp.MustCompile(`name="token" value="([0-9a-f]{32})" checked`).FindStringSubmatch(wrong.body)
	if token == nil {
		t.Fatal("the file that was sent is not kept")
	}
	form.Set("title", "VPN drops")
	form.Set("impact", "1")
	form.Del("affected_text")
	form.Set("token", token[1])
	// A token is its uploader's alone.
	s.as(t, s.ivan).send("/report", form, nil).want(t, 200, "VPN drops")
	s.as(t, s.ivan).get("/files/"+token[1]).want(t, 404)
	anna.send("/report", form, nil).want(t, 200, "VPN drops", "log.txt", "Ivan Petrenko", "Remote work")
	s.as(t, s.ivan).get("/files/"+token[1]).want(t, 200, "dropped") // now he follows the ticket
	s.as(t, s.olena).get("/files/"+token[1]).want(t, 200)           // and she is Anna's manager
}

func TestReportForSomebodyElse(t *testing.T) {
	s := newPortalSite(t)
	anna, ivan := s.as(t, s.anna), s.as(t, s.ivan)
	sent := anna.send("/report", url.Values{"title": {"Ivan's screen"}, "urgency": {"3"}, "impact": {"3"}, "affected": {strconv.FormatInt(s.ivan.ID, 10)}}, nil)
	sent.want(t, 200, "Ivan Petrenko")
	number := sent.number(t)
	ivan.get("/tickets").want(t, 200, number)
	anna.get("/tickets").lacks(t, number)
	anna.get("/tickets?of=others").want(t, 200, number, "Ivan Petrenko")
	tk := s.resolved(t, number)
	ivan.post("/tickets/"+number+"/confirm", versionOf(tk)).want(t, 200, number+" is closed")
	var mine int64
	s.get(t, &mine, `INSERT INTO items (class, name, criticality, owner_id) VALUES ('workstation', '{"en": "Laptop of Ivan"}', 3, $1) RETURNING id`, s.ivan.ID)
	ivan.get("/report").want(t, 200, "Laptop of Ivan")
	for _, field := range []string{"items", "item"} {
		foreign := url.Values{"title": {"x"}, "urgency": {"3"}, "impact": {"3"}, field: {strconv.FormatInt(mine, 10)}}
		p := anna.send("/report", foreign, nil)
		p.want(t, 422)
		p.lacks(t, "Laptop of Ivan")
	}
}

// The addresses of a ticket, with what they are sent.
var ticketPosts = map[string]url.Values{
	"/reply": {"text": {"Let me in"}}, "/confirm": {}, "/reopen": {"why": {"x"}}, "/cancel": {"reason": {"x"}}, "/followers": {"person": {"1"}},
	"/followers/4/remove": {}, // Boris: nobody of the tests' readers
}

func TestOtherPeoplesTicketsDoNotExist(t *testing.T) {
	s := newPortalSite(t)
	ivan := s.as(t, s.ivan)
	tk := s.reported(t, s.anna, "Anna's secret")
	for _, number := range []string{tk.Number, "INC-999999", "%00", "INC-000001'--"} {
		for _, path := range []string{"/tickets/" + number, "/notifications/ticket/" + number} {
			p := ivan.get(path)
			p.want(t, 404)
			p.lacks(t, "Anna's secret")
		}
		for path, form := range ticketPosts {
			ivan.post("/tickets/"+number+path, form).want(t, 404)
		}
	}
	for _, path := range []string{"/", "/tickets", "/tickets?of=team", "/tickets?of=others", "/tickets?of=followed", "/search?q=secret", "/notifications"} {
		ivan.get(path).lacks(t, tk.Number)
	}
	ivan.get("/search?q="+tk.Number).want(t, 200, "None of your requests")
	var events int
	if s.get(t, &events, `SELECT count(*) FROM ticket_events WHERE ticket_id = $1`, tk.ID); events != 1 {
		t.Errorf("a stranger left %d events", events-1)
	}
	nobody := &visitor{t: t, url: s.url, client: &http.Client{}}
	if p := nobody.get("/tickets/" + tk.Number); !strings.HasPrefix(p.path, "/sign-in?back=") {
		t.Errorf("nobody lands on %s", p.path)
	}
	nobody.post("/tickets/"+tk.Number+"/reply", url.Values{"text": {"x"}}).want(t, 401)
}

func TestAManagerReadsAlong(t *testing.T) {
	s := newPortalSite(t)
	olena := s.as(t, s.olena)
	tk := s.reported(t, s.anna, "Slow mail")
	olena.get("/tickets?of=team").want(t, 200, tk.Number, "My team")
	p := olena.get("/tickets/" + tk.Number)
	p.want(t, 200, "You can read this request")
	p.lacks(t, "<textarea", "Cancel this request", "Let a colleague")
	for path, form := range ticketPosts {
		if path == "/confirm" || path == "/reopen" {
			continue // below, where it could be done
		}
		olena.post("/tickets/"+tk.Number+path, form).want(t, 403)
	}
	tk = s.resolved(t, tk.Number)
	for _, path := range []string{"/confirm", "/reopen"} {
		form := versionOf(tk)
		form.Set("why", "x")
		olena.post("/tickets/"+tk.Number+path, form).want(t, 403)
	}
	s.as(t, s.anna).get("/tickets").lacks(t, "of=team") // she manages nobody
}

func TestCancelAndFollowers(t *testing.T) {
	s := newPortalSite(t)
	anna, ivan := s.as(t, s.anna), s.as(t, s.ivan)
	tk := s.reported(t, s.anna, "Old chair")
	because := func(reason string) url.Values { // as the page has it by now
		v, err := s.desk.Get(t.Context(), s.anna, tk.Number)
		if err != nil {
			t.Fatal(err)
		}
		form := versionOf(v.Ticket)
		form.Set("reason", reason)
		return form
	}
	anna.post("/tickets/"+tk.Number+"/followers", url.Values{"person_text": {"Nobody Here"}}).want(t, 422, `value="Nobody Here"`, `href="#field-person"`)
	anna.post("/tickets/"+tk.Number+"/followers", url.Values{}).want(t, 422)
	anna.post("/tickets/"+tk.Number+"/followers", url.Values{"person_text": {"Ivan Petrenko"}}).want(t, 200, "Ivan Petrenko")
	ivan.get("/tickets?of=followed").want(t, 200, tk.Number)
	ivan.send("/tickets/"+tk.Number+"/reply", url.Values{"text": {"Mine too"}}, nil).want(t, 200, "Mine too")
	ivan.post("/tickets/"+tk.Number+"/cancel", because("x")).want(t, 403)
	ivan.post("/tickets/"+tk.Number+"/followers", url.Values{"person": {strconv.FormatInt(s.olena.ID, 10)}}).want(t, 403)
	left := ivan.post(fmt.Sprintf("/tickets/%s/followers/%d/remove", tk.Number, s.ivan.ID), nil)
	left.want(t, 200)
	ivan.get("/tickets/"+tk.Number).want(t, 404)

	anna.post("/tickets/"+tk.Number+"/cancel", because(" ")).want(t, 422, `href="#field-reason"`, `id="cancel" open`)
	anna.post("/tickets/"+tk.Number+"/cancel", because("Found another")).want(t, 200, "Cancelled", "Found another")
	anna.post("/tickets/"+tk.Number+"/cancel", because("Once more")).want(t, 409, "Cancelled")
}

func TestWhatPeopleTypeIsText(t *testing.T) {
	s := newPortalSite(t)
	anna := s.as(t, s.anna)
	const evil = `"><script>alert(1)</script>{{.}}`
	sent := anna.send("/report", url.Values{"title": {evil}, "description": {evil}, "urgency": {"3"}, "impact": {"3"}}, map[string]string{evil: "x"})
	number := sent.number(t)
	anna.send("/tickets/"+number+"/reply", url.Values{"text": {evil}}, nil).want(t, 200)
	for _, path := range []string{
		"/", "/tickets", "/tickets/" + number, "/search?q=" + url.QueryEscape(evil), "/search?q=alert", "/report?title=" + url.QueryEscape(evil),
		"/tickets?of=" + url.QueryEscape(evil), "/tickets?after=" + url.QueryEscape(evil), "/tickets/" + number + "?open=" + url.QueryEscape(evil),
	} {
		p := anna.get(path)
		p.want(t, 200)
		p.lacks(t, "<script>alert")
	}
	anna.get("/search?q=%00").want(t, 422)
	long := anna.send("/tickets/"+number+"/reply", url.Values{"text": {strings.Repeat("x", itsm.MaxText+1)}}, map[string]string{"kept.txt": "kept"})
	long.want(t, 422, strings.Repeat("x", itsm.MaxText+1), "kept.txt", `name="token"`)
}

func TestProfile(t *testing.T) {
	s := newPortalSite(t)
	anna := s.as(t, s.anna)
	s.as(t, s.ivan)
	anna.get("/profile").want(t, 200, "Anna Kovalenko", "Olena Bondar", "Firefox, Linux")
	anna.post("/profile", url.Values{"language": {"auto"}, "timezone": {"Mars/Olympus"}, "theme": {"auto"}}).want(t, 422, "Mars/Olympus", `href="#field-timezone"`)
	anna.post("/profile", url.Values{"language": {"uk"}, "timezone": {"Europe/Kyiv"}, "theme": {"dark"}}).want(t, 200, `lang="uk"`, `data-theme="dark"`, "Збережено.")
	anna.post(fmt.Sprintf("/profile/sessions/session-%d/revoke", s.ivan.ID), nil).want(t, 404)
	s.as(t, s.ivan).get("/profile").want(t, 200)
}
