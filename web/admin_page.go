package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/templates"
)

// adminPage is what the pages of the administration share.
type adminPage struct {
	templates.Page
	Heading templates.Heading
	Stale   bool // somebody else was faster: what was typed stands beside a version that is new
}

// adminPlace is an entry of the administration's rail.
type adminPlace struct {
	key, path, icon string
	need            auth.Permission
}

// adminPlaces are the rail's groups. The names are admin.nav.KEY and, of the groups, admin.nav.GROUP.
var adminPlaces = []struct {
	group  string
	places []adminPlace
}{
	{"", []adminPlace{{"overview", "/admin", "layout-list", auth.ManageSettings}, {"desk", "/desk", "inbox", seeDesk}}},
	{"who", []adminPlace{
		{"people", "/admin/people", "users", auth.ManagePeople},
		{"teams", "/admin/teams", "users-group", auth.ManageTeams},
		{"roles", "/admin/roles", "id-badge", auth.ManagePeople},
		{"sites", "/admin/sites", "map-pin", auth.ManageSettings},
	}},
	{"work", []adminPlace{
		{"categories", "/admin/categories", "sitemap", auth.ManageSettings},
		{"priorities", "/admin/priorities", "flag", auth.ManageSettings},
		{"targets", "/admin/targets", "target", auth.ManageSettings},
		{"calendars", "/admin/calendars", "calendar", auth.ManageSettings},
		{"items", "/admin/items", "server", auth.ManageItems},
	}},
	{"system", []adminPlace{{"directory", "/admin/directory", "plug", auth.ManageSettings}, {"jobs", "/admin/jobs", "repeat", auth.SeeJobs}}},
	{"watch", []adminPlace{{"reports", "/reports", "chart-bar", auth.ReadReports}, {"audit", "/audit", "history", auth.ReadAudit}}},
}

// adminNav is the rail with what the viewer may open.
func adminNav(r *req) []templates.NavGroup {
	var out []templates.NavGroup
	for _, g := range adminPlaces {
		group := templates.NavGroup{}
		if g.group != "" {
			group.Label = r.P.T("admin.nav." + g.group)
		}
		for _, p := range g.places {
			if (route{need: p.need}).allow(r.Actor) == nil {
				group.Items = append(group.Items, templates.NavItem{Key: p.key, Href: p.path, Label: r.P.T("admin.nav." + p.key), Icon: p.icon, Count: -1})
			}
		}
		if len(group.Items) > 0 {
			out = append(out, group)
		}
	}
	return out
}

// adminHome is where administration begins for somebody: the overview, or the first place that he may open; "" for nowhere.
// Reports and the audit log have entries of their own.
func adminHome(a auth.Actor) string {
	switch {
	case a.Can(auth.ManageSettings):
		return "/admin"
	case a.Can(auth.ManageItems):
		return "/admin/items"
	}
	return ""
}

// adminList is the page of a place, whose name is its heading and admin.KEY.lead what it is for.
func (r *req) adminList(key string) adminPage {
	title := r.P.T("admin.nav." + key)
	p := adminPage{Page: r.Page(title, key), Heading: templates.Heading{Title: title, Lead: r.P.T("admin." + key + ".lead")}}
	p.Nav = adminNav(r)
	return p
}

// adminOne is the page of one thing of a place, with a way back.
func (r *req) adminOne(key, path, title string) adminPage {
	p := adminPage{Page: r.Page(title, key), Heading: templates.Heading{Title: title, Back: path, BackTo: r.P.T("admin.nav." + key)}}
	p.Nav = adminNav(r)
	return p
}

// adminKept tells whether a form is to be shown again after err, with what was typed: it was wrong, or somebody else was faster.
func adminKept(err error) bool { return fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) }

// wrong puts err at the top of the form and gives the status to answer with; no error is 200.
func (p *adminPage) wrong(err error) int {
	if err == nil {
		return http.StatusOK
	}
	p.Errors, p.Stale = fieldErrors(p.P, err), isStale(err)
	return statusOf(err)
}

// isStale tells whether err says that the version is not the present one any more, as against a code that is taken.
func isStale(err error) bool {
	return fault.Is(err, fault.Conflict) && strings.HasSuffix(asFault(err).Message.ID, ".stale")
}

// instead puts what the form itself found wrong in the place of what the use case says of the same field, so that all is said at once.
// The form hands on a value that cannot stand (notRead) where it could not read one.
func instead(own *fault.Fields, err error) error {
	if own.Empty() || err != nil && !fault.Is(err, fault.Invalid) {
		return err
	}
	mine := asFault(own.Err())
	all := slices.Clone(mine.Fields)
	if err != nil {
		for _, f := range asFault(err).Fields {
			if !slices.ContainsFunc(mine.Fields, func(m fault.Field) bool { return m.Name == f.Name }) {
				all = append(all, f)
			}
		}
	}
	return &fault.Error{Kind: fault.Invalid, Message: mine.Message, Fields: all}
}

