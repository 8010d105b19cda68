package web

import (
	"context"

	"opora/auth"
	"opora/itsm"
	"opora/templates"
	"opora/workflows/lifecycle"
)

// deskView is a list of the desk that has a name. Its id is the end of the messages desk.view.ID and desk.empty.ID.
type deskView struct {
	id     string
	icon   string
	scoped bool // of the actor's teams, where no team is asked for
	count  bool // the rail says how many there are
	alarm  bool // of what is late
	staff  bool // means nothing to who does not work on tickets
	filter func(a auth.Actor) itsm.Filter
}

var (
	unended  = []lifecycle.Phase{lifecycle.Open, lifecycle.Paused}
	openOnes = func(auth.Actor) itsm.Filter { return itsm.Filter{Phases: unended} }
)

// deskViews are all of them, as the rail shows them. The first is where the queue begins for staff.
var deskViews = []deskView{
	{id: "mine", icon: "user-check", count: true, staff: true, filter: func(a auth.Actor) itsm.Filter {
		return itsm.Filter{Phases: unended, Assignee: a.ID}
	}},
	{id: "team", icon: "users-group", count: true, scoped: true, staff: true, filter: openOnes},
	{id: "unassigned", icon: "inbox", count: true, scoped: true, filter: func(auth.Actor) itsm.Filter {
		return itsm.Filter{Phases: unended, Unassigned: true}
	}},
	{id: "risk", icon: "clock-exclamation", count: true, scoped: true, filter: func(auth.Actor) itsm.Filter {
		return itsm.Filter{Phases: unended, AtRisk: true}
	}},
	{id: "breached", icon: "alert-triangle", count: true, scoped: true, alarm: true, filter: func(auth.Actor) itsm.Filter {
		return itsm.Filter{Phases: unended, Breached: true}
	}},
	{id: "all", icon: "list", count: true, filter: openOnes},
	{id: "resolved", icon: "circle-check", filter: func(auth.Actor) itsm.Filter {
		return itsm.Filter{Phases: []lifecycle.Phase{lifecycle.Resolved}}
	}},
	{id: "closed", icon: "checks", filter: func(auth.Actor) itsm.Filter {
		return itsm.Filter{Phases: []lifecycle.Phase{lifecycle.Closed}}
	}},
	{id: "imported", icon: "history", filter: func(auth.Actor) itsm.Filter { return itsm.Filter{Imported: true} }},
	{id: "every", icon: "layout-list", filter: func(auth.Actor) itsm.Filter { return itsm.Filter{} }},
}

// viewsOf are the views that mean something to the actor.
func viewsOf(a auth.Actor) []deskView {
	var out []deskView
	for _, v := range deskViews {
		if v.staff && !a.Can(auth.WorkTickets) || v.id == "team" && len(a.Teams) == 0 {
			continue
		}
		out = append(out, v)
	}
	return out
}

func viewOf(a auth.Actor, id string) (deskView, bool) {
	list := viewsOf(a)
	if id == "" {
		return list[0], true
	}
	for _, v := range list {
		if v.id == id {
			return v, true
		}
	}
	return deskView{}, false
}

// tickets is the filter of the view as the actor sees it when he asks for nothing else.
func (v deskView) tickets(a auth.Actor) itsm.Filter {
	f := v.filter(a)
	if v.scoped {
		f.Teams = a.Teams
	}
	return f
}

// viewCounts is how many tickets the views have that say so, up to itsm.MaxCount.
type viewCounts map[string]int

func (r *req) countViews(ctx context.Context) (viewCounts, error) {
	var ids []string
	var filters []itsm.Filter
	for _, v := range viewsOf(r.Actor) {
		if v.count {
			ids, filters = append(ids, v.id), append(filters, v.tickets(r.Actor))
		}
	}
	counts, err := r.s.desk.Counts(ctx, r.Actor, filters)
	if err != nil {
		return nil, err
	}
	out := viewCounts{}
	for i, id := range ids {
		out[id] = counts[i]
	}
	return out, nil
}

// ahead begins to read something while the page reads what else it needs; what it returns waits for it. A page that fails meanwhile
// does not wait: read must use nothing of the request but a context that was taken before, since gin uses the rest again.
func ahead[T any](read func() (T, error)) func() (T, error) {
	var v T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		v, err = read()
	}()
	return func() (T, error) {
		<-done
		return v, err
	}
}

// countAhead begins to count the views, and what the bell says.
func (r *req) countAhead() func() (viewCounts, error) {
	ctx := r.Ctx()
	r.unread = ahead(func() (int, error) { return r.s.desk.Unread(ctx, r.Actor) })
	return ahead(func() (viewCounts, error) { return r.countViews(ctx) })
}

// deskPage is a page of the desk with its rail.
func (r *req) deskPage(title, section string) (templates.Page, viewCounts, error) {
	return r.countedPage(title, section, func() (viewCounts, error) { return r.countViews(r.Ctx()) })
}

// countedPage is deskPage with counts that were begun before.
func (r *req) countedPage(title, section string, count func() (viewCounts, error)) (templates.Page, viewCounts, error) {
	counts, err := count()
	if err != nil {
		return templates.Page{}, nil, err
	}
	p := r.Page(title, section)
	p.Nav = r.rail(counts)
	return p, counts, nil
}

func (r *req) rail(counts viewCounts) []templates.NavGroup {
	day := templates.NavGroup{Items: []templates.NavItem{{Key: "day", Href: "/desk", Label: r.P.T("desk.day"), Icon: "sun", Count: -1}}}
	work := templates.NavGroup{Label: r.P.T("desk.incidents")}
	past := templates.NavGroup{Label: r.P.T("desk.past")}
	for _, v := range viewsOf(r.Actor) {
		item := templates.NavItem{Key: v.id, Href: "/desk/incidents?view=" + v.id, Label: r.P.T("desk.view." + v.id), Icon: v.icon, Count: -1, Alarm: v.alarm}
		if n, ok := counts[v.id]; ok {
			item.Count = n
			work.Items = append(work.Items, item)
		} else {
			past.Items = append(past.Items, item)
		}
	}
	return []templates.NavGroup{day, work, past}
}
