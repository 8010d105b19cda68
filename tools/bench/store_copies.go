package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"opora/internal/db"
)

const (
	sqlOriginals = `SELECT id, number FROM tickets ORDER BY id`
	sqlEvents    = `SELECT ticket_id, seq, at, type, actor_id, public, body FROM ticket_events ORDER BY ticket_id, seq`
	sqlColumns   = `SELECT attname FROM pg_attribute WHERE attrelid = CAST($1 AS regclass) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`
	sqlCopy      = `INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM generate_series(1, CAST($1 AS bigint)) n CROSS JOIN %[1]s p WHERE p.%[4]s + n * $2 <= $3 AND p.%[4]s <= $2 ORDER BY n, p.%[4]s`
	sqlIndexes   = `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
WHERE i.indrelid::regclass::text = ANY ($1) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid) ORDER BY 1`
	sqlDropIndex = `DROP INDEX `
	sqlNumbers   = `SELECT setval('incident_number', $1), setval(pg_get_serial_sequence('tickets', 'id'), $1)`
	sqlVacuum    = `VACUUM (ANALYZE) `
	sqlFlush     = `CHECKPOINT`

	sqlAddLedger = `INSERT INTO ticket_ledger (ticket_id, number, count, head, mac)
SELECT * FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[]), CAST($3 AS integer[]), CAST($4 AS bytea[]), CAST($5 AS bytea[]))`
	sqlPutShard = `INSERT INTO ticket_shards (shard, count, sum, mac) VALUES ($1, $2, $3, $4)
ON CONFLICT (shard) DO UPDATE SET count = excluded.count, sum = excluded.sum, mac = excluded.mac`
)

// copied are the tables that PostgreSQL copies alone, with the column that says the ticket.
var copied = []struct{ table, ticket string }{
	{"tickets", "id"}, {"incidents", "ticket_id"}, {"ticket_texts", "ticket_id"}, {"ticket_clocks", "ticket_id"}, {"ticket_participants", "ticket_id"},
}

// bulky are the tables whose further indexes are made once all rows are there.
var bulky = []string{"tickets", "ticket_events", "ticket_texts", "ticket_clocks", "ticket_participants"}

type eventRow struct {
	TicketID int64     `db:"ticket_id"`
	Seq      int       `db:"seq"`
	At       time.Time `db:"at"`
	Type     string    `db:"type"`
	ActorID  *int64    `db:"actor_id"`
	Public   bool      `db:"public"`
	Body     string    `db:"body"`
	Mac      []byte    `db:"-"`
}

func readOriginals(ctx context.Context, q db.Q, size int64) (*originals, error) {
	o := &originals{size: size}
	var tickets []struct {
		ID     int64  `db:"id"`
		Number string `db:"number"`
	}
	if err := q.SelectContext(ctx, &tickets, sqlOriginals); err != nil {
		return nil, err
	}
	at := map[int64]int{}
	for i, t := range tickets {
		place, err := strconv.ParseInt(strings.TrimPrefix(t.Number, "INC-"), 10, 64)
		if err != nil {
			return nil, err
		}
		at[t.ID] = i
		o.list = append(o.list, original{id: t.ID, place: place, number: t.Number})
		o.stride = max(o.stride, t.ID, place)
	}
	o.copies = size / o.stride
	var events []eventRow
	if err := q.SelectContext(ctx, &events, sqlEvents); err != nil {
		return nil, err
	}
	for _, e := range events {
		p := &o.list[at[e.TicketID]]
		p.events = append(p.events, e)
	}
	return o, nil
}

// copyTables writes the copies of everything that is not sealed.
func copyTables(ctx context.Context, q db.Q, o *originals) error {
	for _, c := range copied {
		var columns []string
		if err := q.SelectContext(ctx, &columns, sqlColumns, c.table); err != nil {
			return err
		}
		values := make([]string, len(columns))
		for i, name := range columns {
			values[i] = "p." + name
			switch name {
			case c.ticket:
				values[i] += " + n * $2"
			case "number":
				values[i] = "'INC-' || lpad(CAST(CAST(substr(p.number, 5) AS bigint) + n * $2 AS text), greatest(6, length(CAST(CAST(substr(p.number, 5) AS bigint) + n * $2 AS text))), '0')"
			}
		}
		query := fmt.Sprintf(sqlCopy, c.table, strings.Join(columns, ", "), strings.Join(values, ", "), c.ticket)
		if _, err := q.ExecContext(ctx, query, o.copies, o.stride, o.size); err != nil {
			return fmt.Errorf("copying %s: %w", c.table, err)
		}
	}
	return nil
}

