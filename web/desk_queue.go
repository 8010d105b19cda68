package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"opora/auth"
	"opora/internal/fault"
	"opora/itsm"
	"opora/templates"
)

// queueQuery is what the address of a queue says. The address is the view: it can be kept, sent and opened by somebody else, who then
// sees what he may.
type queueQuery struct {
	deskView
	values url.Values // of queueKeys, without empty ones
	Ticket string     // shown beside the list
}

// queueKeys are the parameters of a queue's address, beside the ticket.
var queueKeys = []string{"view", "team", "assignee", "state", "priority", "category", "service", "requester", "text", "from", "to", "sort", "after"}

// filterKeys are those by which the list is narrowed.
var filterKeys = queueKeys[1:11]

// anyTeam asks for all teams where the view would show the actor's.
const anyTeam = "any"

func (r *req) queueQuery() (*queueQuery, error) {
	v, ok := viewOf(r.Actor, r.Query("view"))
	if !ok {
		return nil, errNoPage()
	}
	q := &queueQuery{deskView: v, values: url.Values{"view": {v.id}}, Ticket: strings.TrimSpace(r.Query("ticket"))}
	for _, key := range queueKeys[1:] {
		if text := strings.TrimSpace(r.Query(key)); text != "" {
			q.values.Set(key, text)
		}
	}
	return q, nil
}

// get is a parameter of the address.
func (q *queueQuery) get(key string) string { return q.values.Get(key) }

func (q *queueQuery) encode() string { return q.values.Encode() }

// href is the address with some parameters set anew (pairs name, value; "" takes one away).
func (q *queueQuery) href(pairs ...string) string {
	values := url.Values{}
	for key, list := range q.values {
		values[key] = list
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			values.Del(pairs[i])
		}
	}
	return "/desk/incidents?" + values.Encode()
}

// narrowed tells whether the list is narrowed beyond its view.
func (q *queueQuery) narrowed() bool {
	for _, key := range filterKeys {
		if q.get(key) != "" {
			return true
		}
	}
	return false
}

// filter is what the address asks of itsm. A day that is none is a fault of its field.
func (q *queueQuery) filter(r *req) (itsm.Filter, error) {
	f := q.tickets(r.Actor)
	var bad fault.Fields
	id := func(key string) int64 {
		n, err := strconv.ParseInt(q.get(key), 10, 64)
		if err != nil && q.get(key) != "" {
			return -1 // there is none with such an id
		}
		return n
	}
	switch team := q.get("team"); team {
	case "":
	case anyTeam:
		f.Teams = nil
	case "none":
		f.Teams, f.NoTeam = nil, true
	default:
		f.Teams = []int64{id("team")}
	}
	switch q.get("assignee") {
	case "":
	case "none":
		f.Unassigned = true
	default:
		f.Assignee = id("assignee")
	}
	if state := q.get("state"); state != "" {
		f.States = []string{state}
	}
	if p := q.get("priority"); p != "" {
		f.Priorities = []int{int(id("priority"))}
	}
	f.Category, f.Service, f.Requester, f.Text = id("category"), id("service"), id("requester"), q.get("text")
	day := func(key string, days int) time.Time {
		text := q.get(key)
		if text == "" {
			return time.Time{}
		}
		t, err := time.ParseInLocation(time.DateOnly, text, r.P.Zone)
		if err != nil {
			bad.Add(key, "desk.bad_day")
		}
		return t.AddDate(0, 0, days)
	}
	f.OpenedFrom, f.OpenedTo = day("from", 0), day("to", 1)
	f.Sort, f.After = itsm.Sort(q.get("sort")), q.get("after")
	return f, bad.Err()
}

type queuePage struct {
	templates.Page
	Heading  string
	Lead     string
	Count    string // "34 incidents"
	Rows     []deskRow
	Sorts    map[string]sortLink
	Filters  []filterField
	Text     string
	From, To string
	View     string
	Sort     string
	Narrowed bool
	Clear    string // address without the filters
	Team     []loadRow
	Empty    templates.Empty
	Pager    templates.Pager
	First    string // address of the first page, "" on it
	List     string // address of the list alone
	Fresh    string // address that tells whether the ticket "%" belongs to the list
	Detail   *ticketPage
}

