package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"opora/auth"
	"opora/itsm"
	"opora/web"
)

// deskSite is the portal's company with a second team, its agent Vera, and the auditor Audrey.
type deskSite struct {
	*portalSite
	vera, audrey auth.Actor
	apps         int64
}

func newDeskSite(t *testing.T) *deskSite {
	t.Helper()
	s := &deskSite{portalSite: newPortalSite(t)}
	s.get(t, &s.apps, `INSERT INTO teams (code, name) VALUES ('apps', '{"en": "Applications"}') RETURNING id`)
	s.vera = s.person(t, "Vera Sokol", 0, auth.Agent)
	s.exec(t, `INSERT INTO team_members (team_id, person_id) VALUES ($1, $2)`, s.apps, s.vera.ID)
	s.vera.Teams = []int64{s.apps}
	s.audrey = s.person(t, "Audrey Hill", 0, auth.Auditor)
	return s
}

// report opens an incident of Anna's in Boris' team.
func (s *deskSite) report(t *testing.T, n itsm.NewIncident) itsm.Ticket {
	t.Helper()
	n.RequesterID, n.TeamID = s.anna.ID, s.network
	if n.Title == "" {
		n.Title = "The printer prints blank pages"
	}
	tk, err := s.desk.OpenIncident(t.Context(), s.boris, n)
	if err != nil {
		t.Fatal(err)
	}
	return tk
}

