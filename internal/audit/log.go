package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"opora/internal/db"

	"github.com/jmoiron/sqlx"
)

// The streams of the log.
const (
	Access   = "access"   // sign-ins, sign-outs, refusals
	Settings = "settings" // everything an administrator changes
)

// Entry is one row of the log. It holds no personal text: people by id, a login that does not exist not at all.
type Entry struct {
	Seq       int64             `json:"seq"`
	At        time.Time         `json:"at"`
	ActorID   int64             `json:"actor,omitempty"`
	Action    string            `json:"action"` // signin.ok, signin.wrong_password, team.changed …
	Subject   string            `json:"subject,omitempty"`
	Channel   string            `json:"channel,omitempty"`
	RequestID string            `json:"request,omitempty"`
	Address   string            `json:"address,omitempty"`
	Details   map[string]string `json:"details,omitempty"` // keys are sorted by encoding/json: the text is canonical
}

// Log is the log of sign-ins and settings.
type Log struct {
	db  *db.DB
	key Key
}

// NewLog makes the log.
func NewLog(pool *db.DB, key Key) *Log { return &Log{pool, key} }

const (
	sqlHeadInit = `INSERT INTO audit_heads (stream, count, head, mac) VALUES ($1, 0, '', $2) ON CONFLICT (stream) DO NOTHING`
	sqlHeadLock = `SELECT count, head, mac FROM audit_heads WHERE stream = $1 FOR UPDATE`
	sqlHeadMove = `UPDATE audit_heads SET count = $2, head = $3, mac = $4 WHERE stream = $1 AND count = $2 - 1`
	sqlLogAdd   = `INSERT INTO audit_log (stream, seq, at, actor_id, action, body, mac) VALUES ($1, $2, $3, NULLIF($4, 0), $5, $6, $7)`
	sqlLogRead  = `SELECT seq, at, coalesce(actor_id, 0) AS actor_id, action, body, mac FROM audit_log WHERE stream = $1 AND seq > $2 ORDER BY seq LIMIT 5000`
	sqlBegin    = `INSERT INTO settings (key, value) VALUES ('audit_begun', 'true') ON CONFLICT (key) DO NOTHING`
	sqlBegun    = `SELECT EXISTS (SELECT FROM settings WHERE key = 'audit_begun')`
	sqlHeadRead = `SELECT count, head, mac FROM audit_heads WHERE stream = $1`
	sqlLogList  = `SELECT stream, seq, at, coalesce(actor_id, 0) AS actor_id, action, body, mac FROM audit_log
WHERE ($1 = '' OR stream = $1) AND at < $2 ORDER BY at DESC, seq DESC LIMIT $3`
)

type head struct {
	Count int64  `db:"count"`
	Head  []byte `db:"head"`
	Mac   []byte `db:"mac"`
}

type logRow struct {
	Stream  string    `db:"stream"`
	Seq     int64     `db:"seq"`
	At      time.Time `db:"at"`
	ActorID int64     `db:"actor_id"`
	Action  string    `db:"action"`
	Body    string    `db:"body"`
	Mac     []byte    `db:"mac"`
}

// Add appends an entry to the stream within tx.
func (l *Log) Add(ctx context.Context, tx *sqlx.Tx, stream string, e Entry) error {
	if _, err := tx.ExecContext(ctx, sqlHeadInit, stream, l.key.Ledger(stream, 0, nil)); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	var h head
	if err := tx.GetContext(ctx, &h, sqlHeadLock, stream); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	e.Seq, e.At = h.Count+1, e.At.UTC().Truncate(time.Microsecond)
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	mac := l.key.Seal(stream, h.Head, string(body))
	if _, err := tx.ExecContext(ctx, sqlLogAdd, stream, e.Seq, e.At, e.ActorID, e.Action, string(body), mac); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	res, err := tx.ExecContext(ctx, sqlHeadMove, stream, e.Seq, mac, l.key.Ledger(stream, e.Seq, mac))
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("audit: head of %s moved under us (%d rows, %w)", stream, n, err)
	}
	return nil
}

// Begin gives each stream its ledger row, once in the life of a database: from then on a stream without one was emptied.
func (l *Log) Begin(ctx context.Context) error {
	return l.db.InTx(ctx, func(tx *sqlx.Tx) error {
		res, err := tx.ExecContext(ctx, sqlBegin)
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		for _, stream := range []string{Access, Settings} {
			if _, err := tx.ExecContext(ctx, sqlHeadInit, stream, l.key.Ledger(stream, 0, nil)); err != nil {
				return fmt.Errorf("audit: %w", err)
			}
		}
		return nil
	})
}

// Begun tells whether Begin was done.
func (l *Log) Begun(ctx context.Context) (begun bool, err error) {
	if err := l.db.GetContext(ctx, &begun, sqlBegun); err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	return begun, nil
}

// Write is Add in a transaction of its own, for what happens outside any other: a sign-in, a refusal.
func (l *Log) Write(ctx context.Context, stream string, e Entry) error {
	return l.db.InTx(ctx, func(tx *sqlx.Tx) error { return l.Add(ctx, tx, stream, e) })
}

// Listed is an entry with its stream.
type Listed struct {
	Stream string
	Entry
}

// List returns up to limit entries older than before, the newest first; stream "" means all.
func (l *Log) List(ctx context.Context, stream string, before time.Time, limit int) ([]Listed, error) {
	var rows []logRow
	if err := l.db.SelectContext(ctx, &rows, sqlLogList, stream, before, limit); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	out := make([]Listed, len(rows))
	for i, r := range rows {
		out[i].Stream = r.Stream
		if err := json.Unmarshal([]byte(r.Body), &out[i].Entry); err != nil {
			return nil, fmt.Errorf("audit: %s %d: %w", r.Stream, r.Seq, err)
		}
	}
	return out, nil
}

// Finding is something that is not as Opora wrote it.
type Finding struct {
	Stream string `json:"stream"` // access, settings, or a ticket's number
	Seq    int64  `json:"seq,omitempty"`
	What   string `json:"what"`
}

// Verify reads the streams of the log from their beginning and reports each row that was changed, removed, cut off or put in.
// The int is the number of rows read.
func (l *Log) Verify(ctx context.Context) ([]Finding, int64, error) {
	var found []Finding
	var total int64
	begun, err := l.Begun(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, stream := range []string{Access, Settings} {
		var h head
		err := l.db.GetContext(ctx, &h, sqlHeadRead, stream)
		missing := errors.Is(err, sql.ErrNoRows)
		if err != nil && !missing {
			return nil, total, fmt.Errorf("audit: %w", err)
		}
		v := NewVerifier(l.key, stream)
		for {
			var rows []logRow
			if err := l.db.SelectContext(ctx, &rows, sqlLogRead, stream, v.last); err != nil {
				return nil, total, fmt.Errorf("audit: %w", err)
			}
			for _, r := range rows {
				var e Entry
				same := json.Unmarshal([]byte(r.Body), &e) == nil && e.Seq == r.Seq && e.At.Equal(r.At) && e.ActorID == r.ActorID && e.Action == r.Action
				v.Row(r.Seq, r.Body, r.Mac, same)
			}
			total += int64(len(rows))
			if len(rows) == 0 {
				break
			}
		}
		if missing {
			if v.rows > 0 || begun {
				v.find(0, "ledger row removed")
			}
		} else {
			v.End(h.Count, h.Head, h.Mac)
		}
		found = append(found, v.Findings...)
	}
	return found, total, nil
}
