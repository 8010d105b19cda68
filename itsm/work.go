package itsm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"opora/auth"
	"opora/internal/fault"
)

func textArray(list []string) any { return pq.Array(list) }

// yes runs a query that answers true or false.
func (u *unit) yes(query string, args ...any) (bool, error) {
	var b bool
	if err := u.tx.GetContext(u.ctx, &b, query, args...); err != nil {
		return false, fmt.Errorf("look up: %w", err)
	}
	return b, nil
}

// Take assigns the ticket to the actor, in a team of his, and starts work on a new one.
func (s *Service) Take(ctx context.Context, actor auth.Actor, number string, version int) (Ticket, error) {
	return s.write(ctx, actor, number, version, func(c *change) error {
		if err := firstError(c.needStaff, c.needOpen); err != nil {
			return err
		}
		team := c.t.TeamID
		if !actor.In(team) && len(actor.Teams) > 0 && !c.t.Confidential {
			team = actor.Teams[0]
		}
		c.assign(team, actor.ID)
		if def := definition(c.t.Kind); c.t.State == def.Start {
			if err := c.transition("start", input{}); err != nil {
				return err
			}
			c.record(Event{Type: EventTransition, Public: true, eventBody: eventBody{Transition: "start"}})
			return nil
		}
		c.recordChanges()
		return nil
	})
}

// Assign gives the ticket to a team and, unless 0, to a person of it; team 0 and person 0 lay it back.
func (s *Service) Assign(ctx context.Context, actor auth.Actor, number string, version int, team, person int64) (Ticket, error) {
	return s.write(ctx, actor, number, version, func(c *change) error {
		if err := firstError(c.needStaff, c.needOpen); err != nil {
			return err
		}
		var f fault.Fields
		if c.t.Confidential && team == 0 {
			f.Add("team", "itsm.confidential_stays")
		}
		if err := c.u.checkAssignment(&f, team, person); err != nil {
			return err
		}
		if person != c.t.AssigneeID {
			if err := c.u.checkReach(&f, team, person); err != nil {
				return err
			}
		}
		if err := f.Err(); err != nil {
			return err
		}
		c.assign(team, person)
		c.recordChanges()
		return nil
	})
}

// assign counts a reassignment when the ticket leaves a team or a person that it had.
func (c *change) assign(team, person int64) {
	if c.t.TeamID != 0 && c.t.TeamID != team || c.t.AssigneeID != 0 && c.t.AssigneeID != person {
		c.t.ReassignCount++
	}
	c.t.TeamID, c.t.AssigneeID = team, person
	c.noticeAssignee()
}

// recordChanges records the changed fields, if any.
func (c *change) recordChanges() {
	if len(diff(c.mark, c.t)) > 0 {
		c.record(Event{Type: EventChanged})
	}
}

// Edit is a change of fields; nil leaves one as it is.
type Edit struct {
	Title          *string
	Description    *string
	RequesterID    *int64
	AffectedID     *int64
	CategoryID     *int64
	ServiceID      *int64
	Impact         *int
	Urgency        *int
	Priority       *int   // by hand; needs a reason. 0 goes back to the matrix
	PriorityReason string // why
	Confidential   *bool
	Channel        *string
}

// Update changes fields of the ticket.
func (s *Service) Update(ctx context.Context, actor auth.Actor, number string, version int, e Edit) (Ticket, error) {
	return s.write(ctx, actor, number, version, func(c *change) error {
		if err := firstError(c.needStaff, c.needOpen); err != nil {
			return err
		}
		return c.edit(e)
	})
}

func (c *change) edit(e Edit) error {
	var f fault.Fields
	t, u := c.t, c.u
	if e.Title != nil {
		t.Title = strings.TrimSpace(*e.Title)
		checkTitle(&f, t.Title)
	}
	if e.Description != nil {
		t.Description = strings.TrimSpace(*e.Description)
		checkText(&f, "description", t.Description, false)
	}
	for _, p := range []struct {
		field string
		from  *int64
		to    *int64
	}{{"requester", e.RequesterID, &t.RequesterID}, {"affected", e.AffectedID, &t.AffectedID}} {
		if p.from == nil || *p.from == *p.to {
			continue
		}
		person, ok, err := ref[personRef](u.ctx, u.tx, sqlPersonRef, *p.from)
		if err != nil {
			return err
		}
		if !ok || !person.Active {
			f.Add(p.field, "itsm.unknown_person")
		}
		*p.to = *p.from
	}
	if err := c.classify(&f, e); err != nil {
		return err
	}
	if e.ServiceID != nil && *e.ServiceID != t.ServiceID {
		t.ServiceID = *e.ServiceID
		if t.ServiceID != 0 {
			svc, _, err := ref[serviceRef](u.ctx, u.tx, sqlServiceRef, t.ServiceID)
			if err != nil {
				return err
			}
			if !svc.Active {
				f.Add("service", "itsm.unknown_choice")
			}
		}
	}
	if e.Impact != nil {
		t.Impact = *e.Impact
		checkLevel(&f, "impact", t.Impact)
	}
	if e.Urgency != nil {
		t.Urgency = *e.Urgency
		checkLevel(&f, "urgency", t.Urgency)
	}
	if e.Channel != nil {
		t.Channel = *e.Channel
		if !slices.Contains(Channels, t.Channel) {
			f.Add("channel", "itsm.unknown_choice")
		}
	}
	text := ""
	if e.Priority != nil && *e.Priority != t.Priority {
		text = strings.TrimSpace(e.PriorityReason)
		switch {
		case !u.actor.Can(auth.OverridePriority) && !u.actor.System:
			return errForbidden()
		case *e.Priority == 0:
			t.PriorityReason = ""
		case *e.Priority < 1 || *e.Priority > 5:
			f.Add("priority", "itsm.unknown_choice")
		default:
			checkText(&f, "priority_reason", text, true)
			t.Priority, t.PriorityReason = *e.Priority, text
		}
	}
	if err := f.Err(); err != nil {
		return err
	}
	if t.ServiceID != c.mark.ServiceID || t.AffectedID != c.mark.AffectedID {
		if err := c.refer(); err != nil {
			return err
		}
	}
	if err := c.prioritise(); err != nil {
		return err
	}
	if len(diff(c.mark, t)) > 0 {
		c.record(Event{Type: EventChanged, Text: text})
	}
	return nil
}

// classify sets category and confidentiality. Whatever the form says, a ticket of a confidential category is confidential, and a
// confidential one has a team: nobody of the desk would see it else.
func (c *change) classify(f *fault.Fields, e Edit) error {
	t := c.t
	if e.CategoryID == nil && e.Confidential == nil {
		return nil
	}
	was := t.CategoryID
	if e.CategoryID != nil {
		t.CategoryID = *e.CategoryID
	}
	cat, _, err := ref[categoryRef](c.u.ctx, c.u.tx, sqlCategoryRef, t.CategoryID)
	if err != nil {
		return err
	}
	if t.CategoryID != was && t.CategoryID != 0 && !cat.Active {
		f.Add("category", "itsm.unknown_choice")
	}
	if e.Confidential != nil {
		if t.Confidential && !*e.Confidential && cat.Confidential && t.CategoryID == was {
			f.Add("confidential", "itsm.confidential_category")
		}
		t.Confidential = *e.Confidential
	}
	t.Confidential = t.Confidential || cat.Confidential && (t.CategoryID != was || c.mark.Confidential)
	if t.Confidential && t.TeamID == 0 {
		f.Add("confidential", "itsm.confidential_needs_team")
	}
	return nil
}

func firstError(checks ...func() error) error {
	for _, f := range checks {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
