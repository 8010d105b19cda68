package itsm

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"opora/internal/db"
	"opora/internal/fault"
)

const ticketColumns = `t.id, t.number, t.kind, t.lifecycle, t.state, t.phase, t.hold_reason, t.title, t.description, t.channel,
  t.requester_id, t.affected_id, t.opened_by_id, coalesce(t.category_id, 0) AS category_id,
  coalesce(t.closing_category_id, 0) AS closing_category_id, coalesce(t.service_id, 0) AS service_id,
  coalesce(t.team_id, 0) AS team_id, coalesce(t.assignee_id, 0) AS assignee_id, coalesce(t.parent_id, 0) AS parent_id,
  coalesce(t.policy_id, 0) AS policy_id, t.zone, t.impact, t.urgency, t.priority, t.priority_reason, t.confidential,
  t.opened_at, t.updated_at, t.responded_at, t.resolved_at, t.closed_at, t.due_clock, t.risk_at, t.due_at,
  t.reopen_count, t.reassign_count, t.outside_lifecycle, coalesce(t.source, '') AS source,
  coalesce(t.external_number, '') AS external_number, t.version,
  coalesce(i.resolution_code, '') AS resolution_code, coalesce(i.resolution, '') AS resolution,
  coalesce(i.cancel_reason, '') AS cancel_reason`

const (
	sqlLock = `SELECT ` + ticketColumns + `, l.count, l.head
FROM tickets t JOIN ticket_ledger l ON l.ticket_id = t.id LEFT JOIN incidents i ON i.ticket_id = t.id`
	sqlLockEnd = ` ORDER BY t.id FOR UPDATE OF t, l`
	// Read after the lock is held: a statement that waited for a lock sees the locked row as it is, but all else as it was before.
	sqlBeside = `SELECT x.id, (SELECT count(*) FROM ticket_tasks k WHERE k.ticket_id = x.id AND k.state = 'open') AS open_tasks,
  EXISTS (SELECT FROM ticket_participants p WHERE p.ticket_id = x.id AND p.person_id = $2) AS participant,
  (` + sqlStamp + `) AS stamp
FROM unnest(CAST($1 AS bigint[])) AS x (id)`

	sqlNumber = `SELECT nextval('incident_number')`

	sqlInsertTicket = `INSERT INTO tickets (number, kind, lifecycle, state, phase, hold_reason, title, description, channel,
  requester_id, affected_id, opened_by_id, category_id, closing_category_id, service_id, team_id, assignee_id, parent_id, policy_id, zone,
  impact, urgency, priority, priority_reason, confidential, opened_at, updated_at, responded_at, resolved_at, closed_at,
  due_clock, risk_at, due_at, reopen_count, reassign_count, outside_lifecycle, source, external_number, version)
VALUES (:number, :kind, :lifecycle, :state, :phase, :hold_reason, :title, :description, :channel,
  :requester_id, :affected_id, :opened_by_id, NULLIF(:category_id, 0), NULLIF(:closing_category_id, 0), NULLIF(:service_id, 0),
  NULLIF(:team_id, 0), NULLIF(:assignee_id, 0), NULLIF(:parent_id, 0), NULLIF(:policy_id, 0), :zone,
  :impact, :urgency, :priority, :priority_reason, :confidential, :opened_at, :updated_at, :responded_at, :resolved_at, :closed_at,
  :due_clock, :risk_at, :due_at, :reopen_count, :reassign_count, :outside_lifecycle, NULLIF(:source, ''), NULLIF(:external_number, ''), :version)
RETURNING id`

	sqlUpdateTicket = `UPDATE tickets SET state = :state, phase = :phase, hold_reason = :hold_reason, channel = :channel,
  requester_id = :requester_id, affected_id = :affected_id, category_id = NULLIF(:category_id, 0),
  closing_category_id = NULLIF(:closing_category_id, 0), service_id = NULLIF(:service_id, 0), team_id = NULLIF(:team_id, 0),
  assignee_id = NULLIF(:assignee_id, 0), parent_id = NULLIF(:parent_id, 0), policy_id = NULLIF(:policy_id, 0), zone = :zone,
  impact = :impact, urgency = :urgency, priority = :priority, priority_reason = :priority_reason, confidential = :confidential,
  updated_at = :updated_at, responded_at = :responded_at, resolved_at = :resolved_at, closed_at = :closed_at,
  due_clock = :due_clock, risk_at = :risk_at, due_at = :due_at, reopen_count = :reopen_count, reassign_count = :reassign_count,
  outside_lifecycle = :outside_lifecycle, version = :version
WHERE id = :id AND version < :version`
	// Apart, since the words for the search are made anew with them.
	sqlUpdateText = `UPDATE tickets SET title = $2, description = $3 WHERE id = $1`

	sqlPutIncident = `INSERT INTO incidents (ticket_id, resolution_code, resolution, cancel_reason)
VALUES ($1, $2, $3, $4) ON CONFLICT (ticket_id) DO UPDATE
SET resolution_code = excluded.resolution_code, resolution = excluded.resolution, cancel_reason = excluded.cancel_reason`
)

