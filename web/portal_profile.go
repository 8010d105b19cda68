package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/templates"
)

type profilePage struct {
	templates.Page
	Heading  templates.Heading
	Facts    []fact
	Language templates.Field
	Zone     templates.Field
	Theme    templates.Field
	Sessions []sessionRow
	Others   bool // there are other sessions than this one
}

type sessionRow struct {
	Device  string
	Detail  string
	Current bool
	Revoke  string // address
	templates.Reader
	Seen  time.Time
	Began time.Time
}

// zones are those that the select offers beside the present one: where people of the languages that Opora speaks mostly are.
var zones = []string{
	"UTC", "Europe/London", "Europe/Lisbon", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Rome", "Europe/Prague", "Europe/Warsaw",
	"Europe/Helsinki", "Europe/Tallinn", "Europe/Riga", "Europe/Vilnius", "Europe/Chisinau", "Europe/Kyiv", "Europe/Bucharest", "Europe/Athens",
	"Europe/Istanbul", "Europe/Minsk", "Europe/Moscow", "Europe/Samara", "Asia/Tbilisi", "Asia/Yerevan", "Asia/Baku", "Asia/Tashkent",
	"Asia/Yekaterinburg", "Asia/Almaty", "Asia/Bishkek", "Asia/Novosibirsk", "Asia/Vladivostok", "Asia/Dubai", "Asia/Kolkata", "Asia/Shanghai",
	"Asia/Tokyo", "Australia/Sydney", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo",
}

func (s *Server) profilePage(r *req) error {
	me, err := s.auth.Person(r.Ctx(), r.Actor, r.Actor.ID)
	if err != nil {
		return err
	}
	p, err := s.newProfilePage(r, me, me.Profile, nil)
	if err != nil {
		return err
	}
	return r.Show("portal/profile", p)
}

func (s *Server) newProfilePage(r *req, me auth.Person, choice auth.Profile, wrong templates.FieldErrors) (profilePage, error) {
	p := profilePage{Page: r.Page(r.P.T("ui.nav.profile"), "profile"), Heading: templates.Heading{Title: me.Name, Lead: me.Title}}
	p.Path, p.Errors = "/profile", wrong
	p.Facts = profileFacts(r, me)
	automatic := func(name string) templates.Option { return templates.Option{Value: "auto", Label: name} }
	p.Language = p.Field("language", "ui.language", orAuto(choice.Language)).Select([]templates.Option{
		automatic(r.P.T("portal.profile.language_auto")), {Value: "en", Label: "English"}, {Value: "ru", Label: "Русский"}, {Value: "uk", Label: "Українська"},
	}).Required()
	p.Zone = p.Field("timezone", "portal.profile.zone", orAuto(choice.Timezone)).Select(zoneOptions(r, choice.Timezone)).Required().WithHint(
		r.P.T("portal.profile.zone_hint", "Time", r.P.Time(r.Now)))
	p.Theme = p.Field("theme", "ui.theme", orAuto(choice.Theme)).Radios([]templates.Option{
		automatic(r.P.T("ui.theme.auto")), {Value: "light", Label: r.P.T("ui.theme.light")}, {Value: "dark", Label: r.P.T("ui.theme.dark")},
	}).Required()
	sessions, err := s.auth.Sessions(r.Ctx(), r.Actor, r.Actor.ID)
	if err != nil {
		return p, err
	}
	for _, x := range sessions {
		p.Sessions = append(p.Sessions, sessionRow{
			Device: device(r, x.Agent), Detail: x.Address, Current: x.Current, Revoke: "/profile/sessions/" + x.ID + "/revoke",
			Reader: p.Reader, Seen: x.SeenAt, Began: x.CreatedAt,
		})
		p.Others = p.Others || !x.Current
	}
	return p, nil
}

// orAuto stands for "no choice of one's own", which a select cannot say by an empty value.
func orAuto(v string) string {
	if v == "" {
		return "auto"
	}
	return v
}

func ownChoice(v string) string {
	if v == "auto" {
		return ""
	}
	return v
}

