package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/templates"
)

// req is one request with what every handler needs: who asks, in which language, and when.
type req struct {
	*gin.Context
	s     *Server
	id    string
	Actor auth.Actor
	P     *locale.Printer
	Now   time.Time
	theme string

	unread func() (int, error) // begun before the page; nil when it was not
}

// Ctx is the request's context: it ends when the browser goes away or the time is over.
func (r *req) Ctx() context.Context { return r.Request.Context() }

// fragment tells whether htmx asks for a part of a page.
func (r *req) fragment() bool {
	return r.GetHeader("HX-Request") == "true" && r.GetHeader("HX-Boosted") != "true"
}

// Page is what every page knows; section is the entry of the navigation that is current.
func (r *req) Page(title, section string) templates.Page {
	a := r.Actor
	p := templates.Page{
		Reader: templates.Reader{P: r.P, Now: r.Now}, Title: title, Path: r.Request.URL.RequestURI(), Section: section,
		Viewer: templates.Viewer{
			ID: a.ID, Name: a.Name, Initials: templates.Initials(a.Name), Lang: r.P.Lang, Theme: r.theme, Zone: r.P.Zone.String(),
			CanWork: a.Can(auth.WorkTickets), CanDesk: a.Can(auth.WorkTickets) || a.Can(auth.ReadAllTickets),
			Admin: adminHome(a), CanAudit: a.Can(auth.ReadAudit), CanReport: a.Can(auth.ReadReports),
		},
		Live: a.ID != 0, Version: r.s.version,
	}
	if r.Request.Method != http.MethodGet {
		p.Path = back(r.Request.Referer())
	}
	if a.ID != 0 {
		// The bell is a convenience: a page is not lost because it cannot be counted.
		unread := r.unread
		if unread == nil {
			unread = func() (int, error) { return r.s.desk.Unread(r.Ctx(), a) }
		}
		if n, err := unread(); err == nil {
			p.Viewer.Unread = n
		}
	}
	p.Flash = r.takeFlash()
	return p
}

// HTML renders a page with a status.
func (r *req) HTML(status int, name string, page any) error {
	r.Header("Content-Type", "text/html; charset=utf-8")
	r.Status(status)
	return r.s.render.Render(r.Writer, name, page)
}

// Show renders a page that is all right.
func (r *req) Show(name string, page any) error { return r.HTML(http.StatusOK, name, page) }

// Block renders one block of a page, for htmx.
func (r *req) Block(name, block string, data any) error {
	r.Header("Content-Type", "text/html; charset=utf-8")
	r.Status(http.StatusOK)
	return r.s.render.Block(r.Writer, name, block, data)
}

// See sends the browser to a page after something was done.
func (r *req) See(path string) error {
	if r.fragment() {
		r.Header("HX-Location", path)
		r.Status(http.StatusNoContent)
		return nil
	}
	r.Redirect(http.StatusSeeOther, path)
	return nil
}

// Done is See with a word about what was done: a message of the catalogue and its values.
func (r *req) Done(path, id string, args ...any) error {
	r.flash("done", id, args...)
	return r.See(path)
}

const flashCookie = "opora_flash"

// flash leaves a message for the next page. It travels in a cookie of the browser's own; whoever forges one talks to himself.
func (r *req) flash(kind, id string, args ...any) {
	raw, err := json.Marshal(templates.Flash{Kind: kind, Text: r.P.T(id, args...)})
	if err != nil { // strings always marshal
		panic(err)
	}
	http.SetCookie(r.Writer, &http.Cookie{
		Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString(raw), Path: "/", MaxAge: 60,
		HttpOnly: true, Secure: r.s.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (r *req) takeFlash() templates.Flash {
	var f templates.Flash
	c, err := r.Request.Cookie(flashCookie)
	if err != nil || r.fragment() {
		return f
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(raw, &f) != nil {
		return templates.Flash{}
	}
	http.SetCookie(r.Writer, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: r.s.secure, SameSite: http.SameSiteLaxMode})
	f.Undo = ""
	return f
}

// Text is a value of the form or, failing that, of the query.
func (r *req) Text(name string) string {
	if v, ok := r.GetPostForm(name); ok {
		return v
	}
	return r.Query(name)
}

// ID is a value that is an id; an empty one is 0, anything else that is no id counts as one that does not exist.
func (r *req) ID(name string) int64 {
	v := strings.TrimSpace(r.Text(name))
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// Int is ID for small numbers.
func (r *req) Int(name string) int { return int(max(-1, min(r.ID(name), 1<<30))) }

// PathID is an id in the address; what is none does not exist.
func (r *req) PathID(name string) (int64, error) {
	n, err := strconv.ParseInt(r.Param(name), 10, 64)
	if err != nil || n <= 0 {
		return 0, fault.New(fault.NotFound, "fault.not_found")
	}
	return n, nil
}

// Checked tells whether a check box was sent.
func (r *req) Checked(name string) bool { return r.Text(name) != "" }

// typed is what the person wrote in the longest field of the form, so that an error page can give it back.
func (r *req) typed() string {
	longest := ""
	for name, values := range r.Request.PostForm {
		if strings.Contains(name, "password") || strings.Contains(name, "token") {
			continue
		}
		for _, v := range values {
			if len(v) > len(longest) {
				longest = v
			}
		}
	}
	if len(longest) < 20 {
		return ""
	}
	return longest
}

func queryEscape(s string) string { return url.QueryEscape(s) }

// back is where a form came from, as a path of ours; "/" when it does not say.
func back(referer string) string {
	u, err := url.Parse(referer)
	if err != nil {
		return "/"
	}
	return ownPath(u.RequestURI())
}

// ownPath is the path if it leads nowhere but to a page of ours, else "/".
func ownPath(p string) string {
	u, err := url.Parse(p)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
		return "/"
	}
	return p
}
