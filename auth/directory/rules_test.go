package directory

import (
	"errors"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"opora/internal/fault"
	"opora/internal/locale"
)

func TestValidate(t *testing.T) {
	good := Config{URLs: []string{"ldaps://dc1.corp.test"}, BindDN: "svc@corp.test", BindPassword: "x", BaseDN: "dc=corp,dc=test"}
	for _, tt := range []struct {
		name string
		edit func(*Config)
		want []string
	}{
		{"good", func(*Config) {}, nil},
		{"nothing at all", func(c *Config) { *c = Config{} }, []string{"url", "base_dn"}},
		{"StartTLS", func(c *Config) { c.URLs, c.StartTLS = []string{"ldap://dc1.corp.test"}, true }, nil},
		{"plain on loopback", func(c *Config) { c.URLs = []string{"ldap://localhost:389", "ldap://[::1]", "ldap://127.0.0.2"} }, nil},
		{"plain", func(c *Config) { c.URLs = []string{"ldap://dc1.corp.test"} }, []string{"url"}},
		{"plain, looks like loopback", func(c *Config) { c.URLs = []string{"ldap://localhost.corp.test"} }, []string{"url"}},
		{"plain allowed", func(c *Config) { c.URLs, c.AllowPlain = []string{"ldap://dc1.corp.test"}, true }, nil},
		{
			"no LDAP", func(c *Config) { c.URLs = []string{"https://dc1", "dc1", "ldaps://", "ldapi:///x", "ldaps://u:p@dc1"} },
			[]string{"url", "url", "url", "url", "url"},
		},
		{"StartTLS on ldaps", func(c *Config) { c.StartTLS = true }, []string{"start_tls"}},
		{"no CA", func(c *Config) { c.CAFile = "/nonexistent" }, []string{"ca_file"}},
		{"half an account", func(c *Config) { c.BindPassword = "" }, []string{"bind_password"}},
		{"all the rest", func(c *Config) {
			c.BindDN, c.BaseDN, c.GroupBase, c.UserFilter, c.GroupFilter = "svc", "corp", "x", "(uid=", "uid"
			c.Attributes.Mail, c.Kind, c.Domain, c.UPNSuffix = "mail,e mail", "novell", `A\B`, "@corp"
			c.DialTimeout, c.Timeout, c.PoolSize = -1, -1, 1000
		}, []string{
			"bind_dn", "base_dn", "group_base", "user_filter", "group_filter", "attributes.mail", "kind", "domain",
			"upn_suffix", "dial_timeout", "timeout", "pool_size",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.edit(&cfg)
			var got []string
			var f *fault.Error
			if err := cfg.Validate(); errors.As(err, &f) {
				for _, field := range f.Fields {
					got = append(got, field.Name)
					if !locale.Has(field.ID) {
						t.Errorf("no message %s", field.ID)
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if s := good.String(); strings.Contains(s, good.BindPassword+" ") || !strings.Contains(s, "dc=corp") {
		t.Error(s)
	}
}

// The texts are Active Directory's and Samba's own.
func TestBindReason(t *testing.T) {
	ad := func(data string) error {
		return ldap.NewError(ldap.LDAPResultInvalidCredentials,
			errors.New("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data "+data+", v4563\x00"))
	}
	code := func(n uint16) error { return ldap.NewError(n, errors.New("")) }
	policy := func(n int8) *ldap.SimpleBindResult {
		c := ldap.NewControlBeheraPasswordPolicy()
		c.Error = n
		return &ldap.SimpleBindResult{Controls: []ldap.Control{c}}
	}
	for _, tt := range []struct {
		name     string
		result   *ldap.SimpleBindResult
		err      error
		disabled bool
		want     Reason
	}{
		{"in", policy(-1), nil, false, ""},
		{"in, no control", nil, nil, false, ""},
		{"in, but marked as disabled", nil, nil, true, Disabled},
		{"AD no such user", nil, ad("525"), false, UnknownPerson},
		{"AD wrong", nil, ad("52e"), false, WrongPassword},
		{"AD wrong, Samba", nil, ad("52E"), false, WrongPassword},
		{"AD hours", nil, ad("530"), false, NotAllowedNow},
		{"AD workstation", nil, ad("531"), false, NotAllowedNow},
		{"AD expired", nil, ad("532"), false, PasswordExpired},
		{"AD disabled", nil, ad("533"), true, Disabled},
		{"AD account expired", nil, ad("701"), false, AccountExpired},
		{"AD must change", nil, ad("773"), false, MustChange},
		{"AD locked", nil, ad("775"), false, Locked},
		{"AD something new", nil, ad("999"), false, WrongPassword},
		{"policy expired", policy(0), code(49), false, PasswordExpired},
		{"policy locked", policy(1), code(49), false, Locked},
		{"policy locked for good", policy(1), code(49), true, Disabled},
		{"locked for good, nothing said", nil, code(49), true, Disabled},
		{"AD wrong, disabled", nil, ad("52e"), true, WrongPassword},
		{"389 disabled", nil, code(53), true, Disabled},
		{"unwilling", nil, code(53), false, Misconfigured},
		{"policy must change", policy(2), nil, false, MustChange},
		{"no password set", nil, code(48), false, WrongPassword},
		{"389 locked", nil, code(19), false, Locked},
		{"gone meanwhile", nil, code(32), false, UnknownPerson},
		{"TLS wanted", nil, code(8), false, Misconfigured},
		{"TLS wanted, OpenLDAP", nil, code(13), false, Misconfigured},
		{"busy", nil, code(51), false, NoAnswer},
		{"shutting down", nil, code(52), false, NoAnswer},
		{"broken off", nil, code(ldap.ErrorNetwork), false, NoAnswer},
	} {
		got, ok := bindReason(tt.result, tt.err, tt.disabled)
		if got != tt.want || ok != (tt.want == "") {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, ok, tt.want)
		}
	}
}

func TestFaultTellsNoStranger(t *testing.T) {
	words := map[string][]Reason{}
	for _, r := range []Reason{
		BadInput, WrongPassword, UnknownPerson, Ambiguous, Locked, Disabled, AccountExpired,
		PasswordExpired, MustChange, NotAllowedNow, NoAnswer, Misconfigured,
	} {
		f := (&SignInError{Reason: r}).Fault()
		words[f.Message.ID] = append(words[f.Message.ID], r)
		if !locale.Has(f.Message.ID) {
			t.Errorf("no message %s", f.Message.ID)
		}
		if r.PasswordProven() && !r.SafeToShow() {
			t.Errorf("%s is kept from somebody who proved the password", r)
		}
	}
	want := []Reason{WrongPassword, UnknownPerson, Ambiguous, Locked, Disabled}
	if diff := cmp.Diff(want, words["directory.sign_in.refused"]); diff != "" {
		t.Error(diff)
	}
}

func TestObjectGUID(t *testing.T) {
	raw := []byte{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	e := ldap.NewEntry("cn=x", map[string][]string{"objectGUID": {string(raw)}, "userAccountControl": {"514"}})
	s := Config{}.schemaOf(AD)
	p := s.person(e)
	if p.ID != "00112233-4455-6677-8899-aabbccddeeff" || !p.Disabled {
		t.Errorf("%+v", p)
	}
	filter, err := s.idFilter(p.ID)
	if err != nil || !strings.Contains(filter, `(objectGUID=\33\22\11\00\55\44\77\66\88\99\aa\bb\cc\dd\ee\ff)`) {
		t.Errorf("%s, %v", filter, err)
	}
	if _, err := s.idFilter("no guid"); err == nil {
		t.Error("no guid was taken for one")
	}
}

func TestDNKey(t *testing.T) {
	for _, same := range [][]string{
		{`cn=Roe\, Jane,ou=X,dc=test`, `CN=roe\2C jane, OU=x,DC=Test`},
		{`cn=Ґалина Їжак,dc=test`, `CN=ґАЛИНА їжак,DC=test`},
		{`cn=a+uid=b,dc=test`, `UID=B+CN=A,dc=test`},
		{`cn=\C3\9F,dc=test`, `cn=ß,dc=test`},
		{"no dn", "NO DN"},
	} {
		if DNKey(same[0]) != DNKey(same[1]) {
			t.Errorf("%q and %q have keys %q and %q", same[0], same[1], DNKey(same[0]), DNKey(same[1]))
		}
	}
	if DNKey("cn=a,dc=test") == DNKey("cn=b,dc=test") || DNKey(`cn=a\,dc=test`) == DNKey("cn=a,dc=test") {
		t.Error("different DNs have one key")
	}
}

// Whatever is typed, the filter compiles and asks for nothing but the value: its shape is that of a plain login's.
func FuzzLoginFilter(f *testing.F) {
	for _, s := range []string{"anna", "*)(uid=*", `CORP\anna`, "anna@corp.test", "\x00", `a\`, "ａ", "(", `CORP\a@corp.test)(`, "Їжак*"} {
		f.Add(s)
	}
	cfg := Config{Domain: "CORP", UPNSuffix: "corp.test"}
	s := cfg.schemaOf(AD)
	plain := map[string]int{}
	for _, form := range []string{"anna", `corp\anna`, "anna@corp.test", "anna@other.test"} {
		plain[form] = shape(f, cfg.loginFilter(s, form))
	}
	f.Fuzz(func(t *testing.T, typed string) {
		login, err := CanonicalLogin(typed)
		if err != nil {
			return
		}
		if again, err := CanonicalLogin(login); err != nil || again != login {
			t.Fatalf("%q becomes %q and then %q, %v", typed, login, again, err)
		}
		if strings.ContainsRune(login, 0) {
			t.Fatalf("NUL in %q", login)
		}
		filter := cfg.loginFilter(s, login)
		if filter == "" {
			return
		}
		got := shape(t, filter)
		for _, n := range plain {
			if n == got {
				return
			}
		}
		t.Fatalf("%q makes a filter of %d parts: %s", typed, got, filter)
	})
}

// shape counts the comparisons of a filter.
func shape(t testing.TB, filter string) int {
	t.Helper()
	p, err := ldap.CompileFilter(filter)
	if err != nil {
		t.Fatalf("%s: %v", filter, err)
	}
	return comparisons(p)
}

func comparisons(p *ber.Packet) int {
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		n := 0
		for _, c := range p.Children {
			n += comparisons(c)
		}
		return n
	}
	return 1
}

// As above: one comparison for an attribute and a word, whatever the words are.
func FuzzTextFilter(f *testing.F) {
	f.Add("anna")
	f.Add("* (x")
	s := Config{}.schemaOf(OpenLDAP)
	one := shape(f, textFilter(s, "anna")) - shape(f, s.people)
	f.Fuzz(func(t *testing.T, typed string) {
		words := len(strings.Fields(typed))
		if got := shape(t, textFilter(s, typed)); got != shape(t, s.people)+words*one {
			t.Fatalf("%q: %d comparisons for %d words", typed, got, words)
		}
	})
}
