package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
	"opora/workflows/lifecycle"
)

// task is something that people come for, as a verb that leads straight to the form.
type task struct{ Label, Icon, Href string }

// searchBox is the box on top of the portal.
type searchBox struct{ Query, Label, Hint string }

func (r *req) searchBox(query string) searchBox {
	return searchBox{query, r.P.T("portal.search_label"), r.P.T("portal.search_hint")}
}

type homePage struct {
	templates.Page
	Greeting string
	Search   searchBox
	Tasks    []task
	Waiting  []portalRow
	More     bool   // there are more than shown
	Rules    string // how an answer after the end is taken
}

// waiting is what the reader still waits for: everything of his that is not over.
func waiting(reader int64, limit int) itsm.Filter {
	return itsm.Filter{Concerns: reader, Phases: []lifecycle.Phase{lifecycle.Open, lifecycle.Paused, lifecycle.Resolved}, Sort: itsm.SortNewest, Limit: limit}
}

// The home page shows homeRows of the latest homeLooks: those first that ask something of the reader.
const (
	homeRows  = 8
	homeLooks = 50
)

func (s *Server) portalHome(r *req) error {
	list, err := s.desk.List(r.Ctx(), r.Actor, waiting(r.Actor.ID, homeLooks))
	if err != nil {
		return err
	}
	slices.SortStableFunc(list.Rows, func(a, b itsm.Row) int { return rank(&a) - rank(&b) })
	shown := list.Rows[:min(len(list.Rows), homeRows)]
	p := homePage{More: len(list.Rows) > len(shown), Rules: r.P.N("portal.rules", itsm.AutoCloseDays)}
	if p.Waiting, err = s.portalRows(r.Ctx(), r, shown, true, "/"); err != nil {
		return err
	}
	p.Page = r.Page(r.P.T("portal.home"), "home")
	if r.fragment() {
		return r.Block("portal/home", "waiting", p)
	}
	if p.Tasks, err = s.tasks(r); err != nil {
		return err
	}
	p.Search = r.searchBox("")
	p.Greeting = r.P.T("portal.greeting."+dayPart(r.Now.In(r.P.Zone)), "Name", callName(r.Actor.Name))
	return r.Show("portal/home", p)
}

// rank is 0 for what waits for the reader.
func rank(row *itsm.Row) int {
	if row.AwaitsCaller() || row.Phase == lifecycle.Resolved {
		return 0
	}
	return 1
}

// dayPart is the part of the day that a greeting names.
func dayPart(t time.Time) string {
	switch h := t.Hour(); {
	case h >= 5 && h < 12:
		return "morning"
	case h >= 12 && h < 18:
		return "day"
	case h >= 18 && h < 23:
		return "evening"
	}
	return "night"
}

// callName is the first word of a name: the directories that we know write the given name first.
func callName(name string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	return first
}

// taskIcons are for the categories that Opora begins with.
var taskIcons = map[string]string{
	"access": "key", "workplace": "device-laptop", "printing": "printer", "network": "wifi", "mail": "mail", "meetings": "phone",
	"applications": "layout-list", "security": "shield-lock", "facilities": "building",
}

const maxTasks = 6

// tasks are the verbs of the home page: one for anything, and one for each category that employees can choose at the top of the tree.
func (s *Server) tasks(r *req) ([]task, error) {
	categories, err := s.desk.Categories(r.Ctx(), r.Actor, itsm.PortalCategories)
	if err != nil {
		return nil, err
	}
	out := []task{{r.P.T("portal.task.any"), "message-report", "/report"}}
	for _, c := range categories {
		if c.Depth > 0 || len(out) == maxTasks {
			continue
		}
		t := task{Label: c.Name.In(r.P.Lang), Icon: taskIcons[c.Code], Href: "/report?category=" + strconv.FormatInt(c.ID, 10)}
		if locale.Has("portal.task." + c.Code) {
			t.Label = r.P.T("portal.task." + c.Code)
		}
		if t.Icon == "" {
			t.Icon = "help-circle"
		}
		out = append(out, t)
	}
	return out, nil
}

type searchPage struct {
	templates.Page
	Query   string
	Search  searchBox
	Tickets []portalRow
	More    bool
	Tasks   []task // forms that the words lead to
	Report  string // address of the form with the words filled in
}

// portalSearch opens the ticket with the number, else looks for the words among the reader's own tickets and in what can be reported.
func (s *Server) portalSearch(r *req) error {
	p := searchPage{Query: strings.TrimSpace(r.Query("q"))}
	if p.Query == "" {
		return r.See("/")
	}
	p.Page = r.Page(r.P.T("portal.search"), "home")
	p.Search = r.searchBox(p.Query)
	p.Report = "/report?title=" + url.QueryEscape(p.Query)
	list, err := s.desk.List(r.Ctx(), r.Actor, itsm.Filter{Concerns: r.Actor.ID, Text: p.Query, Sort: itsm.SortNewest, Limit: 10})
	if fault.Is(err, fault.Invalid) {
		p.Errors = fieldErrors(r.P, err)
		return r.HTML(http.StatusUnprocessableEntity, "portal/search", p)
	}
	if err != nil {
		return err
	}
	number, ok, err := s.desk.FindNumber(r.Ctx(), r.Actor, p.Query)
	if err != nil {
		return err
	}
	if ok {
		return r.See("/tickets/" + number)
	}
	p.More = list.Next != ""
	if p.Tickets, err = s.portalRows(r.Ctx(), r, list.Rows, true, "/"); err != nil {
		return err
	}
	if p.Tasks, err = s.reportable(r, p.Query); err != nil {
		return err
	}
	return r.Show("portal/search", p)
}

const maxReportable = 6

// reportable are the categories and services whose names have every word of the query, in any language.
func (s *Server) reportable(r *req, query string) ([]task, error) {
	words := strings.Fields(strings.ToLower(query))
	named := func(n locale.Text) bool {
		all := strings.ToLower(n.En + " " + n.Ru + " " + n.Uk)
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) })
	}
	title := "&title=" + url.QueryEscape(query)
	var out []task
	services, err := s.items.Services(r.Ctx(), r.Actor)
	if err != nil {
		return nil, err
	}
	for _, i := range services {
		if named(i.Name) {
			out = append(out, task{r.P.T("portal.task.about", "Name", i.Name), "server", "/report?service=" + strconv.FormatInt(i.ID, 10) + title})
		}
	}
	categories, err := s.desk.Categories(r.Ctx(), r.Actor, itsm.PortalCategories)
	if err != nil {
		return nil, err
	}
	for _, c := range categories {
		if named(c.Name) {
			out = append(out, task{r.P.T("portal.task.about", "Name", c.Name), "tag", "/report?category=" + strconv.FormatInt(c.ID, 10) + title})
		}
	}
	return out[:min(len(out), maxReportable)], nil
}
