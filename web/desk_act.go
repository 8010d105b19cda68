package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"opora/internal/fault"
	"opora/itsm"
	"opora/templates"
)

// What is done with a ticket. Every form carries the version that its reader has seen and where it leads back to.

// stale is the fault of somebody who acts on what has changed meanwhile.
const stale = "itsm.stale"

// act makes the handler of one thing to do: do it and lead back; or show the form again with what was wrong, or what others did
// meanwhile.
func (s *Server) act(do string, run func(r *req, number string, version int) (itsm.Ticket, error)) func(*req) error {
	return func(r *req) error {
		number := r.Param("number")
		t, err := run(r, number, r.seen())
		if err != nil {
			return s.refused(r, number, do, err)
		}
		return r.Done(r.backTo(number), "desk.done."+do, "Number", t.Number)
	}
}

// seen is the version that the form was made from. A form without one has seen nothing.
func (r *req) seen() int {
	if n := r.Int("version"); n > 0 {
		return n
	}
	return -1
}

// backTo is where a form leads when it is done: where its reader was, else the ticket's page.
func (r *req) backTo(number string) string {
	if back := ownPath(r.PostForm("back")); back != "/" {
		return back
	}
	return ticketHref(number)
}

// refused shows the ticket again with the form as it was sent. Only what the person can mend is shown so.
func (s *Server) refused(r *req, number, do string, err error, kept ...itsm.Attachment) error {
	f := asFault(err)
	if f.Kind != fault.Invalid && f.Kind != fault.Conflict {
		return err
	}
	v, failed := s.desk.Get(r.Ctx(), r.Actor, number)
	if failed != nil {
		return failed
	}
	if f.Message.ID == stale {
		return s.conflict(r, v, do)
	}
	page, _, failed := r.deskPage("", "")
	if failed != nil {
		return failed
	}
	page.Errors = fieldErrors(r.P, err)
	p, failed := s.ticketPageOf(r, page, v, r.PostForm("back"), do, r.Request.PostForm)
	if failed != nil {
		return failed
	}
	for _, a := range kept {
		p.Say.Kept = append(p.Say.Kept, keptFile{a.Token, a.Name, fileSize(r.P, a.Size)})
	}
	return r.HTML(statusOf(err), "desk/ticket", p)
}

// words of forms that a person writes himself, in the order in which one of them is shown by the page of a conflict.
var ownWords = []string{"message", "resolution", "reason", "description", "title"}

// conflict shows what others did meanwhile, and keeps what was to be done so that it can be sent again.
func (s *Server) conflict(r *req, v *itsm.View, do string) error {
	page := r.Page("", "")
	page.Title = r.P.T("ui.conflict.title", "Number", v.Number)
	c := templates.Conflict{Page: page, Number: v.Number, Ticket: ticketHref(v.Number), Action: r.Request.URL.Path}
	form := r.Request.PostForm
	since := *v
	since.Events = v.ChangedSince(r.seen())
	c.Changes = timeline(page.Reader, &since, r.Actor.ID, true)
	for _, name := range ownWords {
		if form.Get(name) != "" {
			c.TextName, c.Text = name, form.Get(name)
			break
		}
	}
	for name, values := range form {
		for _, value := range values {
			if name == "version" {
				value = strconv.Itoa(v.Version)
			}
			if name != c.TextName {
				c.Values = append(c.Values, templates.Option{Value: name, Label: value})
			}
		}
	}
	slices.SortStableFunc(c.Values, func(a, b templates.Option) int { return strings.Compare(a.Value, b.Value) })
	wanted, err := s.wanted(r, v, do)
	if err != nil {
		return err
	}
	c.Wanted = wanted
	return r.HTML(http.StatusConflict, "errors/conflict", c)
}

