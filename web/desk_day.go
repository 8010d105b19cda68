package web

import (
	"strconv"
	"time"

	"opora/auth"
	"opora/internal/fault"
	"opora/itsm"
	"opora/templates"
)

// dayPage answers: what do I do next?
type dayPage struct {
	templates.Page
	Greeting string
	Lead     string
	Figures  []figure
	Lists    []dayList
	Answers  []notice
	Tasks    []dayTask
	News     []notice
	AllNews  string
	Fresh    string // as of a queue
}

// figure is a number that leads to what it counts.
type figure struct {
	Value, Label, Href string
	Tone               string // "", risk, breach
}

type dayList struct {
	ID, Title, Href, More string
	Rows                  []deskRow
}

// notice is something that the reader was told.
type notice struct {
	Text, Href string
	At         time.Time
	Unread     bool
}

type dayTask struct {
	Title, Number, About, Href string
	Priority                   templates.Priority
}

// How much of each list a day shows.
const (
	dayRows  = 6
	dayNews  = 7
	lookBack = 60 // notifications that are looked through for answers
)

func (s *Server) deskDay(r *req) error {
	base, counts, err := r.deskPage(r.P.T("desk.day"), "day")
	if err != nil {
		return err
	}
	p := dayPage{Page: base, Greeting: greeting(r), Lead: dayLead(r, counts), Figures: dayFigures(r, counts), Fresh: freshHref("view=" + dayScope(r.Actor))}
	if p.Lists, err = s.dayLists(r); err != nil {
		return err
	}
	if err := s.dayNews(r, &p); err != nil {
		return err
	}
	if r.Actor.Can(auth.WorkTickets) {
		tasks, err := s.desk.OpenTasks(r.Ctx(), r.Actor, dayRows)
		if err != nil {
			return err
		}
		names, err := r.priorityNames()
		if err != nil {
			return err
		}
		for _, t := range tasks {
			p.Tasks = append(p.Tasks, dayTask{t.Title, t.Number, t.TicketTitle, ticketHref(t.Number), templates.Priority{Level: t.Priority, Label: names.label(r.P, t.Priority)}})
		}
	}
	return r.Show("desk/day", p)
}

// dayScope is the view whose news concern the day.
func dayScope(a auth.Actor) string {
	if _, ok := viewOf(a, "team"); ok {
		return "team"
	}
	return "all"
}

func greeting(r *req) string {
	part := "evening"
	switch hour := r.Now.In(r.P.Zone).Hour(); {
	case hour >= 5 && hour < 12:
		part = "morning"
	case hour >= 12 && hour < 18:
		part = "afternoon"
	}
	return r.P.T("desk.hello."+part, "Name", r.Actor.Name)
}

// dayLead is the one thing to begin with.
func dayLead(r *req, n viewCounts) string {
	switch {
	case n["breached"] > 0:
		return counted1000(r, "desk.lead.breached", n["breached"])
	case n["risk"] > 0:
		return counted1000(r, "desk.lead.risk", n["risk"])
	case n["unassigned"] > 0:
		return counted1000(r, "desk.lead.unassigned", n["unassigned"])
	case n["mine"] > 0:
		return counted1000(r, "desk.lead.mine", n["mine"])
	}
	return r.P.T("desk.lead.calm")
}

func dayFigures(r *req, n viewCounts) []figure {
	var out []figure
	for _, v := range viewsOf(r.Actor) {
		count, ok := n[v.id]
		if !ok {
			continue
		}
		f := figure{Value: r.P.Number(int64(count)), Label: r.P.T("desk.view." + v.id), Href: "/desk/incidents?view=" + v.id}
		if count >= itsm.MaxCount {
			f.Value += "+"
		}
		switch {
		case count > 0 && v.id == "breached":
			f.Tone = "breach"
		case count > 0 && v.id == "risk":
			f.Tone = "risk"
		}
		out = append(out, f)
	}
	return out
}

