package web

import (
	"slices"
	"strconv"

	"opora/internal/locale"
	"opora/itsm"
	"opora/itsm/sla"
	"opora/templates"
)

// timeline tells what happened to a ticket, in the reader's words; the portal and the desk share it. What the reader may not know is
// not in v. me is the reader; all adds the changes of fields, links and the like, which a conversation does not need.
func timeline(r templates.Reader, v *itsm.View, me int64, all bool) []templates.Entry {
	t := teller{Reader: r, v: v, me: me}
	var out []templates.Entry
	for i := range v.Events {
		e := &v.Events[i]
		if all || inConversation(e) {
			out = append(out, t.entries(e)...)
		}
	}
	return out
}

// inConversation tells whether the event is something that was said, or a step that everybody follows.
func inConversation(e *itsm.EventView) bool {
	switch e.Type {
	case itsm.EventOpened, itsm.EventTransition, itsm.EventReply, itsm.EventNote:
		return true
	case itsm.EventEscalated:
		return len(e.Changes) > 0 // that somebody was told is in the notifications
	}
	return e.Outside
}

// teller turns a ticket's events into entries for one reader.
type teller struct {
	templates.Reader
	v     *itsm.View
	me    int64
	plain bool // for those who wait: without the words of the desk
}

// entries are the line that says what was done, if any, and then the words that were written.
func (t teller) entries(e *itsm.EventView) []templates.Entry {
	base := templates.Entry{Reader: t.Reader, ID: "e" + strconv.Itoa(e.Seq), Who: t.who(e), At: e.At, Mine: e.ActorID != 0 && e.ActorID == t.me}
	said := base
	said.Kind, said.Text, said.Files = "reply", e.Text, files(t.P, e.Files)
	if !e.Public {
		said.Kind = "internal"
	}
	line := base
	line.Kind, line.Text = "event", t.line(e)
	line.Changes = t.changes(e)
	switch e.Type {
	case itsm.EventOpened:
		said.Text = t.v.Description // as it reads now; that it was changed is a line of its own
		if t.v.Channel != itsm.ChannelPortal {
			said.Via = t.P.T("channel." + t.v.Channel)
		}
		line.Changes = nil
		line.ID += "-line"
		if e.ActorID == t.v.RequesterID && said.Text != "" {
			return []templates.Entry{said}
		}
	case itsm.EventReply, itsm.EventNote:
		if line.Text == "" {
			return []templates.Entry{said}
		}
		line.ID += "-line"
	case itsm.EventTransition:
		line.ID += "-line"
	default:
		// The text of a task or of a change stands in the line.
		line.Files = said.Files
		return []templates.Entry{line}
	}
	if said.Text == "" && len(said.Files) == 0 {
		line.ID = base.ID
		return []templates.Entry{line}
	}
	return []templates.Entry{line, said}
}

func (t teller) who(e *itsm.EventView) templates.Person {
	if e.Actor == "" {
		return templates.Person{Name: "Opora"}
	}
	return templates.Person{ID: e.ActorID, Name: e.Actor}
}

// line says what was done; who did it stands before it, the changed fields behind it.
func (t teller) line(e *itsm.EventView) string {
	text := t.deed(e)
	if e.Former != "" {
		text += " · " + t.P.T("timeline.former", "State", e.Former)
	} else if e.Outside {
		text += " · " + t.P.T("timeline.outside")
	}
	if e.Derived {
		text += " · " + t.P.T("history.derived")
	}
	return text
}

func (t teller) deed(e *itsm.EventView) string {
	switch e.Type {
	case itsm.EventOpened:
		if e.ActorID != t.v.RequesterID && t.v.Requester.Name != "" {
			return t.P.T("timeline.opened_for", "Name", t.v.Requester.Name)
		}
		return t.P.T("timeline.opened")
	case itsm.EventTransition:
		return t.step(e)
	case itsm.EventNote:
		if e.Transition == "" {
			return ""
		}
		return t.P.T("timeline.parent_resolved", "Number", e.Ref)
	case itsm.EventChanged:
		if e.Text != "" {
			return t.P.T("timeline.changed_because", "Reason", e.Text)
		}
		return t.P.T("timeline.changed")
	case itsm.EventTask:
		return t.P.T("timeline.task_"+e.Transition, "Title", t.task(e))
	case itsm.EventLink:
		return t.P.T("timeline.link", "Number", e.Ref, "Type", t.P.T("link."+e.Transition))
	case itsm.EventUnlink:
		return t.P.T("timeline.unlink", "Number", e.Ref, "Type", t.P.T("link."+e.Transition))
	case itsm.EventParticipant:
		return t.P.T("timeline.participant_"+e.Transition, "Name", t.v.Names.People[refID(e.Ref)])
	case itsm.EventItem:
		return t.P.T("timeline.item_"+e.Transition, "Name", t.v.Names.Items[refID(e.Ref)])
	case itsm.EventFiles:
		return t.P.T("timeline.files")
	case itsm.EventImported:
		if e.Import != nil {
			return t.P.T("history.imported", "Source", e.Import.Source, "Number", e.Import.Number)
		}
	case itsm.EventEscalated:
		switch {
		case e.Step == nil:
			return t.P.T("timeline.escalated_unnamed")
		case len(e.Changes) == 0: // it was as high already, or there
			return t.P.T("timeline.escalated_notify", "Clock", t.P.T("clock."+e.Step.Clock))
		}
		return t.P.T("timeline.escalated_"+e.Step.Do, "Clock", t.P.T("clock."+e.Step.Clock))
	}
	return ""
}

