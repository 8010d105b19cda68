package directory_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"opora/auth/directory"
	"opora/internal/fault"
	"opora/internal/testkit"
)

func config(s *testkit.LDAPServer) directory.Config {
	return directory.Config{
		URLs: []string{s.TLSURL}, CA: s.CA, BindDN: s.BindDN, BindPassword: s.BindPassword, BaseDN: s.BaseDN,
		Attributes: directory.Attributes{UPN: "employeeNumber"}, Domain: "HARD", UPNSuffix: "corp.hard.test", PoolSize: 1,
	}
}

func open(t *testing.T, cfg directory.Config) *directory.Client {
	t.Helper()
	c, err := directory.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// outcome is the reason of a sign-in, or "in as LOGIN".
func outcome(t *testing.T, c *directory.Client, login, password string) string {
	t.Helper()
	p, err := c.SignIn(t.Context(), login, password)
	if err == nil {
		return "in as " + p.Login
	}
	var refused *directory.SignInError
	if !errors.As(err, &refused) {
		t.Fatalf("SignIn(%q) gave %v, which is no SignInError", login, err)
	}
	return string(refused.Reason)
}

func names(groups directory.Groups) []string {
	var list []string
	for _, g := range groups {
		list = append(list, g.Name)
	}
	return list
}

func TestSignIn(t *testing.T) {
	s := testkit.Slapd(t)
	c := open(t, config(s))
	// One connection for people: each sign-in must leave it fit for the next, whatever it ended with.
	for _, tt := range []struct{ name, login, password, want string }{
		{"login", "smith", "pw-smith", "in as smith"},
		{"login in capitals, with spaces", "  SMITH ", "pw-smith", "in as smith"},
		{"login in wide letters", "ｓｍｉｔｈ", "pw-smith", "in as smith"},
		{"mail", "j.smith@hard.test", "pw-smith", "in as smith"},
		{"mail in capitals", "J.Smith@HARD.test", "pw-smith", "in as smith"},
		{"UPN", "weiss@upn.test", "pw-weiss", "in as weiss"},
		{"login and suffix", "smith@corp.hard.test", "pw-smith", "in as smith"},
		{"domain and login", `hard\smith`, "pw-smith", "in as smith"},
		{"no mail", "nomail", "pw-nomail", "in as nomail"},
		{"escaped DN", "odd1", "pw-odd1", "in as odd1"},
		{"escaped DN, Cyrillic", "odd2", "pw-odd2", "in as odd2"},
		{"expired with grace", "grace", "pw-grace", "in as grace"},

		{"wrong password", "smith", "nope", "wrong password"},
		{"password of another", "smith", "pw-weiss", "wrong password"},
		{"nobody", "ghost", "x", "unknown person"},
		{"somebody else's domain", `OTHER\smith`, "pw-smith", "unknown person"},
		{"somebody else's suffix", "smith@other.test", "pw-smith", "unknown person"},
		{"bare domain", `HARD\`, "x", "unknown person"},
		{"mail of two", "twins@hard.test", "pw-twin", "ambiguous login"},
		{"disabled", "disabled", "pw-disabled", "disabled"},
		{"locked", "locked", "pw-locked", "locked"},
		{"expired", "expired", "pw-expired", "password expired"},
		{"expired, wrong password", "expired", "nope", "wrong password"},
		{"must change", "mustchange", "pw-mustchange", "password must change"},
		{"must change, wrong password", "mustchange", "nope", "wrong password"},
		{"after must change", "smith", "pw-smith", "in as smith"},
		{"being locked 1", "lockme", "nope", "wrong password"},
		{"being locked 2", "lockme", "nope", "wrong password"},
		{"being locked 3", "lockme", "nope", "wrong password"},
		{"being locked, right at last", "lockme", "pw-lockme", "locked"},

		{"filter: star", "*", "pw-smith", "unknown person"},
		{"filter: begun", "smi*", "pw-smith", "unknown person"},
		{"filter: closed", "*)(uid=*", "pw-smith", "unknown person"},
		{"filter: another clause", "smith)(|(uid=*", "pw-smith", "unknown person"},
		{"filter: escape", `\73mith`, "pw-smith", "unknown person"},
		{"filter: backslash at the end", `smith\`, "pw-smith", "unknown person"},
		{"DN as a login", "uid=smith,ou=people,dc=hard,dc=test", "pw-smith", "unknown person"},
		{"service account", "opora", "service-secret", "unknown person"},
		{"NUL in the login", "smith\x00", "pw-smith", "bad input"},
		{"soft hyphen in the login", "smi\u00adth", "pw-smith", "bad input"},
		{"not UTF-8", "smith\xff", "pw-smith", "bad input"},
		{"NUL in the password", "smith", "pw-smith\x00", "bad input"},
		{"empty login", " ", "x", "bad input"},
		{"empty password", "smith", "", "bad input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := outcome(t, c, tt.login, tt.password); got != tt.want {
				t.Errorf("SignIn(%q, %q): %s, want %s", tt.login, tt.password, got, tt.want)
			}
		})
	}
}

func TestPerson(t *testing.T) {
	s := testkit.Slapd(t)
	c := open(t, config(s))
	boss, err := c.SignIn(t.Context(), "kravchuk", "pw-kravchuk")
	if err != nil {
		t.Fatal(err)
	}
	if len(boss.ID) != 36 {
		t.Errorf("ID %q is no UUID", boss.ID)
	}
	want := directory.Person{
		ID: boss.ID, DN: "uid=kravchuk,ou=people,dc=hard,dc=test", Login: "kravchuk", Mail: "kravchuk@hard.test",
		Name: "Остап Кравчук", Given: "Остап", Surname: "Кравчук", Phone: "+380 44 000 00 01", Title: "Керівник ІТ",
		Department: "ІТ", Location: "Київ", Language: "uk", Groups: boss.Groups,
	}
	if diff := cmp.Diff(want, boss); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		login   string
		manager string // its ID
		groups  []string
	}{
		{"kravchuk", "", []string{`R&D, "Lab" + Co`, "it"}},
		{"smith", boss.ID, []string{`R&D, "Lab" + Co`, "first-line", "it", "service-desk"}},
		{"odd1", boss.ID, []string{`R&D, "Lab" + Co`, "first-line", "it", "service-desk"}},
		{"sato", boss.ID, []string{"ring-a", "ring-b", "ring-c"}},
		{"khoury", boss.ID, []string{"posix-club", "unique-club"}},
		{"orphan", "", nil},
		{"mononym", "", nil},
	} {
		p, err := c.SignIn(t.Context(), tt.login, "pw-"+tt.login)
		if err != nil {
			t.Errorf("%s: %v", tt.login, err)
			continue
		}
		if p.ManagerID != tt.manager {
			t.Errorf("%s: manager %q, want %q", tt.login, p.ManagerID, tt.manager)
		}
		if diff := cmp.Diff(tt.groups, names(p.Groups)); diff != "" {
			t.Errorf("%s: groups %s", tt.login, diff)
		}
		again, err := c.ByID(t.Context(), p.ID)
		if diff := cmp.Diff(p, again); err != nil || diff != "" {
			t.Errorf("%s by id: %v %s", tt.login, err, diff)
		}
	}
	smith, err := c.SignIn(t.Context(), "smith", "pw-smith")
	if err != nil {
		t.Fatal(err)
	}
	for group, want := range map[string]bool{
		"IT": true, "cn=IT,OU=groups, dc=hard,dc=test": true, `r&d, "lab" + co`: true, "ring-a": false, "": false, "*": false,
		`cn=R&D\2C \22Lab\22 \2B Co,ou=groups,dc=hard,dc=test`: true, "cn=it,ou=people,dc=hard,dc=test": false,
	} {
		if smith.MatchesGroup(group) != want {
			t.Errorf("MatchesGroup(%q) is not %v", group, want)
		}
	}
}

func TestMovedPersonKeepsID(t *testing.T) {
	s := testkit.Slapd(t)
	c := open(t, config(s))
	before, err := c.SignIn(t.Context(), "gorova", "pw-gorova")
	if err != nil {
		t.Fatal(err)
	}
	root, err := ldap.DialURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.Bind(s.RootDN, s.RootPassword); err != nil {
		t.Fatal(err)
	}
	if err := root.ModifyDN(ldap.NewModifyDNRequest(before.DN, "uid=horova", true, "ou=archive,"+s.BaseDN)); err != nil {
		t.Fatal(err)
	}
	after, err := c.SignIn(t.Context(), "horova", "pw-gorova")
	if err != nil || after.ID != before.ID || after.DN == before.DN {
		t.Errorf("after the move: %+v, %v; before: %+v", after, err, before)
	}
	if byID, err := c.ByID(t.Context(), before.ID); err != nil || byID.Login != "horova" {
		t.Errorf("by id: %+v, %v", byID, err)
	}
	for _, id := range []string{"", "*", "x", "11111111-1111-1111-1111-111111111111"} {
		if p, err := c.ByID(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("ByID(%q): %+v, %v", id, p, err)
		}
	}
}

func TestSearch(t *testing.T) {
	c := open(t, config(testkit.Slapd(t)))
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"КРАВЧ", []string{"kravchuk"}},
		{"їжак", []string{"gorova"}},
		{"горова ґанна", []string{"gorova"}},
		{"j.sm", []string{"smith"}},
		{"smit", []string{"smith"}},
		{"花", []string{"sato"}},
		{`"JR" +`, []string{"odd1"}},
		{"twin", []string{"twin", "twin2"}},
		{"disabled", nil},
		{"*", []string{"odd2"}}, // a star in the name, not everybody
		{"*)(uid=*", nil},
		{"\\", []string{"odd2"}},
		{"\x00", nil},
		{" ", nil},
	} {
		people, err := c.Search(t.Context(), tt.text, 10)
		var got []string
		for _, p := range people {
			got = append(got, p.Login)
		}
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("Search(%q): %v %s", tt.text, err, diff)
		}
	}
	if people, err := c.Search(t.Context(), "e", 3); err != nil || len(people) != 3 {
		t.Errorf("three of many: %d, %v", len(people), err)
	}
}

func TestEncryption(t *testing.T) {
	s := testkit.Slapd(t)
	for _, tt := range []struct {
		name string
		edit func(*directory.Config)
		want string
	}{
		{"ldaps", func(*directory.Config) {}, "in as smith"},
		{"StartTLS", func(c *directory.Config) { c.URLs, c.StartTLS = []string{s.URL}, true }, "in as smith"},
		{"CA file", func(c *directory.Config) { c.CA, c.CAFile = nil, s.CAFile }, "in as smith"},
		{"plain on loopback", func(c *directory.Config) { c.URLs = []string{s.URL} }, "in as smith"},
		{"unknown authority", func(c *directory.Config) { c.CA = x509.NewCertPool() }, "misconfigured"},
		{"system's authorities", func(c *directory.Config) { c.CA = nil }, "misconfigured"},
		{"unknown authority, StartTLS", func(c *directory.Config) { c.CA, c.URLs, c.StartTLS = nil, []string{s.URL}, true }, "misconfigured"},
		{"wrong host name", func(c *directory.Config) { c.URLs = []string{s.AliasURL} }, "misconfigured"},
		{"second server", func(c *directory.Config) { c.URLs = []string{dead(t), s.TLSURL} }, "in as smith"},
		{"wrong service password", func(c *directory.Config) { c.BindPassword = "x" }, "misconfigured"},
		{"no such base", func(c *directory.Config) { c.BaseDN = "dc=other" }, "misconfigured"},
		{"anonymous service", func(c *directory.Config) { c.BindDN, c.BindPassword = "", "" }, "misconfigured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config(s)
			tt.edit(&cfg)
			if got := outcome(t, open(t, cfg), "smith", "pw-smith"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// dead is the address of a server that is down.
func dead(t *testing.T) string { return "ldap://" + testkit.FreeAddress(t) }

func TestServerDownAndUp(t *testing.T) {
	s := testkit.Slapd(t)
	cfg := config(s)
	cfg.PoolSize = 4
	c := open(t, cfg)
	everybodyIn := func(when string) {
		var wg sync.WaitGroup
		for _, login := range []string{"smith", "sato", "weiss", "tran", "khoury", "kravchuk", "oneill", "nomail"} {
			wg.Go(func() {
				if got := outcome(t, c, login, "pw-"+login); got != "in as "+login {
					t.Errorf("%s: %s: %s", when, login, got)
				}
			})
		}
		wg.Wait()
	}
	everybodyIn("at first")
	s.Stop()
	begun := time.Now()
	if got := outcome(t, c, "smith", "pw-smith"); got != "no answer" {
		t.Errorf("down: %s", got)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %s to see that the server is down", took)
	}
	if err := c.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Ping: %v", err)
	}
	s.Start(t)
	everybodyIn("up again")
	// A restart that nobody noticed: the connections in the pool are dead.
	s.Stop()
	s.Start(t)
	everybodyIn("after a restart")
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	c.Close()
	if err := c.Ping(t.Context()); err == nil {
		t.Error("a closed client answers")
	}
}

// A server that takes connections and says nothing.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := testkit.Slapd(t)
	cfg := config(s)
	cfg.URLs = []string{"ldap://" + l.Addr().String()}
	c := open(t, cfg)
	for login, password := range map[string]string{"smith": "", "": "x", "smith\x00": "x"} {
		if got := outcome(t, c, login, password); got != "bad input" {
			t.Errorf("SignIn(%q, %q): %s", login, password, got)
		}
	}
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := l.Accept(); err == nil {
		t.Error("bad input reached the server")
	}

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err = c.SignIn(ctx, "smith", "pw-smith")
	var refused *directory.SignInError
	if !errors.As(err, &refused) || refused.Reason != directory.NoAnswer || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("SignIn: %v", err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("the deadline of 100 ms was kept by %s", took)
	}

	// With a second server the silent one costs one step, once.
	cfg = config(s)
	cfg.URLs, cfg.Timeout = []string{"ldap://" + l.Addr().String(), s.TLSURL}, 500*time.Millisecond
	c = open(t, cfg)
	if got := outcome(t, c, "smith", "pw-smith"); got != "no answer" {
		t.Errorf("first: %s", got)
	}
	if got := outcome(t, c, "smith", "pw-smith"); got != "in as smith" {
		t.Errorf("second: %s", got)
	}
}

func TestProbe(t *testing.T) {
	s := testkit.Slapd(t)
	probe := func(edit func(*directory.Config)) (directory.Report, []string) {
		cfg := config(s)
		edit(&cfg)
		r, err := open(t, cfg).Probe(t.Context())
		if err != nil {
			t.Error(err)
		}
		var ids []string
		for _, m := range r.Problems {
			ids = append(ids, m.ID)
		}
		return r, ids
	}
	r, problems := probe(func(*directory.Config) {})
	if r.Product != "OpenLDAP" || r.Kind != directory.OpenLDAP || !r.Encrypted || r.Server != s.TLSURL ||
		r.People != (directory.Count{N: 22}) || r.Groups != (directory.Count{N: 10}) || len(r.Preview) != 10 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{"directory.probe.no_mail"}, problems); diff != "" {
		t.Error(diff)
	}
	if i := slices.IndexFunc(r.Preview, func(p directory.Person) bool { return p.Login == "smith" }); i < 0 || len(r.Preview[i].Groups) != 4 {
		t.Errorf("the preview is %+v", r.Preview)
	}
	for _, tt := range []struct {
		edit func(*directory.Config)
		want string
	}{
		{func(c *directory.Config) { c.URLs = []string{dead(t)} }, "directory.probe.no_answer"},
		{func(c *directory.Config) { c.CA = nil }, "directory.probe.certificate"},
		{func(c *directory.Config) { c.BindPassword = "x" }, "directory.probe.service_account"},
		{func(c *directory.Config) { c.BaseDN = "ou=none," + s.BaseDN }, "directory.probe.base"},
		{func(c *directory.Config) { c.UserFilter = "(objectClass=device)" }, "directory.probe.no_login"},
		{func(c *directory.Config) { c.UserFilter = "(uid=nobody)" }, "directory.probe.no_people"},
		{func(c *directory.Config) { c.GroupFilter = "(cn=nothing)" }, "directory.probe.no_groups"},
		{func(c *directory.Config) { c.Attributes.ID = "employeeType" }, "directory.probe.no_id"},
		{func(c *directory.Config) { c.Attributes.Login = "objectClass" }, "directory.probe.login_twice"},
		{func(c *directory.Config) { c.Kind = directory.AD }, "directory.probe.kind"},
	} {
		if _, problems := probe(tt.edit); !slices.Contains(problems, tt.want) {
			t.Errorf("problems %v lack %s", problems, tt.want)
		}
	}
}
