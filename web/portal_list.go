package web

import (
	"net/url"

	"opora/internal/fault"
	"opora/itsm"
	"opora/templates"
	"opora/workflows/lifecycle"
)

// tab is a choice between lists.
type tab struct {
	Label   string
	Href    string
	Current bool
}

type ticketsPage struct {
	templates.Page
	Heading templates.Heading
	Phases  []tab
	Scopes  []tab
	Rows    []portalRow
	Empty   templates.Empty
	Pager   templates.Pager
}

// scopes of the list of tickets: whose they are.
const (
	forMe     = "me"
	forOthers = "others"
	followed  = "followed"
	ofTeam    = "team"
)

// ended is the other of the two lists: what is over.
const ended = "ended"

func (s *Server) myTickets(r *req) error {
	scope, over := r.Query("of"), r.Query("show") == ended
	f := itsm.Filter{Phases: waiting(0, 0).Phases, Sort: itsm.SortNewest, Limit: 20, After: r.Query("after")}
	if over {
		f.Phases = []lifecycle.Phase{lifecycle.Closed}
	}
	me := r.Actor.ID
	switch scope {
	case forOthers:
		f.ForOthers = me
	case followed:
		f.Follows = me
	case ofTeam:
		f.ReportsOf = me
	default:
		scope, f.Affected = forMe, me
	}
	list, err := s.desk.List(r.Ctx(), r.Actor, f)
	if fault.Is(err, fault.Invalid) { // a page of the list that is no longer there
		return r.See(ticketsAddress(scope, over, ""))
	}
	if err != nil {
		return err
	}
	p := ticketsPage{Page: r.Page(r.P.T("ui.nav.tickets"), "tickets"), Heading: templates.Heading{Title: r.P.T("ui.nav.tickets")}}
	if p.Rows, err = s.portalRows(r.Ctx(), r, list.Rows, scope == forMe || scope == forOthers, p.Path); err != nil {
		return err
	}
	manages, err := s.desk.HasReports(r.Ctx(), r.Actor)
	if err != nil {
		return err
	}
	for _, show := range []bool{false, true} {
		id := "portal.tickets.open"
		if show {
			id = "portal.tickets.ended"
		}
		p.Phases = append(p.Phases, tab{r.P.T(id), ticketsAddress(scope, show, ""), show == over})
	}
	for _, of := range []string{forMe, forOthers, followed, ofTeam} {
		if of != ofTeam || manages {
			p.Scopes = append(p.Scopes, tab{r.P.T("portal.tickets.of_" + of), ticketsAddress(of, over, ""), of == scope})
		}
	}
	p.Empty = templates.Empty{
		Icon: "inbox", Title: r.P.T("portal.tickets.empty"), Text: r.P.T("portal.tickets.empty_" + scope),
		Href: "/report", Action: r.P.T("ui.nav.report"),
	}
	if over {
		p.Empty.Title, p.Empty.Text = r.P.T("portal.tickets.empty_ended"), r.P.T("portal.tickets.empty_ended_text")
	}
	previous, next := "", ""
	if f.After != "" {
		previous = ticketsAddress(scope, over, "")
		p.Empty = templates.Empty{Icon: "inbox", Title: r.P.T("portal.tickets.empty_page"), Text: r.P.T("portal.tickets.empty_page_text"), Href: previous, Action: r.P.T("portal.tickets.first")}
	}
	if list.Next != "" {
		next = ticketsAddress(scope, over, list.Next)
	}
	p.Pager = p.Page.Pager(previous, next, "")
	if r.fragment() {
		return r.Block("portal/tickets", "tickets", p)
	}
	return r.Show("portal/tickets", p)
}

// ticketsAddress is the address of a list; what is usual is left out of it.
func ticketsAddress(scope string, over bool, after string) string {
	q := url.Values{}
	if scope != forMe {
		q.Set("of", scope)
	}
	if over {
		q.Set("show", ended)
	}
	if after != "" {
		q.Set("after", after)
	}
	if len(q) == 0 {
		return "/tickets"
	}
	return "/tickets?" + q.Encode()
}
