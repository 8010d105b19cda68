package itsm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/db"
	"opora/internal/fault"
	"opora/workflows/lifecycle"
)

// The one write path. A unit is one transaction; each ticket that it touches is a change. A use case mutates c.t and records what
// happened; save then folds the clocks, seals the events and stores everything. Nothing else writes to tickets.

type unit struct {
	s       *Service
	ctx     context.Context //nolint:containedctx // lives as long as the call that made it
	tx      *sqlx.Tx
	actor   auth.Actor
	now     time.Time
	rules   *rules
	changes []*change
	members map[int64][]int64 // of teams that were asked for
	leads   map[int64][]int64 // the same
	quiet   bool              // an import: nobody is told
}

type change struct {
	u           *unit
	before      *Ticket // nil for a new ticket
	t           *Ticket
	mark        *Ticket // as of the last recorded event
	count       int64   // events that are stored
	head        []byte  // mac of the last one
	openTasks   int
	participant bool
	history     []Event // stored events
	events      []Event // new ones
	notices     []notice
	toFollowers NoticeKind              // tells the participants too
	after       []func(seq []int) error // runs once the ticket has its id and the events have their numbers
}

// in runs f as one unit of work and saves what it changed.
func (s *Service) in(ctx context.Context, actor auth.Actor, now time.Time, f func(u *unit) error) error {
	return s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		u := &unit{s: s, ctx: ctx, tx: tx, actor: actor, now: now.UTC().Truncate(time.Microsecond)}
		if err := f(u); err != nil {
			return err
		}
		return u.save()
	})
}

// write changes one ticket. version is the one that the actor has seen; 0 asks for no check (a machine, an append such as a reply).
// A ticket that the actor may not see does not exist.
func (s *Service) write(ctx context.Context, actor auth.Actor, number string, version int, f func(c *change) error) (Ticket, error) {
	return s.one(ctx, actor, func(u *unit) (*change, error) {
		c, err := u.lockOne(number)
		if err != nil {
			return nil, err
		}
		if c.is(relReader) {
			return nil, errForbidden() // whatever it is, and whatever he has seen
		}
		if version != 0 && version != c.t.Version {
			return nil, fault.New(fault.Conflict, "itsm.stale")
		}
		return c, f(c)
	})
}

// one runs f as a unit of work and returns the ticket of the change that f gives, as it was stored.
func (s *Service) one(ctx context.Context, actor auth.Actor, f func(u *unit) (*change, error)) (Ticket, error) {
	var c *change
	err := s.in(ctx, actor, s.now(), func(u *unit) (err error) {
		c, err = f(u)
		return err
	})
	if err != nil {
		return Ticket{}, err
	}
	return *c.t, nil
}

