package web

import (
	"time"

	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
	"opora/workflows/lifecycle"
)

// deskRow is a ticket in a list of the desk.
type deskRow struct {
	templates.Reader
	ID           int64
	Version      int
	Number       string
	Title        string
	Href         string // its page
	Pane         string // address that shows it beside the list; "" where there is no pane
	Renew        string // address of the row alone
	Priority     templates.Priority
	State        templates.State
	Clock        templates.Clock // State "" for none
	Hold         string          // what a paused one waits for, if not for the caller
	EndedAt      time.Time
	Requester    string
	Who          templates.Person // Name "" for nobody yet
	OpenedAt     time.Time
	Confidential bool
	Current      bool
}

// deskRows makes the rows of a list. q is the list that they stand in, nil for one without a pane.
func (r *req) deskRows(list []itsm.Row, names priorityNames, q *queueQuery) []deskRow {
	out := make([]deskRow, len(list))
	for i := range list {
		out[i] = r.deskRow(&list[i], names, q)
	}
	return out
}

func (r *req) deskRow(row *itsm.Row, names priorityNames, q *queueQuery) deskRow {
	out := deskRow{
		Reader: templates.Reader{P: r.P, Now: r.Now}, ID: row.ID, Version: row.Version, Number: row.Number, Title: row.Title,
		Href: ticketHref(row.Number), Renew: ticketHref(row.Number) + "/row",
		Priority:  templates.Priority{Level: row.Priority, Label: names.label(r.P, row.Priority)},
		State:     templates.State{Phase: string(row.Phase), Label: row.StateName().In(r.P.Lang)},
		Requester: row.Requester, Who: templates.Person{ID: row.AssigneeID, Name: row.Assignee}, OpenedAt: row.OpenedAt,
		Confidential: row.Confidential,
	}
	if q != nil {
		out.Pane, out.Renew = q.href("ticket", row.Number), out.Renew+"?"+q.encode()
		out.Current = q.Ticket == row.Number
	}
	switch {
	case row.Phase == lifecycle.Paused:
		out.Clock = templates.Clock{State: "paused"}
		if row.AwaitsCaller() {
			out.Clock.Waiting = row.Requester
		} else {
			out.Hold = row.HoldName().In(r.P.Lang)
		}
	case row.ResolvedAt != nil:
		out.EndedAt = *row.ResolvedAt
	case row.DueAt != nil && !row.DueAt.After(r.Now):
		out.Clock = templates.Clock{State: "breached", Due: *row.DueAt}
	case row.DueAt != nil && row.RiskAt != nil && !row.RiskAt.After(r.Now):
		out.Clock = templates.Clock{State: "risk", Due: *row.DueAt}
	case row.DueAt != nil:
		out.Clock = templates.Clock{State: "running", Due: *row.DueAt}
	}
	out.Clock.Reader, out.Clock.Short = out.Reader, true
	return out
}

// Waits is the clock in whole words, for where there is room.
func (d deskRow) Waits() templates.Clock {
	c := d.Clock
	c.Short, c.Name = false, d.Hold
	return c
}

// priorityNames are the names of the levels, by level.
type priorityNames map[int]locale.Text

func (n priorityNames) label(p *locale.Printer, level int) string {
	return p.T("desk.priority", "Level", level, "Name", n[level])
}

func (r *req) priorityNames() (priorityNames, error) {
	list, err := r.s.lists.priorities.get(r.Now, func() ([]itsm.Priority, error) { return r.s.desk.Priorities(r.Ctx(), r.Actor) })
	if err != nil {
		return nil, err
	}
	out := make(priorityNames, len(list))
	for _, p := range list {
		out[p.Level] = p.Name
	}
	return out, nil
}

func ticketHref(number string) string { return "/desk/incidents/" + number }