func profileFacts(r *req, me auth.Person) []fact {
	var out []fact
	add := func(id, value string) {
		if value != "" {
			out = append(out, fact{r.P.T(id), value})
		}
	}
	add("portal.profile.login", me.Login)
	add("portal.profile.mail", me.Mail)
	add("portal.profile.phone", me.Phone)
	add("portal.profile.department", me.Department)
	if site := me.Site.In(r.P.Lang); site != "" {
		add("portal.profile.location", site)
	} else {
		add("portal.profile.location", me.Location)
	}
	add("portal.profile.manager", me.Manager)
	var roles, teams []string
	for _, g := range me.Roles {
		if name := r.P.T("auth.role." + string(g.Role)); !slices.Contains(roles, name) {
			roles = append(roles, name)
		}
	}
	for _, m := range me.Teams {
		if name := m.Team.In(r.P.Lang); !slices.Contains(teams, name) {
			teams = append(teams, name)
		}
	}
	add("portal.profile.roles", strings.Join(roles, ", "))
	add("portal.profile.teams", strings.Join(teams, ", "))
	return out
}

func zoneOptions(r *req, chosen string) []templates.Option {
	out := []templates.Option{{Value: "auto", Label: r.P.T("portal.profile.zone_auto")}}
	names := zones
	if chosen != "" && !slices.Contains(names, chosen) {
		names = append([]string{chosen}, names...)
	}
	for _, name := range names {
		label := name
		if z, err := time.LoadLocation(name); err == nil {
			label = strings.ReplaceAll(name, "_", " ") + " (UTC" + r.Now.In(z).Format("-07:00") + ")"
		}
		out = append(out, templates.Option{Value: name, Label: label})
	}
	return out
}

// device names browser and system, as far as the browser says them.
func device(r *req, agent string) string {
	name := func(list ...string) string {
		for i := 0; i < len(list); i += 2 {
			if strings.Contains(agent, list[i]) {
				return list[i+1]
			}
		}
		return ""
	}
	browser := name("Edg/", "Edge", "OPR/", "Opera", "YaBrowser/", "Yandex Browser", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari")
	system := name("Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "Mac OS X", "macOS", "Linux", "Linux")
	switch {
	case browser == "":
		return r.P.T("portal.profile.device_unknown")
	case system == "":
		return browser
	}
	return browser + ", " + system
}

func (s *Server) saveProfile(r *req) error {
	choice := auth.Profile{Language: ownChoice(r.PostForm("language")), Timezone: ownChoice(r.PostForm("timezone")), Theme: ownChoice(r.PostForm("theme"))}
	err := s.auth.SetProfile(r.Ctx(), r.Actor, choice)
	if fault.Is(err, fault.Invalid) {
		me, meErr := s.auth.Person(r.Ctx(), r.Actor, r.Actor.ID)
		if meErr != nil {
			return meErr
		}
		p, pageErr := s.newProfilePage(r, me, choice, fieldErrors(r.P, err))
		if pageErr != nil {
			return pageErr
		}
		return r.HTML(http.StatusUnprocessableEntity, "portal/profile", p)
	}
	if err != nil {
		return err
	}
	// As the switches at the top do: what this browser remembers for the time after the sign-out.
	s.keep(r, themeName, choice.Theme)
	s.keep(r, languageName, choice.Language)
	if choice.Language != "" {
		r.P = locale.For(choice.Language, r.P.Zone)
	}
	return r.Done("/profile", "portal.profile.saved")
}

func (s *Server) revokeSession(r *req) error {
	if err := s.auth.Revoke(r.Ctx(), r.Actor, r.Param("id")); err != nil {
		return err
	}
	return r.Done("/profile", "portal.profile.revoked")
}

func (s *Server) revokeOthers(r *req) error {
	if _, err := s.auth.RevokeAll(r.Ctx(), r.Actor, r.Actor.ID); err != nil {
		return err
	}
	return r.Done("/profile", "portal.profile.revoked_all")
}
