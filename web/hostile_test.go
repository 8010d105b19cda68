package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/audit"
	"opora/internal/files"
	"opora/internal/testkit"
	"opora/itsm"
	"opora/web"
)

// What a form brought stands on the server's disk while it is read, and not a moment longer.
func TestFormsLeaveNothingOnTheDisk(t *testing.T) {
	s := newPortalSite(t)
	spool := t.TempDir()
	t.Setenv("TMPDIR", spool)
	anna := s.as(t, s.anna)
	form := url.Values{"title": {"The log is attached"}, "urgency": {"3"}, "impact": {"3"}}
	anna.send("/report", form, map[string]string{"large.log": strings.Repeat("x", 3<<20)}).want(t, 422)
	anna.send("/report", form, map[string]string{"a.log": strings.Repeat("x", 900<<10), "b.log": strings.Repeat("y", 900<<10)}).want(t, 200)
	left, err := os.ReadDir(spool)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("%s is left", f.Name())
	}
}

// What PostgreSQL cannot hold is found nowhere and breaks nothing.
func TestTextThatIsNone(t *testing.T) {
	s := newPortalSite(t)
	tk := s.reported(t, s.anna, "Printer prints blank pages")
	boris, anna := s.as(t, s.boris), s.as(t, s.anna)
	for _, text := range []string{"\x00", "\xff\xfe", strings.Repeat("9", 40), "-1", "' OR 1=1 --", "*)(uid=*"} {
		q := url.QueryEscape(text)
		for _, path := range []string{
			"/desk/search?q=" + q, "/pick/tickets?q=" + q, "/pick/people?q=" + q, "/pick/items?q=" + q, "/desk/incidents?q=" + q, "/desk/incidents?after=" + q,
			"/desk/incidents?view=" + q, "/desk/incidents?sort=" + q, "/desk/incidents?state=" + q, "/desk/incidents?team=" + q,
		} {
			if p := boris.get(path); p.status >= 500 {
				t.Errorf("%s: %d", path, p.status)
			}
		}
		if p := anna.get("/search?q=" + q); p.status >= 500 {
			t.Errorf("the portal's search for %q: %d", text, p.status)
		}
		for _, path := range []string{"/links", "/links/1", "/parent"} {
			p := boris.post("/desk/incidents/"+tk.Number+path, url.Values{"other": {text}, "parent": {text}, "type": {"related"}, "version": {"1"}})
			p.want(t, 422)
		}
	}
}

// A form without the version that its reader saw changes nothing, in the portal as in the desk.
func TestAFormThatSawNothingChangesNothing(t *testing.T) {
	s := newPortalSite(t)
	tk := s.resolved(t, s.reported(t, s.anna, "Printer prints blank pages").Number)
	anna := s.as(t, s.anna)
	for _, version := range []string{"", "0", "-1", "99999999999999999999", "x"} {
		anna.post("/tickets/"+tk.Number+"/confirm", url.Values{"version": {version}}).want(t, 409)
	}
	if v, err := s.desk.Get(t.Context(), s.anna, tk.Number); err != nil || v.State != "resolved" {
		t.Errorf("%v, %v", v.State, err)
	}
}

