package itsm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opora/auth"
	"opora/internal/db"
	"opora/internal/fault"
)

// AddTask adds a piece of work.
func (s *Service) AddTask(ctx context.Context, actor auth.Actor, number, title string, team, assignee int64) (Ticket, error) {
	return s.write(ctx, actor, number, 0, func(c *change) error {
		if err := firstError(c.needStaff, c.needOpen); err != nil {
			return err
		}
		var f fault.Fields
		title = strings.TrimSpace(title)
		checkTitle(&f, title)
		within := team
		if c.t.Confidential {
			within = c.t.TeamID // nobody else could read what the task is about
		}
		if err := c.u.checkAssignment(&f, within, assignee); err != nil {
			return err
		}
		if err := f.Err(); err != nil {
			return err
		}
		var id int64
		if err := c.u.tx.GetContext(c.u.ctx, &id, sqlAddTask, c.t.ID, title, team, assignee, c.u.now); err != nil {
			return fmt.Errorf("add task: %w", err)
		}
		c.record(Event{Type: EventTask, Text: title, eventBody: eventBody{Ref: strconv.FormatInt(id, 10), Transition: "added"}})
		c.notice(NoticeTask, assignee)
		return nil
	})
}

// EndTask marks a task as done or as dropped.
func (s *Service) EndTask(ctx context.Context, actor auth.Actor, number string, task int64, state string) (Ticket, error) {
	if state != TaskDone && state != TaskDropped {
		var f fault.Fields
		f.Add("state", "itsm.unknown_choice")
		return Ticket{}, f.Err()
	}
	return s.write(ctx, actor, number, 0, func(c *change) error {
		if err := firstError(c.needStaff, c.needOpen); err != nil {
			return err
		}
		res, err := c.u.tx.ExecContext(c.u.ctx, sqlEndTask, task, c.t.ID, state, c.u.now)
		if err := db.Affected(res, err, fault.New(fault.NotFound, "itsm.no_task")); err != nil {
			return err
		}
		c.record(Event{Type: EventTask, eventBody: eventBody{Ref: strconv.FormatInt(task, 10), Transition: state}})
		return nil
	})
}

// SetParticipant adds somebody who follows the ticket in the portal and may answer, or takes him off.
func (s *Service) SetParticipant(ctx context.Context, actor auth.Actor, number string, person int64, add bool) (Ticket, error) {
	return s.write(ctx, actor, number, 0, func(c *change) error {
		who := c.who()
		leaves := !add && person == actor.ID
		if !leaves && !slices.Contains(who, relStaff) && !slices.Contains(who, relRequester) && !slices.Contains(who, relAffected) {
			return errForbidden()
		}
		query, what := sqlAddParticipant, "added"
		if add {
			p, ok, err := ref[personRef](c.u.ctx, c.u.tx, sqlPersonRef, person)
			if err != nil {
				return err
			}
			if !ok || !p.Active {
				var f fault.Fields
				f.Add("person", "itsm.unknown_person")
				return f.Err()
			}
		} else {
			query, what = sqlDropParticipant, "removed"
		}
		return c.row(query, person, EventParticipant, what, func() {
			if add {
				c.notice(NoticeParticipant, person)
			}
		})
	})
}

