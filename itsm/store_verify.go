package itsm

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"opora/internal/db"
)

const (
	sqlLedgerAfter = `SELECT ticket_id, number, count, head, mac FROM ticket_ledger WHERE ticket_id > $1 ORDER BY ticket_id LIMIT $2`
	sqlSealed      = `SELECT e.ticket_id, e.seq, e.at, e.type, coalesce(e.actor_id, 0) AS actor_id, e.public, e.body, e.mac, coalesce(x.text, '') AS text,
  x.salt, x.erased_at FROM ticket_events e LEFT JOIN ticket_texts x ON x.ticket_id = e.ticket_id AND x.seq = e.seq
WHERE e.ticket_id = ANY ($1) ORDER BY e.ticket_id, e.seq`
	sqlTicketsBy    = `SELECT ` + ticketColumns + ` FROM tickets t LEFT JOIN incidents i ON i.ticket_id = t.id`
	sqlStrays       = `SELECT number FROM tickets t WHERE NOT EXISTS (SELECT FROM ticket_ledger l WHERE l.ticket_id = t.id) ORDER BY id LIMIT 1000`
	sqlShards       = `SELECT shard, count, sum, mac FROM ticket_shards`
	sqlLastNumber   = `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM incident_number`
	sqlStoredClocks = `SELECT ticket_id, clock, cycle, state, target_s, used_us, started_at, running_since, due_at, met_at, breached_at, next_at
FROM ticket_clocks WHERE ticket_id = ANY ($1) ORDER BY ticket_id, clock, cycle`
)

type ledgerRow struct {
	TicketID int64  `db:"ticket_id"`
	Number   string `db:"number"`
	Count    int64  `db:"count"`
	Head     []byte `db:"head"`
	Mac      []byte `db:"mac"`
}

type sealedRow struct {
	eventRow
	Salt     []byte     `db:"salt"`
	ErasedAt *time.Time `db:"erased_at"`
}

type shardRow struct {
	Shard int    `db:"shard"`
	Count int64  `db:"count"`
	Sum   []byte `db:"sum"`
	Mac   []byte `db:"mac"`
}

type clockRow struct {
	TicketID     int64      `db:"ticket_id"`
	Clock        string     `db:"clock"`
	Cycle        int        `db:"cycle"`
	State        string     `db:"state"`
	TargetS      int64      `db:"target_s"`
	UsedUs       int64      `db:"used_us"`
	StartedAt    time.Time  `db:"started_at"`
	RunningSince *time.Time `db:"running_since"`
	DueAt        *time.Time `db:"due_at"`
	MetAt        *time.Time `db:"met_at"`
	BreachedAt   *time.Time `db:"breached_at"`
	NextAt       *time.Time `db:"next_at"`
}

func ledgerAfter(ctx context.Context, q db.Q, after int64, limit int) ([]ledgerRow, error) {
	var rows []ledgerRow
	if err := q.SelectContext(ctx, &rows, sqlLedgerAfter, after, limit); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return rows, nil
}

func sealedEvents(ctx context.Context, q db.Q, ids []int64) (map[int64][]sealedRow, error) {
	var rows []sealedRow
	if err := q.SelectContext(ctx, &rows, sqlSealed, pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("sealed events: %w", err)
	}
	out := make(map[int64][]sealedRow, len(ids))
	for _, r := range rows {
		out[r.TicketID] = append(out[r.TicketID], r)
	}
	return out, nil
}

func ticketsWhere(ctx context.Context, q db.Q, add func(w *db.Where), tail string) ([]Ticket, error) {
	var w db.Where
	add(&w)
	var rows []struct {
		Ticket
		IncidentDetails
	}
	if err := q.SelectContext(ctx, &rows, sqlTicketsBy+w.SQL()+tail, w.Args()...); err != nil {
		return nil, fmt.Errorf("tickets: %w", err)
	}
	out := make([]Ticket, len(rows))
	for i := range rows {
		out[i] = rows[i].Ticket
		if out[i].Kind == Incident {
			d := rows[i].IncidentDetails
			out[i].Details = &d
		}
	}
	return out, nil
}

func ticketsByID(ctx context.Context, q db.Q, ids []int64) (map[int64]*Ticket, error) {
	list, err := ticketsWhere(ctx, q, func(w *db.Where) { w.And("t.id = ANY (?)", pq.Array(ids)) }, "")
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*Ticket, len(list))
	for i := range list {
		out[list[i].ID] = &list[i]
	}
	return out, nil
}

func ticketsAfter(ctx context.Context, q db.Q, after int64, limit int) ([]Ticket, error) {
	return ticketsWhere(ctx, q, func(w *db.Where) { w.And("t.id > ?", after) }, fmt.Sprintf(" ORDER BY t.id LIMIT %d", limit))
}

func strayTickets(ctx context.Context, q db.Q) ([]string, error) {
	var out []string
	if err := q.SelectContext(ctx, &out, sqlStrays); err != nil {
		return nil, fmt.Errorf("tickets without ledger: %w", err)
	}
	return out, nil
}

func readShards(ctx context.Context, q db.Q) (map[int]shardRow, error) {
	var rows []shardRow
	if err := q.SelectContext(ctx, &rows, sqlShards); err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	out := make(map[int]shardRow, len(rows))
	for _, r := range rows {
		out[r.Shard] = r
	}
	return out, nil
}

func lastNumber(ctx context.Context, q db.Q) (int64, error) {
	var n int64
	if err := q.GetContext(ctx, &n, sqlLastNumber); err != nil {
		return 0, fmt.Errorf("last number: %w", err)
	}
	return n, nil
}

func storedClocks(ctx context.Context, q db.Q, ids []int64) (map[int64][]clockRow, error) {
	var rows []clockRow
	if err := q.SelectContext(ctx, &rows, sqlStoredClocks, pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("stored clocks: %w", err)
	}
	out := make(map[int64][]clockRow, len(ids))
	for _, r := range rows {
		out[r.TicketID] = append(out[r.TicketID], r)
	}
	return out, nil
}
