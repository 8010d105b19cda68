package web

import (
	"net/url"
	"strconv"
	"time"

	"opora/itsm"
	"opora/templates"
)

// ticketPage is a ticket of the desk: a page of its own, or beside a list (Pane).
type ticketPage struct {
	templates.Page
	Pane     bool
	List     string // address of the list that it stands beside
	Back     string // where its forms lead when they are done
	ID       int64
	Seen     int // the ticket's version that the reader sees
	Number   string
	Subject  string
	Href     string
	State    templates.State
	Priority templates.Priority
	Hold     string
	Marks    []templates.Chip
	Clocks   []templates.Clock
	Pressing []templates.Clock // those that were not met in time, or still can be
	Actions  []deskAction
	All      bool // everything that happened is told, not the conversation alone
	Tabs     []tab
	Entries  []templates.Entry
	Say      composer
	Side     ticketSide
	Do       string // the form that is open, "" for none
	Sheet    sheet
	Choices  deskChoices
	MayWork  bool

	typed url.Values // what came back from a form that was refused
}

// deskAction is something that the reader may do with the ticket: a link to a form, or a form of one button.
type deskAction struct {
	Do, Label, Icon, Class string
	Href                   string // the form; "" for a button that does it at once
}

// sheet is the form that is open over the ticket.
type sheet struct {
	Title, Lead, Send string
	Danger            bool
	Resulting         resulting
	Members           memberChoice
	Now               ticketFields
}

// ticketFields are the stored values that a form begins with.
type ticketFields struct {
	Title, Description, Category, Service, Team, Assignee, Impact, Urgency, Priority, Channel string
	Requester, RequesterName, Affected, AffectedName                                          string
	Confidential                                                                              string
	Reason                                                                                    string // why the priority was set by hand
}

// composer is where one writes: to those who asked, or to the desk alone.
type composer struct {
	MayReply, MayNote bool
	Mode              string // reply or note
	Text              string
	Readers           string // who reads a reply
	Send              string // on the button of a reply
	Limit             string
	Kept              []keptFile
}

// keptFile was sent with a form that was refused; it goes with the next try unless its tick is taken off.
type keptFile struct{ Token, Name, Size string }

// In is what stands in a field: what was typed into the form that came back, else what is stored.
func (p *ticketPage) In(field, stored string) string {
	if values, ok := p.typed[field]; ok && len(values) > 0 {
		return values[0]
	}
	if p.typed != nil { // a box that was not ticked is not sent
		return ""
	}
	return stored
}

// openTicket reads a ticket for its reader, who has then seen what he was told of it.
func (s *Server) openTicket(r *req, number string) (*itsm.View, error) {
	v, err := s.desk.Get(r.Ctx(), r.Actor, number)
	if err != nil {
		return nil, err
	}
	return v, s.desk.MarkSeen(r.Ctx(), r.Actor, v.ID)
}

// deskTicket is GET /desk/incidents/:number. ?do= opens one of its forms, ?all=1 tells everything that happened, and htmx fetches
// single parts of it with ?part=.
func (s *Server) deskTicket(r *req) error {
	part := r.Query("part")
	var counting func() (viewCounts, error)
	if part == "" {
		counting = r.countAhead()
	}
	v, err := s.openTicket(r, r.Param("number"))
	if err != nil {
		return err
	}
	var page templates.Page
	if part == "" {
		page, _, err = r.countedPage("", "", counting)
	} else {
		page = r.Page("", "")
	}
	if err != nil {
		return err
	}
	p, err := s.ticketPageOf(r, page, v, r.Query("back"), r.Query("do"), nil)
	if err != nil {
		return err
	}
	switch part {
	case "sheet", "timeline", "head", "actions", "clocks":
		p.Pane = r.Query("pane") != ""
		return r.Block("desk/ticket", "ticket-"+part, p)
	}
	return r.Show("desk/ticket", p)
}

