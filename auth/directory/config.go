package directory

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"opora/internal/fault"
)

// Kind is the family of a directory server; it decides attribute names, filters and how refusals are read.
type Kind string

// The kinds. Auto asks the server's root DSE once, on the first connection.
const (
	Auto     Kind = "auto"
	OpenLDAP Kind = "openldap" // OpenLDAP and everything that follows the inetOrgPerson schema
	AD       Kind = "ad"       // Active Directory and Samba AD
)

// What stands in Config when a key is left empty.
const (
	DefaultDialTimeout = 5 * time.Second
	DefaultTimeout     = 10 * time.Second
	DefaultPoolSize    = 8
	maxPoolSize        = 256
)

// Config says how to reach a directory and how to read it. The names in the json tags are the names that Validate gives
// to a bad key. Zero values are filled in by New: Kind Auto, the filters and attributes of the kind, time-outs, pool.
type Config struct {
	// URLs are tried in order: ldap://host[:port] or ldaps://host[:port].
	URLs     []string `json:"url"`
	StartTLS bool     `json:"start_tls"`
	// CAFile is a PEM file of the authorities that sign the servers' certificates; CA is the same already read. Without
	// both, the system's authorities count. There is no key to switch the verification off.
	CAFile string         `json:"ca_file"`
	CA     *x509.CertPool `json:"-"`
	// AllowPlain permits ldap:// without StartTLS to a host that is not loopback: passwords then cross the network readable.
	AllowPlain bool `json:"allow_plain"`

	// BindDN and BindPassword are the service account that searches: a DN, or for Active Directory also user@domain or
	// DOMAIN\user. Both empty: anonymous search.
	BindDN       string `json:"bind_dn"`
	BindPassword string `json:"-"`

	BaseDN string `json:"base_dn"`
	// UserFilter tells which entries are people; what was typed at sign-in is added to it, escaped.
	UserFilter string `json:"user_filter"`
	// GroupBase is where groups are looked for; empty is BaseDN.
	GroupBase   string     `json:"group_base"`
	GroupFilter string     `json:"group_filter"`
	Attributes  Attributes `json:"attributes"`

	Kind Kind `json:"kind"`
	// Domain is the short (NetBIOS) name in DOMAIN\login. Empty: that form is not understood.
	Domain string `json:"domain"`
	// UPNSuffix is the part behind @ in login@suffix that stands for a plain login.
	UPNSuffix string `json:"upn_suffix"`

	DialTimeout time.Duration `json:"dial_timeout"` // to connect to one server, with TLS
	Timeout     time.Duration `json:"timeout"`      // for one step: a search, a bind
	PoolSize    int           `json:"pool_size"`    // connections for searching; as many again for binding as a person
}

// Attributes are the LDAP attributes that a Person is read from. Several, parted by commas, are tried in order.
type Attributes struct {
	ID         string `json:"id"`
	Login      string `json:"login"`
	Mail       string `json:"mail"`
	UPN        string `json:"upn"`
	Name       string `json:"name"`
	Given      string `json:"given"`
	Surname    string `json:"surname"`
	Phone      string `json:"phone"`
	Title      string `json:"title"`
	Manager    string `json:"manager"`
	Department string `json:"department"`
	Location   string `json:"location"`
	Language   string `json:"language"`
}

// DefaultAttributes are those of RFC 2798 (inetOrgPerson), and for AD those that Active Directory fills.
func DefaultAttributes(k Kind) Attributes {
	a := Attributes{
		ID: "entryUUID", Login: "uid", Mail: "mail", Name: "displayName,cn", Given: "givenName", Surname: "sn",
		Phone: "telephoneNumber,mobile", Title: "title", Manager: "manager", Department: "ou,departmentNumber",
		Location: "l,physicalDeliveryOfficeName", Language: "preferredLanguage",
	}
	if k == AD {
		a.ID, a.Login, a.UPN, a.Department = "objectGUID", "sAMAccountName", "userPrincipalName", "department"
	}
	return a
}

// attribute is one key of Attributes and its place.
type attribute struct {
	key   string
	value *string
}

// fields are all keys, in the order of the struct.
func (a *Attributes) fields() []attribute {
	return []attribute{
		{"id", &a.ID},
		{"login", &a.Login},
		{"mail", &a.Mail},
		{"upn", &a.UPN},
		{"name", &a.Name},
		{"given", &a.Given},
		{"surname", &a.Surname},
		{"phone", &a.Phone},
		{"title", &a.Title},
		{"manager", &a.Manager},
		{"department", &a.Department},
		{"location", &a.Location},
		{"language", &a.Language},
	}
}

func (a Attributes) withDefaults(k Kind) Attributes {
	d := DefaultAttributes(k)
	def := d.fields()
	for i, f := range a.fields() {
		if *f.value == "" {
			*f.value = *def[i].value
		}
	}
	return a
}