// dayLists are the beginnings of the lists to work from. A ticket stands in the first that it belongs to.
func (s *Server) dayLists(r *req) ([]dayList, error) {
	names, err := r.priorityNames()
	if err != nil {
		return nil, err
	}
	var out []dayList
	shown := map[int64]bool{}
	for _, id := range []string{"mine", "breached", "risk", "unassigned"} {
		v, ok := viewOf(r.Actor, id)
		if !ok {
			continue
		}
		f := v.tickets(r.Actor)
		f.Limit = 2 * dayRows
		list, err := s.desk.List(r.Ctx(), r.Actor, f)
		if err != nil {
			return nil, err
		}
		l := dayList{ID: id, Title: r.P.T("desk.day." + id), Href: "/desk/incidents?view=" + id}
		if len(r.Actor.Teams) == 0 {
			l.Title = r.P.T("desk.view." + id)
		}
		for _, row := range r.deskRows(list.Rows, names, nil) {
			switch {
			case shown[row.ID]:
			case len(l.Rows) < dayRows:
				shown[row.ID] = true
				l.Rows = append(l.Rows, row)
			default:
				l.More = r.P.T("desk.day.all")
			}
		}
		if len(l.Rows) > 0 {
			out = append(out, l)
		}
	}
	return out, nil
}

// dayNews are the answers that nobody has looked at yet, and what else the reader was told lately.
func (s *Server) dayNews(r *req, p *dayPage) error {
	list, err := s.desk.Notifications(r.Ctx(), r.Actor, 0, lookBack)
	if err != nil {
		return err
	}
	seen := map[int64]bool{}
	for _, n := range list {
		line := notice{Text: n.Line(r.P), Href: ticketHref(n.Number), At: n.At, Unread: n.ReadAt == nil}
		switch {
		case n.Kind == itsm.NoticeAnswered && n.ReadAt == nil:
			if !seen[n.TicketID] {
				seen[n.TicketID] = true
				p.Answers = append(p.Answers, line)
			}
		case len(p.News) < dayNews:
			p.News = append(p.News, line)
		}
	}
	if len(list) > 0 {
		p.AllNews = r.P.T("desk.day.all_news")
	}
	return nil
}

// deskSearch is GET /desk/search?q=: a number opens its ticket, other words make a list of tickets and people.
func (s *Server) deskSearch(r *req) error {
	words := r.Query("q")
	number, ok, err := s.desk.FindNumber(r.Ctx(), r.Actor, words)
	if err != nil {
		return err
	}
	if ok {
		return r.See(ticketHref(number))
	}
	base, _, err := r.deskPage(r.P.T("ui.search"), "")
	if err != nil {
		return err
	}
	p := deskSearchPage{Page: base, Words: words, Empty: templates.Empty{Icon: "search", Title: r.P.T("desk.search.none"), Text: r.P.T("desk.search.none_text")}}
	if err := s.searchInto(r, &p); err != nil {
		return err
	}
	return r.Show("desk/search", p)
}

type deskSearchPage struct {
	templates.Page
	Words  string
	Rows   []deskRow
	More   string // address of the whole list
	People []personHit
	Empty  templates.Empty
}

type personHit struct {
	Person templates.Person
	Href   string
}

func (s *Server) searchInto(r *req, p *deskSearchPage) error {
	list, err := s.desk.List(r.Ctx(), r.Actor, itsm.Filter{Text: p.Words, Sort: itsm.SortNewest})
	if fault.Is(err, fault.Invalid) {
		p.Errors = fieldErrors(r.P, err)
		return nil
	}
	if err != nil {
		return err
	}
	names, err := r.priorityNames()
	if err != nil {
		return err
	}
	p.Rows = r.deskRows(list.Rows, names, nil)
	if list.Next != "" {
		p.More = "/desk/incidents?view=every&text=" + queryEscape(p.Words)
	}
	people, err := s.auth.Find(r.Ctx(), r.Actor, p.Words, maxPicked)
	if err != nil {
		return err
	}
	for _, found := range people {
		if found.ID == 0 {
			continue // known to the directory alone: has no tickets
		}
		p.People = append(p.People, personHit{
			templates.Person{ID: found.ID, Name: found.Name, Detail: joined(found.Title, found.Department)},
			"/desk/incidents?view=every&requester=" + strconv.FormatInt(found.ID, 10),
		})
	}
	return nil
}
