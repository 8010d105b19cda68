package templates

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"opora/internal/locale"
)

func TestText(t *testing.T) {
	const anchor = `" rel="nofollow noopener noreferrer" target="_blank">`
	for in, want := range map[string]string{
		"":                                         "",
		" one\r\ntwo\n\n\nthree ":                  "<p>one<br>two</p><p>three</p>",
		`<img src=x onerror="a()">`:                "<p>&lt;img src=x onerror=&#34;a()&#34;&gt;</p>",
		"see https://a.example/x?b=1&c=2.":         `<p>see <a href="https://a.example/x?b=1&amp;c=2` + anchor + `https://a.example/x?b=1&amp;c=2</a>.</p>`,
		`"https://a.example/x" (http://b.c)`:       `<p>&#34;<a href="https://a.example/x` + anchor + `https://a.example/x</a>&#34; (<a href="http://b.c` + anchor + `http://b.c</a>)</p>`,
		`https://a.example/"onmouseover="alert(1)`: `<p><a href="https://a.example/` + anchor + `https://a.example/</a>&#34;onmouseover=&#34;alert(1)</p>`,
		"javascript:alert(1)":                      "<p>javascript:alert(1)</p>",
	} {
		if got := string(text(in)); got != want {
			t.Errorf("text(%q)\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestClockSaysItsState(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)
	for want, c := range map[string]Clock{
		"due in 18 min":            {State: "risk", Due: now.Add(18 * time.Minute)},
		"2 h over":                 {State: "breached", Due: now.Add(-2 * time.Hour)},
		"paused: waiting for Anna": {State: "paused", Waiting: "Anna"},
		"paused":                   {State: "paused"},
		"met":                      {State: "met", Due: now.Add(-time.Hour)},
		"ended late":               {State: "missed", Due: now.Add(-time.Hour)},
	} {
		c.Reader = Reader{locale.For("en", nil), now}
		if got := c.Text(); got != want {
			t.Errorf("%s: got %q, want %q", c.State, got, want)
		}
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{"Anna Kovalenko": "AK", "їжак": "Ї", "": "", "Jean van der Berg": "JV"} {
		if got := Initials(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// TestFaultsShowAtStart: a page that cannot be parsed, that stands nowhere or whose markup html/template refuses.
func TestFaultsShowAtStart(t *testing.T) {
	for body, want := range map[string]string{
		`{{define "content"}}{{.P.T "x"`:                              "unclosed action",
		`{{define "content"}}{{template "nowhere" .}}{{end}}`:         "nowhere",
		`{{define "content"}}<a href="{{if .A}}"{{end}}>x</a>{{end}}`: "different contexts",
		`{{define "other"}}x{{end}}`:                                  "content",
	} {
		from := fstest.MapFS{
			"partials/a.html":     {Data: []byte(`{{define "part"}}x{{end}}`)},
			"layouts/portal.html": {Data: []byte(`{{define "layout"}}{{template "content" .}}{{end}}`)},
			"portal/x.html":       {Data: []byte(body)},
		}
		_, err := parse(from, Assets{URL: func(s string) string { return s }})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error about %q", body, err, want)
		}
	}
}
