package web

import (
	"context"
	"time"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/jobs"
	"opora/itsm"
)

type overviewPage struct {
	adminPage
	Notices []noticeLine
	Figures []figureLine
	Tasks   []scheduledLine
}

// noticeLine is something that needs a look. Tone is "risk" or "breach".
type noticeLine struct{ Tone, Icon, Text, Href, Action string }

// figureLine is how much of something is set up.
type figureLine struct {
	Label, Href string
	N           int
	More        bool
}

// pingTimeout is how long the overview waits for the directory.
const pingTimeout = 2 * time.Second

// adminOverview says what is set up and what needs a look. While nothing is, it leads to the set-up; ?stay=1 stays.
func (s *Server) adminOverview(r *req) error {
	p := overviewPage{adminPage: r.adminList("overview")}
	err := s.adminFigures(r, &p)
	if err != nil {
		return err
	}
	if s.system.Directory == nil && p.Figures[0].N <= 1 && !r.Checked("stay") {
		return r.See("/admin/setup")
	}
	if r.Actor.Can(auth.SeeJobs) {
		if p.Tasks, err = s.lastRuns(r); err != nil {
			return err
		}
	}
	if err := s.adminNotices(r, &p); err != nil {
		return err
	}
	return r.Show("admin/overview", p)
}

// adminFigures counts what is set up; people come first.
func (s *Server) adminFigures(r *req, p *overviewPage) error {
	people, next, err := s.auth.People(r.Ctx(), r.Actor, auth.PeopleFilter{}, auth.PeopleKey{}, auth.MaxPage)
	if err != nil {
		return err
	}
	teams, err := s.auth.Teams(r.Ctx())
	if err != nil {
		return err
	}
	sites, err := s.auth.Sites(r.Ctx())
	if err != nil {
		return err
	}
	categories, err := s.desk.Categories(r.Ctx(), r.Actor, itsm.DeskCategories)
	if err != nil {
		return err
	}
	items, more, err := s.items.List(r.Ctx(), r.Actor, cmdb.Filter{Limit: cmdb.MaxList})
	if err != nil {
		return err
	}
	add := func(key string, n int, more bool) {
		p.Figures = append(p.Figures, figureLine{r.P.T("admin.nav." + key), "/admin/" + key, n, more})
	}
	add("people", len(people), next != nil)
	add("teams", len(teams), false)
	add("sites", len(sites), false)
	add("categories", len(categories), false)
	add("items", len(items), more)
	for _, t := range teams {
		if t.Active && t.Size == 0 {
			p.notice("risk", "users-group", r.P.T("admin.notice.empty_team", "Team", t.Name.In(r.P.Lang)), "/admin/teams/"+idText(t.ID), "admin.notice.look")
		}
	}
	return nil
}

func (p *overviewPage) notice(tone, icon, text, href, action string) {
	p.Notices = append(p.Notices, noticeLine{tone, icon, text, href, p.P.T(action)})
}

// adminNotices are the parts of the system that do not work as they should, before what is only not set up.
func (s *Server) adminNotices(r *req, p *overviewPage) error {
	soft := p.Notices
	p.Notices = nil
	switch {
	case s.system.Directory == nil:
		p.notice("risk", "plug", r.P.T("admin.notice.no_directory"), "/admin/setup", "admin.notice.setup")
	case s.system.Client != nil:
		ctx, cancel := context.WithTimeout(r.Ctx(), pingTimeout)
		defer cancel()
		if err := s.system.Client.Ping(ctx); err != nil {
			p.notice("breach", "plug", r.P.T("admin.notice.directory_silent"), "/admin/directory", "admin.notice.test")
		}
	}
	for _, t := range p.Tasks {
		if t.Error != "" {
			p.notice("breach", "repeat", r.P.T("admin.notice.task_failed", "Task", t.Name), "/admin/jobs", "admin.notice.look")
		}
	}
	if r.Actor.Can(auth.SeeJobs) {
		dead, err := s.jobs.List(r.Ctx(), 0, maxJobs, jobs.GivenUp)
		if err != nil {
			return err
		}
		if len(dead) > 0 {
			p.notice("breach", "alert-triangle", r.P.N("admin.notice.dead_jobs", len(dead)), "/admin/jobs", "admin.notice.look")
		}
	}
	policies, err := s.desk.Policies(r.Ctx(), r.Actor)
	if err != nil {
		return err
	}
	if len(policies) == 0 || !policies[0].Default { // the default one comes first
		p.notice("breach", "target", r.P.T("admin.notice.no_default"), "/admin/targets", "admin.notice.look")
	}
	p.Notices = append(p.Notices, soft...)
	return nil
}
