package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"opora/auth"
)

// configured parses a migrate command, which has every key, under an environment.
func configured(t *testing.T, env map[string]string, args ...string) (Config, environmentFaults) {
	t.Helper()
	for key, value := range env {
		t.Setenv(key, value)
	}
	faults := takeFaultyEnvironment(new(commands))
	table := new(commands)
	parser, err := newParser(table, kong.Exit(func(int) { t.Fatal("kong ended the program") }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"migrate"}, args...)); err != nil {
		t.Fatal(err)
	}
	return table.Migrate.Config, faults
}

func TestEveryFaultIsListedAtOnce(t *testing.T) {
	bad := map[string]string{
		"OPORA_LISTEN":             "nowhere",
		"OPORA_URL":                "desk.example.org",
		"OPORA_LANGUAGE":           "tlh",
		"OPORA_TIMEZONE":           "Mars/Olympus",
		"OPORA_SESSION_IDLE":       "eight hours",
		"OPORA_MAX_UPLOAD":         "big",
		"OPORA_NO_MIGRATE":         "maybe",
		"OPORA_SECRET_KEY":         "short",
		"OPORA_DATABASE_URL":       "postgres://u:hush@host:port/db",
		"OPORA_TRUSTED_PROXIES":    "10.0.0.0/8,proxy",
		"OPORA_LOG_LEVEL":          "loud",
		"OPORA_LDAP_URL":           "ldap://dc1.example.org",
		"OPORA_LDAP_BASE_DN":       "nonsense",
		"OPORA_LDAP_USER_FILTER":   "(uid=",
		"OPORA_LDAP_ROLES":         "Service Desk=boss",
		"OPORA_LDAP_BIND_PASSWORD": "hush",
	}
	c, faults := configured(t, bad)
	err := c.Check(faults)
	var wrong *configError
	if !errors.As(err, &wrong) {
		t.Fatalf("got %v; want every fault", err)
	}
	for key := range bad {
		if key == "OPORA_LDAP_BIND_PASSWORD" {
			key = "OPORA_LDAP_BIND_DN" // a password without an account: the account is what lacks
		}
		if !strings.Contains(err.Error(), key+": ") {
			t.Errorf("%s is not named", key)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Error("a password stands in the message")
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestConfigurationIsRead(t *testing.T) {
	c, faults := configured(t, map[string]string{
		"OPORA_LISTEN":          "", // an empty key counts as not given
		"OPORA_MAX_UPLOAD":      "10MiB",
		"OPORA_LDAP_URL":        "ldaps://dc1.example.org,ldaps://dc2.example.org",
		"OPORA_LDAP_BASE_DN":    "dc=example,dc=org",
		"OPORA_LDAP_ATTRIBUTES": "login=uid,mail;phone=mobile",
		"OPORA_LDAP_ROLES":      "cn=desk,dc=example,dc=org=agent; cn=desk,dc=example,dc=org=team_lead;Admins=administrator",
	}, "--language=uk")
	if err := c.Check(faults); err != nil {
		t.Fatal(err)
	}
	d, err := c.LDAP.Directory()
	if err != nil {
		t.Fatal(err)
	}
	if c.Web.Listen != "127.0.0.1:8080" || c.Web.MaxUpload != 10<<20 || c.Web.Language != "uk" {
		t.Errorf("web: %+v", c.Web)
	}
	if len(d.URLs) != 2 || d.Attributes.Login != "uid,mail" || d.Attributes.Phone != "mobile" {
		t.Errorf("directory: %+v", d)
	}
	if got := c.LDAP.Roles["cn=desk,dc=example,dc=org"]; !slices.Equal(got, []auth.Role{auth.Agent, auth.TeamLead}) {
		t.Errorf("roles: %v", c.LDAP.Roles)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	parser, err := newParser(new(commands))
	if err != nil {
		t.Fatal(err)
	}
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && flag.Help == "" {
			t.Errorf("--%s says nothing of itself", flag.Name)
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}
