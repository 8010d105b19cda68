package itsm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"opora/internal/audit"
	"opora/internal/db"
)

type eventRow struct {
	TicketID int64     `db:"ticket_id"`
	Seq      int       `db:"seq"`
	At       time.Time `db:"at"`
	Type     string    `db:"type"`
	ActorID  int64     `db:"actor_id"`
	Public   bool      `db:"public"`
	Body     string    `db:"body"`
	Text     string    `db:"text"`
	Mac      []byte    `db:"mac"`
}

const (
	sqlEventsBare = `SELECT ticket_id, seq, at, type, coalesce(actor_id, 0) AS actor_id, public, body, '' AS text
FROM ticket_events WHERE ticket_id = ANY ($1) ORDER BY ticket_id, seq`
	sqlEventsText = `SELECT e.ticket_id, e.seq, e.at, e.type, coalesce(e.actor_id, 0) AS actor_id, e.public, e.body, coalesce(x.text, '') AS text
FROM ticket_events e LEFT JOIN ticket_texts x ON x.ticket_id = e.ticket_id AND x.seq = e.seq
WHERE e.ticket_id = $1 AND (e.public OR $2) ORDER BY e.seq`

	sqlAddEvents = `INSERT INTO ticket_events (ticket_id, seq, at, type, actor_id, public, body, mac)
SELECT * FROM unnest(CAST($1 AS bigint[]), CAST($2 AS integer[]), CAST($3 AS timestamptz[]), CAST($4 AS text[]), CAST($5 AS bigint[]),
  CAST($6 AS boolean[]), CAST($7 AS text[]), CAST($8 AS bytea[]))`
	sqlAddTexts = `INSERT INTO ticket_texts (ticket_id, seq, salt, text)
SELECT * FROM unnest(CAST($1 AS bigint[]), CAST($2 AS integer[]), CAST($3 AS bytea[]), CAST($4 AS text[]))`
	sqlAddLedger = `INSERT INTO ticket_ledger (ticket_id, number, count, head, mac)
SELECT * FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[]), CAST($3 AS integer[]), CAST($4 AS bytea[]), CAST($5 AS bytea[]))`
	sqlMoveLedger = `UPDATE ticket_ledger l SET count = n.count, head = n.head, mac = n.mac
FROM unnest(CAST($1 AS bigint[]), CAST($2 AS integer[]), CAST($3 AS integer[]), CAST($4 AS bytea[]), CAST($5 AS bytea[]))
  AS n (ticket_id, was, count, head, mac)
WHERE l.ticket_id = n.ticket_id AND l.count = n.was`
	sqlShardInit = `INSERT INTO ticket_shards (shard, count, sum, mac) VALUES ($1, 0, $2, $3) ON CONFLICT (shard) DO NOTHING`
	sqlShardLock = `SELECT count, sum FROM ticket_shards WHERE shard = $1 FOR UPDATE`
	sqlShardMove = `UPDATE ticket_shards SET count = $2, sum = $3, mac = $4 WHERE shard = $1 AND count = $5`
)

// eventsOf reads the events of the tickets without their texts, in order, by ticket.
func eventsOf(ctx context.Context, q db.Q, tickets []int64) (map[int64][]Event, error) {
	var rows []eventRow
	if err := q.SelectContext(ctx, &rows, sqlEventsBare, pq.Array(tickets)); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	out := make(map[int64][]Event, len(tickets))
	for _, r := range rows {
		e, err := decodeEvent(r)
		if err != nil {
			return nil, err
		}
		out[r.TicketID] = append(out[r.TicketID], e)
	}
	return out, nil
}