func (s *deskSite) view(t *testing.T, number string) *itsm.View {
	t.Helper()
	v, err := s.desk.Get(t.Context(), s.audrey, number)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func version(n int) url.Values { return url.Values{"version": {strconv.Itoa(n)}} }

func with(form url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestQueueShowsWhatItsReaderMaySee(t *testing.T) {
	s := newDeskSite(t)
	plain := s.report(t, itsm.NewIncident{Title: "A plain one"})
	secret := s.report(t, itsm.NewIncident{Title: "A confidential one", Confidential: true})
	boris, vera, audrey := s.as(t, s.boris), s.as(t, s.vera), s.as(t, s.audrey)

	all := "/desk/incidents?view=all"
	boris.get(all).want(t, http.StatusOK, plain.Title, secret.Title)
	vera.get(all).want(t, http.StatusOK, plain.Title)
	vera.get(all).lacks(t, secret.Title, secret.Number)
	audrey.get(all).want(t, http.StatusOK, plain.Title, secret.Title)

	// Of one's own teams, unless another is asked for.
	boris.get("/desk/incidents?view=unassigned").want(t, http.StatusOK, plain.Title)
	vera.get("/desk/incidents?view=unassigned").lacks(t, plain.Title)
	vera.get("/desk/incidents?view=unassigned&team=any").want(t, http.StatusOK, plain.Title)

	vera.get("/desk/incidents/"+secret.Number).want(t, http.StatusNotFound)
	vera.get(all+"&ticket="+secret.Number).want(t, http.StatusNotFound)
	vera.get("/desk/incidents/"+secret.Number+"/clock/resolution").want(t, http.StatusNotFound)
	vera.get("/desk/search?q="+secret.Number).want(t, http.StatusOK, "Nothing found")
	vera.post("/desk/incidents/"+secret.Number+"/take", version(secret.Version)).want(t, http.StatusNotFound)
	vera.get("/pick/tickets?q="+secret.Number).lacks(t, secret.Title)
	if got := boris.get("/desk/search?q=" + strings.TrimPrefix(plain.Number, "INC-")); got.path != "/desk/incidents/"+plain.Number {
		t.Errorf("a search for the number leads to %s", got.path)
	}
	boris.get("/desk/incidents?view=no-such").want(t, http.StatusNotFound)
	boris.get("/desk/incidents?view=all&from=yesterday").want(t, http.StatusUnprocessableEntity, "This is not a day", `value="yesterday"`, `href="#field-filter-from"`)
	boris.get("/desk/incidents?view=all&after=nonsense").want(t, http.StatusUnprocessableEntity)
}

func TestQueueGoesOnPageByPage(t *testing.T) {
	s := newDeskSite(t)
	for i := range 53 {
		s.report(t, itsm.NewIncident{Title: "Number " + strconv.Itoa(i)})
	}
	boris := s.as(t, s.boris)
	row := regexp.MustCompile(`<tr data-ticket="\d+"`)
	first := boris.get("/desk/incidents?view=all&sort=oldest")
	if n := len(row.FindAllString(first.body, -1)); n != 50 {
		t.Fatalf("%d rows on the first page, want 50", n)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+first.path, http.NoBody)
	if err == nil {
		req.Header.Set("Accept-Encoding", "gzip") // asked for by hand, so that it is not unpacked
	}
	if n := len(boris.do(req, err).body); n > 25<<10 {
		t.Errorf("a page of 50 rows weighs %d bytes, more than 25 KiB", n)
	}
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(first.body)
	if next == nil {
		t.Fatal("no next page")
	}
	second := boris.get(html.UnescapeString(next[1]))
	if n := len(row.FindAllString(second.body, -1)); n != 3 {
		t.Errorf("%d rows on the second page, want 3", n)
	}
	second.want(t, http.StatusOK, "Number 52")
	if strings.Contains(second.body, `rel="next"`) {
		t.Error("the last page has a next one")
	}
}

func TestTwoAgentsAtOnce(t *testing.T) {
	s := newDeskSite(t)
	tk := s.report(t, itsm.NewIncident{})
	if _, err := s.desk.Take(t.Context(), s.vera, tk.Number, tk.Version); err != nil {
		t.Fatal(err)
	}
	boris, at := s.as(t, s.boris), "/desk/incidents/"+tk.Number
	form := with(version(tk.Version), "resolution_code", "solved", "resolution", "A new drum & toner <b>bold</b>")
	got := boris.post(at+"/resolve", form)
	got.want(t, http.StatusConflict, "took it", "Vera Sokol", "A new drum &amp; toner &lt;b&gt;bold&lt;/b&gt;", `name="resolution_code" value="solved"`,
		`name="version" value="`+strconv.Itoa(tk.Version+1)+`"`)
	if v := s.view(t, tk.Number); v.State != "in_progress" {
		t.Fatalf("state %s after a stale form", v.State)
	}
	form.Set("version", strconv.Itoa(tk.Version+1))
	boris.post(at+"/resolve", form).want(t, http.StatusOK)
	if v := s.view(t, tk.Number); v.State != "resolved" || v.Incident().Resolution != form.Get("resolution") {
		t.Errorf("sent again: %s, %q", v.State, v.Incident().Resolution)
	}
	// A form that does not say what it has seen has seen nothing.
	boris.post(at+"/close", url.Values{}).want(t, http.StatusConflict)
}

func TestRefusedFormsKeepWhatWasTyped(t *testing.T) {
	s := newDeskSite(t)
	tk := s.report(t, itsm.NewIncident{})
	boris, at := s.as(t, s.boris), "/desk/incidents/"+tk.Number
	boris.post(at+"/resolve", with(version(tk.Version), "resolution", "Drum replaced")).
		want(t, http.StatusUnprocessableEntity, ">Drum replaced</textarea>", `href="#field-resolution_code"`)
	boris.post(at+"/hold", with(version(tk.Version), "hold_reason", "caller")).
		want(t, http.StatusUnprocessableEntity, `value="caller" checked`, `href="#field-message"`)
	boris.post(at+"/edit", with(version(tk.Version), "title", "", "description", "Kept words", "impact", "2", "urgency", "2", "channel", "phone")).
		want(t, http.StatusUnprocessableEntity, ">Kept words</textarea>", `href="#field-title"`)
	boris.post(at+"/assign", with(version(tk.Version), "team", strconv.FormatInt(s.apps, 10), "assignee", strconv.FormatInt(s.boris.ID, 10))).
		want(t, http.StatusUnprocessableEntity, "not in the team", `href="#field-assignee"`, "Vera Sokol")
	boris.post(at+"/tasks", url.Values{"task": {""}}).want(t, http.StatusUnprocessableEntity, `href="#field-task"`)
	boris.post(at+"/links", url.Values{"other": {"INC-999999"}, "type": {"related"}}).want(t, http.StatusUnprocessableEntity, `href="#field-other"`)

	// A file that was sent with a form that came back goes with the next try.
	back := boris.send(at+"/say", url.Values{"mode": {"reply"}, "text": {strings.Repeat("я", itsm.MaxText+1)}}, map[string]string{"log.txt": "one line"})
	back.want(t, http.StatusUnprocessableEntity, "log.txt")
	token := regexp.MustCompile(`name="token" value="([0-9a-f]{32})"`).FindStringSubmatch(back.body)
	if token == nil {
		t.Fatal("the file was not kept")
	}
	boris.send(at+"/say", url.Values{"mode": {"reply"}, "text": {"See the log"}, "token": {token[1]}}, nil).want(t, http.StatusOK, "See the log", "log.txt")
	if v := s.view(t, tk.Number); len(v.Files) != 1 {
		t.Errorf("%d files, want 1", len(v.Files))
	}
	boris.post("/desk/new", url.Values{"title": {"No screen"}, "description": {"It stays black"}, "requester_text": {"nobody at all"}, "urgency": {"3"}}).
		want(t, http.StatusUnprocessableEntity, `value="No screen"`, ">It stays black</textarea>", "exactly one person")
}

func TestAnAgentsDay(t *testing.T) {
	s := newDeskSite(t)
	boris := s.as(t, s.boris)
	opened := boris.post("/desk/new", url.Values{
		"requester": {strconv.FormatInt(s.anna.ID, 10)}, "title": {"No screen"}, "description": {"It stays black"},
		"channel": {"phone"}, "impact": {"2"}, "urgency": {"2"}, "team": {strconv.FormatInt(s.network, 10)},
	})
	opened.want(t, http.StatusOK, "No screen", "Anna Kovalenko", "It stays black")
	number := strings.TrimPrefix(opened.path, "/desk/incidents/")
	at := "/desk/incidents/" + number
	do := func(what string, pairs ...string) page {
		t.Helper()
		got := boris.post(at+"/"+what, with(version(s.view(t, number).Version), pairs...))
		got.want(t, http.StatusOK)
		return got
	}
	do("take").want(t, http.StatusOK, "is yours now")
	do("edit", "title", "No screen at all", "description", "It stays black", "impact", "2", "urgency", "2", "channel", "phone", "priority", "1", "priority_was", "",
		"priority_reason", "The chief's desk", "requester", strconv.FormatInt(s.anna.ID, 10), "requester_was", strconv.FormatInt(s.anna.ID, 10))
	if v := s.view(t, number); v.Priority != 1 || v.PriorityReason != "The chief's desk" || v.Title != "No screen at all" {
		t.Errorf("edited: priority %d, %q, %q", v.Priority, v.PriorityReason, v.Title)
	}
	do("hold", "hold_reason", "caller", "message", "Which cable?")
	boris.get(at).want(t, http.StatusOK, "Awaiting caller", "paused: waiting for Anna Kovalenko", "Which cable?")
	do("resume")
	boris.post(at+"/say", url.Values{"mode": {"note"}, "text": {"Cable again"}}).want(t, http.StatusOK, "Cable again", "entry-internal")
	do("tasks", "task", "Bring a cable", "task_assignee", strconv.FormatInt(s.boris.ID, 10))
	boris.get("/desk").want(t, http.StatusOK, "Bring a cable", "No screen at all")
	boris.post(at+"/resolve", with(version(s.view(t, number).Version), "resolution_code", "solved", "resolution", "New cable")).
		want(t, http.StatusConflict, "open tasks", ">New cable</textarea>")
	do("tasks/"+strconv.FormatInt(s.view(t, number).Tasks[0].ID, 10), "state", "done")
	do("people", "person", strconv.FormatInt(s.ivan.ID, 10))
	other := s.report(t, itsm.NewIncident{Title: "Another screen"})
	do("links", "other", other.Number, "type", "duplicate_of")
	boris.get(at+"?all=1").want(t, http.StatusOK, "Ivan Petrenko", "duplicate of", other.Number, "The chief&#39;s desk")
	boris.get(at+"/clock/resolution").want(t, http.StatusOK, "why is it due then", "To come")
	do("resolve", "resolution_code", "solved", "resolution", "New cable")
	do("reopen", "reason", "Black again")
	do("cancel", "reason", "Moved to another room")
	if v := s.view(t, number); v.State != "cancelled" {
		t.Errorf("state %s at the end", v.State)
	}
	boris.get("/desk/incidents?view=closed").want(t, http.StatusOK, "No screen at all")
}

func TestWordsAreNeverMarkup(t *testing.T) {
	s := newDeskSite(t)
	evil := `"><img src=x onerror=alert(1)><script>alert(2)</script>`
	tk := s.report(t, itsm.NewIncident{Title: evil, Description: evil})
	boris, at := s.as(t, s.boris), "/desk/incidents/"+tk.Number
	boris.post(at+"/say", url.Values{"mode": {"note"}, "text": {evil}}).want(t, http.StatusOK)
	boris.post(at+"/tasks", url.Values{"task": {evil}}).want(t, http.StatusOK)
	boris.post(at+"/edit", with(version(s.view(t, tk.Number).Version), "title", evil, "impact", "3", "urgency", "3", "channel", "phone", "priority", "2", "priority_reason", evil)).
		want(t, http.StatusOK)
	for _, path := range []string{
		"/desk", "/desk/incidents?view=all&text=" + url.QueryEscape(evil), "/desk/incidents?view=all&ticket=" + tk.Number, at, at + "?all=1",
		at + "?do=edit", at + "/clock/resolution", "/desk/search?q=" + url.QueryEscape(evil), "/pick/tickets?q=" + tk.Number,
	} {
		got := boris.get(path)
		got.want(t, http.StatusOK)
		got.lacks(t, "<img src=x", "<script>alert")
	}
	// A form leads nowhere but to a page of ours.
	if got := boris.post(at+"/take", with(version(s.view(t, tk.Number).Version), "back", "https://elsewhere.example/")); got.path != at {
		t.Errorf("led to %s", got.path)
	}
}

// TestTheDeskIsForStaff: an employee gets nothing of it by any address, not even a form, whatever ticket it names.
func TestTheDeskIsForStaff(t *testing.T) {
	s := newDeskSite(t)
	tk := s.report(t, itsm.NewIncident{})
	anna, audrey := s.as(t, s.anna), s.as(t, s.audrey)
	tried := 0
	for _, r := range web.Addresses() {
		if !strings.HasPrefix(r.Path, "/desk") {
			continue
		}
		tried++
		path := strings.NewReplacer(":number", tk.Number, ":clock", "resolution", ":task", "1", ":link", "1").Replace(r.Path)
		ask := anna.get
		if r.Method == http.MethodPost {
			ask = func(path string) page {
				return anna.post(path, with(version(tk.Version), "text", "x", "state", "done"))
			}
			audrey.post(path, version(tk.Version)).want(t, http.StatusForbidden)
		}
		if got := ask(path); got.status != http.StatusForbidden && got.status != http.StatusNotFound {
			t.Errorf("%s %s: an employee gets %d", r.Method, r.Path, got.status)
		}
	}
	if tried < 25 {
		t.Fatalf("only %d addresses tried", tried)
	}
	if v := s.view(t, tk.Number); v.Version != tk.Version {
		t.Errorf("version %d, want %d: something was done", v.Version, tk.Version)
	}
	audrey.get("/desk/incidents/"+tk.Number).want(t, http.StatusOK, tk.Title)
	if got := audrey.get("/desk/incidents/" + tk.Number); strings.Contains(got.body, `action="/desk/incidents/`+tk.Number) {
		t.Error("an auditor is offered a form")
	}
}

func TestFilesAreOnlySaved(t *testing.T) {
	s := newDeskSite(t)
	tk := s.report(t, itsm.NewIncident{})
	boris, at := s.as(t, s.boris), "/desk/incidents/"+tk.Number
	boris.send(at+"/say", url.Values{"mode": {"note"}, "text": {"see"}}, map[string]string{"стр.html": "<html><script>alert(1)</script></html>"}).want(t, http.StatusOK)
	token := s.view(t, tk.Number).Files[0].Token
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/files/"+token+"?inline", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := boris.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for name, want := range map[string]string{
		"Content-Disposition": "attachment; filename*=utf-8''%D1%81%D1%82%D1%80.html", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Type": "application/octet-stream",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	s.as(t, s.anna).get("/files/"+token).want(t, http.StatusNotFound) // of a note, which she may not read
}
