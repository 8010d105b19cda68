package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones on a machine without a list of them

	"github.com/alecthomas/kong"
	"github.com/dustin/go-humanize"
	"github.com/lib/pq"

	"opora/auth"
	"opora/auth/directory"
	"opora/internal/fault"
	"opora/internal/locale"
)

// Config is every key of Opora, as flag and as OPORA_… in the environment. A command that opens the database embeds it.
type Config struct {
	Place Place `embed:"" group:"Data"`
	Web   Web   `embed:"" group:"Server"`
	LDAP  LDAP  `embed:"" prefix:"ldap-" envprefix:"OPORA_LDAP_" group:"Directory (the first one; it shows locked in the pages)"`
	Log   Log   `embed:"" prefix:"log-" envprefix:"OPORA_LOG_" group:"Log"`
}

// Place says where the data is.
type Place struct {
	Data        string `env:"OPORA_DATA" default:"./var" placeholder:"FOLDER" help:"Folder for everything Opora keeps outside the database: private PostgreSQL, files, secret key. Default ./var."`
	DatabaseURL string `env:"OPORA_DATABASE_URL" placeholder:"URL" help:"PostgreSQL 15 or newer to use, as URL or key=value. Empty: a private PostgreSQL under OPORA_DATA."`
	PGBin       string `env:"OPORA_PG_BIN" name:"pg-bin" placeholder:"FOLDER" help:"Folder of PostgreSQL's programs (initdb, postgres, pg_dump). Empty: looked for."`
	SecretKey   string `env:"OPORA_SECRET_KEY" placeholder:"TEXT" help:"Secret of at least 32 characters that seals the audit and stored passwords; the same for all replicas. Empty: made once in OPORA_DATA/secret.key."`
	NoMigrate   bool   `env:"OPORA_NO_MIGRATE" help:"Do not migrate the database at start."`
	User        string `env:"OPORA_USER" placeholder:"NAME" help:"Started as root: become this user first."`
}

// Web says how people reach the server.
type Web struct {
	Listen         string        `env:"OPORA_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on. Default 127.0.0.1:8080."`
	URL            string        `env:"OPORA_URL" placeholder:"URL" help:"Address that people type, for links. Empty: http:// and OPORA_LISTEN."`
	Language       string        `env:"OPORA_LANGUAGE" default:"en" placeholder:"en|ru|uk" help:"Language where neither profile, directory nor browser says one. Default en."`
	Timezone       string        `env:"OPORA_TIMEZONE" default:"UTC" placeholder:"ZONE" help:"Time zone where neither profile nor site says one, such as Europe/Kyiv. Default UTC."`
	TrustedProxies []string      `env:"OPORA_TRUSTED_PROXIES" placeholder:"CIDR" help:"Addresses or networks of reverse proxies whose X-Forwarded-For counts. Default none."`
	SessionIdle    time.Duration `env:"OPORA_SESSION_IDLE" default:"8h" placeholder:"TIME" help:"A session ends after this long without a request. Default 8h."`
	SessionMax     time.Duration `env:"OPORA_SESSION_MAX" default:"168h" placeholder:"TIME" help:"A session ends this long after the sign-in. Default 168h (a week)."`
	MaxUpload      Size          `env:"OPORA_MAX_UPLOAD" default:"25MB" placeholder:"SIZE" help:"Largest attachment. Default 25MB."`
	DrainDelay     time.Duration `env:"OPORA_DRAIN_DELAY" default:"0s" placeholder:"TIME" help:"After SIGTERM, go on serving this long with /readyz at 503, so that a load balancer notices. Default 0s."`
}

// Log says how to log. Logs go to stderr.
type Log struct {
	Format string     `env:"FORMAT" default:"text" placeholder:"text|json" help:"Form of the log. Default text."`
	Level  slog.Level `env:"LEVEL" default:"info" placeholder:"LEVEL" help:"Least level to log: debug, info, warn or error. Default info."`
}

