package web

import (
	"slices"
	"strings"

	"opora/itsm"
	"opora/templates"
)

type categoriesPage struct {
	adminPage
	Rows []categoryLine
	None templates.Empty
}

// categoryLine is a category in the tree; Depth 0 is the root.
type categoryLine struct {
	Href, Name, Code, Team    string
	Depth                     int
	Confidential, Portal, Off bool
	Child                     string // address of the form for one below it
}

func (s *Server) adminCategories(r *req) error {
	list, err := s.desk.Categories(r.Ctx(), r.Actor, itsm.AllCategories)
	if err != nil {
		return err
	}
	p := categoriesPage{adminPage: r.adminList("categories"), None: templates.Empty{
		Icon: "sitemap", Title: r.P.T("admin.categories.none"), Text: r.P.T("admin.categories.none_text"), Href: "/admin/categories/new", Action: r.P.T("admin.categories.new"),
	}}
	for _, c := range list {
		p.Rows = append(p.Rows, categoryLine{
			Href: "/admin/categories/" + idText(c.ID), Name: c.Name.In(r.P.Lang), Code: c.Code, Team: c.Team.In(r.P.Lang), Depth: min(c.Depth, 4),
			Confidential: c.Confidential, Portal: c.Portal, Off: !c.Active, Child: "/admin/categories/new?parent=" + idText(c.ID),
		})
	}
	return r.Show("admin/categories", p)
}

type categoryPage struct {
	adminPage
	Action string
	Form   itsm.Category
	Parent templates.Field
	Team   templates.Field
}

// categoryInPath is the category of the address, an empty one at …/new.
func (s *Server) categoryInPath(r *req) (itsm.Category, error) {
	if r.Param("id") == "" {
		return itsm.Category{ParentID: max(r.ID("parent"), 0), Portal: true, Active: true}, nil
	}
	id, err := r.PathID("id")
	if err != nil {
		return itsm.Category{}, err
	}
	return s.desk.Category(r.Ctx(), r.Actor, id)
}

func (s *Server) adminCategory(r *req) error {
	c, err := s.categoryInPath(r)
	if err != nil {
		return err
	}
	return s.showCategory(r, c, c, nil)
}

// showCategory shows the form with c in it; it stands on the version of stored.
func (s *Server) showCategory(r *req, stored, c itsm.Category, err error) error {
	title, path := r.P.T("admin.categories.new"), "/admin/categories/new"
	if stored.ID != 0 {
		title, path = stored.Name.In(r.P.Lang), "/admin/categories/"+idText(stored.ID)
	}
	c.Version = stored.Version
	p := categoryPage{adminPage: r.adminOne("categories", "/admin/categories", title), Action: path, Form: c}
	status := p.wrong(err)
	teams, failed := r.adminTeamOptions(c.TeamID)
	if failed != nil {
		return failed
	}
	parents, failed := s.parentOptions(r, stored.ID)
	if failed != nil {
		return failed
	}
	p.Team = p.Choice("team", "admin.categories.team", idText(c.TeamID), r.P.T("admin.categories.team_none"), teams).WithHint(r.P.T("admin.categories.team_hint"))
	p.Parent = p.Choice("parent", "admin.categories.parent", idText(c.ParentID), r.P.T("admin.categories.top"), parents)
	return r.HTML(status, "admin/category", p)
}

// parentOptions are the categories below which one may stand: all but itself and what is below it.
func (s *Server) parentOptions(r *req, self int64) ([]templates.Option, error) {
	list, err := s.desk.Categories(r.Ctx(), r.Actor, itsm.AllCategories)
	if err != nil {
		return nil, err
	}
	var out []templates.Option
	under := -1 // depth of self while its branch is being passed
	for _, c := range list {
		if under >= 0 && c.Depth > under {
			continue
		}
		under = -1
		if c.ID == self {
			under = c.Depth
			continue
		}
		var path []string
		for _, name := range c.Path {
			path = append(path, name.In(r.P.Lang))
		}
		out = append(out, templates.Option{Value: idText(c.ID), Label: strings.Join(path, " › ")})
	}
	return slices.Clip(out), nil
}

func (s *Server) saveCategory(r *req) error {
	stored, err := s.categoryInPath(r)
	if err != nil {
		return err
	}
	c := itsm.Category{
		ID: stored.ID, ParentID: r.ID("parent"), Code: strings.TrimSpace(r.Text("code")), Name: r.textOf("name"), TeamID: r.ID("team"),
		Confidential: r.Checked("confidential"), Portal: r.Checked("portal"), Position: r.Int("position"), Active: stored.ID == 0 || r.Checked("active"),
		Version: r.version(),
	}
	if _, err = s.desk.SaveCategory(r.Ctx(), r.Actor, c); adminKept(err) {
		return s.showCategory(r, stored, c, err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/categories", "admin.saved")
}
