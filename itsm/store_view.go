package itsm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"golang.org/x/sync/errgroup"

	"opora/auth"
	"opora/internal/db"
	"opora/internal/fault"
	"opora/internal/locale"
)

const contactColumns = `id, name, login, mail, phone, title, department, location, active`

const (
	sqlView = `SELECT ` + ticketColumns + `, EXISTS (SELECT FROM ticket_participants p WHERE p.ticket_id = t.id AND p.person_id = $1) AS participant
FROM tickets t LEFT JOIN incidents i ON i.ticket_id = t.id`
	sqlNumberVisible = `SELECT count(*) FROM tickets t`
	sqlTasks         = `SELECT k.id, k.ticket_id, k.title, k.state, coalesce(k.team_id, 0) AS team_id, coalesce(k.assignee_id, 0) AS assignee_id,
  coalesce(p.name, '') AS assignee, k.created_at, k.ended_at
FROM ticket_tasks k LEFT JOIN people p ON p.id = k.assignee_id WHERE k.ticket_id = $1 ORDER BY k.id`
	sqlFollowing = `SELECT ` + contactColumns + ` FROM people WHERE id IN (SELECT person_id FROM ticket_participants WHERE ticket_id = $1) ORDER BY name`
	sqlItems     = `SELECT i.id, i.class, i.name, i.tag FROM ticket_items x JOIN items i ON i.id = x.item_id WHERE x.ticket_id = $1 ORDER BY i.id`
	sqlFiles     = `SELECT token, seq, name, size, mime, uploaded_by, uploaded_at FROM attachments WHERE ticket_id = $1 ORDER BY uploaded_at, token`
	sqlRelated   = `SELECT k.id AS link_id, k.type, k.to_id = $1 AS inverse, t.number, t.title, t.kind, t.state, t.phase, t.opened_at
FROM ticket_links k JOIN tickets t ON t.id = CASE WHEN k.from_id = $1 THEN k.to_id ELSE k.from_id END`
	sqlKin = `SELECT 0 AS link_id, CASE WHEN t.parent_id = $1 THEN 'child' ELSE 'parent' END AS type, FALSE AS inverse,
  t.number, t.title, t.kind, t.state, t.phase, t.opened_at FROM tickets t`

	sqlPeopleNames = `SELECT ` + contactColumns + ` FROM people WHERE id = ANY ($1)`
	// Every name that a ticket needs beside people's, in one statement; a category comes as the parts of its path, the outermost first.
	sqlNames = `WITH RECURSIVE up AS (
  SELECT id, id AS leaf, parent_id, name, 1 AS depth FROM categories WHERE id = ANY ($2)
  UNION ALL SELECT c.id, u.leaf, c.parent_id, c.name, u.depth + 1 FROM categories c JOIN up u ON c.id = u.parent_id WHERE u.depth < 10)
SELECT 'team' AS sort, id, name, 0 AS depth FROM teams WHERE id = ANY ($1)
UNION ALL SELECT 'category', leaf, name, depth FROM up
UNION ALL SELECT 'item', id, name, 0 FROM items WHERE id = ANY ($3)
UNION ALL SELECT 'priority', level, name, 0 FROM priorities
ORDER BY sort, id, depth DESC`
	sqlTicketNumbers = `SELECT t.id, t.number FROM tickets t`

	sqlLive = `SELECT t.id, t.number, t.version FROM tickets t`

	sqlAddAttachment = `INSERT INTO attachments (token, name, size, mime, sha256, uploaded_by, uploaded_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	sqlOwnUpload     = `SELECT token, coalesce(seq, 0) AS seq, name, size, mime, uploaded_by, uploaded_at FROM attachments
WHERE token = $1 AND uploaded_by = $2 AND ticket_id IS NULL`
	sqlAttachment = `SELECT a.token, a.seq, a.name, a.size, a.mime, a.uploaded_by, a.uploaded_at, e.public, ` + ticketColumns + `
FROM attachments a JOIN tickets t ON t.id = a.ticket_id LEFT JOIN incidents i ON i.ticket_id = t.id
JOIN ticket_events e ON e.ticket_id = a.ticket_id AND e.seq = a.seq`
	sqlDropUnused = `DELETE FROM attachments WHERE ticket_id IS NULL AND uploaded_at < $1 RETURNING token`
)

func readView(ctx context.Context, q db.Q, actor auth.Actor, number string) (*View, error) {
	var w db.Where
	w.Arg(actor.ID)
	w.And("t.number = ?", number)
	visible(&w, actor)
	var row struct {
		Ticket
		IncidentDetails
		Participant bool `db:"participant"`
	}
	if err := q.GetContext(ctx, &row, sqlView+w.SQL(), w.Args()...); err != nil {
		return nil, db.One(err, "itsm.no_ticket")
	}
	v := &View{Ticket: row.Ticket}
	if row.Kind == Incident {
		v.Details = &row.IncidentDetails
	}
	v.Who = relations(actor, &v.Ticket, row.Participant)
	return v, nil
}

// readParts reads what belongs to the ticket; internal says whether with notes, tasks and links. What does not build on each other
// is read side by side: q is the pool.
func readParts(ctx context.Context, q *db.DB, actor auth.Actor, v *View, internal bool) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := readEvents(ctx, q, v, internal); err != nil {
			return err
		}
		return v.name(ctx, q, actor)
	})
	g.Go(func() error {
		if err := q.SelectContext(ctx, &v.Participants, sqlFollowing, v.ID); err != nil {
			return fmt.Errorf("participants: %w", err)
		}
		if err := q.SelectContext(ctx, &v.Items, sqlItems, v.ID); err != nil {
			return fmt.Errorf("items: %w", err)
		}
		if !internal {
			return nil
		}
		if err := q.SelectContext(ctx, &v.Tasks, sqlTasks, v.ID); err != nil {
			return fmt.Errorf("tasks: %w", err)
		}
		return related(ctx, q, actor, v)
	})
	return g.Wait()
}

func readEvents(ctx context.Context, q db.Q, v *View, internal bool) error {
	var rows []eventRow
	if err := q.SelectContext(ctx, &rows, sqlEventsText, v.ID, internal); err != nil {
		return fmt.Errorf("events: %w", err)
	}
	var files []Attachment
	if err := q.SelectContext(ctx, &files, sqlFiles, v.ID); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	bySeq := make(map[int][]Attachment)
	for _, f := range files {
		bySeq[f.Seq] = append(bySeq[f.Seq], f)
	}
	for _, r := range rows {
		e, err := decodeEvent(r)
		if err != nil {
			return err
		}
		v.Events = append(v.Events, EventView{Event: e, Files: bySeq[e.Seq]})
		v.Files = append(v.Files, bySeq[e.Seq]...)
	}
	return nil
}

func related(ctx context.Context, q db.Q, actor auth.Actor, v *View) error {
	var w db.Where
	w.Arg(v.ID)
	w.And("(k.from_id = $1 OR k.to_id = $1)")
	visible(&w, actor)
	if err := q.SelectContext(ctx, &v.Links, sqlRelated+w.SQL()+" ORDER BY k.id LIMIT 100", w.Args()...); err != nil {
		return fmt.Errorf("links: %w", err)
	}
	var k db.Where
	k.Arg(v.ID)
	k.And("(t.parent_id = $1 OR t.id = ?)", v.ParentID)
	visible(&k, actor)
	var kin []Related
	if err := q.SelectContext(ctx, &kin, sqlKin+k.SQL()+" ORDER BY t.id LIMIT 51", k.Args()...); err != nil {
		return fmt.Errorf("parent and children: %w", err)
	}
	for _, r := range kin {
		if r.Type == "parent" {
			v.Parent = &r
		} else {
			v.Children = append(v.Children, r)
		}
	}
	return nil
}

// name resolves every id that the ticket and its events mention.
func (v *View) name(ctx context.Context, q db.Q, actor auth.Actor) error {
	want := map[string][]int64{
		"person": {v.RequesterID, v.AffectedID, v.OpenedByID, v.AssigneeID}, "team": {v.TeamID},
		"category": {v.CategoryID, v.ClosingCategoryID}, "item": {v.ServiceID}, "ticket": {v.ParentID},
	}
	sort := map[string]string{
		"requester": "person", "affected": "person", "assignee": "person", "team": "team", "category": "category",
		"closing_category": "category", "service": "item", "parent": "ticket",
	}
	for _, e := range v.Events {
		want["person"] = append(want["person"], e.ActorID)
		for _, c := range e.Changes {
			if s, ok := sort[c.Field]; ok {
				for _, text := range []string{c.From, c.To} {
					if id, err := strconv.ParseInt(text, 10, 64); err == nil {
						want[s] = append(want[s], id)
					}
				}
			}
		}
		id, err := strconv.ParseInt(e.Ref, 10, 64)
		switch {
		case err != nil:
		case e.Type == EventParticipant:
			want["person"] = append(want["person"], id)
		case e.Type == EventItem:
			want["item"] = append(want["item"], id)
		}
	}
	var people []Contact
	if err := q.SelectContext(ctx, &people, sqlPeopleNames, idArray(want["person"])); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	v.Names.People = make(map[int64]string, len(people))
	for _, p := range people {
		v.Names.People[p.ID] = p.Name
		if p.ID == v.RequesterID {
			v.Requester = p
		}
		if p.ID == v.AffectedID {
			v.Affected = p
		}
	}
	if err := v.numberTickets(ctx, q, actor, want["ticket"]); err != nil {
		return err
	}
	var names []struct {
		Sort  string      `db:"sort"`
		ID    int64       `db:"id"`
		Name  locale.Text `db:"name"`
		Depth int         `db:"depth"`
	}
	if err := q.SelectContext(ctx, &names, sqlNames, idArray(want["team"]), idArray(want["category"]), idArray(want["item"])); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	v.Names.Teams, v.Names.Categories = map[int64]locale.Text{}, map[int64]locale.Text{}
	v.Names.Items, v.Names.Priorities = map[int64]locale.Text{}, map[int64]locale.Text{}
	for _, n := range names {
		switch n.Sort {
		case "team":
			v.Names.Teams[n.ID] = n.Name
		case "category":
			v.Names.Categories[n.ID] = within(v.Names.Categories[n.ID], n.Name)
		case "item":
			v.Names.Items[n.ID] = n.Name
		case "priority":
			v.Names.Priorities[n.ID] = n.Name
		}
	}
	v.OpenedBy, v.Assignee = v.Names.People[v.OpenedByID], v.Names.People[v.AssigneeID]
	v.Team, v.Category, v.Service = v.Names.Teams[v.TeamID], v.Names.Categories[v.CategoryID], v.Names.Items[v.ServiceID]
	for i := range v.Events {
		v.Events[i].Actor = v.Names.People[v.Events[i].ActorID]
	}
	return nil
}

func idArray(list []int64) any {
	slices.Sort(list)
	return pq.Array(slices.Compact(list))
}

// numberTickets names the other tickets that the events mention, as far as the actor sees them.
func (v *View) numberTickets(ctx context.Context, q db.Q, actor auth.Actor, ids []int64) error {
	v.Names.Tickets = map[int64]string{}
	if ids = slices.DeleteFunc(ids, func(id int64) bool { return id == 0 }); len(ids) == 0 {
		return nil
	}
	var w db.Where
	w.And("t.id = ANY (?)", idArray(ids))
	visible(&w, actor)
	var rows []struct {
		ID     int64  `db:"id"`
		Number string `db:"number"`
	}
	if err := q.SelectContext(ctx, &rows, sqlTicketNumbers+w.SQL(), w.Args()...); err != nil {
		return fmt.Errorf("numbers: %w", err)
	}
	for _, r := range rows {
		v.Names.Tickets[r.ID] = r.Number
	}
	return nil
}

// within is the path of an inner name in an outer one.
func within(outer, inner locale.Text) locale.Text {
	if outer.Empty() {
		return inner
	}
	return locale.Text{En: outer.In("en") + " › " + inner.In("en"), Ru: outer.In("ru") + " › " + inner.In("ru"), Uk: outer.In("uk") + " › " + inner.In("uk")}
}

func numberVisible(ctx context.Context, q db.Q, actor auth.Actor, number string) (bool, error) {
	var w db.Where
	w.And("t.number = ?", number)
	visible(&w, actor)
	var n int
	if err := q.GetContext(ctx, &n, sqlNumberVisible+w.SQL(), w.Args()...); err != nil {
		return false, fmt.Errorf("find number: %w", err)
	}
	return n == 1, nil
}

// LiveTicket is what a live page is told of a ticket.
type LiveTicket struct {
	ID      int64  `db:"id" json:"id"`
	Number  string `db:"number" json:"number"`
	Version int    `db:"version" json:"version"`
}

// VisibleOf returns those of the tickets that the actor sees: what a live stream may name to him.
func (s *Service) VisibleOf(ctx context.Context, actor auth.Actor, tickets []int64) ([]LiveTicket, error) {
	var w db.Where
	w.And("t.id = ANY (?)", pq.Array(tickets))
	visible(&w, actor)
	var out []LiveTicket
	if err := s.db.SelectContext(ctx, &out, sqlLive+w.SQL(), w.Args()...); err != nil {
		return nil, fmt.Errorf("visible tickets: %w", err)
	}
	return out, nil
}

func addAttachment(ctx context.Context, q db.Q, a Attachment, sum []byte) error {
	if _, err := q.ExecContext(ctx, sqlAddAttachment, a.Token, a.Name, a.Size, a.MIME, sum, a.UploadedBy, a.UploadedAt); err != nil {
		return fmt.Errorf("add attachment: %w", err)
	}
	return nil
}

func readAttachment(ctx context.Context, q db.Q, actor auth.Actor, token string) (Attachment, error) {
	var own Attachment
	err := q.GetContext(ctx, &own, sqlOwnUpload, token, actor.ID)
	if err == nil {
		return own, nil
	}
	var w db.Where
	w.And("a.token = ?", token)
	visible(&w, actor)
	var row struct {
		Attachment
		Ticket
		IncidentDetails
		Public bool `db:"public"`
	}
	if err := q.GetContext(ctx, &row, sqlAttachment+w.SQL(), w.Args()...); err != nil {
		return Attachment{}, db.One(err, "files.gone")
	}
	if !row.Public && !staffFor(actor, &row.Ticket) && !actor.Can(auth.ReadAllTickets) {
		return Attachment{}, fault.New(fault.NotFound, "files.gone")
	}
	return row.Attachment, nil
}

func dropUnused(ctx context.Context, tx *sqlx.Tx, before time.Time) ([]string, error) {
	var tokens []string
	if err := tx.SelectContext(ctx, &tokens, sqlDropUnused, before); err != nil {
		return nil, fmt.Errorf("unused uploads: %w", err)
	}
	return tokens, nil
}
