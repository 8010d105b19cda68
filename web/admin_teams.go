package web

import (
	"slices"
	"strconv"

	"opora/auth"
	"opora/internal/fault"
	"opora/templates"
)

type teamsPage struct {
	adminPage
	Rows []teamLine
	None templates.Empty
}

type teamLine struct {
	Href, Name, Code, Lead, Mail, Group string
	Size                                int
	Off                                 bool
}

func (s *Server) adminTeams(r *req) error {
	teams, err := s.auth.Teams(r.Ctx())
	if err != nil {
		return err
	}
	p := teamsPage{adminPage: r.adminList("teams"), None: templates.Empty{
		Icon: "users-group", Title: r.P.T("admin.teams.none"), Text: r.P.T("admin.teams.none_text"), Href: "/admin/teams/new", Action: r.P.T("admin.teams.new"),
	}}
	for _, t := range teams {
		p.Rows = append(p.Rows, teamLine{"/admin/teams/" + idText(t.ID), t.Name.In(r.P.Lang), t.Code, t.Lead, t.Mail, t.Group, t.Size, !t.Active})
	}
	return r.Show("admin/teams", p)
}

type teamPage struct {
	adminPage
	Action  string
	Form    auth.Team // as stored or as typed
	Lead    typedPicker
	Add     typedPicker
	Members []memberLine
}

// memberLine is somebody of the team; Fixed is who came by the directory's group.
type memberLine struct {
	Who   templates.Person
	Value string
	Fixed bool
	Keep  bool
}

func (s *Server) newTeam(r *req) error { return s.showTeam(r, auth.Team{}, typedPicker{}, nil) }

func (s *Server) adminTeam(r *req) error {
	t, err := s.teamInPath(r)
	if err != nil {
		return err
	}
	return s.showTeam(r, t, pickerOf(t.LeadID, t.Lead), nil)
}

// teamInPath is the team of the address, an empty one at …/new.
func (s *Server) teamInPath(r *req) (auth.Team, error) {
	if r.Param("id") == "" {
		return auth.Team{}, nil
	}
	id, err := r.PathID("id")
	if err != nil {
		return auth.Team{}, err
	}
	return s.auth.Team(r.Ctx(), id)
}

// showTeam shows the form with t in it, and what err says is wrong. It stands on the version that is stored now.
func (s *Server) showTeam(r *req, t auth.Team, lead typedPicker, err error) error {
	title, path := r.P.T("admin.teams.new"), "/admin/teams/new"
	if t.ID != 0 {
		now, failed := s.auth.Team(r.Ctx(), t.ID)
		if failed != nil {
			return failed
		}
		title, path = now.Name.In(r.P.Lang), "/admin/teams/"+idText(t.ID)
		t.Version, t.Members = now.Version, now.Members
	}
	p := teamPage{adminPage: r.adminOne("teams", "/admin/teams", title), Action: path, Form: t, Lead: lead, Add: r.picked("add")}
	keep := r.PostFormArray("member")
	for _, m := range t.Members {
		p.Members = append(p.Members, memberLine{
			Who: templates.Person{ID: m.ID, Name: m.Name, Detail: m.Login}, Value: idText(m.ID), Fixed: m.Source == "directory",
			Keep: keep == nil || slices.Contains(keep, idText(m.ID)),
		})
	}
	return r.HTML(p.wrong(err), "admin/team", p)
}

func (s *Server) saveTeam(r *req) error {
	t, err := s.teamInPath(r)
	if err != nil {
		return err
	}
	t.Code, t.Name, t.Mail, t.Group = r.Text("code"), r.textOf("name"), r.Text("mail"), r.Text("directory_group")
	t.Active, t.Version = t.ID == 0 || r.Checked("active"), r.version()
	var f fault.Fields
	if t.LeadID, err = r.keptPerson(&f, "lead"); err != nil {
		return err
	}
	saved, err := s.auth.SaveTeam(r.Ctx(), r.Actor, t)
	if err = instead(&f, err); adminKept(err) {
		return s.showTeam(r, t, r.picked("lead"), err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/teams/"+idText(saved.ID), "admin.saved")
}

// saveMembers keeps the ticked members that came by hand, and adds the one who was picked.
func (s *Server) saveMembers(r *req) error {
	t, err := s.teamInPath(r)
	if err != nil {
		return err
	}
	var people []int64
	for _, m := range t.Members {
		if m.Source == "hand" && slices.Contains(r.PostFormArray("member"), strconv.FormatInt(m.ID, 10)) {
			people = append(people, m.ID)
		}
	}
	var f fault.Fields
	added, err := r.person(&f, "add")
	if err != nil {
		return err
	}
	if added != 0 {
		people = append(people, added)
	}
	if err = f.Err(); err == nil {
		if _, err = s.auth.SetMembers(r.Ctx(), r.Actor, t.ID, r.version(), people); err == nil {
			return r.Done("/admin/teams/"+idText(t.ID), "admin.saved")
		}
	}
	if !adminKept(err) {
		return err
	}
	return s.showTeam(r, t, pickerOf(t.LeadID, t.Lead), err)
}
