package demodir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"opora/auth/directory"
	"opora/auth/directory/demodir"
)

func start(t *testing.T, dir string) (*demodir.Server, *directory.Client) {
	t.Helper()
	s, err := demodir.Start(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c, err := directory.New(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return s, c
}

// dial is a connection bound as the service account.
func dial(t *testing.T, s *demodir.Server) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	c.SetTimeout(5 * time.Second)
	cfg := s.Config()
	if err := c.Bind(cfg.BindDN, cfg.BindPassword); err != nil {
		t.Fatal(err)
	}
	return c
}

func outcome(t *testing.T, c *directory.Client, login, password string) string {
	t.Helper()
	p, err := c.SignIn(t.Context(), login, password)
	var refused *directory.SignInError
	if errors.As(err, &refused) {
		return string(refused.Reason)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "in as " + p.Login
}

func TestSignIn(t *testing.T) {
	_, c := start(t, t.TempDir())
	for _, tt := range []struct{ login, password, want string }{
		{"anna", "demo", "in as anna"},
		{" ANNA ", "demo", "in as anna"},
		{"anna@kestrel.example", "demo", "in as anna"},
		{"stepan@kestrel.example", "demo", "in as stepan"}, // has no mail: by the suffix
		{`kestrel\anna`, "demo", "in as anna"},
		{"anna", "Demo", "wrong password"},
		{"anna", "", "bad input"},
		{"anna\x00", "demo", "bad input"},
		{"nobody", "demo", "unknown person"},
		{"*", "demo", "unknown person"},
		{"*)(uid=*", "demo", "unknown person"},
		{`anna\`, "demo", "unknown person"},
		{`OTHER\anna`, "demo", "unknown person"},
		{"roman", "demo", "disabled"},
		{"opora", "demo", "unknown person"},
	} {
		if got := outcome(t, c, tt.login, tt.password); got != tt.want {
			t.Errorf("SignIn(%q, %q): %s, want %s", tt.login, tt.password, got, tt.want)
		}
	}
	for _, a := range demodir.Accounts() {
		if p, err := c.SignIn(t.Context(), a.Login, demodir.Password); err != nil || p.Name != a.Name {
			t.Errorf("%+v: %+v, %v", a, p, err)
		}
	}
}

func TestPeople(t *testing.T) {
	_, c := start(t, t.TempDir())
	boris, err := c.SignIn(t.Context(), "boris", "demo")
	if err != nil {
		t.Fatal(err)
	}
	olena, err := c.SignIn(t.Context(), "olena", "demo")
	if err != nil {
		t.Fatal(err)
	}
	want := directory.Person{
		ID: boris.ID, DN: "uid=boris,ou=people,dc=kestrel,dc=example", Login: "boris", Mail: "boris@kestrel.example",
		Name: "Борис Климов", Given: "Борис", Surname: "Климов", Phone: boris.Phone, Title: "Network Engineer",
		Department: "IT", Location: "Almaty", Language: "ru", ManagerDN: olena.DN, ManagerID: olena.ID,
		Groups: directory.Groups{
			{DN: "cn=it,ou=groups,dc=kestrel,dc=example", Name: "it"},
			{DN: "cn=opora-agents,ou=groups,dc=kestrel,dc=example", Name: "opora-agents"},
			{DN: "cn=team-network,ou=groups,dc=kestrel,dc=example", Name: "team-network"},
		},
	}
	if diff := cmp.Diff(want, boris); diff != "" || boris.Phone == "" {
		t.Error(diff)
	}
	r, err := c.Probe(t.Context())
	if err != nil || r.Product != "Opora demo directory" || r.People.N != 42 || r.Groups.N != 12 || len(r.Problems) != 1 ||
		r.Problems[0].ID != "directory.probe.no_mail" {
		t.Errorf("%+v, %v", r, err)
	}
	found, err := c.Search(t.Context(), "ґуд", 5)
	if err != nil || len(found) != 1 || found[0].Login != "mykola" {
		t.Errorf("%+v, %v", found, err)
	}
}

// What the demo changed is there after a restart, under the same ids; the service account's password is not.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	s, c := start(t, dir)
	before, err := c.SignIn(t.Context(), "anna", "demo")
	if err != nil {
		t.Fatal(err)
	}
	admin := dial(t, s)
	m := ldap.NewModifyRequest(before.DN, nil)
	m.Replace("telephoneNumber", []string{"+380 44 000"})
	m.Add("mobile", []string{"1", "2"})
	m.Delete("mobile", []string{"1"})
	m.Delete("title", nil)
	if err := admin.Modify(m); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.PasswordModify(ldap.NewPasswordModifyRequest(before.DN, "", "Новий-пароль")); err != nil {
		t.Fatal(err)
	}
	old := s.Config()
	if err := s.Close(); err != nil { // with clients connected
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "directory.json"))
	if err != nil || strings.Contains(string(raw), "Новий-пароль") {
		t.Errorf("the file holds a password, or %v", err)
	}
	s, c = start(t, dir)
	if got := outcome(t, c, "anna", "demo"); got != "wrong password" {
		t.Errorf("old password: %s", got)
	}
	after, err := c.SignIn(t.Context(), "anna", "Новий-пароль")
	before.Phone, before.Title = "+380 44 000", ""
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if s.Config().BindPassword == old.BindPassword {
		t.Error("the service account kept its password")
	}
	_ = s.Close()
	if err := os.WriteFile(filepath.Join(dir, "directory.json"), raw[:len(raw)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := demodir.Start(dir, ""); err == nil {
		t.Error("half a file was taken for a directory")
	}
}

func TestFilters(t *testing.T) {
	s, _ := start(t, t.TempDir())
	c := dial(t, s)
	for filter, want := range map[string]string{
		"(uid=ANNA)":                                "anna",
		"(cn=анна шевчук)":                          "anna",
		"(cn=  Анна   Шевчук )":                     "anna",
		"(&(l=Lviv)(title=*operator))":              "stepan",
		"(&(ou=Finance)(l=Kyiv)(!(uid=anna)))":      "kateryna",
		"(|(uid=boris)(uid=nobody))":                "boris",
		"(cn=*ко*аїна*)":                            "",
		"(&(cn=Бо*с*ов)(uid=b*))":                   "boris",
		"(&(uid=t*)(uid>=ti))":                      "timur",
		"(&(uid=t*)(uid<=tb))":                      "taras",
		"(uid=an*na*)":                              "anna",
		"(uid=ann*nna)":                             "",
		"(&(objectClass=inetOrgPerson)(!(mail=*)))": "stepan",
		"(&(uid=b*)(memberOf=CN=Team-Network, ou=groups,dc=kestrel,dc=example))": "boris",
		"(pwdAccountLockedTime=*)": "roman",
		"(cn~=маТАС)":              "",
		`(uid=\2a)`:                "",
		"(&(uid=anna)(&))":         "anna",
		"(&(uid=anna)(|))":         "",
	} {
		r, err := c.Search(ldap.NewSearchRequest("ou=people,dc=kestrel,dc=example", ldap.ScopeSingleLevel, 0, 0, 0, false, filter, []string{"uid"}, nil))
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		var got []string
		for _, e := range r.Entries {
			got = append(got, e.GetAttributeValue("uid"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s finds %v, want %q", filter, got, want)
		}
	}
}

func TestSearchRules(t *testing.T) {
	s, _ := start(t, t.TempDir())
	c := dial(t, s)
	const base = "dc=kestrel,dc=example"
	search := func(base string, scope, limit int, filter string, attrs ...string) (*ldap.SearchResult, error) {
		return c.Search(ldap.NewSearchRequest(base, scope, 0, limit, 0, false, filter, attrs, nil))
	}
	for _, size := range []uint32{1, 7, 42, 500} {
		r, err := c.SearchWithPaging(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, 0, 0, 0, false, "(uid=*)", []string{"uid"}, nil), size)
		seen := map[string]bool{}
		for _, e := range r.Entries {
			seen[e.DN] = true
		}
		if err != nil || len(r.Entries) != 42 || len(seen) != 42 {
			t.Errorf("pages of %d: %d entries, %d different, %v", size, len(r.Entries), len(seen), err)
		}
	}
	if r, err := search(base, ldap.ScopeWholeSubtree, 5, "(uid=*)"); !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) || len(r.Entries) != 5 {
		t.Errorf("size limit: %v", err)
	}
	if _, err := search("ou=none,"+base, ldap.ScopeWholeSubtree, 0, "(uid=*)"); !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		t.Errorf("no base: %v", err)
	}
	if _, err := search(base, ldap.ScopeWholeSubtree, 0, "(uid:caseExactMatch:=anna)"); !ldap.IsErrorWithCode(err, ldap.LDAPResultProtocolError) {
		t.Errorf("extensible match: %v", err)
	}
	r, err := search("uid=anna,ou=people,"+base, ldap.ScopeBaseObject, 0, "(objectClass=*)")
	if err != nil || len(r.Entries) != 1 || r.Entries[0].GetAttributeValue("entryUUID") != "" || r.Entries[0].GetAttributeValue("userPassword") != "" {
		t.Errorf("all attributes: %+v, %v", r, err)
	}
	r, err = search("uid=anna,ou=people,"+base, ldap.ScopeBaseObject, 0, "(objectClass=*)", "1.1")
	if err != nil || len(r.Entries) != 1 || len(r.Entries[0].Attributes) != 0 {
		t.Errorf("no attributes: %+v, %v", r, err)
	}
}

func TestWhoMayWhat(t *testing.T) {
	s, _ := start(t, t.TempDir())
	const anna, boris = "uid=anna,ou=people,dc=kestrel,dc=example", "uid=boris,ou=people,dc=kestrel,dc=example"
	c := dial(t, s)
	change := func() error {
		m := ldap.NewModifyRequest(anna, nil)
		m.Replace("title", []string{"x"})
		return c.Modify(m)
	}
	reset := func(dn, old, fresh string) error {
		_, err := c.PasswordModify(ldap.NewPasswordModifyRequest(dn, old, fresh))
		return err
	}
	read := func() error {
		_, err := c.Search(ldap.NewSearchRequest(anna, ldap.ScopeBaseObject, 0, 0, 0, false, "(uid=*)", nil, nil))
		return err
	}
	expect := func(what string, err error, code uint16) {
		t.Helper()
		if code == 0 && err != nil || code != 0 && !ldap.IsErrorWithCode(err, code) {
			t.Errorf("%s: %v, want code %d", what, err, code)
		}
	}
	expect("service changes", change(), 0)
	m := ldap.NewModifyRequest(anna, nil)
	m.Replace("entryUUID", []string{"x"})
	expect("an id changes", c.Modify(m), ldap.LDAPResultConstraintViolation)
	m = ldap.NewModifyRequest(anna, nil)
	m.Replace("title", []string{"half a change"})
	m.Delete("carLicense", nil)
	expect("the second of two changes fails", c.Modify(m), ldap.LDAPResultNoSuchAttribute)
	r, err := c.Search(ldap.NewSearchRequest(anna, ldap.ScopeBaseObject, 0, 0, 0, false, "(title=half*)", nil, nil))
	if err != nil || len(r.Entries) != 0 {
		t.Errorf("half a change was kept: %+v, %v", r, err)
	}
	expect("service resets nobody", reset("uid=nobody,dc=kestrel,dc=example", "", "x"), ldap.LDAPResultNoSuchObject)
	made, err := c.PasswordModify(ldap.NewPasswordModifyRequest(boris, "", ""))
	if err != nil || made.GeneratedPassword == "" {
		t.Fatalf("a password to be made: %+v, %v", made, err)
	}
	m = ldap.NewModifyRequest(boris, nil)
	m.Replace("pwdReset", []string{"TRUE"})
	expect("must change", c.Modify(m), 0)

	policy := func(dn, password string) (int8, error) {
		r, err := c.SimpleBind(&ldap.SimpleBindRequest{
			Username: dn, Password: password,
			Controls: []ldap.Control{ldap.NewControlBeheraPasswordPolicy()},
		})
		if r != nil {
			if p, ok := ldap.FindControl(r.Controls, ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy); ok {
				return p.Error, err
			}
		}
		return -1, err
	}
	if code, err := policy(boris, made.GeneratedPassword); code != ldap.BeheraChangeAfterReset || err != nil {
		t.Errorf("bind after a reset: policy %d, %v", code, err)
	}
	expect("a person changes", change(), ldap.LDAPResultInsufficientAccessRights)
	expect("a person resets another", reset(anna, "demo", "x"), ldap.LDAPResultInsufficientAccessRights)
	expect("a person with a wrong old password", reset("", "demo", "x"), ldap.LDAPResultInvalidCredentials)
	expect("a person, their own", reset("", made.GeneratedPassword, "Second-1"), 0)
	if code, err := policy(boris, "Second-1"); code != -1 || err != nil {
		t.Errorf("bind after the change: policy %d, %v", code, err)
	}
	expect("a person reads", read(), 0)
	expect("a wrong bind", c.Bind(boris, "x"), ldap.LDAPResultInvalidCredentials)
	expect("reads after a wrong bind", read(), ldap.LDAPResultInsufficientAccessRights)
	expect("a name without a password", c.UnauthenticatedBind(boris), ldap.LDAPResultUnwillingToPerform)
	expect("reads after it", read(), ldap.LDAPResultInsufficientAccessRights)
	expect("resets anonymously", reset(anna, "", "x"), ldap.LDAPResultInsufficientAccessRights)
	expect("adds", c.Add(ldap.NewAddRequest("uid=new,dc=kestrel,dc=example", nil)), ldap.LDAPResultUnwillingToPerform)
	expect("deletes", c.Del(ldap.NewDelRequest(anna, nil)), ldap.LDAPResultUnwillingToPerform)
}

func TestLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:389", "example.test:389", "127.0.0.1"} {
		if s, err := demodir.Start(t.TempDir(), addr); err == nil {
			_ = s.Close()
			t.Errorf("it listens on %q", addr)
		}
	}
}
