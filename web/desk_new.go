package web

import (
	"net/http"
	"net/url"
	"strconv"

	"opora/internal/fault"
	"opora/itsm"
	"opora/templates"
)

// newPage opens an incident for somebody.
type newPage struct {
	templates.Page
	Choices   deskChoices
	Members   memberChoice
	Resulting resulting
	Limit     string
	Kept      []keptFile
	Followers []int // places for participants
	MaxTitle  int

	typed url.Values
}

// In is what stands in a field: what was typed, else what the form begins with.
func (p *newPage) In(field, first string) string {
	if p.typed != nil {
		return p.typed.Get(field)
	}
	return first
}

// followers is how many participants the form has room for; more are added on the ticket.
const followers = 3

func (s *Server) newIncidentPage(r *req) error {
	p, err := s.newPage(r, nil)
	if err != nil {
		return err
	}
	return r.Show("desk/new", p)
}

func (s *Server) newPage(r *req, typed url.Values) (*newPage, error) {
	base, _, err := r.deskPage(r.P.T("desk.new"), "new")
	if err != nil {
		return nil, err
	}
	p := &newPage{Page: base, Limit: r.filesLimit(), MaxTitle: itsm.MaxTitle, typed: typed}
	for i := range followers {
		p.Followers = append(p.Followers, i+1)
	}
	if p.Choices, err = s.choicesFor(r, "new", itsm.Incident, refID(typed.Get("team"))); err != nil {
		return nil, err
	}
	p.Members = memberChoice{r.P.T("desk.nobody"), p.Choices.Members, typed.Get("assignee")}
	p.Resulting, err = r.resulting(int(refID(p.In("impact", ""))), int(refID(p.In("urgency", "3"))))
	return p, err
}

func (s *Server) newIncident(r *req) error {
	kept, err := r.uploads()
	var t itsm.Ticket
	if err == nil {
		t, err = s.openFrom(r, kept)
	}
	if err == nil {
		return r.Done(ticketHref(t.Number), "desk.done.new", "Number", t.Number)
	}
	if !fault.Is(err, fault.Invalid) {
		return err
	}
	p, failed := s.newPage(r, r.Request.PostForm)
	if failed != nil {
		return failed
	}
	p.Errors = fieldErrors(r.P, err)
	for _, a := range kept {
		p.Kept = append(p.Kept, keptFile{a.Token, a.Name, fileSize(r.P, a.Size)})
	}
	return r.HTML(http.StatusUnprocessableEntity, "desk/new", p)
}

// openFrom opens the incident that the form describes.
func (s *Server) openFrom(r *req, kept []itsm.Attachment) (itsm.Ticket, error) {
	n := itsm.NewIncident{
		Title: r.PostForm("title"), Description: r.PostForm("description"), Channel: r.PostForm("channel"), CategoryID: r.ID("category"),
		ServiceID: r.ID("service"), Impact: r.Int("impact"), Urgency: r.Int("urgency"), TeamID: r.ID("team"), AssigneeID: r.ID("assignee"),
		Confidential: r.Checked("confidential"), Files: tokens(kept),
	}
	var f fault.Fields
	var err error
	if n.RequesterID, err = r.person(&f, "requester"); err != nil {
		return itsm.Ticket{}, err
	}
	if n.RequesterID == 0 && f.Empty() {
		f.Add("requester", "desk.requester_needed")
	}
	if n.AffectedID, err = r.person(&f, "affected"); err != nil {
		return itsm.Ticket{}, err
	}
	for i := range followers {
		p, err := r.person(&f, "follower"+strconv.Itoa(i+1))
		if err != nil {
			return itsm.Ticket{}, err
		}
		if p != 0 {
			n.Participants = append(n.Participants, p)
		}
	}
	item, err := r.item(&f, "item")
	if err != nil {
		return itsm.Ticket{}, err
	}
	if item != 0 {
		n.ItemIDs = []int64{item}
	}
	if err := f.Err(); err != nil {
		return itsm.Ticket{}, err
	}
	return s.desk.OpenIncident(r.Ctx(), r.Actor, n)
}