// LDAP is the directory that people sign in with.
type LDAP struct {
	URL          []string          `env:"URL" placeholder:"URL" help:"ldaps://host or ldap://host, several in the order to try. Empty: no directory here."`
	StartTLS     bool              `env:"STARTTLS" name:"starttls" help:"Protect ldap:// by StartTLS."`
	PlainOK      bool              `env:"PLAIN_OK" name:"plain-ok" help:"Allow ldap:// without StartTLS beyond loopback: passwords are then readable on the network."`
	CAFile       string            `env:"CA_FILE" placeholder:"FILE" help:"Certificates (PEM) of the authorities to trust. Empty: the machine's."`
	Kind         string            `env:"KIND" default:"auto" placeholder:"KIND" help:"openldap, ad or auto (asks the server). Default auto."`
	BindDN       string            `env:"BIND_DN" placeholder:"DN" help:"Service account that searches. Empty: anonymous."`
	BindPassword string            `env:"BIND_PASSWORD" placeholder:"TEXT" help:"Its password; better given in the environment than as a flag."`
	BaseDN       string            `env:"BASE_DN" placeholder:"DN" help:"Where people are."`
	GroupBase    string            `env:"GROUP_BASE" placeholder:"DN" help:"Where groups are. Empty: OPORA_LDAP_BASE_DN."`
	UserFilter   string            `env:"USER_FILTER" placeholder:"FILTER" help:"Which entries are people. Empty: as the kind has it."`
	GroupFilter  string            `env:"GROUP_FILTER" placeholder:"FILTER" help:"Which entries are groups. Empty: as the kind has it."`
	Attributes   map[string]string `env:"ATTRIBUTES" mapsep:";" placeholder:"NAME=ATTRIBUTE;…" help:"Attributes that differ from the kind's: id, login, mail, upn, name, given, surname, phone, title, manager, department, location, language. Several for one, by commas: login=uid,mail."`
	Domain       string            `env:"DOMAIN" placeholder:"NAME" help:"Short domain name in DOMAIN\\login."`
	UPNSuffix    string            `env:"UPN_SUFFIX" name:"upn-suffix" placeholder:"NAME" help:"What stands behind @ in login@suffix."`
	Roles        RoleMap           `env:"ROLES" placeholder:"GROUP=ROLE,…" help:"Roles by group name or DN; part with ; where DNs stand. Roles: agent, team_lead, problem_manager, change_manager, configuration_manager, administrator, auditor."`
}

// Size is a number of bytes, written as 25MB or 10MiB.
type Size int64

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n == 0 || n > 1<<40 {
		return fmt.Errorf("%q is no size; 25MB would be right", text)
	}
	*s = Size(n)
	return nil
}

// RoleMap gives roles to the members of a directory's groups, which are named by cn or by DN.
type RoleMap map[string][]auth.Role

// UnmarshalText reads GROUP=ROLE pairs, parted by semicolons where there is one and else by commas. The role stands
// behind the last "=", since a DN has some of its own.
func (m *RoleMap) UnmarshalText(text []byte) error {
	sep := ","
	if strings.Contains(string(text), ";") {
		sep = ";"
	}
	*m = RoleMap{}
	for pair := range strings.SplitSeq(string(text), sep) {
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		i := strings.LastIndexByte(pair, '=')
		if i < 1 {
			return fmt.Errorf("%q is no pair; Service Desk=agent would be right", pair)
		}
		group, role := strings.TrimSpace(pair[:i]), auth.Role(strings.TrimSpace(pair[i+1:]))
		if !slices.Contains(auth.Roles, role) || role == auth.Employee {
			return fmt.Errorf("%q is no role that a group can give; part the pairs by ; where groups are DNs", role)
		}
		(*m)[group] = append((*m)[group], role)
	}
	return nil
}

// configError is everything that is wrong with the configuration, each with its key and what would be right.
type configError struct{ faults []string }

func (e *configError) Error() string {
	return "opora: the configuration is wrong:\n  " + strings.Join(e.faults, "\n  ")
}

// environmentFaults are keys of the environment that cannot be read, found before the command line is parsed.
type environmentFaults []string

