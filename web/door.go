package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/templates"
)

// doorRoutes are the ways in and out, and what a person sets for himself.
func (s *Server) doorRoutes() []route {
	return []route{
		{get, "/sign-in", anybody, s.signInPage, false, false},
		{post, "/sign-in", anybody, s.signIn, false, false},
		{post, "/sign-out", anybody, s.signOut, false, false},
		{get, auth.LinkPath, anybody, s.linkPage, false, false},
		{post, auth.LinkPath, anybody, s.useLink, false, false},
		{post, "/preferences", anybody, s.preferences, false, false},
		{get, "/live", auth.UsePortal, s.live, false, true},
	}
}

// The cookies. Over https the session's has the prefix that keeps other hosts of the domain from setting it.
const (
	themeName    = "opora_theme"
	languageName = "opora_language"
	keepChoice   = 365 * 24 * 60 * 60 // seconds
)

func (s *Server) sessionName() string {
	if s.secure {
		return "__Host-opora"
	}
	return "opora_session"
}

func (s *Server) sessionToken(r *http.Request) string {
	c, err := r.Cookie(s.sessionName())
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Server) setSession(r *req, token string) {
	c := &http.Cookie{Name: s.sessionName(), Value: token, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(r.Writer, c)
}

func (s *Server) visit(r *req) auth.Visit {
	return auth.Visit{
		Address: r.ClientIP(), Agent: r.Request.UserAgent(), Language: s.language(r.Request), RequestID: r.id,
		Previous: s.sessionToken(r.Request),
	}
}

// language is what somebody who is not signed in reads: his own choice, his browser's, the configured one.
func (s *Server) language(r *http.Request) string {
	if c, err := r.Cookie(languageName); err == nil && locale.Known(c.Value) {
		return c.Value
	}
	if l := locale.Match(r.Header.Get("Accept-Language")); l != "" {
		return l
	}
	return s.config.Language
}

func themeCookie(r *http.Request) string {
	if c, err := r.Cookie(themeName); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// signedIn finds out who asks. Nobody is no error: the route says whether that will do.
func (s *Server) signedIn(r *req) error {
	token := s.sessionToken(r.Request)
	if token == "" {
		r.Actor = auth.Actor{}
		return nil
	}
	find := s.auth.Resolve
	if r.FullPath() == "/live" {
		find = s.auth.Peek // an open page is no sign of a person
	}
	a, err := find(r.Ctx(), token)
	switch {
	case fault.Is(err, fault.Unauthenticated):
		r.Actor = auth.Actor{}
		return nil
	case err != nil:
		return err
	}
	a.RequestID, a.Channel = r.id, channelOf(r.Request.URL.Path)
	r.Actor, r.P = a, a.Printer()
	if a.Theme != "" {
		r.theme = a.Theme
	}
	return nil
}

func channelOf(path string) auth.Channel {
	switch {
	case strings.HasPrefix(path, "/desk"):
		return auth.Desk
	case strings.HasPrefix(path, "/admin"):
		return auth.Admin
	}
	return auth.Portal
}

// home is where somebody begins.
func home(a auth.Actor) string {
	switch {
	case a.Can(auth.WorkTickets):
		return "/desk"
	case a.Can(auth.ManageSettings):
		return "/admin"
	}
	return "/"
}

func (s *Server) signInPage(r *req) error {
	if r.Actor.ID != 0 {
		return r.See(home(r.Actor))
	}
	return r.Show("auth/signin", s.signInForm(r, "", nil))
}

func (s *Server) signInForm(r *req, login string, err error) templates.SignIn {
	p := templates.SignIn{Page: r.Page(r.P.T("signin.title"), ""), Login: login, Back: ownPath(r.Text("back"))}
	p.Path = "/sign-in"
	if err != nil {
		p.Errors = fieldErrors(r.P, err)
	}
	return p
}

func (s *Server) signIn(r *req) error {
	login := r.PostForm("login")
	token, actor, err := s.auth.SignIn(r.Ctx(), login, r.PostForm("password"), s.visit(r))
	if err != nil {
		f := asFault(err)
		if f.Kind == fault.Internal {
			return err
		}
		var limited *auth.LimitError
		if errors.As(err, &limited) {
			r.Header("Retry-After", strconv.Itoa(int(limited.Wait.Seconds())+1))
		}
		return r.HTML(statusOf(err), "auth/signin", s.signInForm(r, login, err))
	}
	s.setSession(r, token)
	next := ownPath(r.PostForm("back"))
	if next == "/" {
		next = home(actor)
	}
	return r.See(next)
}

func (s *Server) signOut(r *req) error {
	if err := s.auth.SignOut(r.Ctx(), s.sessionToken(r.Request), s.visit(r)); err != nil {
		return err
	}
	s.setSession(r, "")
	return r.See("/sign-in")
}

// linkPage only asks: whatever opens links by itself (a mail scanner, a chat's preview) must not use up the link.
func (s *Server) linkPage(r *req) error {
	p := templates.SignInLink{Page: r.Page(r.P.T("signin.link_title"), ""), Action: auth.LinkPath, Token: r.Query("token")}
	return r.Show("auth/link", p)
}

func (s *Server) useLink(r *req) error {
	token, actor, err := s.auth.UseLink(r.Ctx(), r.PostForm("token"), s.visit(r))
	if err != nil {
		return err
	}
	s.setSession(r, token)
	return r.See(home(actor))
}

// preferences sets language and theme: in the profile when somebody is signed in, and in the browser in any case.
func (s *Server) preferences(r *req) error {
	if lang := r.PostForm("language"); locale.Known(lang) {
		s.keep(r, languageName, lang)
		r.P = locale.For(lang, r.P.Zone)
		if r.Actor.ID != 0 {
			if err := s.setProfile(r, func(p *auth.Profile) { p.Language = lang }); err != nil {
				return err
			}
		}
	}
	if theme, ok := r.GetPostForm("theme"); ok && (theme == "" || theme == "light" || theme == "dark") {
		s.keep(r, themeName, theme)
		if r.Actor.ID != 0 {
			if err := s.setProfile(r, func(p *auth.Profile) { p.Theme = theme }); err != nil {
				return err
			}
		}
	}
	return r.See(ownPath(r.PostForm("back")))
}

// setProfile changes one choice of the signed-in person and leaves the others.
func (s *Server) setProfile(r *req, change func(p *auth.Profile)) error {
	me, err := s.auth.Person(r.Ctx(), r.Actor, r.Actor.ID)
	if err != nil {
		return err
	}
	p := auth.Profile{Language: me.Language, Timezone: me.Timezone, Theme: me.Theme}
	change(&p)
	return s.auth.SetProfile(r.Ctx(), r.Actor, p)
}

func (s *Server) keep(r *req, name, value string) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: keepChoice, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge, c.Expires = -1, time.Unix(1, 0)
	}
	http.SetCookie(r.Writer, c)
}