func (u *unit) lockOne(number string) (*change, error) {
	list, err := u.lock(func(w *db.Where) {
		w.And("t.number = ?", number)
		visible(w, u.actor)
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errHidden()
	}
	return list[0], nil
}

// lock takes the tickets that meet the conditions into the unit, leaving out those that it has already.
func (u *unit) lock(add func(w *db.Where)) ([]*change, error) {
	rows, err := lock(u.ctx, u.tx, u.actor.ID, add)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	history, err := eventsOf(u.ctx, u.tx, ids)
	if err != nil {
		return nil, err
	}
	if u.rules, err = u.s.rulesAt(u.ctx, u.tx, rows[0].Stamp); err != nil {
		return nil, err
	}
	var out []*change
	for i := range rows {
		r := &rows[i]
		if slices.ContainsFunc(u.changes, func(c *change) bool { return c.t.ID == r.ID }) {
			continue
		}
		t := r.ticket()
		c := &change{
			u: u, before: t, t: t.clone(), mark: t.clone(), count: r.Count, head: r.Head, openTasks: r.OpenTasks,
			participant: r.Participant, history: history[r.ID],
		}
		out = append(out, c)
	}
	u.changes = append(u.changes, out...)
	return out, nil
}

// who lists what the actor is to the ticket.
func (c *change) who() []string {
	t := c.before
	if t == nil {
		t = c.t
	}
	return relations(c.u.actor, t, c.participant)
}

func (c *change) is(relation string) bool { return slices.Contains(c.who(), relation) }

// needStaff refuses who does not work on the ticket.
func (c *change) needStaff() error {
	if c.is(relStaff) || c.is(relSystem) {
		return nil
	}
	return errForbidden()
}

// needOpen refuses to change what has ended.
func (c *change) needOpen() error {
	if c.t.Ended() {
		return fault.New(fault.Conflict, "itsm.closed")
	}
	return nil
}

// record notes that something happened, together with every field that has changed since the last record.
func (c *change) record(e Event) *Event {
	if e.At.IsZero() {
		e.At = c.u.now
	}
	if c.before != nil {
		c.t.Version = c.before.Version + 1
	}
	e.ActorID, e.Version = c.u.actor.ID, c.t.Version
	if e.Channel == "" {
		e.Channel = string(c.u.actor.Channel)
	}
	e.Request = c.u.actor.RequestID
	e.Staff = c.is(relStaff)
	e.Changes = append(e.Changes, diff(c.mark, c.t)...)
	c.mark = c.t.clone()
	c.t.UpdatedAt = laterOf(c.t.UpdatedAt, e.At)
	c.events = append(c.events, e)
	return &c.events[len(c.events)-1]
}

func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// input is what a person gives with a transition.
type input struct {
	message string            // public text, or the internal reason
	fields  map[string]string // values of the lifecycle's fields
}

// transition takes the ticket along an edge of its lifecycle, if the actor may. The caller records it.
func (c *change) transition(id string, in input) error {
	def := definition(c.t.Kind)
	reason := in.fields["hold_reason"]
	filled := func(field string) bool {
		if field == "message" {
			return strings.TrimSpace(in.message) != ""
		}
		return strings.TrimSpace(in.fields[field]) != ""
	}
	env := map[string]any{"open_tasks": c.openTasks, "hold_reason": reason}
	if err := def.Check(id, c.t.State, c.who(), filled, env); err != nil {
		return err
	}
	tr, _ := def.Transition(id)
	to, _ := def.State(tr.To)
	if to.Phase == lifecycle.Paused && !to.HasReason(reason) {
		var f fault.Fields
		f.Add("hold_reason", "itsm.unknown_choice")
		return f.Err()
	}
	c.enter(to, reason, c.u.now)
	if tr.Reopen {
		c.t.ReopenCount++
	}
	if d := c.t.Incident(); d != nil {
		for _, f := range tr.Clears {
			switch f {
			case "resolution_code":
				d.ResolutionCode = ""
			case "resolution":
				d.Resolution = ""
			}
		}
	}
	return nil
}

// enter puts the ticket into a state at a moment, with the times that follow from it.
func (c *change) enter(to lifecycle.State, reason string, at time.Time) {
	t := c.t
	t.State, t.Phase, t.HoldReason = to.ID, to.Phase, ""
	if to.Phase == lifecycle.Paused {
		t.HoldReason = reason
	}
	switch to.Phase {
	case lifecycle.Open, lifecycle.Paused:
		t.ResolvedAt, t.ClosedAt = nil, nil
	case lifecycle.Resolved:
		t.ResolvedAt, t.ClosedAt = &at, nil
	case lifecycle.Closed:
		t.ClosedAt = &at
	}
}

// diff lists the fields that differ. A nil old ticket gives every field that is set.
func diff(old, t *Ticket) []FieldChange {
	if old == nil {
		old = &Ticket{}
	}
	var out []FieldChange
	text := func(field, a, b string) {
		if a != b {
			out = append(out, FieldChange{field, a, b})
		}
	}
	number := func(field string, a, b int64) {
		if a != b {
			out = append(out, FieldChange{field, idText(a), idText(b)})
		}
	}
	personal := func(field, a, b string) {
		if a != b {
			out = append(out, FieldChange{Field: field})
		}
	}
	text("state", old.State, t.State)
	text("phase", string(old.Phase), string(t.Phase))
	text("hold_reason", old.HoldReason, t.HoldReason)
	personal("title", old.Title, t.Title)
	personal("description", old.Description, t.Description)
	text("channel", old.Channel, t.Channel)
	number("requester", old.RequesterID, t.RequesterID)
	number("affected", old.AffectedID, t.AffectedID)
	number("category", old.CategoryID, t.CategoryID)
	number("closing_category", old.ClosingCategoryID, t.ClosingCategoryID)
	number("service", old.ServiceID, t.ServiceID)
	number("team", old.TeamID, t.TeamID)
	number("assignee", old.AssigneeID, t.AssigneeID)
	number("parent", old.ParentID, t.ParentID)
	number("impact", int64(old.Impact), int64(t.Impact))
	number("urgency", int64(old.Urgency), int64(t.Urgency))
	number("priority", int64(old.Priority), int64(t.Priority))
	personal("priority_reason", old.PriorityReason, t.PriorityReason)
	number("policy", old.PolicyID, t.PolicyID)
	text("zone", old.Zone, t.Zone)
	if old.Confidential != t.Confidential {
		out = append(out, FieldChange{"confidential", strconv.FormatBool(old.Confidential), strconv.FormatBool(t.Confidential)})
	}
	var a, b IncidentDetails
	if d := old.Incident(); d != nil {
		a = *d
	}
	if d := t.Incident(); d != nil {
		b = *d
	}
	text("resolution_code", a.ResolutionCode, b.ResolutionCode)
	personal("resolution", a.Resolution, b.Resolution)
	personal("cancel_reason", a.CancelReason, b.CancelReason)
	return out
}

func idText(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// save stores everything that the unit's changes recorded. A change without an event stores nothing.
func (u *unit) save() error {
	var list []*change
	for _, c := range u.changes {
		if len(diff(c.mark, c.t)) > 0 {
			return fmt.Errorf("ticket %s was changed without a record", c.t.Number)
		}
		if len(c.events) > 0 {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil
	}
	var clocks clockRows
	tickets := make([]int64, len(list))
	for i, c := range list {
		clocks.add(c.t, c.fold())
		if err := putTicket(u.ctx, u.tx, c.before, c.t); err != nil {
			return err
		}
		tickets[i] = c.t.ID
	}
	if err := saveEvents(u.ctx, u.tx, u.s.key, list); err != nil {
		return err
	}
	for _, c := range list {
		seqs := make([]int, len(c.events))
		for i := range c.events {
			seqs[i] = c.events[i].Seq
		}
		for _, f := range c.after {
			if err := f(seqs); err != nil {
				return err
			}
		}
	}
	if err := clocks.save(u.ctx, u.tx, tickets); err != nil {
		return err
	}
	if err := u.tell(list); err != nil {
		return err
	}
	for _, c := range list {
		if c.before == nil {
			if err := enrol(u.ctx, u.tx, u.s.key, c.t.Number); err != nil {
				return err
			}
		}
	}
	return nil
}