// ticketPageOf makes the page of a ticket. typed is what came back from a form, nil for none.
func (s *Server) ticketPageOf(r *req, page templates.Page, v *itsm.View, back, do string, typed url.Values) (*ticketPage, error) {
	if page.Title == "" {
		page.Title = v.Number + " " + v.Title
	}
	all := r.Query("all") != ""
	p := &ticketPage{
		Page: page, Back: ownPath(back), ID: v.ID, Seen: v.Version, Number: v.Number, Subject: v.Title, Href: ticketHref(v.Number),
		State:    templates.State{Phase: string(v.Phase), Label: v.StateName().In(r.P.Lang)},
		Priority: templates.Priority{Level: v.Priority, Label: namesOf(v).label(r.P, v.Priority)},
		Hold:     v.HoldName().In(r.P.Lang), Clocks: clocks(page.Reader, v, ticketHref(v.Number)+"/clock/"), MayWork: v.MayWork(), typed: typed,
		All: all, Entries: timeline(page.Reader, v, r.Actor.ID, all),
	}
	if p.Back == "/" {
		p.Back = p.Href
	}
	for _, c := range p.Clocks {
		if c.State != "met" {
			p.Pressing = append(p.Pressing, c)
		}
	}
	p.Marks, p.Actions, p.Say = ticketMarks(r, v), p.actions(r, v), newComposer(r, v, typed)
	here := p.Href + "?back=" + url.QueryEscape(p.Back)
	p.Tabs = []tab{{r.P.T("desk.conversation"), here, !all}, {r.P.T("desk.everything"), here + "&all=1", all}}
	var err error
	if p.Side, err = s.ticketSide(r, v); err != nil {
		return nil, err
	}
	if err := s.openSheet(r, p, v, do); err != nil {
		return nil, err
	}
	return p, nil
}

// namesOf are the names of priorities that the ticket brought along.
func namesOf(v *itsm.View) priorityNames {
	out := priorityNames{}
	for level, name := range v.Names.Priorities {
		out[int(level)] = name
	}
	return out
}

// ticketMarks are what the head says beside state and priority.
func ticketMarks(r *req, v *itsm.View) []templates.Chip {
	team, who := v.Team.In(r.P.Lang), v.Assignee
	if team == "" {
		team = r.P.T("desk.no_team")
	}
	if who == "" {
		who = r.P.T("desk.nobody")
	}
	out := []templates.Chip{{Text: team, Icon: "users-group", Hint: r.P.T("field.team")}, {Text: who, Icon: "user", Hint: r.P.T("field.assignee")}}
	if v.Confidential {
		out = append(out, templates.Chip{Text: r.P.T("field.confidential"), Icon: "shield-lock", Tone: "risk"})
	}
	if v.ReopenCount > 0 {
		out = append(out, templates.Chip{Text: r.P.N("desk.reopened", v.ReopenCount), Icon: "repeat"})
	}
	if v.Source != "" {
		out = append(out, templates.Chip{Text: r.P.T("desk.imported", "Number", v.ExternalNumber), Icon: "history", Hint: v.Source})
	}
	if v.OutsideLifecycle > 0 {
		out = append(out, templates.Chip{Text: r.P.N("desk.outside", v.OutsideLifecycle), Icon: "help-circle", Hint: r.P.T("timeline.outside")})
	}
	return out
}

// deskVerbs are the transitions that have a button here, in the order of the buttons; the others are taken by other means.
var deskVerbs = []struct {
	id, icon, class string
	sheet           bool // asks for something first
}{
	{"resolve", "circle-check", "", true},
	{"resume", "player-play", "", false},
	{"hold", "player-pause", "", true},
	{"confirm", "checks", "btn-primary", false},
	{"close", "checks", "", false},
	{"reopen", "arrow-back-up", "", true},
	{"cancel", "ban", "btn-quiet", true},
}

// actions are what the reader may do: what the lifecycle offers him, and to staff the handing on and the change of fields.
func (p *ticketPage) actions(r *req, v *itsm.View) []deskAction {
	var out []deskAction
	form := func(do string) string { return p.Href + "?do=" + do + "&back=" + url.QueryEscape(p.Back) }
	if v.MayWork() && v.AssigneeID != r.Actor.ID {
		class := ""
		if v.AssigneeID == 0 {
			class = "btn-primary"
		}
		out = append(out, deskAction{Do: "take", Label: r.P.T("desk.do.take"), Icon: "user-check", Class: class})
	}
	for _, verb := range deskVerbs {
		if !v.May(verb.id) {
			continue
		}
		if verb.id == "cancel" && v.MayWork() {
			out = append(out, deskAction{Do: "assign", Label: r.P.T("desk.do.assign"), Icon: "users-group", Href: form("assign")},
				deskAction{Do: "edit", Label: r.P.T("desk.do.edit"), Icon: "pencil", Href: form("edit")})
		}
		a := deskAction{Do: verb.id, Icon: verb.icon, Class: verb.class}
		for _, t := range v.Next {
			if t.ID == verb.id {
				a.Label = t.Name.In(r.P.Lang)
			}
		}
		if verb.sheet {
			a.Href = form(verb.id)
		}
		out = append(out, a)
	}
	if v.MayWork() && !v.May("cancel") {
		out = append(out, deskAction{Do: "assign", Label: r.P.T("desk.do.assign"), Icon: "users-group", Href: form("assign")},
			deskAction{Do: "edit", Label: r.P.T("desk.do.edit"), Icon: "pencil", Href: form("edit")})
	}
	return out
}