// wanted is what the form would have changed, in words.
func (s *Server) wanted(r *req, v *itsm.View, do string) ([]templates.Change, error) {
	choices, err := s.choicesFor(r, do, v.Kind, r.ID("team"))
	if err != nil {
		return nil, err
	}
	now := fieldsOf(v)
	out := []templates.Change{{Label: r.P.T("desk.done_by_you"), To: r.P.T("desk.did." + do)}}
	for _, f := range []struct {
		name, now string
		options   []templates.Option
	}{
		{"team", now.Team, choices.Teams},
		{"assignee", now.Assignee, choices.Members},
		{"category", now.Category, choices.Categories},
		{"service", now.Service, choices.Services},
		{"impact", now.Impact, choices.Impact},
		{"urgency", now.Urgency, choices.Urgency},
		{"priority", now.Priority, choices.Priorities},
		{"hold_reason", v.HoldReason, choices.Holds},
		{"resolution_code", "", choices.Codes},
	} {
		to, sent := r.GetPostForm(f.name)
		if !sent || to == f.now || len(f.options) == 0 {
			continue
		}
		out = append(out, templates.Change{Label: r.P.T("field." + f.name), From: choiceLabel(f.options, f.now), To: choiceLabel(f.options, to)})
	}
	return out, nil
}

func choiceLabel(options []templates.Option, value string) string {
	for _, o := range options {
		if o.Value == value {
			return o.Label
		}
	}
	return "—"
}

// say is a reply to those who asked, or a note for the desk; it is put to whatever has happened meanwhile.
func (s *Server) say(r *req) error {
	number := r.Param("number")
	kept, err := r.uploads()
	if err == nil {
		speak, done := s.desk.Reply, "desk.done.reply"
		if r.PostForm("mode") == "note" {
			speak, done = s.desk.Note, "desk.done.note"
		}
		if _, err = speak(r.Ctx(), r.Actor, number, r.PostForm("text"), tokens(kept)); err == nil {
			return r.Done(r.backTo(number), done, "Number", number)
		}
	}
	return s.refused(r, number, "say", err, kept...)
}

func take(r *req, number string, version int) (itsm.Ticket, error) {
	return r.s.desk.Take(r.Ctx(), r.Actor, number, version)
}

func assign(r *req, number string, version int) (itsm.Ticket, error) {
	return r.s.desk.Assign(r.Ctx(), r.Actor, number, version, r.ID("team"), r.ID("assignee"))
}

func hold(r *req, number string, version int) (itsm.Ticket, error) {
	return r.s.desk.Hold(r.Ctx(), r.Actor, number, version, r.PostForm("hold_reason"), r.PostForm("message"))
}

func resume(r *req, number string, version int) (itsm.Ticket, error) {
	return r.s.desk.Resume(r.Ctx(), r.Actor, number, version)
}

func resolve(r *req, number string, version int) (itsm.Ticket, error) {
	return r.s.desk.Resolve(r.Ctx(), r.Actor, number, version,
		itsm.Resolution{Code: r.PostForm("resolution_code"), Text: r.PostForm("resolution"), ClosingCategoryID: r.ID("closing_category")})
}

func confirmHere(r *req, number string, version int) (itsm.Ticket, error) {
	return r.s.desk.Confirm(r.Ctx(), r.Actor, number, version)
}

func closeIt(r *req, number string, version int) (itsm.Ticket, error) {
	return r.s.desk.Close(r.Ctx(), r.Actor, number, version)
}

func reopenHere(r *req, number string, version int) (itsm.Ticket, error) {
	t, err := r.s.desk.Reopen(r.Ctx(), r.Actor, number, version, r.PostForm("reason"))
	return t, renamed(err, "text", "reason")
}

func cancelHere(r *req, number string, version int) (itsm.Ticket, error) {
	return r.s.desk.Cancel(r.Ctx(), r.Actor, number, version, r.PostForm("reason"))
}

// edit changes the fields that the form has. An empty priority is that of the matrix; one that the form began with is left alone.
func edit(r *req, number string, version int) (itsm.Ticket, error) {
	var f fault.Fields
	requester, err := r.person(&f, "requester")
	if err != nil {
		return itsm.Ticket{}, err
	}
	affected, err := r.person(&f, "affected")
	if err != nil {
		return itsm.Ticket{}, err
	}
	if err := f.Err(); err != nil {
		return itsm.Ticket{}, err
	}
	title, description, channel := r.PostForm("title"), r.PostForm("description"), r.PostForm("channel")
	category, service, impact, urgency := r.ID("category"), r.ID("service"), r.Int("impact"), r.Int("urgency")
	confidential := r.Checked("confidential")
	e := itsm.Edit{
		Title: &title, Description: &description, Channel: &channel, CategoryID: &category, ServiceID: &service, Impact: &impact,
		Urgency: &urgency, Confidential: &confidential, PriorityReason: r.PostForm("priority_reason"),
	}
	if requester != 0 {
		e.RequesterID = &requester
	}
	if affected != 0 {
		e.AffectedID = &affected
	}
	if priority := r.Int("priority"); r.PostForm("priority") != r.PostForm("priority_was") {
		e.Priority = &priority
	}
	return r.s.desk.Update(r.Ctx(), r.Actor, number, version, e)
}

