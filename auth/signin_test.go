package auth_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"

	"github.com/google/go-cmp/cmp"
)

func TestFirstSignInMakesThePersonAndTheirManager(t *testing.T) {
	d := newDesk(t)
	if err := d.EnsureSites(t.Context(), auth.MachineActor(), []auth.Site{
		{Code: "ala", Name: locale.Text{En: "Almaty", Ru: "Алматы"}, Timezone: "Asia/Almaty"},
	}); err != nil {
		t.Fatal(err)
	}
	_, a := d.enter(t, "FEDOROV@hard.test")
	if a.Login != "fedorov" || a.Name != "Пётр Фёдоров" || a.Language != "ru" || a.Zone.String() != "Asia/Almaty" || len(a.Roles) > 0 {
		t.Errorf("the actor is %+v", a)
	}
	p := d.person(t, a.ID)
	if p.Department != "Сеть" || p.Location != "Алматы" || p.Directory != "hard" || !p.SeenAt.Equal(d.now) {
		t.Errorf("the person is %+v", p)
	}
	boss := d.person(t, p.ManagerID)
	if boss.Login != "kravchuk" || boss.Phone != "+380 44 000 00 01" || !boss.SeenAt.IsZero() {
		t.Errorf("the manager is %+v", boss)
	}
	if len(boss.Roles) != 1 || boss.Roles[0] != (auth.GivenRole{Role: auth.Agent, Source: "directory"}) {
		t.Errorf("the manager's groups give %v, so that work can be assigned before they sign in", boss.Roles)
	}
	_, again := d.enter(t, "kravchuk")
	if again.ID != boss.ID {
		t.Errorf("the manager is %d, and %d when they sign in", boss.ID, again.ID)
	}
}

func TestSignInRefreshes(t *testing.T) {
	d := newDesk(t)
	_, a := d.enter(t, "fedorov")
	if err := d.SetProfile(t.Context(), a, auth.Profile{Language: "en", Timezone: "Europe/Kyiv", Theme: "dark"}); err != nil {
		t.Fatal(err)
	}
	d.edit(t, modify(dn("fedorov"), "mail", "petr@hard.test"))
	d.edit(t, modify(dn("fedorov"), "manager"))
	d.edit(t, modify(dn("fedorov"), "preferredLanguage", "uk"))
	_, b := d.enter(t, "fedorov")
	p := d.person(t, b.ID)
	if b.ID != a.ID || p.Mail != "petr@hard.test" || p.ManagerID != 0 || p.DirectoryLanguage != "uk" {
		t.Errorf("after a change in the directory: %+v", p)
	}
	if b.Language != "en" || b.Zone.String() != "Europe/Kyiv" || b.Theme != "dark" {
		t.Errorf("their own choices are lost: %+v", b)
	}
	_, smith := d.enter(t, "smith") // neither profile nor directory say a language
	if smith.Language != "uk" {
		t.Errorf("the browser's language is uk, theirs %s", smith.Language)
	}
}

func TestFirstSignInsAtOnceMakeOnePerson(t *testing.T) {
	d := newDesk(t)
	ids := make([]int64, 8)
	var wait sync.WaitGroup
	for i, login := range []string{"smith", "oneill", "smith", "oneill", "smith", "oneill", "smith", "oneill"} {
		wait.Go(func() {
			_, a, err := d.SignIn(t.Context(), login, "pw-"+login, visit)
			if err != nil {
				t.Error(err)
			}
			ids[i] = a.ID
		})
	}
	wait.Wait()
	for i := 2; i < len(ids); i++ {
		if ids[i] != ids[i-2] || ids[i] == ids[i-1] {
			t.Fatalf("ids %v", ids)
		}
	}
	d.actions(t, audit.Access)
}

func TestRenamedPersonStaysThemselves(t *testing.T) {
	d := newDesk(t)
	_, a := d.enter(t, "oneill")
	d.edit(t, rename("oneill", "sinead"))
	_, b, err := d.SignIn(t.Context(), "sinead", "pw-oneill", visit)
	if err != nil || b.ID != a.ID || b.Login != "sinead" {
		t.Errorf("was %d, is %d (%s), %v", a.ID, b.ID, b.Login, err)
	}
}

func TestLoginGoesToSomebodyElse(t *testing.T) {
	d := newDesk(t)
	token, old := d.enter(t, "tran")
	d.edit(t, fire("tran"))
	d.edit(t, hire("tran", "Another Tran"))
	_, now := d.enter(t, "tran")
	if now.ID == old.ID {
		t.Fatal("a new entry with an old login got the old person's tickets")
	}
	if d.person(t, old.ID).Active {
		t.Error("who is gone from the directory is still active")
	}
	if _, err := d.Resolve(t.Context(), token); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the session of who is gone: %v", err)
	}

	// Two people swap their logins: both rows are in the way of each other.
	_, weiss := d.enter(t, "weiss")
	_, sato := d.enter(t, "sato")
	d.edit(t, rename("weiss", "between"))
	d.edit(t, rename("sato", "weiss"))
	d.edit(t, rename("between", "sato"))
	_, a, err := d.SignIn(t.Context(), "weiss", "pw-sato", visit)
	if err != nil || a.ID != sato.ID || a.Login != "weiss" {
		t.Errorf("%+v, %v; want person %d", a, err, sato.ID)
	}
	_, b, err := d.SignIn(t.Context(), "sato", "pw-weiss", visit)
	if err != nil || b.ID != weiss.ID || b.Login != "sato" {
		t.Errorf("%+v, %v; want person %d", b, err, weiss.ID)
	}
}

