package itsm

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"opora/auth"
	"opora/internal/db"
)

const (
	sqlOpenTasks = `SELECT k.id, k.ticket_id, k.title, k.state, coalesce(k.team_id, 0) AS team_id, coalesce(k.assignee_id, 0) AS assignee_id,
  '' AS assignee, k.created_at, k.ended_at, t.number, t.title AS ticket_title, t.priority
FROM ticket_tasks k JOIN tickets t ON t.id = k.ticket_id`
	sqlTeamLoad = `SELECT coalesce(x.assignee_id, 0) AS assignee_id, coalesce(p.name, '') AS assignee, x.open, x.paused, x.breached
FROM (SELECT t.assignee_id, count(*) AS open, count(*) FILTER (WHERE t.phase = 'paused') AS paused, count(*) FILTER (WHERE t.due_sort <= $1) AS breached
  FROM tickets t%s GROUP BY t.assignee_id) x
LEFT JOIN people p ON p.id = x.assignee_id ORDER BY x.assignee_id IS NULL, x.open DESC, p.name LIMIT 100`
)

func openTasks(ctx context.Context, q db.Q, actor auth.Actor, limit int) ([]TaskRow, error) {
	var w db.Where
	w.And("k.assignee_id = ? AND k.state = 'open'", actor.ID)
	visible(&w, actor)
	var rows []TaskRow
	order := " ORDER BY k.created_at, k.id LIMIT " + w.Arg(limit)
	if err := q.SelectContext(ctx, &rows, sqlOpenTasks+w.SQL()+order, w.Args()...); err != nil {
		return nil, fmt.Errorf("open tasks: %w", err)
	}
	return rows, nil
}

func teamLoad(ctx context.Context, q db.Q, actor auth.Actor, teams []int64, now time.Time) ([]Load, error) {
	var w db.Where
	w.Arg(now)
	w.And("t.kind = ?", Incident)
	w.And("t.phase IN ('open', 'paused')")
	w.And("t.team_id = ANY (?)", pq.Array(teams))
	visible(&w, actor)
	var rows []Load
	if err := q.SelectContext(ctx, &rows, fmt.Sprintf(sqlTeamLoad, w.SQL()), w.Args()...); err != nil {
		return nil, fmt.Errorf("team load: %w", err)
	}
	return rows, nil
}
