package itsm

import (
	"context"
	"strings"

	"opora/auth"
	"opora/internal/db"
	"opora/internal/fault"
)

// Hold pauses the work for a reason; the message is public, and needed when the caller is asked something.
func (s *Service) Hold(ctx context.Context, actor auth.Actor, number string, version int, reason, message string) (Ticket, error) {
	return s.write(ctx, actor, number, version, func(c *change) error {
		var f fault.Fields
		checkText(&f, "message", message, false)
		if err := f.Err(); err != nil {
			return err
		}
		if err := c.transition("hold", input{message: message, fields: map[string]string{"hold_reason": reason}}); err != nil {
			return err
		}
		e := Event{Type: EventTransition, Public: true, Text: strings.TrimSpace(message), eventBody: eventBody{Transition: "hold"}}
		if e.Text != "" {
			c.respond(&e)
		}
		c.record(e)
		if e.Text != "" {
			c.noticeSaid(true, true)
		}
		return nil
	})
}

// Resume takes up the work again.
func (s *Service) Resume(ctx context.Context, actor auth.Actor, number string, version int) (Ticket, error) {
	return s.write(ctx, actor, number, version, func(c *change) error {
		if err := c.transition("resume", input{}); err != nil {
			return err
		}
		c.record(Event{Type: EventTransition, Public: true, eventBody: eventBody{Transition: "resume"}})
		return nil
	})
}

// Resolution is how an incident ends.
type Resolution struct {
	Code              string // one of ResolutionCodes
	Text              string // public
	ClosingCategoryID int64  // 0: none
}

// Resolve ends the work. The open children are resolved by the same text, and each of their requesters is told once; a child with
// open tasks stays open with a note that says so.
func (s *Service) Resolve(ctx context.Context, actor auth.Actor, number string, version int, r Resolution) (Ticket, error) {
	return s.write(ctx, actor, number, version, func(c *change) error {
		if err := c.resolve(r); err != nil {
			return err
		}
		children, err := c.u.lock(func(w *db.Where) {
			w.And("t.parent_id = ?", c.t.ID)
			w.And("t.phase IN ('open', 'paused')")
		})
		if err != nil {
			return err
		}
		for _, child := range children {
			if child.openTasks > 0 {
				child.record(Event{Type: EventNote, Text: "", eventBody: eventBody{Transition: "parent_resolved", Ref: c.t.Number}})
				child.notice(NoticeParentResolved, child.t.AssigneeID)
				continue
			}
			if err := child.resolveAsChild(c.t.Number, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *change) resolve(r Resolution) error {
	var f fault.Fields
	r.Text = strings.TrimSpace(r.Text)
	checkText(&f, "resolution", r.Text, false)
	validResolution(&f, r.Code)
	if r.ClosingCategoryID != 0 {
		if cat, _, err := ref[categoryRef](c.u.ctx, c.u.tx, sqlCategoryRef, r.ClosingCategoryID); err != nil {
			return err
		} else if !cat.Active {
			f.Add("closing_category", "itsm.unknown_choice")
		}
	}
	if err := f.Err(); err != nil {
		return err
	}
	if err := c.transition("resolve", input{fields: map[string]string{"resolution_code": r.Code, "resolution": r.Text}}); err != nil {
		return err
	}
	c.resolved(r, "")
	return nil
}

// resolveAsChild resolves an open child with its parent: the actor needs no right to the child beyond the one to the parent.
func (c *change) resolveAsChild(parent string, r Resolution) error {
	def := definition(c.t.Kind)
	tr, _ := def.Transition("resolve")
	to, _ := def.State(tr.To)
	c.enter(to, "", c.u.now)
	c.resolved(r, parent)
	return nil
}

func (c *change) resolved(r Resolution, parent string) {
	d := c.t.Incident()
	d.ResolutionCode, d.Resolution = r.Code, r.Text
	if r.ClosingCategoryID != 0 {
		c.t.ClosingCategoryID = r.ClosingCategoryID
	}
	e := Event{Type: EventTransition, Public: true, Text: r.Text, eventBody: eventBody{Transition: "resolve", Ref: parent}}
	c.respond(&e)
	c.record(e)
	c.noticePublic(NoticeResolved)
}

// Confirm says that the resolution holds, and closes the ticket.
func (s *Service) Confirm(ctx context.Context, actor auth.Actor, number string, version int) (Ticket, error) {
	return s.step(ctx, actor, number, version, "confirm", input{}, func(c *change) {
		c.notice(NoticeConfirmed, c.t.AssigneeID)
	})
}

// Reopen says that it does not hold, and why.
func (s *Service) Reopen(ctx context.Context, actor auth.Actor, number string, version int, text string) (Ticket, error) {
	var f fault.Fields
	if checkText(&f, "text", text, true); !f.Empty() {
		return Ticket{}, f.Err()
	}
	return s.step(ctx, actor, number, version, "reopen", input{message: text}, func(c *change) {
		c.notice(NoticeReopened, c.t.AssigneeID)
	})
}

// Close closes a resolved ticket by staff.
func (s *Service) Close(ctx context.Context, actor auth.Actor, number string, version int) (Ticket, error) {
	return s.step(ctx, actor, number, version, "close", input{}, func(*change) {})
}

// Cancel ends a ticket that need not be worked on; why is public.
func (s *Service) Cancel(ctx context.Context, actor auth.Actor, number string, version int, reason string) (Ticket, error) {
	var f fault.Fields
	if checkText(&f, "reason", reason, false); !f.Empty() {
		return Ticket{}, f.Err()
	}
	in := input{message: reason, fields: map[string]string{"reason": reason}}
	return s.step(ctx, actor, number, version, "cancel", in, func(c *change) {
		c.t.Incident().CancelReason = strings.TrimSpace(reason)
		c.noticePublic(NoticeCancelled)
		c.notice(NoticeCancelled, c.t.AssigneeID)
	})
}

// step makes a transition that only records its message; also runs before the record.
func (s *Service) step(ctx context.Context, actor auth.Actor, number string, version int, id string, in input, also func(c *change)) (Ticket, error) {
	return s.write(ctx, actor, number, version, func(c *change) error {
		if err := c.transition(id, in); err != nil {
			return err
		}
		also(c)
		c.record(Event{Type: EventTransition, Public: true, Text: strings.TrimSpace(in.message), eventBody: eventBody{Transition: id}})
		return nil
	})
}
