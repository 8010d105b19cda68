package itsm

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"opora/auth"
	"opora/internal/db"
	"opora/workflows/lifecycle"
)

const (
	// The page is cut before the names are joined, so that they are looked up for its rows alone.
	sqlListInner = `SELECT t.id, t.number, t.kind, t.title, t.state, t.phase, t.hold_reason, t.priority, t.requester_id, t.affected_id, t.assignee_id, t.team_id,
  t.category_id, t.service_id, t.opened_at, t.updated_at, t.resolved_at, t.due_clock, t.risk_at, t.due_at, t.due_sort, t.confidential,
  t.outside_lifecycle, t.version FROM tickets t`
	// Names are looked up by sub-selects rather than joined: the planner then has no order of seven tables to search for, which took
	// longer than the list itself.
	sqlListOuter = `SELECT x.id, x.number, x.kind, x.title, x.state, x.phase, x.hold_reason, x.priority, x.opened_at, x.updated_at, x.resolved_at,
  x.due_clock, x.risk_at, x.due_at, x.due_sort, x.confidential, x.outside_lifecycle, x.version, coalesce(x.assignee_id, 0) AS assignee_id, x.affected_id,
  (SELECT name FROM people WHERE id = x.requester_id) AS requester, (SELECT name FROM people WHERE id = x.affected_id) AS affected,
  coalesce((SELECT name FROM people WHERE id = x.assignee_id), '') AS assignee, (SELECT name FROM teams WHERE id = x.team_id) AS team,
  (SELECT name FROM categories WHERE id = x.category_id) AS category, (SELECT name FROM items WHERE id = x.service_id) AS service
FROM (%s) x ORDER BY %s`
	sqlCount = `SELECT count(*) FROM (SELECT FROM tickets t%s LIMIT %s) x`

	// A ticket stands as it does since its last step or since it came to whom it is with.
	sqlStandingSince = `SELECT t.id, (SELECT e.at FROM ticket_events e WHERE e.ticket_id = t.id
  AND (e.type IN ('opened', 'transition') OR e.body LIKE '%"f":"assignee"%') ORDER BY e.seq DESC LIMIT 1) AS at FROM tickets t`
	sqlHasReports = `SELECT EXISTS (SELECT FROM people WHERE manager_id = $1 AND active)`

	// Each team's rows come in order from its index; of all together they would have to be sorted.
	sqlListTeams = `SELECT t.* FROM (SELECT DISTINCT unnest(CAST(%s AS bigint[])) AS id) g CROSS JOIN LATERAL (%s) t`

	// The same for whoever asked, is affected or opened it. Where somebody's tickets are old, the order of all tickets does not lead to them.
	sqlListParties = `SELECT t.* FROM ((%s) UNION (%s) UNION (%s)) t`
	sqlParty       = `t.party_id` // stands for a column; see party

	sqlInCategory = `t.category_id = ANY (ARRAY(WITH RECURSIVE down AS (
  SELECT id FROM categories WHERE id = ? UNION SELECT c.id FROM categories c JOIN down d ON c.parent_id = d.id) SELECT id FROM down))`
)

// orders are the keys of each order; what stands in them is fixed here, never typed by anybody.
var orders = map[Sort]struct{ keys, after string }{
	SortDue:      {"%[1]s.due_sort, %[1]s.id", "(t.due_sort, t.id) > (?, ?)"},
	SortPriority: {"%[1]s.priority, %[1]s.due_sort, %[1]s.id", "(t.priority, t.due_sort, t.id) > (?, ?, ?)"},
	SortNewest:   {"%[1]s.opened_at DESC, %[1]s.id DESC", "(t.opened_at, t.id) < (?, ?)"},
	SortOldest:   {"%[1]s.opened_at, %[1]s.id", "(t.opened_at, t.id) > (?, ?)"},
}

func listRows(ctx context.Context, q db.Q, actor auth.Actor, f Filter, now time.Time) ([]Row, error) {
	var w db.Where
	teams := f.Teams
	if len(teams) > 1 {
		f.Teams = nil
		w.And("t.team_id = g.id")
	}
	person := f.Requester
	if person != 0 {
		f.Requester = 0
		w.And(sqlParty+" = ?", person)
	}
	f.where(&w, now)
	visible(&w, actor)
	order := orders[f.Sort]
	if f.After != "" {
		c, err := parseCursor(f.After, f.Sort)
		if err != nil {
			return nil, err
		}
		if f.Sort == SortPriority {
			w.And(order.after, c.Priority, c.Time, c.ID)
		} else {
			w.And(order.after, c.Time, c.ID)
		}
	}
	cut := " ORDER BY " + fmt.Sprintf(order.keys, "t") + " LIMIT " + w.Arg(f.Limit+1)
	inner := sqlListInner + w.SQL() + cut
	if len(teams) > 1 {
		inner = fmt.Sprintf(sqlListTeams, w.Arg(pq.Array(teams)), inner) + cut
	}
	if person != 0 {
		inner = fmt.Sprintf(sqlListParties, party("requester_id", inner), party("affected_id", inner), party("opened_by_id", inner)) + cut
	}
	var rows []Row
	if err := q.SelectContext(ctx, &rows, fmt.Sprintf(sqlListOuter, inner, fmt.Sprintf(order.keys, "x")), w.Args()...); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return rows, nil
}

