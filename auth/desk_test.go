package auth_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"opora/auth"
	"opora/auth/directory"
	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/testkit"

	"github.com/go-ldap/ldap/v3"
)

// desk is a service on a real PostgreSQL and a real slapd, with a clock of its own.
type desk struct {
	*auth.Service
	db     *db.DB
	log    *audit.Log
	ldap   *testkit.LDAPServer
	client *directory.Client
	now    time.Time
}

const refusal = 20 * time.Millisecond

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{db: testkit.DB(t), ldap: testkit.Slapd(t), now: time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)}
	key, err := audit.NewKey([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	d.client, err = directory.New(directory.Config{
		URLs: []string{d.ldap.TLSURL}, CA: d.ldap.CA, BindDN: d.ldap.BindDN, BindPassword: d.ldap.BindPassword, BaseDN: d.ldap.BaseDN,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.client.Close)
	d.log = audit.NewLog(d.db, key)
	roles := map[string][]auth.Role{"it": {auth.Agent}, "first-line": {auth.TeamLead}}
	d.Service = auth.New(d.db, d.log, []auth.Directory{{Name: "hard", Client: d.client, Roles: roles}}, auth.Config{
		Idle: time.Hour, Max: 8 * time.Hour, Limits: auth.Limits{Refusal: refusal},
	})
	d.SetClock(func() time.Time { return d.now })
	return d
}

var visit = auth.Visit{Address: "192.0.2.7", Agent: "test", Language: "uk", RequestID: "r1"}

// enter signs in with the password that everybody in the test directory has.
func (d *desk) enter(t testing.TB, login string) (string, auth.Actor) {
	t.Helper()
	uid, _, _ := strings.Cut(strings.ToLower(login), "@")
	token, a, err := d.SignIn(t.Context(), login, "pw-"+uid, visit)
	if err != nil {
		t.Fatalf("signing in %s: %v", login, err)
	}
	return token, a
}

func (d *desk) person(t testing.TB, id int64) auth.Person {
	t.Helper()
	p, err := d.Person(t.Context(), auth.MachineActor(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// actions are those of a stream of the log, the newest first; nothing in the log was tampered with.
func (d *desk) actions(t testing.TB, stream string) []string {
	t.Helper()
	found, _, err := d.log.Verify(t.Context())
	if err != nil || len(found) > 0 {
		t.Fatalf("the log does not hold: %v %v", found, err)
	}
	var out []string
	for _, e := range d.entries(t, stream) {
		out = append(out, e.Action)
	}
	return out
}

func (d *desk) entries(t testing.TB, stream string) []audit.Listed {
	t.Helper()
	list, err := d.log.List(t.Context(), stream, time.Now().AddDate(10, 0, 0), 100)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(list, func(a, b audit.Listed) int { return int(b.Seq - a.Seq) })
	return list
}

// edit changes the directory as its root.
func (d *desk) edit(t testing.TB, f func(*ldap.Conn) error) {
	t.Helper()
	c, err := ldap.DialURL(d.ldap.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bind(d.ldap.RootDN, d.ldap.RootPassword); err != nil {
		t.Fatal(err)
	}
	if err := f(c); err != nil {
		t.Fatal(err)
	}
}

func dn(uid string) string { return "uid=" + uid + ",ou=people,dc=hard,dc=test" }

func rename(uid, to string) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error {
		return c.ModifyDN(ldap.NewModifyDNRequest(dn(uid), "uid="+to, true, ""))
	}
}

func modify(entry, attribute string, values ...string) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error {
		m := ldap.NewModifyRequest(entry, nil)
		m.Replace(attribute, values)
		return c.Modify(m)
	}
}

// hire makes an entry with a new immutable id.
func hire(uid, name string) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error {
		a := ldap.NewAddRequest(dn(uid), nil)
		a.Attribute("objectClass", []string{"inetOrgPerson"})
		a.Attribute("uid", []string{uid})
		a.Attribute("cn", []string{name})
		a.Attribute("sn", []string{name})
		a.Attribute("userPassword", []string{"pw-" + uid})
		return c.Add(a)
	}
}

func fire(uid string) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(dn(uid), nil)) }
}

// admin is an administrator who came by the link.
func (d *desk) admin(t testing.TB) auth.Actor {
	t.Helper()
	_, a, err := d.UseLink(t.Context(), d.link(t.Context(), t), visit)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (d *desk) link(ctx context.Context, t testing.TB) string {
	t.Helper()
	url, err := d.AdminLink(ctx, "https://desk.test/")
	if err != nil {
		t.Fatal(err)
	}
	token, ok := strings.CutPrefix(url, "https://desk.test"+auth.LinkPath+"?token=")
	if !ok {
		t.Fatalf("a link to %s", url)
	}
	return token
}