// saveEvents seals and stores the new events of the changes, their texts and the ledger.
func saveEvents(ctx context.Context, tx *sqlx.Tx, key audit.Key, changes []*change) error {
	var (
		tickets, actors pq.Int64Array
		seqs            []int32
		times           []time.Time
		types, bodies   pq.StringArray
		public          pq.BoolArray
		macs            pq.ByteaArray
		textTickets     pq.Int64Array
		textSeqs        []int32
		salts           pq.ByteaArray
		texts           pq.StringArray
		old, fresh      ledgerRows
	)
	for _, c := range changes {
		head, count := c.head, c.count
		for i := range c.events {
			e := &c.events[i]
			count++
			e.TicketID, e.Seq = c.t.ID, int(count)
			if e.Text != "" {
				salt := make([]byte, 16)
				rand.Read(salt)
				sum := sha256.Sum256(append(salt[:len(salt):len(salt)], e.Text...))
				e.Digest = hex.EncodeToString(sum[:])
				textTickets, textSeqs = append(textTickets, c.t.ID), append(textSeqs, int32(e.Seq))
				salts, texts = append(salts, salt), append(texts, e.Text)
			}
			body, err := e.canonical(c.t.Number)
			if err != nil {
				return fmt.Errorf("seal event: %w", err)
			}
			head = key.Seal(c.t.Number, head, body)
			tickets, actors = append(tickets, c.t.ID), append(actors, e.ActorID)
			seqs = append(seqs, int32(e.Seq))
			times, types, bodies = append(times, e.At), append(types, string(e.Type)), append(bodies, body)
			public, macs = append(public, e.Public), append(macs, head)
		}
		l := &old
		if c.before == nil {
			l = &fresh
		}
		l.add(c.t, c.count, count, head, key.Ledger(c.t.Number, count, head))
	}
	actorsOrNull := make([]sql.NullInt64, len(actors))
	for i, a := range actors {
		actorsOrNull[i] = sql.NullInt64{Int64: a, Valid: a != 0}
	}
	if _, err := tx.ExecContext(ctx, sqlAddEvents, tickets, pq.Array(seqs), pq.Array(times), types, pq.Array(actorsOrNull), public, bodies, macs); err != nil {
		return fmt.Errorf("add events: %w", err)
	}
	if len(texts) > 0 {
		if _, err := tx.ExecContext(ctx, sqlAddTexts, textTickets, pq.Array(textSeqs), salts, texts); err != nil {
			return fmt.Errorf("add texts: %w", err)
		}
	}
	if len(old.ids) > 0 {
		res, err := tx.ExecContext(ctx, sqlMoveLedger, old.ids, pq.Array(old.was), pq.Array(old.counts), old.heads, old.macs)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != int64(len(old.ids)) {
			return fmt.Errorf("ledger: %d of %d rows moved, %w", n, len(old.ids), err)
		}
	}
	if len(fresh.ids) > 0 {
		if _, err := tx.ExecContext(ctx, sqlAddLedger, fresh.ids, fresh.numbers, pq.Array(fresh.counts), fresh.heads, fresh.macs); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	return nil
}

type ledgerRows struct {
	ids         pq.Int64Array
	numbers     pq.StringArray
	was, counts []int32
	heads, macs pq.ByteaArray
}

func (l *ledgerRows) add(t *Ticket, was, count int64, head, mac []byte) {
	l.ids, l.numbers = append(l.ids, t.ID), append(l.numbers, t.Number)
	l.was, l.counts = append(l.was, int32(was)), append(l.counts, int32(count))
	l.heads, l.macs = append(l.heads, head), append(l.macs, mac)
}

// enrol adds a new ticket to the keyed sum of its shard. It is the last statement before the commit: the shard's row stays locked
// until then.
func enrol(ctx context.Context, tx *sqlx.Tx, key audit.Key, number string) error {
	shard := audit.Shard(number)
	var row struct {
		Count int64  `db:"count"`
		Sum   []byte `db:"sum"`
	}
	err := tx.GetContext(ctx, &row, sqlShardLock, shard)
	if errors.Is(err, sql.ErrNoRows) { // the first ticket of the shard
		zero := audit.Sum(nil, nil)
		if _, err := tx.ExecContext(ctx, sqlShardInit, shard, zero, key.ShardMac(shard, 0, zero)); err != nil {
			return fmt.Errorf("shard: %w", err)
		}
		err = tx.GetContext(ctx, &row, sqlShardLock, shard)
	}
	if err != nil {
		return fmt.Errorf("shard: %w", err)
	}
	sum := audit.Sum(row.Sum, key.Member(number))
	res, err := tx.ExecContext(ctx, sqlShardMove, shard, row.Count+1, sum, key.ShardMac(shard, row.Count+1, sum), row.Count)
	if err != nil {
		return fmt.Errorf("shard: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("shard %d moved under us (%d rows, %w)", shard, n, err)
	}
	return nil
}