func addTask(r *req, number string, _ int) (itsm.Ticket, error) {
	var f fault.Fields
	who, err := r.person(&f, "task_assignee")
	if err == nil {
		err = f.Err()
	}
	if err != nil {
		return itsm.Ticket{}, err
	}
	t, err := r.s.desk.AddTask(r.Ctx(), r.Actor, number, r.PostForm("task"), 0, who)
	return t, renamed(renamed(err, "title", "task"), "assignee", "task_assignee")
}

func endTask(r *req, number string, _ int) (itsm.Ticket, error) {
	id, err := r.PathID("task")
	if err != nil {
		return itsm.Ticket{}, err
	}
	return r.s.desk.EndTask(r.Ctx(), r.Actor, number, id, r.PostForm("state"))
}

func setParticipant(r *req, number string, _ int) (itsm.Ticket, error) {
	if id := r.ID("remove"); id != 0 {
		return r.s.desk.SetParticipant(r.Ctx(), r.Actor, number, id, false)
	}
	var f fault.Fields
	id, err := r.person(&f, "person")
	if err == nil && id == 0 && f.Empty() {
		f.Add("person", "itsm.unknown_person")
	}
	if err == nil {
		err = f.Err()
	}
	if err != nil {
		return itsm.Ticket{}, err
	}
	return r.s.desk.SetParticipant(r.Ctx(), r.Actor, number, id, true)
}

func setItem(r *req, number string, _ int) (itsm.Ticket, error) {
	if id := r.ID("remove"); id != 0 {
		return r.s.desk.SetItem(r.Ctx(), r.Actor, number, id, false)
	}
	var f fault.Fields
	id, err := r.item(&f, "item")
	if err == nil && id == 0 && f.Empty() {
		f.Add("item", "itsm.unknown_choice")
	}
	if err == nil {
		err = f.Err()
	}
	if err != nil {
		return itsm.Ticket{}, err
	}
	return r.s.desk.SetItem(r.Ctx(), r.Actor, number, id, true)
}

func addLink(r *req, number string, _ int) (itsm.Ticket, error) {
	var f fault.Fields
	other, err := r.otherTicket(&f, "other")
	if err == nil {
		err = f.Err()
	}
	if err != nil {
		return itsm.Ticket{}, err
	}
	return r.s.desk.Link(r.Ctx(), r.Actor, number, other, r.PostForm("type"))
}

func dropLink(r *req, number string, _ int) (itsm.Ticket, error) {
	id, err := r.PathID("link")
	if err != nil {
		return itsm.Ticket{}, err
	}
	return r.s.desk.Unlink(r.Ctx(), r.Actor, number, r.PostForm("other"), id)
}

func setParent(r *req, number string, _ int) (itsm.Ticket, error) {
	if r.Checked("remove") {
		return r.s.desk.SetParent(r.Ctx(), r.Actor, number, "")
	}
	var f fault.Fields
	parent, err := r.otherTicket(&f, "parent")
	if err == nil {
		err = f.Err()
	}
	if err != nil {
		return itsm.Ticket{}, err
	}
	t, err := r.s.desk.SetParent(r.Ctx(), r.Actor, number, parent)
	return t, renamed(err, "other", "parent")
}

// renamed calls a field of a fault as the form calls it.
func renamed(err error, from, to string) error {
	if f := asFault(err); err != nil && f.Kind == fault.Invalid {
		for i := range f.Fields {
			if f.Fields[i].Name == from {
				f.Fields[i].Name = to
			}
		}
	}
	return err
}