// lockedRow is a ticket with what a write needs to know beside it.
type lockedRow struct {
	Ticket
	IncidentDetails
	Count int64  `db:"count"`
	Head  []byte `db:"head"`
	beside
}

type beside struct {
	OpenTasks   int   `db:"open_tasks"`
	Participant bool  `db:"participant"`
	Stamp       int64 `db:"stamp"`
}

func (r *lockedRow) ticket() *Ticket {
	t := r.Ticket
	if t.Kind == Incident {
		d := r.IncidentDetails
		t.Details = &d
	}
	return &t
}

// lock reads the tickets that meet the conditions and locks them, in the order of their ids so that two writers cannot
// wait for each other.
func lock(ctx context.Context, tx *sqlx.Tx, actorID int64, add func(w *db.Where)) ([]lockedRow, error) {
	var w db.Where
	add(&w)
	var rows []lockedRow
	if err := tx.SelectContext(ctx, &rows, sqlLock+w.SQL()+sqlLockEnd, w.Args()...); err != nil {
		return nil, fmt.Errorf("lock tickets: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	var more []struct {
		ID int64 `db:"id"`
		beside
	}
	if err := tx.SelectContext(ctx, &more, sqlBeside, pq.Array(ids), actorID); err != nil {
		return nil, fmt.Errorf("lock tickets: %w", err)
	}
	for i := range rows {
		for _, m := range more {
			if m.ID == rows[i].ID {
				rows[i].beside = m.beside
			}
		}
	}
	return rows, nil
}

func nextNumber(ctx context.Context, tx *sqlx.Tx) (string, error) {
	var n int64
	if err := tx.GetContext(ctx, &n, sqlNumber); err != nil {
		return "", fmt.Errorf("number: %w", err)
	}
	return ticketNumber(n), nil
}

// ticketNumber is the number that an incident with the n-th place in the sequence has.
func ticketNumber(n int64) string { return fmt.Sprintf("%s-%06d", kinds[Incident].prefix, n) }

// putTicket inserts a new ticket (before is nil) or updates a locked one, and its details where they differ.
func putTicket(ctx context.Context, tx *sqlx.Tx, before, t *Ticket) error {
	if before == nil {
		query, args, err := tx.BindNamed(sqlInsertTicket, t)
		if err != nil {
			return fmt.Errorf("insert ticket: %w", err)
		}
		if err := tx.GetContext(ctx, &t.ID, query, args...); err != nil {
			return mapTicketError(err)
		}
	} else {
		res, err := tx.NamedExecContext(ctx, sqlUpdateTicket, t)
		if err := db.Affected(res, err, fault.New(fault.Conflict, "itsm.stale")); err != nil {
			return mapTicketError(err)
		}
		if before.Title != t.Title || before.Description != t.Description {
			if _, err := tx.ExecContext(ctx, sqlUpdateText, t.ID, t.Title, t.Description); err != nil {
				return fmt.Errorf("save ticket: %w", err)
			}
		}
	}
	if d := t.Incident(); d != nil && (before == nil || *d != *before.Incident()) {
		if _, err := tx.ExecContext(ctx, sqlPutIncident, t.ID, d.ResolutionCode, d.Resolution, d.CancelReason); err != nil {
			return fmt.Errorf("incident details: %w", err)
		}
	}
	return nil
}

// mapTicketError says which field of the input a constraint refused.
func mapTicketError(err error) error {
	for constraint, field := range map[string]string{
		"tickets_requester_fkey": "requester", "tickets_affected_fkey": "affected", "tickets_category_fkey": "category",
		"tickets_closing_category_fkey": "closing_category", "tickets_service_fkey": "service", "tickets_team_fkey": "team",
		"tickets_assignee_fkey": "assignee", "tickets_parent_fkey": "parent",
	} {
		if db.Violated(err, constraint) {
			var f fault.Fields
			f.Add(field, "itsm.unknown_choice")
			return f.Err()
		}
	}
	if db.Violated(err, "tickets_external_key") {
		return fault.Wrap(err, fault.Conflict, "itsm.imported_already")
	}
	return fmt.Errorf("save ticket: %w", err)
}

// References that a write looks up.
const (
	sqlServiceRef = `SELECT i.id, coalesce(i.policy_id, 0) AS policy_id, i.timezone, coalesce(i.team_id, 0) AS team_id, i.criticality, i.active
FROM items i WHERE i.id = $1 AND i.class = 'service'`
	sqlCategoryRef = `SELECT id, coalesce(team_id, 0) AS team_id, confidential, portal, active FROM categories WHERE id = $1`
	sqlPersonRef   = `SELECT p.id, p.active AND p.kind = 'person' AS active, coalesce(s.timezone, '') AS zone
FROM people p LEFT JOIN sites s ON s.id = p.site_id WHERE p.id = $1`
	sqlTeamRef     = `SELECT id, coalesce(lead_id, 0) AS lead_id FROM teams WHERE id = $1 AND active`
	sqlIsMember    = `SELECT EXISTS (SELECT FROM team_members WHERE team_id = $1 AND person_id = $2)`
	sqlSharesTeam  = `SELECT EXISTS (SELECT FROM team_members WHERE person_id = $1 AND team_id = ANY ($2))`
	sqlMayWork     = `SELECT EXISTS (SELECT FROM person_roles WHERE person_id = $1 AND role = ANY ($2))`
	sqlMembers     = `SELECT DISTINCT m.person_id FROM team_members m JOIN people p ON p.id = m.person_id AND p.active WHERE m.team_id = $1`
	sqlFollowers   = `SELECT person_id FROM ticket_participants WHERE ticket_id = $1`
	sqlHasChildren = `SELECT EXISTS (SELECT FROM tickets WHERE parent_id = $1)`
	// An employee names services, and devices of his own or of the one affected.
	sqlForeignItems = `SELECT EXISTS (SELECT FROM unnest(CAST($1 AS bigint[])) AS x (id)
  WHERE NOT EXISTS (SELECT FROM items i WHERE i.id = x.id AND i.active AND (i.class = 'service' OR i.owner_id IN ($2, $3))))`
	sqlMatrix = `SELECT priority FROM priority_matrix WHERE impact = $1 AND urgency = $2`
)

type serviceRef struct {
	ID          int64  `db:"id"`
	PolicyID    int64  `db:"policy_id"`
	Zone        string `db:"timezone"`
	TeamID      int64  `db:"team_id"`
	Criticality int    `db:"criticality"`
	Active      bool   `db:"active"`
}

type categoryRef struct {
	ID           int64 `db:"id"`
	TeamID       int64 `db:"team_id"`
	Confidential bool  `db:"confidential"`
	Portal       bool  `db:"portal"`
	Active       bool  `db:"active"`
}

type personRef struct {
	ID     int64  `db:"id"`
	Active bool   `db:"active"`
	Zone   string `db:"zone"`
}

type teamRef struct {
	ID     int64 `db:"id"`
	LeadID int64 `db:"lead_id"`
}

// ref reads one referenced row; ok is false when there is none.
func ref[T any](ctx context.Context, q db.Q, query string, args ...any) (row T, ok bool, err error) {
	var rows []T
	if err := q.SelectContext(ctx, &rows, query, args...); err != nil {
		return row, false, fmt.Errorf("look up: %w", err)
	}
	if len(rows) == 0 {
		return row, false, nil
	}
	return rows[0], true, nil
}

func ids(ctx context.Context, q db.Q, query string, args ...any) ([]int64, error) {
	var out []int64
	if err := q.SelectContext(ctx, &out, query, args...); err != nil {
		return nil, fmt.Errorf("look up: %w", err)
	}
	return out, nil
}

const (
	sqlAddParticipant  = `INSERT INTO ticket_participants (ticket_id, person_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	sqlDropParticipant = `DELETE FROM ticket_participants WHERE ticket_id = $1 AND person_id = $2`
	sqlAddItem         = `INSERT INTO ticket_items (ticket_id, item_id) SELECT $1, id FROM items WHERE id = $2 AND active ON CONFLICT DO NOTHING`
	sqlDropItem        = `DELETE FROM ticket_items WHERE ticket_id = $1 AND item_id = $2`
	sqlAddTask         = `INSERT INTO ticket_tasks (ticket_id, title, team_id, assignee_id, created_at)
VALUES ($1, $2, NULLIF($3, 0), NULLIF($4, 0), $5) RETURNING id`
	sqlEndTask  = `UPDATE ticket_tasks SET state = $3, ended_at = $4 WHERE id = $1 AND ticket_id = $2 AND state = 'open'`
	sqlAddLink  = `INSERT INTO ticket_links (from_id, to_id, type) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	sqlDropLink = `DELETE FROM ticket_links WHERE id = $1 AND (from_id, to_id) IN (($2, $3), ($3, $2)) RETURNING type`
	sqlUseFiles = `UPDATE attachments SET ticket_id = $1, seq = $2 WHERE token = ANY ($3) AND uploaded_by = $4 AND ticket_id IS NULL`
)

// useFiles hangs uploads of the actor on an event of the ticket. Somebody else's, a used or an unknown one is refused whole.
func useFiles(ctx context.Context, tx *sqlx.Tx, t *Ticket, seq int, actorID int64, tokens []string) error {
	if len(tokens) == 0 {
		return nil
	}
	res, err := tx.ExecContext(ctx, sqlUseFiles, t.ID, seq, pq.Array(tokens), actorID)
	if err != nil {
		return fmt.Errorf("use files: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != int64(len(tokens)) {
		var f fault.Fields
		f.Add("files", "itsm.unknown_file")
		return f.Err()
	}
	return nil
}