// notRead is an id or a number that no use case takes.
const notRead = -1

// rename gives the faults of a form the names of its inputs, where the use case calls them otherwise.
func (p *adminPage) rename(names func(path string) string) {
	for i, e := range p.Errors {
		p.Errors[i].Name = names(e.Name)
	}
}

// adminName is a name in three languages as a form has it.
type adminName struct {
	ID, Legend, Error string
	Parts             []templates.Field
}

// Names makes the inputs of a name: NAME_en, NAME_ru and NAME_uk.
func (p adminPage) Names(name, label string, v locale.Text) adminName {
	n := adminName{ID: "field-" + name, Legend: p.P.T(label), Error: p.Errors.On(name)}
	for _, part := range []struct{ lang, text string }{{"en", v.En}, {"ru", v.Ru}, {"uk", v.Uk}} {
		f := p.Field(name+"_"+part.lang, "admin.in."+part.lang, part.text)
		f.Words.Optional = "" // one of the three is needed: the legend says so
		n.Parts = append(n.Parts, f)
	}
	return n
}

// Switch is a yes or no.
func (p adminPage) Switch(name, label string, on bool) templates.Field {
	value := ""
	if on {
		value = "true"
	}
	return p.Field(name, label, value).Checkbox()
}

// Choice is a select in which none, said in words, can be chosen too.
func (p adminPage) Choice(name, label, value, none string, options []templates.Option) templates.Field {
	f := p.Field(name, label, value)
	f.Words.None = none
	if value != "" {
		options = append([]templates.Option{{Label: none}}, options...)
	}
	return f.Select(options)
}

// Number is a whole number.
func (p adminPage) Number(name, label string, n int) templates.Field {
	f := p.Field(name, label, strconv.Itoa(n)).OfType("number")
	f.Must = true
	return f
}

// ZoneHint says how zones look.
func (p adminPage) ZoneHint() string { return p.P.T("admin.zone_hint", "Zone", p.P.Zone.String()) }

// textOf is the name in three languages that a form sent.
func (r *req) textOf(name string) locale.Text {
	return locale.Text{En: r.Text(name + "_en"), Ru: r.Text(name + "_ru"), Uk: r.Text(name + "_uk")}.Trim()
}

// typedPicker is a picker as the form sent it.
type typedPicker struct{ Value, Text string }

func (r *req) picked(name string) typedPicker {
	return typedPicker{r.Text(name), r.Text(name + "_text")}
}

func pickerOf(id int64, name string) typedPicker {
	if id == 0 {
		return typedPicker{}
	}
	return typedPicker{idText(id), name}
}

// keptPerson is the choice of a picker that began with somebody, whom the form names in FIELD_old and FIELD_old_text; notRead with a fault
// when it cannot be told who is meant. Emptied words mean nobody; other words beside the old choice were typed where there was no script.
func (r *req) keptPerson(f *fault.Fields, field string) (int64, error) {
	text := strings.TrimSpace(r.Text(field + "_text"))
	if text == "" {
		return 0, nil
	}
	if r.Text(field) == r.Text(field+"_old") && text != strings.TrimSpace(r.Text(field+"_old_text")) {
		r.Request.PostForm.Set(field, "")
	}
	id, err := r.person(f, field)
	if err == nil && !f.Empty() {
		id = notRead
	}
	return id, err
}

// idText is an id as forms hold it: nothing for 0.
func idText(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// adminTeamOptions are the teams that can be chosen, and the chosen one in any case.
func (r *req) adminTeamOptions(chosen int64) ([]templates.Option, error) {
	teams, err := r.s.auth.Teams(r.Ctx())
	if err != nil {
		return nil, err
	}
	var out []templates.Option
	for _, t := range teams {
		if t.Active || t.ID == chosen {
			out = append(out, templates.Option{Value: idText(t.ID), Label: t.Name.In(r.P.Lang)})
		}
	}
	return out, nil
}

// noteSettings writes into the audit log what an administrator did to a part that keeps no log of its own.
func (r *req) noteSettings(action, subject string) error {
	return r.s.log.Write(r.Ctx(), audit.Settings, audit.Entry{
		At: r.Now, ActorID: r.Actor.ID, Action: action, Subject: subject, Channel: string(r.Actor.Channel), RequestID: r.id, Address: r.ClientIP(),
	})
}

// version is what a form was made from.
func (r *req) version() int { return r.Int("version") }
