package web

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/templates"
)

const adminPageRows = 50

type peoplePage struct {
	adminPage
	Text  string
	Role  templates.Field
	Team  templates.Field
	State templates.Field
	Rows  []personLine
	Next  templates.Pager
	None  templates.Empty
}

// personLine is somebody in the list.
type personLine struct {
	Href  string
	Who   templates.Person
	Login string
	Roles []string
	Kind  string // in words, for who is not simply a person
	Off   bool
	Seen  time.Time
}

func (s *Server) adminPeople(r *req) error {
	f := auth.PeopleFilter{Text: r.Query("q"), Role: auth.Role(r.Query("role")), TeamID: max(r.ID("team"), 0), State: r.Query("state")}
	after := auth.PeopleKey{Name: r.Query("name"), ID: max(r.ID("after"), 0)}
	list, next, err := s.auth.People(r.Ctx(), r.Actor, f, after, adminPageRows)
	if err != nil {
		return err
	}
	p := peoplePage{adminPage: r.adminList("people"), Text: f.Text, None: templates.Empty{
		Icon: "users", Title: r.P.T("admin.people.none"), Text: r.P.T("admin.people.none_text"),
	}}
	if err := p.filters(r, f); err != nil {
		return err
	}
	for _, row := range list {
		p.Rows = append(p.Rows, newPersonLine(r.P, row))
	}
	first, further := "", ""
	if after != (auth.PeopleKey{}) {
		first = peopleAddress(r, nil)
	}
	if next != nil {
		further = peopleAddress(r, next)
	}
	p.Next = p.Pager(first, further, r.P.N("admin.people.count", len(list)))
	p.Next.Words.Previous = r.P.T("admin.first_page")
	return r.Show("admin/people", p)
}

func (p *peoplePage) filters(r *req, f auth.PeopleFilter) error {
	var roles, members []templates.Option
	for _, role := range auth.Roles[1:] {
		roles = append(roles, templates.Option{Value: string(role), Label: r.P.T("auth.role." + string(role))})
	}
	teams, err := r.s.auth.Teams(r.Ctx())
	if err != nil {
		return err
	}
	for _, t := range teams {
		members = append(members, templates.Option{Value: idText(t.ID), Label: t.Name.In(r.P.Lang)})
	}
	state := f.State
	if state == "" {
		state = "active"
	}
	p.Role = p.Choice("role", "admin.people.role", string(f.Role), r.P.T("admin.any"), roles).Required()
	p.Team = p.Choice("team", "admin.people.team", idText(f.TeamID), r.P.T("admin.any"), members).Required()
	p.State = p.Field("state", "admin.people.state", state).Select(r.words("admin.people.state.", "active", "inactive", "all")).Required()
	return nil
}

// words are options whose labels are the catalogue's PREFIX and the value.
func (r *req) words(prefix string, values ...string) []templates.Option {
	out := make([]templates.Option, len(values))
	for i, v := range values {
		out[i] = templates.Option{Value: v, Label: r.P.T(prefix + v)}
	}
	return out
}

// peopleAddress is the list as it is filtered, from its beginning or from a key on.
func peopleAddress(r *req, from *auth.PeopleKey) string {
	q := url.Values{}
	for _, name := range []string{"q", "role", "team", "state"} {
		if v := r.Query(name); v != "" {
			q.Set(name, v)
		}
	}
	if from != nil {
		q.Set("name", from.Name)
		q.Set("after", strconv.FormatInt(from.ID, 10))
	}
	return "/admin/people?" + q.Encode()
}

func newPersonLine(p *locale.Printer, row auth.PersonRow) personLine {
	line := personLine{
		Href: "/admin/people/" + idText(row.ID), Login: row.Login, Off: !row.Active, Seen: row.SeenAt,
		Who: templates.Person{ID: row.ID, Name: row.Name, Detail: joined(row.Department, row.Location), Away: !row.Active},
	}
	if row.Kind != "person" {
		line.Kind = p.T("admin.people.kind." + row.Kind)
	}
	for _, role := range row.Roles {
		line.Roles = append(line.Roles, p.T("auth.role."+string(role)))
	}
	return line
}

type personPage struct {
	adminPage
	Action   string
	Facts    []templates.Change
	Kind     string
	Active   bool
	Self     bool
	Seen     time.Time
	Given    []string // roles that groups give
	ByHand   []templates.Option
	Teams    []templates.Option // Value is the address
	Sessions []sessionLine
	Switch   templates.Confirm
	End      templates.Confirm
}

// sessionLine is a sign-in that has not ended.
type sessionLine struct {
	Address, Agent, Via string
	Seen, Until         time.Time
}

func (s *Server) adminPerson(r *req) error { return s.showPerson(r, nil, nil) }

