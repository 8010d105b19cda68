package web

import (
	"cmp"
	"net/http"
	"strings"

	"opora/auth"
	"opora/auth/directory"
	"opora/internal/fault"
	"opora/templates"
)

// setupPage is where the first administrator begins: does the database stand, can people sign in, and what comes next. Nothing that is
// typed here is stored: a directory is configured by the environment, whose lines the page writes.
type setupPage struct {
	templates.Setup
	Form     setupForm
	StartTLS templates.Field
	Kinds    []templates.Option
	Ask      bool   // no directory is configured: offer to try one
	Lines    string // what to put into the environment
	Probe    *probeView
	Todo     []todoLine
}

// todoLine is a step of the checklist.
type todoLine struct {
	Label, Href string
	Done        bool
}

// setupForm is a directory as the form has it.
type setupForm struct {
	URL, BindDN, BindPassword, BaseDN, CAFile, Roles string
	StartTLS                                         bool
	Kind                                             string
}

func (s *Server) setupPage(r *req) error {
	return s.showSetup(r, setupForm{Kind: string(directory.Auto)}, nil, nil)
}

// trySetup tests the configured directory or, where there is none, the one that was typed.
func (s *Server) trySetup(r *req) error {
	form := setupForm{
		URL: strings.TrimSpace(r.Text("url")), BindDN: strings.TrimSpace(r.Text("bind_dn")), BindPassword: r.Text("bind_password"),
		BaseDN: strings.TrimSpace(r.Text("base_dn")), CAFile: strings.TrimSpace(r.Text("ca_file")), Roles: strings.TrimSpace(r.Text("roles")),
		StartTLS: r.Checked("start_tls"), Kind: cmp.Or(r.Text("kind"), string(directory.Auto)),
	}
	config, roles := s.system.Directory, s.system.Roles
	if config == nil {
		var err error
		config = form.directory()
		if roles, err = form.roles(); err != nil {
			return s.showSetup(r, form, nil, err)
		}
	}
	view, err := probe(r, *config, roles)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return err
	}
	return s.showSetup(r, form, view, err)
}

func (s *Server) showSetup(r *req, form setupForm, view *probeView, wrong error) error {
	p := setupPage{Form: form, Ask: s.system.Directory == nil, Probe: view, Kinds: r.words("admin.setup.kind.", "auto", "openldap", "ad")}
	p.Page = r.Page(r.P.T("ui.setup.title"), "")
	status := http.StatusOK
	if wrong != nil {
		p.Errors, status = fieldErrors(r.P, wrong), statusOf(wrong)
	}
	p.StartTLS = adminPage{Page: p.Page}.Switch("start_tls", "admin.setup.start_tls", form.StartTLS)
	database, err := s.databaseCheck(r)
	if err != nil {
		return err
	}
	p.Checks = []templates.SetupCheck{database, s.directoryCheck(r, view)}
	if view != nil && view.Good && p.Ask {
		p.Lines = form.environment()
	}
	if p.Todo, err = s.todo(r); err != nil {
		return err
	}
	return r.HTML(status, "setup/start", p)
}

func (s *Server) databaseCheck(r *req) (templates.SetupCheck, error) {
	c := templates.SetupCheck{State: "good", Label: r.P.T("admin.setup.database")}
	if s.system.Database == nil {
		c.State, c.Detail = "open", r.P.T("admin.setup.unknown")
		return c, nil
	}
	d, err := s.system.Database(r.Ctx())
	if err != nil {
		return c, err
	}
	c.Detail = r.P.T("admin.setup.database_is", "Version", d.Version, "Encoding", d.Encoding, "User", d.User)
	row := func(label, value string) {
		c.Rows = append(c.Rows, templates.Change{Label: r.P.T("admin.setup." + label), To: value})
	}
	row("schema", r.P.T("admin.setup.schema_is", "Schema", d.Schema, "Wanted", d.Wanted))
	if d.AppendOnly {
		row("append_only", r.P.T("admin.setup.append_only_yes"))
	} else {
		row("append_only", r.P.T("admin.setup.append_only_no"))
		c.Mend = r.P.T("admin.setup.append_only_mend")
	}
	if !d.Current() || !d.UTF8() {
		c.State, c.Mend = "bad", r.P.T("admin.setup.database_mend")
	}
	return c, nil
}

