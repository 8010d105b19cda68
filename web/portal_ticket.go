package web

import (
	"errors"
	"log/slog"
	"slices"
	"strconv"

	"opora/auth"
	"opora/internal/fault"
	"opora/itsm"
	"opora/itsm/sla"
	"opora/templates"
	"opora/workflows/lifecycle"
)

type portalTicket struct {
	templates.Page
	Heading   templates.Heading
	ID        int64
	Version   int
	Number    string
	Address   string
	Stepper   templates.Stepper
	Next      string // where it is
	Expect    string // by when
	Asks      bool   // the reader is asked something
	Solved    bool   // the reader is asked whether it is solved
	Deadline  string // what happens when the reader does not say
	Why       templates.Field
	WhyOpen   bool
	Entries   []templates.Entry
	MayReply  bool
	Reply     templates.Field
	ReplyDo   string
	ReplyNote string
	Attach    attachField
	MayCancel bool
	Reason    templates.Field
	Cancel    bool // its form is open
	Facts     []fact
	Files     []templates.File
	Followers []follower
	MayInvite bool
	Invite    templates.Picker
	Reading   string // why the reader can do nothing here
	Desk      string // the ticket in the desk, for who works on it
}

type fact struct{ Label, Value string }

type follower struct {
	templates.Person
	Remove string // address; "" where the reader may not
	Leave  bool   // it is the reader himself
}

// ticketForm is what the reader wrote into one of the page's forms before something was wrong with it.
type ticketForm struct {
	reply, why, reason string
	kept               []itsm.Attachment
}

func (s *Server) ticketPage(r *req) error {
	v, err := s.desk.Get(r.Ctx(), r.Actor, r.Param("number"))
	if err != nil {
		return err
	}
	s.seen(r, v.ID)
	p, err := s.newTicketPage(r, v, ticketForm{}, nil)
	if err != nil {
		return err
	}
	if r.fragment() {
		return r.Block("portal/ticket", "live", p)
	}
	p.WhyOpen = p.WhyOpen || r.Query("open") == "why"
	return r.Show("portal/ticket", p)
}

// seen marks what the reader was told about the ticket as read: he looks at it. The page is not lost because that fails.
func (s *Server) seen(r *req, ticket int64) {
	if err := s.desk.MarkSeen(r.Ctx(), r.Actor, ticket); err != nil {
		slog.WarnContext(r.Ctx(), "not marked as seen", "request", r.id, "error", err)
	}
}

// portalView is the ticket as the portal shows it: to staff too without what only staff read, and without what only the desk cares
// for (other tickets, what an import made of the former desk's steps).
func portalView(v *itsm.View) *itsm.View {
	c := *v
	c.Events = slices.DeleteFunc(slices.Clone(v.Events), func(e itsm.EventView) bool { return !e.Public })
	c.Files = nil
	for i := range c.Events {
		e := &c.Events[i]
		e.Ref, e.Outside, e.Former = "", false, ""
		c.Files = append(c.Files, e.Files...)
	}
	return &c
}

// conversation is what was said, and the steps that everybody follows, in plain words.
func conversation(p templates.Reader, v *itsm.View, me int64) []templates.Entry {
	t := teller{Reader: p, v: v, me: me, plain: true}
	var out []templates.Entry
	for i := range v.Events {
		e := &v.Events[i]
		answered := e.Transition == "resume" && !e.Staff // the answer before it says so
		if inConversation(e) && !answered {
			out = append(out, t.entries(e)...)
		}
	}
	return out
}

func (s *Server) newTicketPage(r *req, full *itsm.View, form ticketForm, wrong templates.FieldErrors) (portalTicket, error) {
	v := portalView(full)
	at, err := s.desk.StandingSince(r.Ctx(), r.Actor, []int64{v.ID})
	if err != nil {
		return portalTicket{}, err
	}
	st := standingOfView(v, at[v.ID])
	p := portalTicket{
		Page: r.Page(v.Number+" "+v.Title, "tickets"), ID: v.ID, Version: v.Version, Number: v.Number, Address: "/tickets/" + v.Number,
		Next: st.next(r), Expect: expect(r, v), Asks: st.asks(), Solved: v.Caller() && v.May("confirm"), Stepper: st.stepper(r, whoAndWhen(r, v, st), false),
	}
	p.Path, p.Errors = p.Address, wrong
	p.Heading = templates.Heading{Title: v.Title, Back: "/tickets", BackTo: r.P.T("ui.nav.tickets")}
	p.Entries = conversation(p.Reader, v, r.Actor.ID)
	if p.Solved {
		p.Deadline = r.P.N("portal.ticket.deadline", itsm.AutoCloseDays)
		p.Why = p.Field("why", "portal.ticket.why", form.why).Required().Limit(itsm.MaxTitle)
		p.WhyOpen = form.why != "" || wrong.On("why") != ""
	}
	p.replyForm(r, v, st, form)
	if v.Caller() && v.May("cancel") {
		p.MayCancel, p.Cancel = true, form.reason != "" || wrong.On("reason") != ""
		p.Reason = p.Field("reason", "portal.ticket.cancel_reason", form.reason).Required().Limit(itsm.MaxTitle)
	}
	p.Facts = facts(r, v)
	p.Files = files(r.P, v.Files)
	p.followers(r, v)
	if v.Staff() {
		p.Desk = ticketHref(v.Number)
	}
	return p, nil
}

