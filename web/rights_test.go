package web_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opora/auth"
	"opora/itsm"
	"opora/web"
)

var update = flag.Bool("update", false, "write the golden files anew")

// rightsSite is a company in which everybody stands differently to the same tickets.
type rightsSite struct {
	*adminSite
	roles  []walker
	apps   int64
	dora   auth.Actor // whose account the administration changes
	item   int64
	tk     itsm.Ticket
	other  itsm.Ticket // that tk is linked to
	task   int64
	link   int64
	told   string // token of a file that Anna sent
	noted  string // token of a file of a note
	hidden bool
}

type walker struct {
	name string
	who  auth.Actor
}

func newRightsSite(t *testing.T) *rightsSite {
	s := &rightsSite{adminSite: newAdminSite(t)}
	s.get(t, &s.apps, `INSERT INTO teams (code, name) VALUES ('apps', '{"en": "Applications"}') RETURNING id`)
	member := func(team int64, a auth.Actor) auth.Actor {
		s.exec(t, `INSERT INTO team_members (team_id, person_id) VALUES ($1, $2)`, team, a.ID)
		a.Teams = []int64{team}
		return a
	}
	s.boris = member(s.network, s.boris)
	lead := member(s.network, s.person(t, "Olena Bondar", 0, auth.TeamLead))
	timur := member(s.apps, s.person(t, "Timur Aliev", 0, auth.Agent))
	manager, friend, ivan := s.person(t, "Helen Marsh", 0), s.person(t, "Frida Lind", 0), s.person(t, "Ivan Petrenko", 0)
	s.exec(t, `UPDATE people SET manager_id = $1 WHERE id = $2`, manager.ID, s.anna.ID)
	s.dora = s.person(t, "Dora Weiss", 0)
	s.get(t, &s.item, `INSERT INTO items (class, name, tag) VALUES ('printer', '{"en": "Printer"}', 'PRN-1') RETURNING id`)
	s.roles = []walker{
		{"anonymous", auth.Actor{}},
		{"requester", s.anna},
		{"follower", friend},
		{"manager", manager},
		{"stranger", ivan},
		{"agent", s.boris},
		{"agent of another team", timur},
		{"lead", lead},
		{"administrator", s.maria},
		{"auditor", s.vic},
	}
	return s
}

// begin opens a ticket of Anna's that the network team has, with a follower, a task, a link, a file and a note with a file.
func (s *rightsSite) begin(t *testing.T, state string) {
	t.Helper()
	upload := func(who auth.Actor, text string) string {
		a, err := s.desk.Upload(t.Context(), who, "notes.txt", strings.NewReader(text))
		must(t, err)
		return a.Token
	}
	ctx := t.Context()
	s.told, s.noted = upload(s.anna, "What the printer says"), upload(s.boris, "What we think of it")
	var err error
	s.tk, err = s.desk.OpenIncident(ctx, s.anna, itsm.NewIncident{Title: "Printer prints blank pages", Files: []string{s.told}, Participants: []int64{s.roles[2].who.ID}})
	must(t, err)
	s.tk, err = s.desk.Assign(ctx, s.boris, s.tk.Number, s.tk.Version, s.network, 0)
	must(t, err)
	if s.other.ID == 0 {
		s.other, err = s.desk.OpenIncident(ctx, s.anna, itsm.NewIncident{Title: "Another printer prints blank pages"})
		must(t, err)
	}
	_, err = s.desk.AddTask(ctx, s.boris, s.tk.Number, "Look at the printer", 0, 0)
	must(t, err)
	_, err = s.desk.Link(ctx, s.boris, s.tk.Number, s.other.Number, itsm.LinkRelated)
	must(t, err)
	s.tk, err = s.desk.Note(ctx, s.boris, s.tk.Number, "As last year", []string{s.noted})
	must(t, err)
	if s.hidden {
		s.tk, err = s.desk.Update(ctx, s.boris, s.tk.Number, s.tk.Version, itsm.Edit{Confidential: &s.hidden})
		must(t, err)
	}
	s.get(t, &s.task, `SELECT id FROM ticket_tasks WHERE ticket_id = $1`, s.tk.ID)
	s.get(t, &s.link, `SELECT id FROM ticket_links WHERE from_id = $1`, s.tk.ID)
	if state == "" {
		return
	}
	_, err = s.desk.EndTask(ctx, s.boris, s.tk.Number, s.task, itsm.TaskDone)
	must(t, err)
	if state == "held" {
		s.tk, err = s.desk.Hold(ctx, s.boris, s.tk.Number, 0, "vendor", "")
	} else {
		s.tk, err = s.desk.Resolve(ctx, s.boris, s.tk.Number, 0, itsm.Resolution{Code: "solved", Text: "A new cartridge."})
	}
	must(t, err)
}

