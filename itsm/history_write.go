package itsm

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/fault"
	"opora/itsm/sla"
	"opora/workflows/lifecycle"
)

// importedPriority is the reason of a priority that the log has and our matrix has not.
const importedPriority = "imported"

// write brings one incident in, by the one write path, in one transaction: opened, a step for each row, and what was imported.
func (h *historyImport) write(ctx context.Context, p *pastIncident) error {
	if err := h.names.learn(ctx, p); err != nil {
		return err
	}
	return h.s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		u := &unit{s: h.s, ctx: ctx, tx: tx, quiet: true}
		number, stamp, err := pastNumber(ctx, tx)
		if err != nil {
			return err
		}
		if u.rules, err = h.s.rulesAt(ctx, tx, stamp); err != nil {
			return err
		}
		c := h.open(u, number, p)
		for i := range p.steps {
			var before *loggedRow
			if i > 0 {
				before = p.steps[i-1].row
			}
			h.step(c, before, &p.steps[i])
		}
		h.finish(c, p)
		return u.save()
	})
}

// as lets the unit act at a moment of the past for somebody of the log.
func (u *unit) as(person int64, at time.Time) {
	u.actor, u.now = auth.Actor{ID: person, Channel: auth.Import}, at
}

// open makes the incident as it was reported: all that its first row says but the state, which is New.
func (h *historyImport) open(u *unit, number string, p *pastIncident) *change {
	def, row, n := definition(Incident), p.first, h.names
	start, _ := def.State(def.Start)
	opener := cmp.Or(n.personID(row.openedBy), n.personID(row.requester), n.personID(nobody))
	u.as(opener, p.openedAt)
	c := &change{u: u, t: &Ticket{
		Number: number, Kind: Incident, Lifecycle: def.Version, State: start.ID, Phase: start.Phase,
		Title: row.title, Description: row.description, OpenedByID: opener,
		PolicyID: h.policy, Zone: h.m.Dates.Zone, OpenedAt: p.openedAt, UpdatedAt: p.openedAt,
		Source: h.m.Source, ExternalNumber: p.number, Version: 1, Details: new(IncidentDetails),
	}}
	u.changes = append(u.changes, c)
	h.fill(c.t, row)
	c.record(Event{Type: EventOpened, Public: true, Text: openingText(c.t.Title, c.t.Description)})
	return c
}

// fill sets the fields that a row tells. A priority that our matrix does not give is kept, as one that was set by hand.
func (h *historyImport) fill(t *Ticket, row *loggedRow) {
	n := h.names
	t.Channel = row.channel
	t.RequesterID = cmp.Or(n.personID(row.requester), t.OpenedByID)
	t.AffectedID = t.RequesterID
	t.CategoryID, t.TeamID, t.AssigneeID = n.categoryID(row.category, row.subcategory), n.teamID(row.team), n.personID(row.assignee)
	t.Impact, t.Urgency, t.Priority, t.PriorityReason = row.impact, row.urgency, row.priority, ""
	if h.matrix[row.impact-1][row.urgency-1] != row.priority {
		t.PriorityReason = importedPriority
	}
	t.ReopenCount, t.ReassignCount = row.reopened, row.reassigned
}

// step lets one row happen. Neither guards nor required fields apply to the past.
func (h *historyImport) step(c *change, before *loggedRow, s *pastStep) {
	c.u.as(h.names.personID(s.row.by), s.at)
	h.fill(c.t, s.row)
	e := Event{Type: EventChanged, eventBody: eventBody{
		Outside: s.outside, Former: s.former, Logged: keptChanges(h.m.Kept, before, s.row),
	}}
	if !s.at.Equal(s.row.at) {
		e.Logged = append(e.Logged, FieldChange{Field: h.m.Columns["updated_at"], To: s.row.written})
	}
	if s.moved {
		e.Type, e.Public, e.Transition = EventTransition, true, s.transition.ID
		c.enter(s.state, s.reason, s.at)
		h.resolve(c.t, s)
	}
	if s.outside {
		c.t.OutsideLifecycle++
	}
	if s.responded {
		c.respond(&e)
		e.Derived = true
	}
	c.record(e)
}

// resolve gives the end of the work its code and text, and takes them away where the work goes on.
func (h *historyImport) resolve(t *Ticket, s *pastStep) {
	d := t.Incident()
	switch ended := s.state.Phase == lifecycle.Resolved || s.state.Phase == lifecycle.Closed; {
	case !ended:
		d.ResolutionCode, d.Resolution = "", ""
	case d.ResolutionCode == "":
		d.ResolutionCode, d.Resolution = h.m.ResolutionCodes.of(s.row.closingCode), s.row.closingCode
	}
}

// finish says that and how the incident was imported, and passes over every escalation step whose moment has come: it neither is
// carried out now nor when a clock that waits goes on.
func (h *historyImport) finish(c *change, p *pastIncident) {
	last := p.last()
	e := Event{Type: EventImported, eventBody: eventBody{Import: &Imported{
		Source: h.m.Source, Number: p.number, Rows: len(p.steps), Sum: p.sum,
	}}}
	if c.t.Ended() {
		e.Import.Outcome, e.Import.ResolvedBy = outcomeOf(h.m.Outcome, last), h.names.personID(last.resolvedBy)
	} else {
		for _, clock := range c.fold() {
			for _, s := range clock.ReachedSteps(h.now) {
				e.Import.Passed = append(e.Import.Passed, StepFired{
					Clock: string(clock.Name), Cycle: clock.Cycle, Step: s.ID, Do: s.Do, Policy: c.t.PolicyID,
				})
			}
		}
	}
	item := h.names.itemID(last.item)
	if item != 0 {
		c.after = append(c.after, func([]int) error {
			_, err := c.u.tx.ExecContext(c.u.ctx, sqlAddItem, c.t.ID, item)
			return err
		})
	}
	updated := c.t.UpdatedAt
	c.u.as(0, h.now)
	c.record(e)
	c.t.UpdatedAt = updated // the import is nobody's work on it
}

// historyPolicy is the id of the mapping's policy. Where it lacks it is made of the default one, valid since ever.
func (s *Service) historyPolicy(ctx context.Context, m *Mapping, now time.Time) (int64, error) {
	var p Policy
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		// The lock has imports that begin at once make it one after the other.
		if _, err := lockPolicies(ctx, tx); err != nil {
			return err
		}
		list, err := readPolicies(ctx, tx)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(list, func(p Policy) bool { return p.Code == m.Policy.Code }); i >= 0 {
			p = list[i]
			return nil
		}
		if len(list) == 0 || !list[0].Default {
			return fault.New(fault.Unavailable, "itsm.no_policy")
		}
		def := list[0].Definition
		def.Clocks = slices.DeleteFunc(slices.Clone(def.Clocks), func(r sla.Rule) bool { return !slices.Contains(m.Policy.Clocks, r.Clock) })
		if len(def.Clocks) == 0 {
			return fault.New(fault.Unavailable, "itsm.no_policy")
		}
		p = Policy{Code: m.Policy.Code, Name: m.Policy.Name, Active: true, Version: 1, ValidFrom: sinceEver, Definition: def}
		return s.createPolicy(ctx, tx, auth.MachineActor(), now, &p)
	})
	return p.ID, err
}
