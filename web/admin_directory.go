package web

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"opora/auth"
	"opora/auth/directory"
	"opora/internal/locale"
	"opora/templates"
)

// probeTimeout bounds a test of a directory.
const probeTimeout = 15 * time.Second

type directoryPage struct {
	adminPage
	Keys  []templates.Change // OPORA_LDAP_… and what it is set to
	Roles []roleLine
	Probe *probeView // after a test
}

// roleLine is a group of the directory and the roles that it gives.
type roleLine struct{ Group, Roles string }

func (s *Server) adminDirectory(r *req) error { return s.showDirectory(r, nil) }

func (s *Server) testDirectory(r *req) error {
	if s.system.Directory == nil {
		return s.showDirectory(r, nil)
	}
	view, err := probe(r, *s.system.Directory, s.system.Roles)
	if err != nil {
		return err
	}
	return s.showDirectory(r, view)
}

func (s *Server) showDirectory(r *req, view *probeView) error {
	p := directoryPage{adminPage: r.adminList("directory"), Probe: view, Roles: roleLines(r.P, s.system.Roles)}
	if s.system.Directory != nil {
		p.Keys = ldapKeys(r.P, *s.system.Directory)
	}
	return r.Show("admin/directory", p)
}

// ldapKeys are the keys of the environment that make up c. The password is not said.
func ldapKeys(p *locale.Printer, c directory.Config) []templates.Change {
	var out []templates.Change
	add := func(key, value string) {
		if value != "" {
			out = append(out, templates.Change{Label: "OPORA_LDAP_" + key, To: value})
		}
	}
	yes := map[bool]string{true: "true"}
	add("URL", strings.Join(c.URLs, ","))
	add("STARTTLS", yes[c.StartTLS])
	add("PLAIN_OK", yes[c.AllowPlain])
	add("CA_FILE", c.CAFile)
	add("KIND", string(c.Kind))
	add("BIND_DN", c.BindDN)
	if c.BindPassword != "" {
		add("BIND_PASSWORD", p.T("admin.directory.hidden"))
	}
	add("BASE_DN", c.BaseDN)
	add("GROUP_BASE", c.GroupBase)
	add("USER_FILTER", c.UserFilter)
	add("GROUP_FILTER", c.GroupFilter)
	add("DOMAIN", c.Domain)
	add("UPN_SUFFIX", c.UPNSuffix)
	return out
}

func roleLines(p *locale.Printer, by map[string][]auth.Role) []roleLine {
	var out []roleLine
	for _, group := range slices.Sorted(maps.Keys(by)) {
		var names []string
		for _, role := range by[group] {
			names = append(names, p.T("auth.role."+string(role)))
		}
		out = append(out, roleLine{group, strings.Join(names, ", ")})
	}
	return out
}

// probeView is what a test of a directory found.
type probeView struct {
	Good     bool // people can sign in
	Server   string
	Product  string
	Secure   bool
	People   string
	Groups   string
	Problems []string
	Preview  []previewLine
}

// previewLine is one of the first people, with the roles that they would get.
type previewLine struct{ Login, Name, Mail, Department, Groups, Roles string }

// probe tries the directory out. What is wrong with it stands in the view; the error is that of the configuration or the request.
func probe(r *req, c directory.Config, roles map[string][]auth.Role) (*probeView, error) {
	client, err := directory.New(c)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(r.Ctx(), probeTimeout)
	defer cancel()
	report, err := client.Probe(ctx)
	if r.Ctx().Err() != nil {
		return nil, r.Ctx().Err()
	}
	v := newProbeView(r.P, report, roles)
	if err != nil { // our own time-out
		v.Problems = append(v.Problems, r.P.T("admin.directory.too_slow"))
	}
	v.Good = report.People.N > 0 && err == nil
	return v, nil
}

func newProbeView(p *locale.Printer, report directory.Report, roles map[string][]auth.Role) *probeView {
	v := &probeView{
		Server: report.Server, Product: cmp.Or(report.Product, string(report.Kind)), Secure: report.Encrypted,
		People: counted(p, report.People), Groups: counted(p, report.Groups),
	}
	for _, m := range report.Problems {
		v.Problems = append(v.Problems, words(p, m))
	}
	for _, who := range report.Preview {
		line := previewLine{Login: who.Login, Name: who.Name, Mail: who.Mail, Department: who.Department}
		var groups, gives []string
		for _, g := range who.Groups {
			groups = append(groups, g.Name)
		}
		for _, l := range roleLines(p, roles) {
			if who.MatchesGroup(l.Group) {
				gives = append(gives, l.Roles)
			}
		}
		line.Groups, line.Roles = strings.Join(groups, ", "), cmp.Or(strings.Join(gives, ", "), p.T("auth.role.employee"))
		v.Preview = append(v.Preview, line)
	}
	return v
}

func counted(p *locale.Printer, c directory.Count) string {
	n := p.Number(int64(c.N))
	if c.More {
		n = p.Number(int64(c.N)) + "+"
	}
	return n
}
