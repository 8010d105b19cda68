package web

import (
	"slices"
	"time"

	"opora/auth"
	"opora/internal/fault"
	"opora/templates"
)

type sitesPage struct {
	adminPage
	Rows []siteLine
	None templates.Empty
}

type siteLine struct {
	Href, Name, Code, Zone string
	Time                   string // on the wall there
	Off                    bool
}

func (s *Server) adminSites(r *req) error {
	sites, err := s.auth.Sites(r.Ctx())
	if err != nil {
		return err
	}
	p := sitesPage{adminPage: r.adminList("sites"), None: templates.Empty{
		Icon: "map-pin", Title: r.P.T("admin.sites.none"), Text: r.P.T("admin.sites.none_text"), Href: "/admin/sites/new", Action: r.P.T("admin.sites.new"),
	}}
	for _, v := range sites {
		line := siteLine{Href: "/admin/sites/" + idText(v.ID), Name: v.Name.In(r.P.Lang), Code: v.Code, Zone: v.Timezone, Off: !v.Active}
		if zone, err := time.LoadLocation(v.Timezone); err == nil {
			line.Time = r.Now.In(zone).Format("15:04")
		}
		p.Rows = append(p.Rows, line)
	}
	return r.Show("admin/sites", p)
}

type sitePage struct {
	adminPage
	Action string
	Form   auth.Site
}

// siteInPath is the site of the address, an empty one at …/new.
func (s *Server) siteInPath(r *req) (auth.Site, error) {
	if r.Param("id") == "" {
		return auth.Site{Timezone: r.P.Zone.String()}, nil
	}
	id, err := r.PathID("id")
	if err != nil {
		return auth.Site{}, err
	}
	sites, err := s.auth.Sites(r.Ctx())
	if err != nil {
		return auth.Site{}, err
	}
	i := slices.IndexFunc(sites, func(v auth.Site) bool { return v.ID == id })
	if i < 0 {
		return auth.Site{}, fault.New(fault.NotFound, "auth.site_not_found")
	}
	return sites[i], nil
}

func (s *Server) adminSite(r *req) error {
	v, err := s.siteInPath(r)
	if err != nil {
		return err
	}
	return s.showSite(r, v, v, nil)
}

// showSite shows the form with v in it; it stands on the version of stored.
func (s *Server) showSite(r *req, stored, v auth.Site, err error) error {
	title, path := r.P.T("admin.sites.new"), "/admin/sites/new"
	if stored.ID != 0 {
		title, path = stored.Name.In(r.P.Lang), "/admin/sites/"+idText(stored.ID)
	}
	v.Version = stored.Version
	p := sitePage{adminPage: r.adminOne("sites", "/admin/sites", title), Action: path, Form: v}
	return r.HTML(p.wrong(err), "admin/site", p)
}

func (s *Server) saveSite(r *req) error {
	stored, err := s.siteInPath(r)
	if err != nil {
		return err
	}
	v := auth.Site{
		ID: stored.ID, Code: r.Text("code"), Name: r.textOf("name"), Timezone: r.Text("timezone"), Active: stored.ID == 0 || r.Checked("active"), Version: r.version(),
	}
	if _, err = s.auth.SaveSite(r.Ctx(), r.Actor, v); adminKept(err) {
		return s.showSite(r, stored, v, err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/sites", "admin.saved")
}