// replyForm is the box for an answer. Whoever works on the ticket and did not ask for it answers in the desk.
func (p *portalTicket) replyForm(r *req, v *itsm.View, st standing, form ticketForm) {
	p.MayReply = v.MayReply() && (v.Caller() || !v.Staff())
	if !p.MayReply {
		if !v.Staff() {
			p.Reading = r.P.T("portal.ticket.reading")
		}
		return
	}
	label := "portal.ticket.reply"
	p.ReplyDo = r.P.T("portal.ticket.send")
	switch {
	case v.Ended():
		label, p.ReplyDo, p.ReplyNote = "portal.ticket.again", r.P.T("portal.ticket.again_send"), r.P.T("portal.ticket.again_note")
	case st.asks():
		label, p.ReplyNote = "portal.ticket.answer", r.P.T("portal.ticket.answer_note")
	}
	p.Reply = p.Field("text", label, form.reply).Required().Lines(3)
	p.Attach = newAttachField(r, p.Page, form.kept)
}

// expect says by when something is to be expected, from the clocks that run; "" when none does.
func expect(r *req, v *itsm.View) string {
	if v.Phase != lifecycle.Open {
		return ""
	}
	response, resolution := v.Clock(sla.Response), v.Clock(sla.Resolution)
	if resolution == nil || resolution.DueAt == nil {
		return ""
	}
	if resolution.Breached(r.Now) {
		return r.P.T("portal.ticket.late")
	}
	solved := r.P.When(*resolution.DueAt, r.Now)
	if response != nil && response.DueAt != nil && !response.Breached(r.Now) {
		return r.P.T("portal.ticket.expect_both", "Answer", r.P.When(*response.DueAt, r.Now), "Solved", solved)
	}
	return r.P.T("portal.ticket.expect", "Solved", solved)
}

// whoAndWhen fills the stepper from what happened.
func whoAndWhen(r *req, v *itsm.View, st standing) reached {
	when := func(i int) string { return r.P.When(v.Events[i].At, r.Now) }
	by := func(i int) string {
		if name := v.Events[i].Actor; name != "" {
			return r.P.T("portal.step.by", "Name", name, "When", when(i))
		}
		return when(i)
	}
	def := itsm.Lifecycle(v.Kind)
	var out reached
	for i := range v.Events {
		if i == 0 {
			out.reported = by(i)
		}
		change, ok := v.Events[i].Change("state")
		if !ok {
			continue
		}
		to, _ := def.State(change.To)
		switch {
		case to.Phase == lifecycle.Resolved:
			out.solved = by(i)
		case to.Phase == lifecycle.Closed:
			out.closed = by(i)
		case to.ID != def.Start && change.From != "":
			out.work, out.solved = by(i), "" // it may have been reopened
		}
	}
	switch {
	case out.work == "":
	case st.asks():
		out.work = r.P.T("portal.step.asks")
	case v.Phase == lifecycle.Paused:
		out.work = r.P.T("portal.step.paused")
	case v.Assignee != "":
		out.work = v.Assignee
	}
	return out
}

func facts(r *req, v *itsm.View) []fact {
	var out []fact
	add := func(id, value string) {
		if value != "" {
			out = append(out, fact{r.P.T(id), value})
		}
	}
	add("portal.fact.number", v.Number)
	add("portal.fact.opened", r.P.DateTime(v.OpenedAt))
	if v.AffectedID != r.Actor.ID || v.AffectedID != v.RequesterID {
		add("portal.fact.for", v.Affected.Name)
	}
	if v.OpenedByID != v.AffectedID {
		add("portal.fact.by", v.OpenedBy)
	}
	add("portal.fact.service", v.Service.In(r.P.Lang))
	add("portal.fact.category", v.Category.In(r.P.Lang))
	for _, i := range v.Items {
		name := i.Name.In(r.P.Lang)
		if i.Tag != "" && i.Tag != name {
			name += " · " + i.Tag
		}
		add("portal.fact.item", name)
	}
	add("portal.fact.team", v.Team.In(r.P.Lang))
	if v.Confidential {
		add("portal.fact.readers", r.P.T("portal.fact.confidential"))
	}
	return out
}