func defaultFilters(k Kind) (people, groups string) {
	if k == AD {
		return "(&(objectCategory=person)(objectClass=user))", "(objectCategory=group)"
	}
	return "(objectClass=inetOrgPerson)", "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
}

// String shows the configuration without the password, so that no log can hold it.
func (c Config) String() string {
	return fmt.Sprintf("directory %s as %q under %q", strings.Join(c.URLs, " "), c.BindDN, c.BaseDN)
}

// LogValue is String for slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Config) withDefaults() Config {
	if c.Kind == "" {
		c.Kind = Auto
	}
	if c.GroupBase == "" {
		c.GroupBase = c.BaseDN
	}
	if c.DialTimeout == 0 {
		c.DialTimeout = DefaultDialTimeout
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.PoolSize == 0 {
		c.PoolSize = DefaultPoolSize
	}
	return c
}

// Validate returns an Invalid fault that names every bad key at once, by its json name ("attributes.id"). It reads the
// CA file and otherwise touches nothing.
func (c Config) Validate() error {
	c = c.withDefaults()
	var f fault.Fields
	if len(c.URLs) == 0 {
		f.Add("url", "directory.config.required")
	}
	for _, raw := range c.URLs {
		c.checkURL(&f, raw)
	}
	if _, err := c.authorities(); err != nil {
		f.Add("ca_file", "directory.config.ca", "Detail", err.Error())
	}
	switch {
	case c.BindDN == "" && c.BindPassword != "":
		f.Add("bind_dn", "directory.config.required")
	case c.BindDN != "" && c.BindPassword == "":
		f.Add("bind_password", "directory.config.required")
	}
	if c.BindDN != "" && !strings.ContainsAny(c.BindDN, `@\`) {
		checkDN(&f, "bind_dn", c.BindDN)
	}
	if c.BaseDN == "" {
		f.Add("base_dn", "directory.config.required")
	} else {
		checkDN(&f, "base_dn", c.BaseDN)
		checkDN(&f, "group_base", c.GroupBase)
	}
	checkFilter(&f, "user_filter", c.UserFilter)
	checkFilter(&f, "group_filter", c.GroupFilter)
	for _, a := range c.Attributes.fields() {
		for _, name := range attributeNames(*a.value) {
			if !isAttributeName(name) {
				f.Add("attributes."+a.key, "directory.config.attribute", "Name", name)
			}
		}
	}
	if c.Kind != Auto && c.Kind != OpenLDAP && c.Kind != AD {
		f.Add("kind", "directory.config.kind")
	}
	if strings.ContainsAny(c.Domain, `\@ `) {
		f.Add("domain", "directory.config.domain")
	}
	if strings.ContainsAny(c.UPNSuffix, `\@ `) {
		f.Add("upn_suffix", "directory.config.domain")
	}
	if c.DialTimeout < 0 {
		f.Add("dial_timeout", "directory.config.timeout")
	}
	if c.Timeout < 0 {
		f.Add("timeout", "directory.config.timeout")
	}
	if c.PoolSize < 1 || c.PoolSize > maxPoolSize {
		f.Add("pool_size", "directory.config.pool_size", "Max", maxPoolSize)
	}
	return f.Err()
}

func (c Config) checkURL(f *fault.Fields, raw string) {
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Scheme != "ldap" && u.Scheme != "ldaps", u.Hostname() == "", u.User != nil, strings.Trim(u.Path, "/") != "":
		f.Add("url", "directory.config.url", "URL", raw)
	case u.Scheme == "ldaps" && c.StartTLS:
		f.Add("start_tls", "directory.config.start_tls", "URL", raw)
	case u.Scheme == "ldap" && !c.StartTLS && !c.AllowPlain && !isLoopback(u.Hostname()):
		f.Add("url", "directory.config.plain", "URL", raw)
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func checkDN(f *fault.Fields, key, dn string) {
	if parsed, err := ldap.ParseDN(dn); err != nil || len(parsed.RDNs) == 0 {
		f.Add(key, "directory.config.dn", "DN", dn)
	}
}

func checkFilter(f *fault.Fields, key, filter string) {
	if filter == "" {
		return
	}
	if _, err := ldap.CompileFilter(filter); err != nil {
		f.Add(key, "directory.config.filter", "Detail", err.Error())
	}
}

// isAttributeName checks RFC 4512 §1.4: a keystring or a dotted number, options (;lang-uk) allowed.
func isAttributeName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		digit := r >= '0' && r <= '9'
		if !letter && !digit && (i == 0 || !strings.ContainsRune("-;.", r)) {
			return false
		}
	}
	return s != ""
}

// attributeNames parts a list of attributes at its commas.
func attributeNames(list string) []string {
	if list == "" {
		return nil
	}
	names := strings.Split(list, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// authorities are the roots that a server's certificate must lead to; nil stands for the system's.
func (c Config) authorities() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return c.CA, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if c.CA != nil {
		pool = c.CA.Clone()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + c.CAFile)
	}
	return pool, nil
}