// sortLink is the head of a column; Href orders the list by it, "" where it cannot be. Dir is for aria-sort, "" when the list is ordered
// otherwise.
type sortLink struct{ Label, Href, Dir string }

// loadRow is how much somebody of the team has to do.
type loadRow struct {
	Name                 string
	Href                 string
	Open, Late, Share    int // Share: tenths of the most loaded, 0 to 10
	OpenWords, LateWords string
}

// queue is GET /desk/incidents: a list and, with ?ticket=, one of its tickets beside it. htmx asks for that ticket alone.
func (s *Server) queue(r *req) error {
	q, err := r.queueQuery()
	if err != nil {
		return err
	}
	if r.fragment() && q.Ticket != "" {
		detail, err := s.detail(r, r.Page("", ""), q)
		if err != nil {
			return err
		}
		return r.Block("desk/queue", "detail", detail)
	}
	page, err := s.queuePage(r, q)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(page.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return r.HTML(status, "desk/queue", page)
}

func (s *Server) queuePage(r *req, q *queueQuery) (*queuePage, error) {
	counting := r.countAhead()
	names, err := r.priorityNames()
	if err != nil {
		return nil, err
	}
	filters, err := s.queueFilters(r, q, names)
	if err != nil {
		return nil, err
	}
	f, wrong := q.filter(r)
	matching := func() (int, error) { return 0, nil } // the rail counts the view as it is
	var list itsm.List
	if wrong == nil {
		if q.narrowed() || !q.count {
			ctx := r.Ctx()
			matching = ahead(func() (int, error) { return s.desk.Count(ctx, r.Actor, f) })
		}
		list, wrong = s.desk.List(r.Ctx(), r.Actor, f)
	}
	base, counts, err := r.countedPage(r.P.T("desk.view."+q.id), q.id, counting)
	if err != nil {
		return nil, err
	}
	p := &queuePage{
		Page: base, Heading: base.Title, Filters: filters, Text: q.get("text"), From: q.get("from"), To: q.get("to"), View: q.id, Sort: q.get("sort"),
		Narrowed: q.narrowed(), Clear: "/desk/incidents?view=" + q.id, List: q.href("ticket", ""),
		Fresh: freshHref(q.encode()),
	}
	switch {
	case fault.Is(wrong, fault.Invalid):
		p.Errors = filterErrors(r, wrong)
	case wrong != nil:
		return nil, wrong
	default:
		n, counted := counts[q.id]
		if p.Narrowed || !counted {
			if n, err = matching(); err != nil {
				return nil, err
			}
		}
		p.Count = counted1000(r, "desk.count", n)
	}
	p.Rows, p.Sorts = r.deskRows(list.Rows, names, q), sortLinks(r, q, f)
	p.Empty = q.empty(r)
	next := ""
	if list.Next != "" {
		next = q.href("after", list.Next)
	}
	p.Pager = p.Page.Pager("", next, "")
	if q.get("after") != "" {
		p.First = q.href("after", "")
	}
	if q.id == "team" && r.Actor.Can(auth.AssignAnyone) {
		if p.Team, err = s.teamLoad(r, f.Teams); err != nil {
			return nil, err
		}
	}
	if q.Ticket != "" {
		if p.Detail, err = s.detail(r, base, q); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// filterErrors are the faults of what the address asks for. The fields of the filter have names of their own: beside the list a ticket's
// forms may have the same.
func filterErrors(r *req, err error) templates.FieldErrors {
	out := fieldErrors(r.P, err)
	for i := range out {
		if slices.Contains(filterKeys, out[i].Name) {
			out[i].Name = "filter-" + out[i].Name
		} else {
			out[i].Name = ""
		}
	}
	return out
}

// detail is the ticket beside the list.
func (s *Server) detail(r *req, page templates.Page, q *queueQuery) (*ticketPage, error) {
	v, err := s.openTicket(r, q.Ticket)
	if err != nil {
		return nil, err
	}
	back := q.href("ticket", v.Number)
	p, err := s.ticketPageOf(r, page, v, back, "", nil)
	if err != nil {
		return nil, err
	}
	p.Pane, p.List = true, q.href("ticket", "")
	return p, nil
}

// counted1000 says a number that was counted no further than itsm.MaxCount.
func counted1000(r *req, id string, n int) string {
	if n >= itsm.MaxCount {
		return r.P.T(id+"_many", "N", r.P.Number(itsm.MaxCount))
	}
	return r.P.N(id, n)
}

func (q *queueQuery) empty(r *req) templates.Empty {
	if q.narrowed() {
		return templates.Empty{
			Icon: "filter", Title: r.P.T("desk.empty.filtered"), Text: r.P.T("desk.empty.filtered_text"),
			Href: "/desk/incidents?view=" + q.id, Action: r.P.T("desk.filter.clear"),
		}
	}
	return templates.Empty{Icon: q.icon, Title: r.P.T("desk.empty." + q.id), Text: r.P.T("desk.empty_text." + q.id)}
}

// sortLinks are the heads of the columns; a second click on "opened" turns the order round.
func sortLinks(r *req, q *queueQuery, f itsm.Filter) map[string]sortLink {
	now, open := f.Order()
	link := func(column string, s itsm.Sort, dir string) sortLink {
		l := sortLink{Label: r.P.T("desk.column." + column), Href: q.href("sort", string(s), "after", "")}
		if now == s {
			l.Dir = dir
		}
		return l
	}
	out := map[string]sortLink{"opened": link("opened", itsm.SortNewest, "descending")}
	switch now {
	case itsm.SortNewest:
		out["opened"] = sortLink{r.P.T("desk.column.opened"), q.href("sort", string(itsm.SortOldest), "after", ""), "descending"}
	case itsm.SortOldest:
		out["opened"] = sortLink{r.P.T("desk.column.opened"), q.href("sort", string(itsm.SortNewest), "after", ""), "ascending"}
	}
	out["due"], out["priority"] = sortLink{Label: r.P.T("desk.column.due")}, sortLink{Label: r.P.T("desk.column.priority")}
	switch {
	case open:
		out["due"], out["priority"] = link("due", itsm.SortDue, "ascending"), link("priority", itsm.SortPriority, "ascending")
	case len(f.Phases) > 0: // what has ended is due no more
		out["due"] = sortLink{Label: r.P.T("desk.column.ended")}
	}
	return out
}

// queueRow is one row, fetched when its ticket changed. A row whose ticket is no longer to be seen goes away. With ?new= it is asked
// whether a ticket that is not on show belongs to the list at all.
func (s *Server) queueRow(r *req) error {
	q, err := r.queueQuery()
	if err != nil {
		return err
	}
	var f itsm.Filter
	if r.Query("new") != "" {
		if f, err = q.filter(r); err != nil {
			return err
		}
		f.After = ""
	}
	f.Number, f.Limit = r.Param("number"), 1
	list, err := s.desk.List(r.Ctx(), r.Actor, f)
	if err != nil {
		return err
	}
	if len(list.Rows) == 0 {
		return r.Block("desk/queue", "no-row", nil)
	}
	names, err := r.priorityNames()
	if err != nil {
		return err
	}
	if u, err := url.Parse(r.GetHeader("HX-Current-URL")); err == nil {
		q.Ticket = u.Query().Get("ticket")
	}
	return r.Block("desk/queue", "desk-row", r.deskRow(&list.Rows[0], names, q))
}

func (s *Server) teamLoad(r *req, teams []int64) ([]loadRow, error) {
	list, err := s.desk.TeamLoad(r.Ctx(), r.Actor, teams)
	if err != nil {
		return nil, err
	}
	most := 1
	for _, l := range list {
		most = max(most, l.Open)
	}
	out := make([]loadRow, len(list))
	for i, l := range list {
		out[i] = loadRow{
			Name: l.Assignee, Href: "/desk/incidents?view=team&assignee=" + strconv.FormatInt(l.AssigneeID, 10), Open: l.Open, Late: l.Breached,
			Share: (l.Open*10 + most - 1) / most, OpenWords: r.P.N("desk.load.open", l.Open), LateWords: r.P.N("desk.load.late", l.Breached),
		}
		if l.AssigneeID == 0 {
			out[i].Name, out[i].Href = r.P.T("desk.nobody"), "/desk/incidents?view=team&assignee=none"
		}
	}
	return out, nil
}

// freshHref is the address of a ticket's row in a list, for the ticket that the browser puts in place of "%".
func freshHref(query string) string { return ticketHref("%") + "/row?new=1&" + query }
