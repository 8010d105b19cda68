package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"opora/internal/testkit"
)

// asProgram makes this test binary be opora itself.
const asProgram = "OPORA_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// program is opora in a process of its own.
func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], args...)
	c.Env = append(os.Environ(), append(env, asProgram+"=1")...)
	return c
}

// started is a server that answers.
type started struct {
	*exec.Cmd
	url string
	log *bytes.Buffer
}

func start(t *testing.T, env ...string) *started {
	t.Helper()
	address := testkit.FreeAddress(t)
	s := &started{Cmd: program(t, append(env, "OPORA_LISTEN="+address), "serve"), url: "http://" + address, log: new(bytes.Buffer)}
	s.Stdout, s.Stderr = s.log, s.log
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.ProcessState == nil {
			_ = s.Process.Kill() // an error means that it has ended
			_ = s.Wait()
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", s.url, s.log)
		}
	})
	return s
}

// ready waits until the server says so.
func (s *started) ready(t *testing.T) {
	t.Helper()
	until(t, s.url+" is ready", func() bool {
		res, err := http.Get(s.url + "/readyz") //nolint:noctx // until ends it
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// until asks again and again till the answer is yes, for a minute.
func until(t *testing.T, what string, yes func() bool) {
	t.Helper()
	ask := time.NewTicker(50 * time.Millisecond)
	defer ask.Stop()
	give := time.After(time.Minute)
	for !yes() {
		select {
		case <-ask.C:
		case <-give:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (s *started) stop(t *testing.T) {
	t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Fatalf("after SIGTERM: %v\n%s", err, s.log)
	}
}

// visitor is a browser without scripts.
type visitor struct {
	http.Client
	t *testing.T
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{http.Client{Jar: jar, Timeout: 30 * time.Second}, t}
}

func (v *visitor) get(address string) (int, string) {
	v.t.Helper()
	res, err := v.Get(address)
	if err != nil {
		v.t.Fatal(err)
	}
	return read(v.t, res)
}

func (v *visitor) post(address string, form url.Values) (int, string) {
	v.t.Helper()
	res, err := v.PostForm(address, form)
	if err != nil {
		v.t.Fatal(err)
	}
	return read(v.t, res)
}

func read(t *testing.T, res *http.Response) (int, string) {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// The way of a new installation: start, link, sign in; a kill -9, start again, all is there; SIGTERM ends it.
func TestTheProgramLivesThroughAKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "var")
	env := []string{"OPORA_DATA=" + dir}
	s := start(t, env...)
	s.ready(t)
	out, err := program(t, env, "admin", "link").Output()
	if err != nil {
		t.Fatalf("admin link: %v", err)
	}
	link, err := url.Parse(strings.TrimSpace(string(out)))
	if err != nil || !strings.HasPrefix(link.String(), s.url+"/") {
		t.Fatalf("link %q, %v", out, err)
	}
	v := newVisitor(t)
	if code, body := v.get(link.String()); code != 200 || !strings.Contains(body, "<form") {
		t.Fatalf("the link's page: %d %s", code, body)
	}
	form := url.Values{"token": {link.Query().Get("token")}}
	if code, body := v.post(s.url+link.Path, form); code != 200 {
		t.Fatalf("using the link: %d %s", code, body)
	}
	if code, _ := newVisitor(t).post(s.url+link.Path, form); code != http.StatusUnauthorized && code != http.StatusForbidden && code != http.StatusNotFound {
		t.Errorf("the link a second time: %d", code)
	}
	if code, body := v.get(s.url + "/admin"); code != 200 || strings.Contains(body, `action="/sign-in"`) {
		t.Fatalf("administration: %d", code)
	}

	if err := s.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.Wait() // it says that it was killed
	s = start(t, env...)
	s.ready(t)
	if code, _ := v.get(s.url + "/admin"); code != 200 {
		t.Errorf("the session after a kill: %d", code)
	}
	var report struct {
		Findings []any `json:"findings"`
		Log      int   `json:"log"`
	}
	out, err = program(t, env, "audit", "verify").Output()
	if err != nil || json.Unmarshal(out, &report) != nil || len(report.Findings) > 0 || report.Log == 0 {
		t.Errorf("audit verify after a kill: %v %s", err, out)
	}
	s.stop(t)
}

// Two replicas start at once on an empty database; a session of one is a session of the other.
func TestTwoReplicas(t *testing.T) {
	db := testkit.EmptyDatabase(t)
	env := []string{"OPORA_DATABASE_URL=" + db.OwnerDSN, "OPORA_SECRET_KEY=" + strings.Repeat("replica ", 5), "OPORA_DATA=" + filepath.Join(t.TempDir(), "var")}
	a, b := start(t, env...), start(t, env...)
	a.ready(t)
	b.ready(t)
	out, err := program(t, append(env, "OPORA_URL="+a.url), "admin", "link").Output()
	if err != nil {
		t.Fatalf("admin link: %v", err)
	}
	link, err := url.Parse(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t)
	if code, body := v.post(a.url+link.Path, url.Values{"token": {link.Query().Get("token")}}); code != 200 {
		t.Fatalf("using the link: %d %s", code, body)
	}
	// Cookies know no port: what the browser got of one it sends to the other.
	for _, address := range []string{a.url, b.url} {
		if code, body := v.get(address + "/admin"); code != 200 || strings.Contains(body, `action="/sign-in"`) {
			t.Errorf("%s: %d", address, code)
		}
	}
	var ticks, doubled int
	pool := db.OpenOwner(t)
	until(t, "two ticks of the escalation", func() bool {
		if err := pool.GetContext(t.Context(), &ticks, `SELECT count(*) FROM job_runs WHERE task = 'itsm.escalate'`); err != nil {
			t.Fatal(err)
		}
		return ticks >= 2
	})
	if err := pool.GetContext(t.Context(), &doubled, `SELECT count(*) - count(DISTINCT tick) FROM job_runs WHERE task = 'itsm.escalate'`); err != nil {
		t.Fatal(err)
	}
	if doubled != 0 {
		t.Errorf("%d of %d ticks of the escalation ran twice", doubled, ticks)
	}
	a.stop(t)
	if code, _ := v.get(b.url + "/admin"); code != 200 {
		t.Errorf("the other one alone: %d", code)
	}
	b.stop(t)
}
