package web

import (
	"strconv"
	"strings"

	"opora/cmdb"
	"opora/internal/fault"
	"opora/templates"
)

type itemsPage struct {
	adminPage
	Text    string
	Class   templates.Field
	Retired templates.Field
	Rows    []itemLine
	More    bool
	None    templates.Empty
}

type itemLine struct {
	Href, Name, Tag, Class, Owner, Team, Critical string
	Level                                         int
	Off                                           bool
}

func (s *Server) adminItems(r *req) error {
	f := cmdb.Filter{Text: r.Query("q"), Class: cmdb.Class(r.Query("class")), Retired: r.Query("retired") != "", Limit: cmdb.MaxList}
	list, more, err := s.items.List(r.Ctx(), r.Actor, f)
	if err != nil {
		return err
	}
	p := itemsPage{adminPage: r.adminList("items"), Text: f.Text, More: more, None: templates.Empty{
		Icon: "server", Title: r.P.T("admin.items.none"), Text: r.P.T("admin.items.none_text"), Href: "/admin/items/new", Action: r.P.T("admin.items.new"),
	}}
	p.Class = p.Choice("class", "admin.items.class", string(f.Class), r.P.T("admin.any"), classOptions(r)).Required()
	p.Retired = p.Switch("retired", "admin.items.retired", f.Retired)
	for _, i := range list {
		p.Rows = append(p.Rows, itemLine{
			Href: "/admin/items/" + idText(i.ID), Name: i.Name.In(r.P.Lang), Tag: i.Tag, Class: r.P.T(i.Class.Label()), Owner: i.Owner,
			Team: i.Team.In(r.P.Lang), Critical: r.P.T(cmdb.CriticalityLabel(i.Criticality)), Level: i.Criticality, Off: !i.Active,
		})
	}
	return r.Show("admin/items", p)
}

func classOptions(r *req) []templates.Option {
	var out []templates.Option
	for _, c := range cmdb.Classes {
		out = append(out, templates.Option{Value: string(c), Label: r.P.T(c.Label())})
	}
	return out
}

type itemPage struct {
	adminPage
	Action                            string
	Form                              cmdb.Item
	Owner                             typedPicker
	Class, Criticality, Team, Targets templates.Field
	Service                           bool
}

// itemInPath is the item of the address, an empty one at …/new.
func (s *Server) itemInPath(r *req) (cmdb.Item, error) {
	if r.Param("id") == "" {
		return cmdb.Item{Class: cmdb.ClassService, Criticality: cmdb.UsualCriticality, Active: true}, nil
	}
	id, err := r.PathID("id")
	if err != nil {
		return cmdb.Item{}, err
	}
	return s.items.Get(r.Ctx(), r.Actor, id)
}

func (s *Server) adminItem(r *req) error {
	i, err := s.itemInPath(r)
	if err != nil {
		return err
	}
	return s.showItem(r, i, i, pickerOf(i.OwnerID, i.Owner), nil)
}

// showItem shows the form with i in it; it stands on the version of stored.
func (s *Server) showItem(r *req, stored, i cmdb.Item, owner typedPicker, err error) error {
	title, path := r.P.T("admin.items.new"), "/admin/items/new"
	if stored.ID != 0 {
		title, path = stored.Name.In(r.P.Lang), "/admin/items/"+idText(stored.ID)
	}
	i.Version = stored.Version
	p := itemPage{adminPage: r.adminOne("items", "/admin/items", title), Action: path, Form: i, Owner: owner}
	p.Service = stored.ID == 0 || stored.Class == cmdb.ClassService
	status := p.wrong(err)
	teams, failed := r.adminTeamOptions(i.TeamID)
	if failed != nil {
		return failed
	}
	policies, failed := s.policyOptions(r, i.PolicyID)
	if failed != nil {
		return failed
	}
	var levels []templates.Option
	for n := cmdb.HighestCriticality; n <= cmdb.LowestCriticality; n++ {
		levels = append(levels, templates.Option{Value: strconv.Itoa(n), Label: r.P.T(cmdb.CriticalityLabel(n))})
	}
	p.Class = p.Field("class", "admin.items.class", string(i.Class)).Select(classOptions(r)).Required()
	p.Criticality = p.Field("criticality", "admin.items.criticality", strconv.Itoa(i.Criticality)).Select(levels).Required().WithHint(r.P.T("admin.items.criticality_hint"))
	p.Team = p.Choice("team", "admin.items.team", idText(i.TeamID), r.P.T("admin.no_team"), teams).WithHint(r.P.T("admin.items.team_hint"))
	p.Targets = p.Choice("policy", "admin.items.policy", idText(i.PolicyID), r.P.T("admin.items.policy_default"), policies)
	return r.HTML(status, "admin/item", p)
}

// policyOptions are the policies that can be chosen, and the chosen one in any case.
func (s *Server) policyOptions(r *req, chosen int64) ([]templates.Option, error) {
	list, err := s.desk.Policies(r.Ctx(), r.Actor)
	if err != nil {
		return nil, err
	}
	var out []templates.Option
	for _, p := range list {
		if p.Active || p.ID == chosen {
			out = append(out, templates.Option{Value: idText(p.ID), Label: p.Name.In(r.P.Lang)})
		}
	}
	return out, nil
}

func (s *Server) saveItem(r *req) error {
	stored, err := s.itemInPath(r)
	if err != nil {
		return err
	}
	i := cmdb.Item{
		ID: stored.ID, Class: cmdb.Class(r.Text("class")), Name: r.textOf("name"), Tag: strings.TrimSpace(r.Text("tag")), Criticality: r.Int("criticality"),
		TeamID: r.ID("team"), PolicyID: r.ID("policy"), Zone: r.Text("timezone"), Active: stored.ID == 0 || r.Checked("active"), Version: r.version(),
	}
	var f fault.Fields
	if i.OwnerID, err = r.keptPerson(&f, "owner"); err != nil {
		return err
	}
	_, err = s.items.Save(r.Ctx(), r.Actor, i)
	if err = instead(&f, err); adminKept(err) {
		return s.showItem(r, stored, i, r.picked("owner"), err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/items", "admin.saved")
}