type index struct {
	Name       string `db:"name"`
	Definition string `db:"definition"`
}

// dropIndexes takes the further indexes away and says how to make them again.
func dropIndexes(ctx context.Context, q db.Q) ([]index, error) {
	var list []index
	if err := q.SelectContext(ctx, &list, sqlIndexes, pq.Array(bulky)); err != nil {
		return nil, err
	}
	for _, i := range list {
		if _, err := q.ExecContext(ctx, sqlDropIndex+i.Name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// settle makes indexes and statistics, and moves the sequences on.
func settle(ctx context.Context, q db.Q, indexes []index, size int64) error {
	for _, i := range indexes {
		if _, err := q.ExecContext(ctx, i.Definition); err != nil {
			return err
		}
	}
	if _, err := q.ExecContext(ctx, sqlNumbers, size); err != nil {
		return err
	}
	for _, table := range append([]string{"incidents", "ticket_ledger", "ticket_shards"}, bulky...) {
		if _, err := q.ExecContext(ctx, sqlVacuum+table); err != nil {
			return err
		}
	}
	_, err := q.ExecContext(ctx, sqlFlush)
	return err
}

// eventWriter writes events by COPY, and what hangs on them.
type eventWriter struct {
	tx   *sqlx.Tx
	copy *sqlx.Stmt

	ids, counts pq.Int64Array
	numbers     pq.StringArray
	heads, macs pq.ByteaArray
	shards      []func() error
	done        bool
}

func newEventWriter(ctx context.Context, pool *db.DB) (*eventWriter, error) {
	tx, err := pool.BeginTxx(ctx, nil)
	if err != nil {
		return nil, err
	}
	w := &eventWriter{tx: tx}
	w.copy, err = tx.PreparexContext(ctx, "COPY ticket_events (ticket_id, seq, at, type, actor_id, public, body, mac) FROM STDIN")
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return w, nil
}

func (w *eventWriter) event(ctx context.Context, e *eventRow) error {
	var actor any
	if e.ActorID != nil {
		actor = *e.ActorID
	}
	_, err := w.copy.ExecContext(ctx, e.TicketID, e.Seq, e.At, e.Type, actor, e.Public, e.Body, e.Mac)
	return err
}

func (w *eventWriter) ledger(id int64, number string, count int64, head, mac []byte) {
	w.ids, w.numbers, w.counts = append(w.ids, id), append(w.numbers, number), append(w.counts, count)
	w.heads, w.macs = append(w.heads, head), append(w.macs, mac)
}

// shard is put once the COPY has ended: nothing else can be said on its connection before.
func (w *eventWriter) shard(ctx context.Context, shard int, count int64, sum, mac []byte) error {
	w.shards = append(w.shards, func() error {
		_, err := w.tx.ExecContext(ctx, sqlPutShard, shard, count, sum, mac)
		return err
	})
	return nil
}

func (w *eventWriter) close(ctx context.Context) error {
	if _, err := w.copy.ExecContext(ctx); err != nil {
		return err
	}
	if err := w.copy.Close(); err != nil {
		return err
	}
	const batch = 20_000
	for from := 0; from < len(w.ids); from += batch {
		to := min(from+batch, len(w.ids))
		if _, err := w.tx.ExecContext(ctx, sqlAddLedger, w.ids[from:to], w.numbers[from:to], w.counts[from:to], w.heads[from:to], w.macs[from:to]); err != nil {
			return err
		}
	}
	for _, put := range w.shards {
		if err := put(); err != nil {
			return err
		}
	}
	w.done = true
	return w.tx.Commit()
}

// abandon ends what was not closed.
func (w *eventWriter) abandon() {
	if !w.done {
		w.tx.Rollback() //nolint:errcheck // the error that led here is told
	}
}