// showPerson shows somebody; roles are those that were typed, when err says what was wrong with them.
func (s *Server) showPerson(r *req, roles []string, err error) error {
	id, notFound := r.PathID("id")
	if notFound != nil {
		return notFound
	}
	who, failed := s.auth.Person(r.Ctx(), r.Actor, id)
	if failed != nil {
		return failed
	}
	sessions, failed := s.auth.Sessions(r.Ctx(), r.Actor, id)
	if failed != nil {
		return failed
	}
	p := personPage{
		adminPage: r.adminOne("people", "/admin/people", who.Name), Action: "/admin/people/" + idText(id), Active: who.Active, Self: id == r.Actor.ID,
		Facts: personFacts(r.P, who), Seen: who.SeenAt,
	}
	p.Heading.Lead = joined(who.Title, who.Department)
	if who.Kind != "person" {
		p.Kind = r.P.T("admin.people.kind." + who.Kind)
	}
	p.roles(who, roles)
	for _, t := range who.Teams {
		p.Teams = append(p.Teams, templates.Option{Value: "/admin/teams/" + idText(t.TeamID), Label: t.Team.In(r.P.Lang), Hint: r.P.T("auth.source." + t.Source)})
	}
	for _, x := range sessions {
		p.Sessions = append(p.Sessions, sessionLine{x.Address, x.Agent, r.P.T("admin.people.via." + x.Via), x.SeenAt, x.ExpiresAt})
	}
	p.confirms(who)
	return r.HTML(p.wrong(err), "admin/person", p)
}

func personFacts(p *locale.Printer, who auth.Person) []templates.Change {
	var out []templates.Change
	for _, f := range []templates.Change{
		{Label: "login", To: who.Login},
		{Label: "mail", To: who.Mail},
		{Label: "phone", To: who.Phone},
		{Label: "department", To: who.Department},
		{Label: "location", To: who.Location},
		{Label: "site", To: who.Site.In(p.Lang)},
		{Label: "manager", To: who.Manager},
		{Label: "language", To: joined(who.Language, who.DirectoryLanguage)},
		{Label: "zone", To: who.Timezone},
		{Label: "directory", To: who.Directory},
	} {
		if f.To != "" {
			out = append(out, templates.Change{Label: p.T("admin.people.fact." + f.Label), To: f.To})
		}
	}
	return out
}

// roles are those of groups in words, and the boxes of those by hand.
func (p *personPage) roles(who auth.Person, typed []string) {
	for _, role := range auth.Roles[1:] {
		name := p.P.T("auth.role." + string(role))
		hand := slices.Contains(typed, string(role))
		for _, g := range who.Roles {
			if g.Role == role && g.Source == "directory" {
				p.Given = append(p.Given, name)
			}
			hand = hand || typed == nil && g.Role == role && g.Source == "hand"
		}
		p.ByHand = append(p.ByHand, templates.Option{Value: string(role), Label: name, Hint: p.P.T("admin.roles.about." + string(role)), Selected: hand})
	}
}

func (p *personPage) confirms(who auth.Person) {
	t := p.P.T
	p.End = templates.Confirm{
		ID: "end-sessions", Title: t("admin.people.end_title", "Name", who.Name), Text: t("admin.people.end_text"), Action: p.Action + "/sessions",
		Yes: t("admin.people.end_yes"), No: t("admin.no"),
	}
	p.Switch = templates.Confirm{
		ID: "switch", Title: t("admin.people.off_title", "Name", who.Name), Text: t("admin.people.off_text"), Action: p.Action + "/active",
		Values: []templates.Option{{Value: "active", Label: "no"}}, Yes: t("admin.people.off"), No: t("admin.no"), Danger: true,
	}
}

func (s *Server) saveRoles(r *req) error {
	id, err := r.PathID("id")
	if err != nil {
		return err
	}
	typed := append([]string{}, r.PostFormArray("role")...)
	roles := make([]auth.Role, len(typed))
	for i, role := range typed {
		roles[i] = auth.Role(role)
	}
	if err := s.auth.SetRoles(r.Ctx(), r.Actor, id, roles); adminKept(err) {
		return s.showPerson(r, typed, err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/people/"+idText(id), "admin.saved")
}

func (s *Server) endSessions(r *req) error {
	id, err := r.PathID("id")
	if err != nil {
		return err
	}
	n, err := s.auth.RevokeAll(r.Ctx(), r.Actor, id)
	if err != nil {
		return err
	}
	return r.Done("/admin/people/"+idText(id), "admin.people.ended", "N", n)
}

// switchPerson lets somebody in again (active=yes) or switches them off.
func (s *Server) switchPerson(r *req) error {
	id, err := r.PathID("id")
	if err != nil {
		return err
	}
	do := s.auth.Deactivate
	if r.Text("active") == "yes" {
		do = s.auth.Activate
	}
	if err := do(r.Ctx(), r.Actor, id); fault.Is(err, fault.Conflict) {
		return s.showPerson(r, nil, err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/people/"+idText(id), "admin.saved")
}

type rolesPage struct {
	adminPage
	Roles []templates.Option // Label, and Hint for what the role is for
	Rows  []rightRow
}

// rightRow is a permission in words and which of the roles has it.
type rightRow struct {
	Name string
	Has  []bool
}

func (s *Server) adminRoles(r *req) error {
	p := rolesPage{adminPage: r.adminList("roles")}
	for _, role := range auth.Roles {
		p.Roles = append(p.Roles, templates.Option{Label: r.P.T("auth.role." + string(role)), Hint: r.P.T("admin.roles.about." + string(role))})
	}
	for _, right := range auth.Permissions {
		row := rightRow{Name: r.P.T("auth.permission." + string(right))}
		for _, role := range auth.Roles {
			// Everybody is an employee too.
			row.Has = append(row.Has, slices.Contains(auth.Grants(role), right) || slices.Contains(auth.Grants(auth.Employee), right))
		}
		p.Rows = append(p.Rows, row)
	}
	return r.Show("admin/roles", p)
}
