package templates

import (
	"html/template"
	"strings"
	"testing"
	"time"

	"opora/internal/locale"
)

func TestChipsEscapeWhatTheySay(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	clock := clockHTML(func(string) (none template.HTML) { return none })
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	reader := Reader{P: locale.For("en", nil), Now: now}
	for name, got := range map[string]template.HTML{
		"state":    stateHTML(State{Phase: evil, Label: evil}),
		"priority": priorityHTML(Priority{Level: 2, Label: evil}),
		"avatar":   avatarHTML(Person{Name: evil, Initials: evil}),
		"clock":    clock(Clock{Reader: reader, Name: evil, State: evil, Waiting: evil, Href: "javascript:alert(1)"}),
		"paused":   clock(Clock{Reader: reader, State: "paused", Waiting: evil, Href: "//evil.example"}),
	} {
		if s := string(got); strings.Contains(s, "<script") || strings.Contains(s, `""`) || strings.Contains(s, "javascript") || strings.Contains(s, "//evil") {
			t.Errorf("%s lets markup through: %s", name, s)
		}
	}
	due := clock(Clock{Reader: reader, State: "running", Due: now.Add(18 * time.Minute), Href: "/desk/incidents/INC-000001/clock/resolution"})
	for _, want := range []string{`href="/desk/incidents/INC-000001/clock/resolution"`, "due in 18 min", `data-countdown-due-value="2026-11-21T12:18:00Z"`} {
		if !strings.Contains(string(due), want) {
			t.Errorf("a running clock lacks %s: %s", want, due)
		}
	}
}
