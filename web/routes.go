package web

import (
	"net/http"
	"slices"

	"opora/auth"
	"opora/internal/fault"
)

// route is an address, the right that it needs, and what it does.
type route struct {
	method string
	path   string
	need   auth.Permission
	handle func(*req) error
	files  bool // its form may bring files
	stream bool // it goes on until the browser goes away
}

// anybody marks an address that needs no sign-in.
const anybody auth.Permission = ""

// seeDesk marks the desk's pages: who works on tickets needs it, and who only reads them.
const seeDesk auth.Permission = "desk.see"

func (rt route) allow(a auth.Actor) error {
	switch {
	case rt.need == anybody:
		return nil
	case rt.need == seeDesk && a.Can(auth.ReadAllTickets):
		return nil
	case rt.need == seeDesk:
		return a.Need(auth.WorkTickets)
	}
	return a.Need(rt.need)
}

const get, post = http.MethodGet, http.MethodPost

// routes is every address of Opora beside /healthz, /readyz and /static.
func (s *Server) routes() []route {
	return slices.Concat(s.doorRoutes(), s.portalRoutes(), s.deskRoutes(), s.adminRoutes())
}

func errNoPage() error { return fault.New(fault.NotFound, "fault.not_found") }

// errUnreadable is a body that cannot be read at all, as against one that can and is wrong.
func errUnreadable(err error) error {
	return &unreadable{fault.Wrap(err, fault.Invalid, "fault.unreadable")}
}

type unreadable struct{ error }

func (u *unreadable) Unwrap() error { return u.error }
