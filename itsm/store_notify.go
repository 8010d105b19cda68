package itsm

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"opora/auth"
	"opora/internal/db"
)

const (
	// Only people who can read it here are told: no history, nobody who left.
	sqlAddNotices = `INSERT INTO notifications (person_id, at, kind, ticket_id, seq, actor_id, args)
SELECT n.person_id, n.at, n.kind, n.ticket_id, n.seq, n.actor_id, n.args
FROM unnest(CAST($1 AS bigint[]), CAST($2 AS timestamptz[]), CAST($3 AS text[]), CAST($4 AS bigint[]), CAST($5 AS integer[]), CAST($6 AS bigint[]), CAST($7 AS jsonb[]))
  AS n (person_id, at, kind, ticket_id, seq, actor_id, args)
JOIN people p ON p.id = n.person_id AND p.active AND p.kind <> 'history'
ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING RETURNING person_id`
	sqlWake = `SELECT pg_notify($1, $2)`

	sqlNotifications = `SELECT n.id, n.at, n.kind, n.seq, n.read_at, n.args, coalesce(a.name, '') AS actor, t.number, t.title, n.ticket_id
FROM notifications n JOIN tickets t ON t.id = n.ticket_id LEFT JOIN people a ON a.id = n.actor_id`
	sqlUnread   = `SELECT count(*) FROM (SELECT FROM notifications n JOIN tickets t ON t.id = n.ticket_id%s LIMIT 100) x`
	sqlMarkRead = `UPDATE notifications SET read_at = $3 WHERE person_id = $1 AND read_at IS NULL AND ($2 = 0 OR id = $2)`
	sqlMarkSeen = `UPDATE notifications SET read_at = $3 WHERE person_id = $1 AND read_at IS NULL AND ticket_id = $2`
)

type noticeRows struct {
	people, tickets pq.Int64Array
	times           []time.Time
	kinds, args     pq.StringArray
	seqs            []int32
	actors          []sql.NullInt64
}

func (r *noticeRows) add(ticket int64, seq int, actor int64, at time.Time, n notice) {
	r.people, r.tickets = append(r.people, n.person), append(r.tickets, ticket)
	r.times, r.kinds = append(r.times, at), append(r.kinds, string(n.kind))
	r.seqs = append(r.seqs, int32(seq))
	r.actors = append(r.actors, sql.NullInt64{Int64: actor, Valid: actor != 0})
	args, err := db.JSON[noticeArgs]{V: n.args}.Value()
	if err != nil { // a struct of strings and numbers always marshals
		panic(err)
	}
	r.args = append(r.args, args.(string))
}

// save returns who was told.
func (r *noticeRows) save(ctx context.Context, tx *sqlx.Tx) ([]int64, error) {
	if len(r.people) == 0 {
		return nil, nil
	}
	var told []int64
	err := tx.SelectContext(ctx, &told, sqlAddNotices, r.people, pq.Array(r.times), r.kinds, r.tickets, pq.Array(r.seqs), pq.Array(r.actors), r.args)
	if err != nil {
		return nil, fmt.Errorf("add notifications: %w", err)
	}
	return told, nil
}

func wake(ctx context.Context, tx *sqlx.Tx, l Live) error {
	if _, err := tx.ExecContext(ctx, sqlWake, LiveChannel, l.payload()); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

type notificationRow struct {
	ID       int64      `db:"id"`
	At       time.Time  `db:"at"`
	Kind     NoticeKind `db:"kind"`
	Seq      int        `db:"seq"`
	ReadAt   *time.Time `db:"read_at"`
	Actor    string     `db:"actor"`
	Number   string     `db:"number"`
	Title    string     `db:"title"`
	TicketID int64      `db:"ticket_id"`
}

// Notifications are the actor's own, the newest first, older than the one with the id before (0: from the newest). One about a ticket
// that he may no longer see is left out.
func (s *Service) Notifications(ctx context.Context, actor auth.Actor, before int64, limit int) ([]Notification, error) {
	var w db.Where
	w.And("n.person_id = ?", actor.ID)
	if before != 0 {
		w.And("n.id < ?", before)
	}
	visible(&w, actor)
	var rows []struct {
		notificationRow
		Args db.JSON[noticeArgs] `db:"args"`
	}
	order := ` ORDER BY n.id DESC LIMIT ` + w.Arg(limit)
	if err := s.db.SelectContext(ctx, &rows, sqlNotifications+w.SQL()+order, w.Args()...); err != nil {
		return nil, fmt.Errorf("notifications: %w", err)
	}
	out := make([]Notification, len(rows))
	for i, r := range rows {
		out[i] = Notification{r.notificationRow, r.Args.V}
	}
	return out, nil
}

// Unread counts the actor's unread notifications, up to 100, as Notifications lists them.
func (s *Service) Unread(ctx context.Context, actor auth.Actor) (int, error) {
	var w db.Where
	w.And("n.person_id = ?", actor.ID)
	w.And("n.read_at IS NULL")
	visible(&w, actor)
	var n int
	if err := s.db.GetContext(ctx, &n, fmt.Sprintf(sqlUnread, w.SQL()), w.Args()...); err != nil {
		return 0, fmt.Errorf("unread: %w", err)
	}
	return n, nil
}

// MarkRead marks one of the actor's notifications as read; id 0 all of them.
func (s *Service) MarkRead(ctx context.Context, actor auth.Actor, id int64) error {
	if _, err := s.db.ExecContext(ctx, sqlMarkRead, actor.ID, id, s.now()); err != nil {
		return fmt.Errorf("mark read: %w", err)
	}
	return nil
}

// MarkSeen marks what the actor was told about the ticket as read: he has opened it.
func (s *Service) MarkSeen(ctx context.Context, actor auth.Actor, ticketID int64) error {
	if _, err := s.db.ExecContext(ctx, sqlMarkSeen, actor.ID, ticketID, s.now()); err != nil {
		return fmt.Errorf("mark seen: %w", err)
	}
	return nil
}