// A live stream says nothing more to somebody whose session was ended, or who was switched off.
func TestLiveEndsWithTheSession(t *testing.T) {
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
	t.Cleanup(func() { store.Close() })
	log := audit.NewLog(s.pool, key)
	s.desk = itsm.New(s.pool, key, store)
	if err := s.desk.Defaults(t.Context(), "Europe/Kyiv"); err != nil {
		t.Fatal(err)
	}
	s.anna, s.boris = s.person(t, "Anna Kovalenko", 0), s.person(t, "Boris Orlov", 0, auth.Agent)
	gone := s.person(t, "Timur Aliev", 0, auth.Agent)
	pages, err := web.New(web.Config{MaxUpload: 1 << 20, Language: "en", Zone: time.UTC}, web.Deps{
		Desk: s.desk, Auth: auth.New(s.pool, log, nil, auth.Config{}), Items: cmdb.New(s.pool, log), Log: log,
		Ready: func(context.Context) error { return nil }, LiveDSN: database.DSN,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages)
	s.url = server.URL
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- pages.Live(ctx) }()
	t.Cleanup(func() {
		pages.Drain()
		server.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	listen := func(who auth.Actor) *bufio.Scanner {
		req, err := http.NewRequestWithContext(soon, http.MethodGet, s.url+"/live", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.as(t, who).client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		lines := bufio.NewScanner(res.Body)
		lines.Scan()
		return lines
	}
	heard := func(lines *bufio.Scanner) (string, bool) {
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return text, true
			}
		}
		return "", false
	}
	stays, goes, off := listen(s.boris), listen(gone), listen(s.anna)
	s.exec(t, `DELETE FROM sessions WHERE person_id = $1`, gone.ID)
	s.exec(t, `UPDATE people SET active = false WHERE id = $1`, s.anna.ID)
	first := make(chan string, 1)
	go func() {
		text, _ := heard(stays)
		first <- text
	}()
	for text := ""; text == ""; { // the server may not listen yet: what happened before that is news to nobody
		s.reported(t, s.boris, "Printer prints blank pages")
		select {
		case text = <-first:
		case <-time.After(200 * time.Millisecond):
		case <-soon.Done():
			t.Fatal("who is signed in hears nothing")
		}
	}
	// Streams that went on would have said as much by now; these end.
	for who, lines := range map[string]*bufio.Scanner{"without a session": goes, "who was switched off": off} {
		if text, ok := heard(lines); ok {
			t.Errorf("somebody %s hears %s", who, text)
		}
		if soon.Err() != nil {
			t.Errorf("the stream of somebody %s goes on", who)
		}
	}
}

// One person cannot take all the streams that there are.
func TestStreamsOfOnePersonAreBounded(t *testing.T) {
	s := newPortalSite(t)
	open := func(who auth.Actor) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/live", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.as(t, who).client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res.StatusCode
	}
	for range web.MaxStreams {
		if status := open(s.ivan); status != http.StatusOK {
			t.Fatalf("a stream gets %d", status)
		}
	}
	if status := open(s.ivan); status != http.StatusServiceUnavailable {
		t.Errorf("one stream too many gets %d", status)
	}
	if status := open(s.boris); status != http.StatusOK {
		t.Errorf("somebody else gets %d", status)
	}
}

// The page of an error gives back what was written, and never what is secret.
func TestErrorPagesKeepSecretsToThemselves(t *testing.T) {
	s := newPortalSite(t)
	form := url.Values{"text": {"Words that took a while to write"}}
	for _, name := range []string{"password", "bind_password", "token"} {
		form.Set(name, "a very long secret of the directory: "+name)
	}
	s.as(t, s.ivan).post("/tickets/INC-999999/reply", form).want(t, 404, "Words that took a while to write").lacks(t, "a very long secret")
}

// What another site has somebody's browser send is refused, like every refusal by a page of ours and a row of the log.
func TestOtherSitesMayNotAct(t *testing.T) {
	s := newPortalSite(t)
	anna := s.as(t, s.anna)
	for name, values := range map[string][]string{"Sec-Fetch-Site": {"cross-site", "same-site"}, "Origin": {"https://evil.example", "null"}} {
		for _, value := range values {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/report", strings.NewReader("title=From+elsewhere&urgency=3&impact=3"))
			if err == nil {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set(name, value)
			}
			anna.do(req, err).want(t, 403, "<h1", "Your role does not allow this").lacks(t, "From elsewhere")
		}
	}
	var tickets, refusals int
	s.get(t, &tickets, `SELECT count(*) FROM tickets`)
	s.get(t, &refusals, `SELECT count(*) FROM audit_log WHERE action = 'refused'`)
	if tickets != 0 || refusals != 4 {
		t.Errorf("%d tickets and %d rows of the log", tickets, refusals)
	}
}