// step says a transition of the lifecycle. An imported one may have no name: then its states say it.
func (t teller) step(e *itsm.EventView) string {
	if t.plain {
		if id := "portal.did." + e.Transition; locale.Has(id) {
			return t.P.T(id)
		}
		return t.P.T("timeline.moved")
	}
	switch e.Transition {
	case "start":
		if c, ok := e.Change("assignee"); ok && c.To == strconv.FormatInt(e.ActorID, 10) {
			return t.P.T("timeline.taken")
		}
		return t.P.T("timeline.start")
	case "hold":
		c, _ := e.Change("hold_reason")
		return t.P.T("timeline.hold", "Reason", holdWord(t.v.Kind, c.To))
	case "resolve":
		if e.Ref != "" {
			return t.P.T("timeline.resolve_with", "Number", e.Ref)
		}
		return t.P.T("timeline.resolve")
	case "resume", "confirm", "reopen", "close", "cancel":
		return t.P.T("timeline." + e.Transition)
	}
	return t.P.T("timeline.moved")
}

func (t teller) task(e *itsm.EventView) string {
	if e.Text != "" {
		return e.Text
	}
	for _, k := range t.v.Tasks {
		if k.ID == refID(e.Ref) {
			return k.Title
		}
	}
	return e.Ref
}

// silent are fields that no reader needs to hear of: what follows from others, and what the words of the step say.
var silent = []string{"phase", "policy", "zone", "resolution", "cancel_reason", "priority_reason"}

func (t teller) changes(e *itsm.EventView) []templates.Change {
	var out []templates.Change
	for _, c := range e.Changes {
		if slices.Contains(silent, c.Field) || e.Transition != "" && (c.Field == "state" || c.Field == "hold_reason") {
			continue
		}
		if e.Transition == "start" && c.Field == "assignee" && c.To == strconv.FormatInt(e.ActorID, 10) {
			continue
		}
		ch := templates.Change{Label: t.P.T("field." + c.Field), From: t.value(c.Field, c.From), To: t.value(c.Field, c.To)}
		switch c.Field {
		case "title", "description":
			ch.To = t.P.T("timeline.rewritten")
		default:
			if ch.To == "" {
				ch.To = t.P.T("timeline.none")
			}
		}
		out = append(out, ch)
	}
	return out
}

// value is a field's value in words.
func (t teller) value(field, raw string) string {
	if raw == "" {
		return ""
	}
	id, n := refID(raw), &t.v.Names
	text := locale.Text{}
	switch field {
	case "state":
		text = (&itsm.Ticket{Kind: t.v.Kind, State: raw}).StateName()
	case "hold_reason":
		text = holdWord(t.v.Kind, raw)
	case "requester", "affected", "assignee":
		return n.People[id]
	case "team":
		text = n.Teams[id]
	case "category", "closing_category":
		text = n.Categories[id]
	case "service":
		text = n.Items[id]
	case "parent":
		return n.Tickets[id]
	case "priority":
		text = n.Priorities[id]
	case "impact", "urgency":
		return t.P.T("level." + raw)
	case "confidential":
		return t.P.T("answer." + raw)
	case "channel":
		return t.P.T("channel." + raw)
	case "resolution_code":
		return t.P.T("resolution." + raw)
	default:
		return raw
	}
	return text.In(t.P.Lang)
}

func refID(s string) int64 {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// holdWord names a hold reason, whichever paused state has it.
func holdWord(k itsm.Kind, reason string) locale.Text {
	for _, s := range itsm.Lifecycle(k).States {
		for _, r := range s.Reasons {
			if r.ID == reason {
				return r.Name
			}
		}
	}
	return locale.Plain(reason)
}

// files are attachments as a page shows them.
func files(p *locale.Printer, list []itsm.Attachment) []templates.File {
	out := make([]templates.File, len(list))
	for i, a := range list {
		out[i] = templates.File{Name: a.Name, Size: fileSize(p, a.Size), Href: "/files/" + a.Token}
	}
	return out
}

// fileSize says a size in the unit that suits it, rounded up.
func fileSize(p *locale.Printer, n int64) string {
	switch {
	case n < 1<<10:
		return p.T("unit.bytes", "N", p.Number(n))
	case n < 1<<20:
		return p.T("unit.kib", "N", p.Number((n+1<<10-1)>>10))
	}
	return p.T("unit.mib", "N", p.Number((n+1<<20-1)>>20))
}

// clocks are the ticket's clocks as chips, those that say something: the current cycle of each. href leads to the reckoning of the
// one that is named behind it; "" for none.
func clocks(r templates.Reader, v *itsm.View, href string) []templates.Clock {
	var out []templates.Clock
	for _, name := range []sla.Name{sla.Response, sla.Update, sla.Resolution} {
		c := v.Clock(name)
		if c == nil || c.State == sla.Cancelled {
			continue
		}
		chip := templates.Clock{Reader: r, Name: r.P.T("sla.clock." + string(name)), State: clockState(c, r)}
		if c.DueAt != nil {
			chip.Due = *c.DueAt
		}
		if chip.State == "paused" {
			if v.AwaitsCaller() {
				chip.Waiting = v.Requester.Name
			} else {
				chip.Name += ", " + holdWord(v.Kind, v.HoldReason).In(r.P.Lang)
			}
		}
		if href != "" {
			chip.Href = href + string(name)
		}
		out = append(out, chip)
	}
	return out
}

func clockState(c *sla.Clock, r templates.Reader) string {
	switch {
	case c.State == sla.Waiting:
		return "paused"
	case c.State == sla.Met && c.BreachedAt != nil:
		return "missed"
	case c.State == sla.Met:
		return "met"
	case c.Breached(r.Now):
		return "breached"
	case itsm.AtRisk(c, r.Now):
		return "risk"
	}
	return "running"
}