func (p *portalTicket) followers(r *req, v *itsm.View) {
	mine := v.Caller()
	for _, c := range v.Participants {
		f := follower{Person: templates.Person{ID: c.ID, Name: c.Name, Detail: c.Department, Away: !c.Active}, Leave: c.ID == r.Actor.ID}
		if mine || f.Leave {
			f.Remove = p.Address + "/followers/" + strconv.FormatInt(c.ID, 10) + "/remove"
		}
		p.Followers = append(p.Followers, f)
	}
	p.MayInvite = mine && !v.Ended()
	if p.MayInvite {
		p.Invite = p.Picker("person", "portal.ticket.invite", r.Text("person"), r.Text("person_text"), "/pick/people").WithHint(r.P.T("portal.ticket.invite_hint")).Required()
	}
}

func (s *Server) answer(r *req) error {
	form := ticketForm{reply: r.PostForm("text")}
	number := r.Param("number")
	t := itsm.Ticket{}
	var err error
	if form.kept, err = r.uploads(); err == nil {
		t, err = s.desk.Reply(r.Ctx(), r.Actor, number, form.reply, tokens(form.kept))
	}
	switch {
	case err != nil:
		return s.ticketAgain(r, form, err, "")
	case t.Number != number:
		return r.Done("/tickets/"+t.Number, "portal.ticket.followed", "Number", t.Number, "Old", number)
	}
	return r.Done("/tickets/"+number, "portal.ticket.sent")
}

func (s *Server) confirm(r *req) error {
	if _, err := s.desk.Confirm(r.Ctx(), r.Actor, r.Param("number"), r.seen()); err != nil {
		return s.ticketAgain(r, ticketForm{}, err, "")
	}
	return r.Done(ownPath(r.PostForm("back")), "portal.ticket.confirmed", "Number", r.Param("number"))
}

func (s *Server) reopen(r *req) error {
	form := ticketForm{why: r.PostForm("why")}
	if _, err := s.desk.Reopen(r.Ctx(), r.Actor, r.Param("number"), r.seen(), form.why); err != nil {
		return s.ticketAgain(r, form, err, "why")
	}
	return r.Done("/tickets/"+r.Param("number"), "portal.ticket.reopened")
}

func (s *Server) cancel(r *req) error {
	form := ticketForm{reason: r.PostForm("reason")}
	if _, err := s.desk.Cancel(r.Ctx(), r.Actor, r.Param("number"), r.seen(), form.reason); err != nil {
		return s.ticketAgain(r, form, err, "")
	}
	return r.Done("/tickets/"+r.Param("number"), "portal.ticket.cancelled")
}

func (s *Server) addFollower(r *req) error {
	var wrong fault.Fields
	person, err := r.person(&wrong, "person")
	if err != nil {
		return err
	}
	if person == 0 && wrong.Empty() {
		person = unknown // nobody was named: itsm says so
	}
	if err = wrong.Err(); err == nil {
		_, err = s.desk.SetParticipant(r.Ctx(), r.Actor, r.Param("number"), person, true)
	}
	if err != nil {
		return s.ticketAgain(r, ticketForm{}, err, "")
	}
	return r.Done("/tickets/"+r.Param("number"), "portal.ticket.invited")
}

func (s *Server) removeFollower(r *req) error {
	person, err := r.PathID("person")
	if err != nil {
		return err
	}
	if _, err := s.desk.SetParticipant(r.Ctx(), r.Actor, r.Param("number"), person, false); err != nil {
		return s.ticketAgain(r, ticketForm{}, err, "")
	}
	back := "/tickets/" + r.Param("number")
	if person == r.Actor.ID { // the reader may not see it any more
		if _, err := s.desk.Get(r.Ctx(), r.Actor, r.Param("number")); fault.Is(err, fault.NotFound) {
			back = "/tickets"
		}
	}
	return r.Done(back, "portal.ticket.uninvited")
}

// ticketAgain shows the ticket with what was wrong, and with everything that was typed. What the reader may not do at all, or not
// see, is for the error pages. textIs is the name that the form's field has where itsm says "text".
func (s *Server) ticketAgain(r *req, form ticketForm, cause error, textIs string) error {
	if !fault.Is(cause, fault.Invalid) && !fault.Is(cause, fault.Conflict) {
		return cause
	}
	v, err := s.desk.Get(r.Ctx(), r.Actor, r.Param("number"))
	if err != nil {
		return errors.Join(cause, err)
	}
	wrong := fieldErrors(r.P, cause)
	for i := range wrong {
		if wrong[i].Name == "text" && textIs != "" {
			wrong[i].Name = textIs
		}
	}
	p, err := s.newTicketPage(r, v, form, wrong)
	if err != nil {
		return errors.Join(cause, err)
	}
	return r.HTML(statusOf(cause), "portal/ticket", p)
}

// notified leads from a notification to the ticket, in the face that suits the reader.
func (s *Server) notified(r *req) error {
	v, err := s.desk.Get(r.Ctx(), r.Actor, r.Param("number"))
	if err != nil {
		return err
	}
	if v.Staff() && !v.Caller() || r.Actor.Can(auth.ReadAllTickets) && !v.MayReply() {
		return r.See(ticketHref(v.Number))
	}
	return r.See("/tickets/" + v.Number)
}