// takeFaultyEnvironment reads each OPORA_ key for itself and takes those that cannot be read, and empty ones, out of
// the environment: parsing would stop at the first of them, and a person wants to hear of all at once.
func takeFaultyEnvironment(table *commands) environmentFaults {
	parser, err := newParser(table)
	if err != nil {
		return environmentFaults{err.Error()}
	}
	var faults environmentFaults
	_ = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error { // the function returns no error
		flag, ok := node.(*kong.Flag)
		if !ok {
			return next(nil)
		}
		for _, key := range flag.Envs {
			text, set := os.LookupEnv(key)
			if !set {
				continue
			}
			err := readable(flag.Value, text)
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s: %v", key, err))
			}
			if err != nil || text == "" {
				_ = os.Unsetenv(key) // fails for names with "=" or NUL only
			}
		}
		return next(nil)
	})
	return faults
}

// strangers are keys of the environment that look like ours and are none: a misspelt key would else be silent. Kubernetes
// makes such keys of its own for a service named opora, so they are no fault.
func strangers() []string {
	parser, err := newParser(new(commands))
	if err != nil {
		return nil
	}
	var list []string
	for _, pair := range os.Environ() {
		if key, _, _ := strings.Cut(pair, "="); strings.HasPrefix(key, "OPORA_") {
			list = append(list, key)
		}
	}
	_ = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error { // the function returns no error
		if flag, ok := node.(*kong.Flag); ok {
			list = slices.DeleteFunc(list, func(key string) bool { return slices.Contains(flag.Envs, key) })
		}
		return next(nil)
	})
	return list
}

// readable tries the text of a key as kong will. A zero value is made for it, so the flag itself is left alone.
func readable(v *kong.Value, text string) error {
	if text == "" {
		return nil
	}
	err := v.Mapper.Decode(&kong.DecodeContext{Value: v, Scan: kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: text})},
		reflect.New(v.Target.Type()).Elem())
	if err != nil && v.Target.Type() == reflect.TypeFor[time.Duration]() {
		return fmt.Errorf("%q is no time; 30m or 8h would be right", text)
	}
	if err != nil && v.IsBool() {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	return err
}

// Check returns a *configError that names every bad key at once.
func (c *Config) Check(env environmentFaults) error {
	faults := slices.Clone([]string(env))
	add := func(key, format string, args ...any) { faults = append(faults, key+": "+fmt.Sprintf(format, args...)) }
	c.Place.check(add)
	c.Web.check(add)
	c.LDAP.check(add)
	if c.Log.Format != "text" && c.Log.Format != "json" {
		add("OPORA_LOG_FORMAT", "%q is no form; text or json would be right", c.Log.Format)
	}
	if len(faults) > 0 {
		return &configError{faults}
	}
	return nil
}

func (p *Place) check(add func(key, format string, args ...any)) {
	if p.DatabaseURL != "" {
		if _, err := pq.NewConfig(p.DatabaseURL); err != nil {
			// The text of the error may hold the URL and with it a password.
			add("OPORA_DATABASE_URL", "cannot be read; postgres://user:password@host:5432/opora?sslmode=verify-full would be right")
		}
	}
	if n := len(p.SecretKey); n > 0 && n < 32 {
		add("OPORA_SECRET_KEY", "has %d characters; at least 32 random ones would be right (openssl rand -hex 32)", n)
	}
	if p.PGBin != "" && !filepath.IsAbs(p.PGBin) {
		add("OPORA_PG_BIN", "%q is no absolute path; /usr/lib/postgresql/15/bin would be right", p.PGBin)
	}
	if p.User != "" {
		if _, err := user.Lookup(p.User); err != nil {
			add("OPORA_USER", "this machine has no user %q", p.User)
		}
	}
}