// what is done at an address when it is tried, so that whoever may do it succeeds: in which state the ticket is, and the form.
func (s *rightsSite) what(path string) (state string, form url.Values) {
	form = url.Values{"version": {strconv.Itoa(s.tk.Version)}}
	set := func(list ...string) {
		for i := 0; i < len(list); i += 2 {
			form.Set(list[i], list[i+1])
		}
	}
	switch do := path[strings.LastIndex(path, "/")+1:]; do {
	case "confirm", "close":
		state = "resolved"
	case "reopen":
		state = "resolved"
		set("why", "Blank again", "reason", "Blank again")
	case "resume":
		state = "held"
	case "resolve":
		state = "held" // the task is done
		set("resolution_code", "solved", "resolution", "A new cartridge.")
	case "cancel":
		set("reason", "No longer needed")
	case "hold":
		set("hold_reason", "vendor")
	case "reply", "say":
		set("text", "The lamp is red.")
	case "assign":
		set("team", strconv.FormatInt(s.network, 10))
	case "edit":
		set("title", "Printer prints nothing", "channel", "phone", "impact", "3", "urgency", "3")
		if s.hidden {
			set("confidential", "on")
		}
	case "followers", "people":
		set("person", strconv.FormatInt(s.dora.ID, 10))
	case "tasks":
		set("task", "Order a cartridge")
	case ":task":
		set("state", "done")
	case "items":
		set("item", strconv.FormatInt(s.item, 10))
	case "links", ":link":
		set("other", s.other.Number, "type", "duplicate_of")
	case "parent":
		set("parent", s.other.Number)
	case "report", "new":
		set("title", "A report", "impact", "3", "urgency", "3", "channel", "phone", "requester", strconv.FormatInt(s.dora.ID, 10))
	case "profile":
		set("language", "en", "timezone", "auto", "theme", "auto")
	case "active":
		set("active", "yes")
	}
	return state, form
}

// address fills the parameters of a path: somebody else's ticket, task, session, and what the administration has.
func (s *rightsSite) address(path, token string) string {
	id := strconv.FormatInt(s.dora.ID, 10)
	switch {
	case strings.HasPrefix(path, "/profile/sessions/"):
		id = "session-" + id
	case strings.HasPrefix(path, "/admin/teams/"):
		id = strconv.FormatInt(s.apps, 10)
	case strings.HasPrefix(path, "/admin/items/"):
		id = strconv.FormatInt(s.item, 10)
	case strings.HasPrefix(path, "/admin/people/"):
	case strings.HasPrefix(path, "/admin/"):
		id = "1"
	}
	code := "standard"
	if strings.HasPrefix(path, "/admin/calendars") {
		code = "business"
	}
	return strings.NewReplacer(":number", s.tk.Number, ":clock", "resolution", ":token", token, ":person", strconv.FormatInt(s.roles[2].who.ID, 10),
		":task", strconv.FormatInt(s.task, 10), ":link", strconv.FormatInt(s.link, 10), ":id", id, ":code", code).Replace(path)
}

// try is the status that somebody gets; their session begins anew with each.
func (s *rightsSite) try(t *testing.T, who auth.Actor, method, path string, form url.Values) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(form.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if who.ID != 0 {
		req.AddCookie(&http.Cookie{Name: "opora_session", Value: s.session(t, who)})
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	defer res.Body.Close()
	if kept := res.Header.Get("Cache-Control"); kept != "no-store" {
		t.Errorf("%s %s: %d may be kept by the browser: %q", method, path, res.StatusCode, kept)
	}
	return res.StatusCode
}

func (s *rightsSite) session(t *testing.T, who auth.Actor) string {
	t.Helper()
	token := fmt.Sprintf("%043d", who.ID)
	hash := sha256.Sum256([]byte(token))
	s.exec(t, `INSERT INTO sessions (token_hash, id, person_id, via, created_at, seen_at, expires_at) VALUES ($1, $2, $3, 'directory', now(), now(), now() + interval '1 hour')
ON CONFLICT DO NOTHING`, hash[:], "session-"+strconv.FormatInt(who.ID, 10), who.ID)
	return token
}

// TestRights walks every address as everybody. A change of what somebody gets shows as a change of the golden file: 404 is what they
// may not see, 403 what they see and may not do, 303 and 200 what they may.
func TestRights(t *testing.T) {
	s := newRightsSite(t)
	var b strings.Builder
	fmt.Fprintf(&b, "%-62s", "")
	for _, r := range s.roles {
		fmt.Fprintf(&b, " %s,", r.name)
	}
	b.WriteString("\n")
	row := func(a web.Address, of, token string, roles []walker) {
		fmt.Fprintf(&b, "%-62s", strings.TrimSpace(a.Method+" "+a.Path+" "+of))
		state, _ := s.what(a.Path)
		fresh := false
		for _, r := range roles {
			if !fresh && of != "" {
				s.begin(t, state)
			}
			mark := token
			switch token {
			case "told":
				mark = s.told
			case "noted":
				mark = s.noted
			}
			s.session(t, s.dora) // somebody else's, to be revoked
			_, form := s.what(a.Path)
			status := s.try(t, r.who, a.Method, s.address(a.Path, mark), form)
			fresh = a.Method == http.MethodGet || status >= 400
			fmt.Fprintf(&b, " %d", status)
		}
		b.WriteString("\n")
	}
	for _, a := range web.Addresses() {
		switch {
		case strings.HasPrefix(a.Path, "/sign-in") && a.Method == http.MethodPost: // asks for no right, and takes its time
			row(a, "", "", s.roles[:1])
		case strings.Contains(a.Path, ":number"):
			for _, s.hidden = range []bool{false, true} {
				row(a, map[bool]string{false: "(plain)", true: "(confidential)"}[s.hidden], "", s.roles)
			}
		case strings.Contains(a.Path, ":token"):
			for _, s.hidden = range []bool{false, true} {
				row(a, map[bool]string{false: "(plain)", true: "(confidential)"}[s.hidden], "told", s.roles)
				row(a, map[bool]string{false: "(note)", true: "(confidential note)"}[s.hidden], "noted", s.roles)
			}
		default:
			row(a, "", "", s.roles)
		}
	}
	const golden = "testdata/rights.golden"
	if *update {
		must(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("who may do what changed; if it should, run the test with -update:\n%s", diff)
	}
}
