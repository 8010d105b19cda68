package web

import (
	"strconv"
	"time"

	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
)

// ticketSide is what stands beside a ticket's conversation.
type ticketSide struct {
	Requester    contactCard
	Affected     contactCard // Name "" when it is the requester
	Others       []deskLink  // further tickets of the requester
	Facts        []deskFact
	Tasks        []taskLine
	Items        []sideItem
	Participants []sideItem
	MayFollow    bool // add and take off participants
	Links        []sideLink
	Parent       *sideLink
	Children     []sideLink
	Files        []templates.File
}

type contactCard struct {
	Person      templates.Person
	Mail, Phone string
	Place       string // department and location
	AllOfHis    string // address of the list of his tickets
	OpenedFor   string // who opened it for him, "" when he did
	Inactive    string // said of who no longer works here
}

type deskLink struct {
	Number, Title, Href string
	State               templates.State
}

type deskFact struct {
	Label, Value string
	At           time.Time // shown instead of Value
}

type taskLine struct {
	ID    int64
	Title string
	Who   string
	State string // open, done, dropped
	Word  string
}

type sideItem struct {
	ID           int64
	Label, Extra string
}

type sideLink struct {
	deskLink
	ID   int64
	Type string // in words
}

const othersShown = 5

func (s *Server) ticketSide(r *req, v *itsm.View) (ticketSide, error) {
	side := ticketSide{
		Requester: contact(r, v.Requester), Files: files(r.P, v.Files), MayFollow: v.MayReply() && !v.Ended(),
		Facts: ticketFacts(r, v),
	}
	if v.AffectedID != v.RequesterID {
		side.Affected = contact(r, v.Affected)
	}
	if v.OpenedByID != v.RequesterID && v.OpenedBy != "" {
		side.Requester.OpenedFor = r.P.T("desk.opened_by", "Name", v.OpenedBy)
	}
	list, err := s.desk.List(r.Ctx(), r.Actor, itsm.Filter{Asked: v.RequesterID, Sort: itsm.SortNewest, Limit: othersShown + 1})
	if err != nil {
		return side, err
	}
	for _, row := range list.Rows {
		if row.ID != v.ID && len(side.Others) < othersShown {
			side.Others = append(side.Others, deskLink{
				row.Number, row.Title, ticketHref(row.Number),
				templates.State{Phase: string(row.Phase), Label: row.StateName().In(r.P.Lang)},
			})
		}
	}
	for _, t := range v.Tasks {
		side.Tasks = append(side.Tasks, taskLine{t.ID, t.Title, t.Assignee, t.State, r.P.T("desk.task." + t.State)})
	}
	for _, i := range v.Items {
		side.Items = append(side.Items, sideItem{i.ID, i.Name.In(r.P.Lang), i.Tag})
	}
	for _, p := range v.Participants {
		side.Participants = append(side.Participants, sideItem{p.ID, p.Name, p.Department})
	}
	for _, l := range v.Links {
		side.Links = append(side.Links, r.related(l))
	}
	for _, c := range v.Children {
		side.Children = append(side.Children, r.related(c))
	}
	if v.Parent != nil {
		parent := r.related(*v.Parent)
		side.Parent = &parent
	}
	return side, nil
}

func contact(r *req, c itsm.Contact) contactCard {
	card := contactCard{
		Person: templates.Person{ID: c.ID, Name: c.Name, Detail: c.Title, Away: !c.Active}, Mail: c.Mail, Phone: c.Phone,
		Place: joined(c.Department, c.Location), AllOfHis: "/desk/incidents?view=every&requester=" + strconv.FormatInt(c.ID, 10),
	}
	if !c.Active {
		card.Inactive = r.P.T("desk.no_longer_here")
	}
	return card
}

func (r *req) related(l itsm.Related) sideLink {
	word := "link." + l.Type
	if l.Inverse && l.Type != itsm.LinkRelated {
		word += "_inverse"
	}
	if l.LinkID == 0 { // parent or child
		word = "field.parent"
	}
	return sideLink{
		deskLink{l.Number, l.Title, ticketHref(l.Number), templates.State{Phase: l.Phase, Label: l.StateName().In(r.P.Lang)}}, l.LinkID, r.P.T(word),
	}
}

func ticketFacts(r *req, v *itsm.View) []deskFact {
	var out []deskFact
	add := func(field, value string) {
		if value != "" {
			out = append(out, deskFact{Label: r.P.T("field." + field), Value: value})
		}
	}
	at := func(field string, t *time.Time) {
		if t != nil {
			out = append(out, deskFact{Label: r.P.T("field." + field), At: moment(t)})
		}
	}
	add("service", v.Service.In(r.P.Lang))
	add("category", v.Category.In(r.P.Lang))
	add("impact", r.P.T("level."+strconv.Itoa(v.Impact)))
	add("urgency", r.P.T("level."+strconv.Itoa(v.Urgency)))
	if v.PriorityReason != "" {
		add("priority_reason", priorityReason(r.P, v))
	}
	add("channel", r.P.T("channel."+v.Channel))
	at("opened_at", &v.OpenedAt)
	at("responded_at", v.RespondedAt)
	at("resolved_at", v.ResolvedAt)
	at("closed_at", v.ClosedAt)
	if d := v.Incident(); d != nil && d.ResolutionCode != "" {
		add("resolution_code", r.P.T("resolution."+d.ResolutionCode))
	}
	if v.ClosingCategoryID != 0 {
		add("closing_category", v.Names.Categories[v.ClosingCategoryID].In(r.P.Lang))
	}
	return out
}

// priorityReason says why the priority is not the matrix's.
func priorityReason(p *locale.Printer, v *itsm.View) string {
	if v.PriorityReason == itsm.RaisedByEscalation {
		return p.T("desk.raised_by_escalation")
	}
	return v.PriorityReason
}
