package itsm

import (
	"context"
	"slices"
	"strings"

	"opora/auth"
	"opora/internal/fault"
	"opora/workflows/lifecycle"
)

// Reply says something that the requester reads. The caller's answer resumes a ticket that waits for it; an answer to a closed
// ticket opens a follow-up, which is then returned.
func (s *Service) Reply(ctx context.Context, actor auth.Actor, number string, text string, files []string) (Ticket, error) {
	return s.one(ctx, actor, func(u *unit) (*change, error) {
		c, err := u.lockOne(number)
		if err != nil {
			return nil, err
		}
		return c.reply(text, files)
	})
}

func (c *change) reply(text string, files []string) (*change, error) {
	who := c.who()
	if slices.Contains(who, relReader) {
		return nil, errForbidden()
	}
	var f fault.Fields
	checkText(&f, "text", text, len(files) == 0)
	if err := f.Err(); err != nil {
		return nil, err
	}
	caller := slices.Contains(who, relRequester) || slices.Contains(who, relAffected) || slices.Contains(who, relParticipant)
	// An agent who is also the one who asked answers as the one who asked.
	staff := slices.Contains(who, relStaff) && c.u.actor.ID != c.t.RequesterID && c.u.actor.ID != c.t.AffectedID
	if c.t.Ended() {
		if staff {
			return nil, fault.New(fault.Conflict, "itsm.closed")
		}
		return c.followUp(text, files)
	}
	c.say(EventReply, text, files, staff)
	if caller && !staff && c.t.Phase == lifecycle.Paused && c.t.AwaitsCaller() {
		def := definition(c.t.Kind)
		tr, _ := def.Transition("resume")
		to, _ := def.State(tr.To)
		c.enter(to, "", c.u.now)
		c.record(Event{Type: EventTransition, Public: true, eventBody: eventBody{Transition: "resume"}})
	}
	return c, nil
}

// say records a reply or a note with its files; a public word of staff is the first response if there was none.
func (c *change) say(typ EventType, text string, files []string, staff bool) {
	public := typ == EventReply
	e := Event{Type: typ, Public: public, Text: strings.TrimSpace(text), eventBody: eventBody{Files: files}}
	if public && staff {
		c.respond(&e)
	}
	c.record(e)
	last := len(c.events) - 1
	c.events[last].Staff = staff || !public
	if len(files) > 0 {
		c.after = append(c.after, func(seq []int) error {
			return useFiles(c.u.ctx, c.u.tx, c.t, seq[last], c.u.actor.ID, files)
		})
	}
	c.noticeSaid(public, staff)
}

// respond marks the event as the first response, if there was none.
func (c *change) respond(e *Event) {
	if c.t.RespondedAt == nil {
		at := c.u.now
		c.t.RespondedAt = &at
		e.Responded = true
	}
}

// followUp opens a new incident for an answer to a closed one and links the two.
func (c *change) followUp(text string, files []string) (*change, error) {
	old := c.t
	n, err := c.u.openIncident(NewIncident{
		Title: old.Title, Description: text, RequesterID: old.RequesterID, AffectedID: old.AffectedID, CategoryID: old.CategoryID,
		ServiceID: old.ServiceID, Impact: old.Impact, Urgency: old.Urgency, Files: files, Confidential: old.Confidential, TeamID: old.TeamID,
		followsUp: true,
	})
	if err != nil {
		return nil, err
	}
	n.record(Event{Type: EventLink, eventBody: eventBody{Ref: old.Number, Transition: LinkFollowUpOf}})
	c.record(Event{Type: EventLink, eventBody: eventBody{Ref: n.t.Number, Transition: LinkFollowUpOf}})
	n.after = append(n.after, func([]int) error {
		_, err := c.u.tx.ExecContext(c.u.ctx, sqlAddLink, n.t.ID, old.ID, LinkFollowUpOf)
		return err
	})
	return n, nil
}

// Note says something that only staff read.
func (s *Service) Note(ctx context.Context, actor auth.Actor, number string, text string, files []string) (Ticket, error) {
	return s.write(ctx, actor, number, 0, func(c *change) error {
		if err := c.needStaff(); err != nil {
			return err
		}
		var f fault.Fields
		checkText(&f, "text", text, len(files) == 0)
		if err := f.Err(); err != nil {
			return err
		}
		c.say(EventNote, text, files, true)
		return nil
	})
}