// party makes a statement about one of the ways in which somebody has to do with a ticket.
func party(column, statement string) string {
	return strings.ReplaceAll(statement, sqlParty, "t."+column)
}

// countRows counts the tickets of each filter, in one statement.
func countRows(ctx context.Context, q db.Q, actor auth.Actor, filters []Filter, now time.Time) ([]int, error) {
	var w db.Where
	parts := make([]string, len(filters))
	for i := range filters {
		w.Next()
		filters[i].where(&w, now)
		visible(&w, actor)
		where := w.SQL()
		parts[i] = "(" + fmt.Sprintf(sqlCount, where, w.Arg(MaxCount)) + ")"
	}
	var out pq.Int64Array
	if err := q.GetContext(ctx, &out, "SELECT ARRAY["+strings.Join(parts, ", ")+"]", w.Args()...); err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	counts := make([]int, len(out))
	for i, n := range out {
		counts[i] = int(n)
	}
	return counts, nil
}

func standingSince(ctx context.Context, q db.Q, actor auth.Actor, tickets []int64) (map[int64]time.Time, error) {
	var w db.Where
	w.And("t.id = ANY (?)", pq.Array(tickets))
	visible(&w, actor)
	var rows []struct {
		ID int64     `db:"id"`
		At time.Time `db:"at"`
	}
	if err := q.SelectContext(ctx, &rows, sqlStandingSince+w.SQL(), w.Args()...); err != nil {
		return nil, fmt.Errorf("standing since: %w", err)
	}
	out := make(map[int64]time.Time, len(rows))
	for _, r := range rows {
		out[r.ID] = r.At
	}
	return out, nil
}

func hasReports(ctx context.Context, q db.Q, person int64) (bool, error) {
	var yes bool
	if err := q.GetContext(ctx, &yes, sqlHasReports, person); err != nil {
		return false, fmt.Errorf("reports: %w", err)
	}
	return yes, nil
}

func (f *Filter) wherePeople(w *db.Where) {
	switch {
	case len(f.Teams) == 1:
		w.And("t.team_id = ?", f.Teams[0])
	case len(f.Teams) > 1:
		w.And("t.team_id = ANY (?)", pq.Array(f.Teams))
	case f.NoTeam:
		w.And("t.team_id IS NULL")
	}
	switch {
	case f.Assignee != 0:
		w.And("t.assignee_id = ?", f.Assignee)
	case f.Unassigned:
		w.And("t.assignee_id IS NULL")
	}
	if f.Requester != 0 {
		w.And("(t.requester_id = ? OR t.affected_id = ? OR t.opened_by_id = ?)", f.Requester, f.Requester, f.Requester)
	}
	if f.Asked != 0 {
		w.And("t.requester_id = ?", f.Asked)
	}
	if f.Affected != 0 {
		w.And("t.affected_id = ?", f.Affected)
	}
	if f.Concerns != 0 {
		w.And("(t.requester_id = ? OR t.affected_id = ?)", f.Concerns, f.Concerns)
	}
	if f.ForOthers != 0 {
		w.And("t.requester_id = ? AND t.affected_id <> ?", f.ForOthers, f.ForOthers)
	}
	if f.ReportsOf != 0 {
		w.And("t.requester_id = ANY (ARRAY(SELECT m.id FROM people m WHERE m.manager_id = ?))", f.ReportsOf)
	}
	if f.Follows != 0 {
		w.And("t.id = ANY (ARRAY(SELECT p.ticket_id FROM ticket_participants p WHERE p.person_id = ?))", f.Follows)
	}
}

func (f *Filter) whereState(w *db.Where, now time.Time) {
	if f.openOnly() {
		w.And("t.phase IN ('open', 'paused')") // as the partial indexes say it
	}
	// One value is asked for by equality: the rows then come out of an index in the order of the list.
	switch {
	case f.openOnly() && len(f.Phases) == 2:
	case len(f.Phases) == 1:
		w.And("t.phase = ?", f.Phases[0])
	case len(f.Phases) > 1:
		w.And("t.phase = ANY (?)", phaseArray(f.Phases))
	}
	switch {
	case len(f.States) == 1:
		w.And("t.state = ?", f.States[0])
	case len(f.States) > 1:
		w.And("t.state = ANY (?)", pq.Array(f.States))
	}
	if f.AtRisk {
		w.And("t.risk_at <= ? AND t.due_sort > ?", now, now)
	}
	if f.Breached {
		w.And("t.due_sort <= ?", now)
	}
}

func intArray(list []int) any {
	out := make(pq.Int64Array, len(list))
	for i, n := range list {
		out[i] = int64(n)
	}
	return out
}

func phaseArray(list []lifecycle.Phase) any {
	out := make(pq.StringArray, len(list))
	for i, p := range list {
		out[i] = string(p)
	}
	return out
}