func TestGroupsGiveRolesAndTeams(t *testing.T) {
	d := newDesk(t)
	teams, err := d.EnsureTeams(t.Context(), auth.MachineActor(), []auth.TeamSeed{
		{Code: "desk", Name: locale.Plain("Desk"), Group: "cn=Service-Desk,ou=groups,dc=hard,dc=test"},
		{Code: "books", Name: locale.Plain("Books"), Group: "Бухгалтерія"},
	})
	if err != nil {
		t.Fatal(err)
	}
	admin := d.admin(t)
	token, a := d.enter(t, "smith") // first-line, in service-desk, in it
	if diff := cmp.Diff([]auth.Role{auth.Agent, auth.TeamLead}, a.Roles); diff != "" || !a.In(teams["desk"]) || a.In(teams["books"]) {
		t.Errorf("roles of nested groups: %s, teams %v", diff, a.Teams)
	}
	if err := d.SetRoles(t.Context(), admin, a.ID, []auth.Role{auth.Auditor, auth.Agent}); err != nil {
		t.Fatal(err)
	}
	d.edit(t, modify("cn=first-line,ou=groups,dc=hard,dc=test", "member", dn("oneill")))
	d.enter(t, "smith")
	a, err = d.Resolve(t.Context(), token) // rights hold at once, in older sessions too
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]auth.Role{auth.Agent, auth.Auditor}, a.Roles); diff != "" || len(a.Teams) > 0 {
		t.Errorf("after leaving the group: %s, teams %v", diff, a.Teams)
	}
	var changes []map[string]string
	for _, e := range d.entries(t, audit.Settings) {
		if e.Action == "roles.changed" && e.Subject != "" && e.Details["source"] == "directory" {
			changes = append(changes, map[string]string{"from": e.Details["from"], "to": e.Details["to"]})
		}
	}
	want := []map[string]string{
		{"from": "agent team_lead", "to": ""},
		{"from": "", "to": "agent"}, // the manager
		{"from": "", "to": "agent team_lead"},
	}
	slices.SortFunc(changes, func(a, b map[string]string) int { return strings.Compare(b["from"]+b["to"], a["from"]+a["to"]) })
	slices.SortFunc(want, func(a, b map[string]string) int { return strings.Compare(b["from"]+b["to"], a["from"]+a["to"]) })
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("the log of rights: %s", diff)
	}
}

func TestRefusalsTellNothing(t *testing.T) {
	d := newDesk(t)
	d.enter(t, "smith")
	say := func(login, password string) string {
		began := time.Now()
		token, a, err := d.SignIn(t.Context(), login, password, visit)
		if err == nil || token != "" || a.ID != 0 {
			t.Fatalf("%q with %q came in", login, password)
		}
		if took := time.Since(began); took < refusal {
			t.Errorf("%q was refused in %s", login, took)
		}
		var f *fault.Error
		if !errors.As(err, &f) {
			t.Fatalf("%q: %v is no fault", login, err)
		}
		return f.Kind.String() + " " + locale.For("en", nil).T(f.Message.ID, f.Message.Args...)
	}
	wrong := say("smith", "nonsense")
	for _, login := range []string{"nobody", "*", "*)(uid=*", "smith)(uid=*", "' OR 1=1 --", "disabled", "locked", "expired", "mustchange", "smith'; DROP TABLE people; --", "twins@hard.test", "smith\\2a"} {
		if got := say(login, "nonsense"); got != wrong {
			t.Errorf("%q: %q, a wrong password: %q", login, got, wrong)
		}
	}
	for _, c := range [][2]string{{"", "x"}, {"smith", ""}, {"smi\x00th", "x"}, {"smith", "pw-smith\x00"}, {"\xff\xfe", "x"}, {strings.Repeat("a", 5000), "x"}} {
		if got := say(c[0], c[1]); !strings.HasPrefix(got, "invalid") {
			t.Errorf("%.20q with %q: %s", c[0], c[1], got)
		}
	}
	for login, id := range map[string]string{"expired": "directory.sign_in.password_expired", "mustchange": "directory.sign_in.must_change"} {
		want := "unauthenticated " + locale.For("en", nil).T(id)
		if got := say(login, "pw-"+login); got != want {
			t.Errorf("%s: %q", login, got)
		}
	}
	log := d.actions(t, audit.Access)
	for _, action := range []string{"signin.wrong_password", "signin.unknown_person", "signin.ambiguous_login", "signin.bad_input", "signin.password_must_change", "signin.ok"} {
		if !slices.Contains(log, action) {
			t.Errorf("the log lacks %s: %v", action, log)
		}
	}
	for _, e := range d.entries(t, audit.Access) {
		if e.Address != visit.Address || e.RequestID != visit.RequestID {
			t.Errorf("%+v says not from where", e)
		}
		for _, v := range e.Details {
			if strings.Contains(v, "nonsense") || strings.Contains(v, "nobody") || strings.Contains(v, "DROP") {
				t.Errorf("%s holds what was typed: %q", e.Action, v)
			}
		}
	}
	d.ldap.Stop()
	if got := say("smith", "pw-smith"); !strings.HasPrefix(got, "unavailable") {
		t.Errorf("without a directory: %s", got)
	}
}