// row adds or removes a row that belongs to the ticket and records it; nothing happens when it was so already.
func (c *change) row(query string, id int64, typ EventType, what string, then func()) error {
	res, err := c.u.tx.ExecContext(c.u.ctx, query, c.t.ID, id)
	if err != nil {
		return fmt.Errorf("%s %s: %w", typ, what, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	c.record(Event{Type: typ, eventBody: eventBody{Ref: strconv.FormatInt(id, 10), Transition: what}})
	then()
	return nil
}

// SetItem names an item that the ticket is about, or takes it off.
func (s *Service) SetItem(ctx context.Context, actor auth.Actor, number string, item int64, add bool) (Ticket, error) {
	return s.write(ctx, actor, number, 0, func(c *change) error {
		if err := firstError(c.needStaff, c.needOpen); err != nil {
			return err
		}
		query, what := sqlAddItem, "added"
		if !add {
			query, what = sqlDropItem, "removed"
		}
		return c.row(query, item, EventItem, what, func() {})
	})
}

// Link says how the ticket stands to another one that the actor also sees.
func (s *Service) Link(ctx context.Context, actor auth.Actor, number, other, typ string) (Ticket, error) {
	return s.pair(ctx, actor, number, other, func(c, o *change) error {
		if !slices.Contains(LinkTypes, typ) {
			var f fault.Fields
			f.Add("type", "itsm.unknown_choice")
			return f.Err()
		}
		res, err := c.u.tx.ExecContext(c.u.ctx, sqlAddLink, c.t.ID, o.t.ID, typ)
		if err != nil {
			return fmt.Errorf("link: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		c.record(Event{Type: EventLink, eventBody: eventBody{Ref: o.t.Number, Transition: typ}})
		o.record(Event{Type: EventLink, eventBody: eventBody{Ref: c.t.Number, Transition: typ}})
		return nil
	})
}

// Unlink takes away a link between the two tickets.
func (s *Service) Unlink(ctx context.Context, actor auth.Actor, number, other string, link int64) (Ticket, error) {
	return s.pair(ctx, actor, number, other, func(c, o *change) error {
		var typ string
		err := c.u.tx.GetContext(c.u.ctx, &typ, sqlDropLink, link, c.t.ID, o.t.ID)
		if err != nil {
			return db.One(err, "itsm.no_ticket")
		}
		c.record(Event{Type: EventUnlink, eventBody: eventBody{Ref: o.t.Number, Transition: typ}})
		o.record(Event{Type: EventUnlink, eventBody: eventBody{Ref: c.t.Number, Transition: typ}})
		return nil
	})
}

// SetParent puts the ticket under a parent; an empty number takes it out.
func (s *Service) SetParent(ctx context.Context, actor auth.Actor, number, parent string) (Ticket, error) {
	if parent == "" {
		return s.write(ctx, actor, number, 0, func(c *change) error {
			if err := firstError(c.needStaff, c.needOpen); err != nil {
				return err
			}
			c.t.ParentID = 0
			c.recordChanges()
			return nil
		})
	}
	return s.pair(ctx, actor, number, parent, func(c, p *change) error {
		var f fault.Fields
		children, err := c.u.yes(sqlHasChildren, c.t.ID)
		switch {
		case err != nil:
			return err
		case p.t.ParentID != 0 || children:
			f.Add("parent", "itsm.parent_chain") // one level: a parent has none itself, so there can be no circle
		case !p.t.Open():
			f.Add("parent", "itsm.parent_ended")
		}
		if err := f.Err(); err != nil {
			return err
		}
		c.t.ParentID = p.t.ID
		c.recordChanges()
		return nil
	})
}

// pair changes two tickets of which the actor is staff. Both are locked by one statement, in the order of their ids.
func (s *Service) pair(ctx context.Context, actor auth.Actor, number, other string, f func(c, o *change) error) (Ticket, error) {
	if !storable(other) {
		other = "" // the number of nothing
	}
	return s.one(ctx, actor, func(u *unit) (*change, error) {
		list, err := u.lock(func(w *db.Where) {
			w.And("t.number IN (?, ?)", number, other)
			visible(w, actor)
		})
		if err != nil {
			return nil, err
		}
		byNumber := map[string]*change{}
		for _, c := range list {
			byNumber[c.t.Number] = c
		}
		c, o := byNumber[number], byNumber[other]
		if c == nil {
			return nil, errHidden()
		}
		if o == nil || c == o {
			var f fault.Fields
			f.Add("other", "itsm.no_other_ticket")
			return nil, f.Err()
		}
		if err := firstError(c.needStaff, o.needStaff, c.needOpen); err != nil {
			return nil, err
		}
		return c, f(c, o)
	})
}