// directoryCheck says how the directory stands, or what a test found.
func (s *Server) directoryCheck(r *req, v *probeView) templates.SetupCheck {
	c := templates.SetupCheck{State: "open", Label: r.P.T("admin.nav.directory"), Detail: r.P.T("admin.setup.directory_none")}
	if s.system.Directory != nil {
		c.Detail = r.P.T("admin.setup.directory_untested", "Server", strings.Join(s.system.Directory.URLs, ", "))
	}
	switch {
	case v == nil:
		return c
	case v.Good:
		c.State, c.Detail = "good", r.P.T("admin.setup.directory_good", "Server", v.Server, "People", v.People, "Groups", v.Groups)
	default:
		c.State, c.Detail = "bad", r.P.T("admin.setup.directory_bad")
	}
	c.Mend = strings.Join(v.Problems, " ")
	return c
}

// todo is what is left to do until people can work.
func (s *Server) todo(r *req) ([]todoLine, error) {
	teams, err := s.auth.Teams(r.Ctx())
	if err != nil {
		return nil, err
	}
	staffed := false
	for _, t := range teams {
		staffed = staffed || t.Size > 0
	}
	sites, err := s.auth.Sites(r.Ctx())
	if err != nil {
		return nil, err
	}
	services, err := s.items.Services(r.Ctx(), r.Actor)
	if err != nil {
		return nil, err
	}
	hours, targets, err := s.ownTerms(r)
	if err != nil {
		return nil, err
	}
	t := r.P.T
	return []todoLine{
		{t("admin.setup.todo.directory"), "/admin/directory", s.system.Directory != nil},
		{t("admin.setup.todo.teams"), "/admin/teams", len(teams) > 0},
		{t("admin.setup.todo.members"), "/admin/teams", staffed},
		{t("admin.setup.todo.sites"), "/admin/sites", len(sites) > 0},
		{t("admin.setup.todo.calendar"), "/admin/calendars", hours},
		{t("admin.setup.todo.targets"), "/admin/targets", targets},
		{t("admin.setup.todo.services"), "/admin/items", len(services) > 0},
	}, nil
}

// ownTerms tells whether somebody has looked at hours and targets: a version after the first, which Opora put in.
func (s *Server) ownTerms(r *req) (hours, targets bool, err error) {
	calendars, err := s.desk.Calendars(r.Ctx(), r.Actor)
	if err != nil {
		return false, false, err
	}
	policies, err := s.desk.Policies(r.Ctx(), r.Actor)
	for _, c := range calendars {
		hours = hours || c.Version > 1
	}
	for _, p := range policies {
		targets = targets || p.Version > 1
	}
	return hours, targets, err
}

func (f setupForm) directory() *directory.Config {
	c := &directory.Config{StartTLS: f.StartTLS, CAFile: f.CAFile, Kind: directory.Kind(f.Kind), BindDN: f.BindDN, BindPassword: f.BindPassword, BaseDN: f.BaseDN}
	for u := range strings.FieldsFuncSeq(f.URL, func(r rune) bool { return r == ',' || r == ' ' }) {
		c.URLs = append(c.URLs, u)
	}
	return c
}

// roles reads lines of GROUP=ROLE; the role stands behind the last "=", since a DN has some of its own.
func (f setupForm) roles() (map[string][]auth.Role, error) {
	var wrong fault.Fields
	out := map[string][]auth.Role{}
	for line := range strings.Lines(f.Roles) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		i := strings.LastIndexByte(line, '=')
		role := auth.Role(strings.TrimSpace(line[i+1:]))
		if i < 1 || len(auth.Grants(role)) == 0 || role == auth.Employee {
			wrong.Add("roles", "admin.setup.bad_role", "Line", line)
			continue
		}
		group := strings.TrimSpace(line[:i])
		out[group] = append(out[group], role)
	}
	return out, wrong.Err()
}

// environment is the form as lines for the environment; the password is for the administrator to put in.
func (f setupForm) environment() string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			b.WriteString("OPORA_LDAP_" + key + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n")
		}
	}
	line("URL", strings.Join(f.directory().URLs, ","))
	if f.StartTLS {
		line("STARTTLS", "true")
	}
	line("CA_FILE", f.CAFile)
	if f.Kind != string(directory.Auto) {
		line("KIND", f.Kind)
	}
	line("BIND_DN", f.BindDN)
	if f.BindPassword != "" {
		line("BIND_PASSWORD", "…")
	}
	line("BASE_DN", f.BaseDN)
	var roles []string
	for l := range strings.Lines(f.Roles) {
		if l = strings.TrimSpace(l); l != "" {
			roles = append(roles, l)
		}
	}
	line("ROLES", strings.Join(roles, ";"))
	return b.String()
}