func TestLimitByLogin(t *testing.T) {
	d := newDesk(t)
	d.enter(t, "smith")
	try := func(login, password string, from auth.Visit) error {
		_, _, err := d.SignIn(t.Context(), login, password, from)
		return err
	}
	var l *auth.LimitError
	for i := range 5 {
		if err := try("Nobody", "x", visit); errors.As(err, &l) {
			t.Fatalf("attempt %d of 5: %v", i+1, err)
		}
		d.now = d.now.Add(time.Minute)
	}
	err := try("nobody", "x", auth.Visit{Address: "198.51.100.1"})
	if !errors.As(err, &l) || l.Wait != 10*time.Minute {
		t.Fatalf("the sixth, from elsewhere, in other letters: %v; want to wait 10 min", err)
	}
	var f *fault.Error
	if !errors.As(err, &f) || locale.For("en", nil).T(f.Message.ID, f.Message.Args...) != "Too many attempts to sign in. Try again in 10 min." {
		t.Errorf("it says %v", f)
	}
	d.enter(t, "smith") // others come in
	d.now = d.now.Add(10 * time.Minute)
	if err := try("nobody", "x", visit); errors.As(err, &l) {
		t.Errorf("after the wait: %v", err)
	}
	if got := d.actions(t, audit.Access); !slices.Contains(got, "signin.limited") {
		t.Errorf("the log: %v", got)
	}
}

// Guesses at one moment are counted before they are judged.
func TestLimitHoldsForAttemptsAtOnce(t *testing.T) {
	d := newDesk(t)
	var (
		wait    sync.WaitGroup
		mu      sync.Mutex
		refused int
	)
	for range 20 {
		wait.Go(func() {
			_, _, err := d.SignIn(t.Context(), "nobody", "x", visit)
			var l *auth.LimitError
			if !errors.As(err, &l) {
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if refused != 5 {
		t.Errorf("%d of 20 guesses reached the directory, want 5", refused)
	}
}

func TestLimitByAddressAndSuccess(t *testing.T) {
	d := newDesk(t)
	var l *auth.LimitError
	from := auth.Visit{Address: "2001:db8::1"}
	for i := range 49 {
		if _, _, err := d.SignIn(t.Context(), "nobody"+strings.Repeat("x", i), "x", from); errors.As(err, &l) {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
	if _, _, err := d.SignIn(t.Context(), "smith", "pw-smith", from); err != nil {
		t.Fatalf("a success below the limit: %v", err)
	}
	if _, _, err := d.SignIn(t.Context(), "other", "x", auth.Visit{Address: "2001:db8::2"}); errors.As(err, &l) {
		t.Fatalf("the fiftieth: %v", err)
	}
	if _, _, err := d.SignIn(t.Context(), "smith", "pw-smith", auth.Visit{Address: "2001:db8::2:3"}); !errors.As(err, &l) {
		t.Errorf("one's own account frees the network for guessing: %v", err)
	}
	d.enter(t, "smith")
}

func TestLimitByPersonUnderAllNames(t *testing.T) {
	d := newDesk(t)
	// The directory itself locks after three; nobody counts there.
	d.edit(t, modify("cn=default,ou=policies,dc=hard,dc=test", "pwdLockout", "FALSE"))
	d.enter(t, "smith")
	for i := range 10 {
		login := []string{"smith", "j.smith@hard.test", "ｓｍｉｔｈ"}[i%2]
		_, _, err := d.SignIn(t.Context(), login, "wrong", visit)
		var l *auth.LimitError
		if errors.As(err, &l) {
			t.Fatalf("attempt %d with %s: %v", i+1, login, err)
		}
	}
	d.edit(t, modify(dn("smith"), "mail", "third@hard.test"))
	_, _, err := d.SignIn(t.Context(), "third@hard.test", "pw-smith", visit)
	if !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the right password after ten wrong ones: %v", err)
	}
	d.now = d.now.Add(16 * time.Minute)
	if _, _, err := d.SignIn(t.Context(), "third@hard.test", "pw-smith", visit); err != nil {
		t.Errorf("after the window: %v", err)
	}
}