func (w *Web) check(add func(key, format string, args ...any)) {
	if host, port, err := net.SplitHostPort(w.Listen); err != nil || !validPort(port) || strings.ContainsAny(host, " /") {
		add("OPORA_LISTEN", "%q is no address to listen on; 127.0.0.1:8080 or :8080 would be right", w.Listen)
	}
	if w.URL != "" {
		u, err := url.Parse(w.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			add("OPORA_URL", "%q is no address of a site; https://desk.example.org would be right", w.URL)
		}
	}
	if !locale.Known(w.Language) {
		add("OPORA_LANGUAGE", "%q is no language of Opora's; %s would be right", w.Language, strings.Join(locale.Languages, ", "))
	}
	if _, err := time.LoadLocation(w.Timezone); err != nil || w.Timezone == "Local" {
		add("OPORA_TIMEZONE", "%q is no time zone of the IANA list; Europe/Kyiv would be right", w.Timezone)
	}
	for _, proxy := range w.TrustedProxies {
		_, errNet := netip.ParsePrefix(proxy)
		_, errAddr := netip.ParseAddr(proxy)
		if errNet != nil && errAddr != nil {
			add("OPORA_TRUSTED_PROXIES", "%q is no address and no network; 10.0.0.0/8 would be right", proxy)
		}
	}
	if w.SessionIdle < time.Minute {
		add("OPORA_SESSION_IDLE", "%s is too short; at least 1m, 8h would be right", w.SessionIdle)
	}
	if w.SessionMax < w.SessionIdle {
		add("OPORA_SESSION_MAX", "%s is shorter than OPORA_SESSION_IDLE (%s)", w.SessionMax, w.SessionIdle)
	}
	if w.DrainDelay < 0 || w.DrainDelay > time.Minute {
		add("OPORA_DRAIN_DELAY", "%s is out of bounds; between 0s and 1m would be right", w.DrainDelay)
	}
}

func validPort(s string) bool {
	_, err := net.LookupPort("tcp", s)
	return s != "" && err == nil
}

// Directory is the directory of the configuration; nil when it names none.
func (l *LDAP) Directory() (*directory.Config, error) {
	if len(l.URL) == 0 {
		return nil, nil
	}
	// The names of attributes are checked by the decoder, so that they stand in one place only.
	text, err := json.Marshal(l.Attributes)
	if err != nil {
		return nil, fmt.Errorf("reading the attributes: %w", err)
	}
	var attributes directory.Attributes
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&attributes); err != nil {
		return nil, fmt.Errorf("attributes: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return &directory.Config{
		URLs: l.URL, StartTLS: l.StartTLS, AllowPlain: l.PlainOK, CAFile: l.CAFile, Kind: directory.Kind(l.Kind),
		BindDN: l.BindDN, BindPassword: l.BindPassword, BaseDN: l.BaseDN, GroupBase: l.GroupBase,
		UserFilter: l.UserFilter, GroupFilter: l.GroupFilter, Attributes: attributes, Domain: l.Domain, UPNSuffix: l.UPNSuffix,
	}, nil
}

// ldapKeys are the keys whose name is not the directory's own in capitals.
var ldapKeys = map[string]string{"start_tls": "STARTTLS", "allow_plain": "PLAIN_OK"}

func (l *LDAP) check(add func(key, format string, args ...any)) {
	d, err := l.Directory()
	if err != nil {
		add("OPORA_LDAP_ATTRIBUTES", "%v", err)
		return
	}
	if d == nil {
		if l.BindDN != "" || l.BaseDN != "" {
			add("OPORA_LDAP_URL", "is missing, though other keys of the directory are given; ldaps://dc1.example.org would be right")
		}
		return
	}
	var f *fault.Error
	if err := d.Validate(); !errors.As(err, &f) {
		return
	}
	english := locale.For("en", time.UTC)
	for _, field := range f.Fields {
		name, _, _ := strings.Cut(field.Name, ".") // attributes.login → attributes
		key := cmp.Or(ldapKeys[name], strings.ToUpper(name))
		add("OPORA_LDAP_"+key, "%s", english.T(field.ID, field.Args...))
	}
}

// Address is the address that people type, without a final slash.
func (w *Web) Address() string {
	if w.URL != "" {
		return strings.TrimSuffix(w.URL, "/")
	}
	host, port, err := net.SplitHostPort(w.Listen)
	if err != nil || host == "" || net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Zone is OPORA_TIMEZONE; Check has refused what is none.
func (w *Web) Zone() *time.Location {
	zone, err := time.LoadLocation(w.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Logger logs to stderr.
func (l *Log) Logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