func newComposer(r *req, v *itsm.View, typed url.Values) composer {
	c := composer{MayReply: v.MayReply() && !v.Ended(), MayNote: v.Staff(), Mode: "reply", Limit: r.filesLimit()}
	if !c.MayReply {
		c.Mode = "note"
	}
	// An agent who asked himself answers as the one who asked: the desk reads it.
	readers := map[int64]string{}
	for _, p := range append([]itsm.Contact{v.Requester, v.Affected}, v.Participants...) {
		if p.ID != 0 && p.ID != r.Actor.ID {
			readers[p.ID] = p.Name
		}
	}
	first := v.Requester.Name
	if v.RequesterID == r.Actor.ID {
		first = joined(v.Assignee, v.Team.In(r.P.Lang))
	} else {
		delete(readers, v.RequesterID)
	}
	c.Readers, c.Send = r.P.T("desk.say.read_by", "Name", first), r.P.T("desk.say.send_to", "Name", first)
	if n := len(readers); n > 0 {
		c.Readers = r.P.N("desk.say.read_by_more", n, "Name", first)
	}
	if typed != nil {
		c.Text = typed.Get("text")
		if c.MayReply && c.MayNote && typed.Get("mode") == "note" {
			c.Mode = "note"
		}
	}
	return c
}

// openSheet fills the form that is asked for, if the reader may do that; what he may not is not there.
func (s *Server) openSheet(r *req, p *ticketPage, v *itsm.View, do string) error {
	if do == "say" {
		return nil
	}
	known := false
	for _, a := range p.Actions {
		if a.Do == do {
			p.Sheet.Send = a.Label
			p.Sheet.Title = r.P.T("desk.sheet.title", "Do", a.Label, "Number", v.Number)
			known = a.Href != ""
		}
	}
	if !known {
		return nil
	}
	team := v.TeamID
	if typed := p.typed.Get("team"); p.typed != nil {
		team = refID(typed)
	}
	var err error
	if p.Choices, err = s.choicesFor(r, do, v.Kind, team); err != nil {
		return err
	}
	p.Do, p.Sheet.Danger, p.Sheet.Now = do, do == "cancel", fieldsOf(v)
	switch do {
	case "assign", "hold", "resolve", "reopen", "cancel":
		p.Sheet.Lead = r.P.T("desk.lead."+do, "Name", v.Requester.Name)
	}
	if do == "assign" {
		p.Sheet.Members = memberChoice{r.P.T("desk.nobody"), p.Choices.Members, p.In("assignee", p.Sheet.Now.Assignee)}
	}
	now := &p.Sheet.Now
	p.Choices.Categories = r.withPresent(p.Choices.Categories, now.Category, v.Category)
	p.Choices.Services = r.withPresent(p.Choices.Services, now.Service, v.Service)
	p.Choices.Teams = r.withPresent(p.Choices.Teams, now.Team, v.Team)
	if do == "edit" {
		p.Sheet.Send = r.P.T("desk.save")
		impact, urgency := refID(p.In("impact", now.Impact)), refID(p.In("urgency", now.Urgency))
		if p.Sheet.Resulting, err = r.resulting(int(impact), int(urgency)); err != nil {
			return err
		}
	}
	return nil
}

func fieldsOf(v *itsm.View) ticketFields {
	f := ticketFields{
		Title: v.Title, Description: v.Description, Category: idWord(v.CategoryID), Service: idWord(v.ServiceID), Team: idWord(v.TeamID),
		Assignee: idWord(v.AssigneeID), Impact: strconv.Itoa(v.Impact), Urgency: strconv.Itoa(v.Urgency), Channel: v.Channel,
		Requester: idWord(v.RequesterID), RequesterName: v.Requester.Name, Affected: idWord(v.AffectedID), AffectedName: v.Affected.Name,
	}
	if v.Confidential {
		f.Confidential = "true"
	}
	if v.PriorityReason != "" {
		f.Priority, f.Reason = strconv.Itoa(v.Priority), v.PriorityReason
	}
	return f
}

// idWord is an id as a form carries it: "" for none.
func idWord(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// moment is a time that may be missing; the zero time prints nothing.
func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
