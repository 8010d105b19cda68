package itsm

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"opora/internal/db"
	"opora/internal/fault"
)

const (
	sqlCategories = `SELECT c.id, coalesce(c.parent_id, 0) AS parent_id, c.code, c.name, coalesce(c.team_id, 0) AS team_id, c.confidential, c.portal,
  c.position, c.active, c.version, t.name AS team
FROM categories c LEFT JOIN teams t ON t.id = c.team_id`
	// Weaker than FOR UPDATE, so that nobody who opens a ticket has to wait for it.
	sqlCategoriesLock = sqlCategories + ` ORDER BY c.id FOR NO KEY UPDATE OF c`

	sqlInsertCategory = `INSERT INTO categories (parent_id, code, name, team_id, confidential, portal, position, active)
VALUES (NULLIF(:parent_id, 0), :code, :name, NULLIF(:team_id, 0), :confidential, :portal, :position, :active) RETURNING id`
	sqlUpdateCategory = `UPDATE categories SET parent_id = NULLIF(:parent_id, 0), code = :code, name = :name, team_id = NULLIF(:team_id, 0),
  confidential = :confidential, portal = :portal, position = :position, active = :active, version = version + 1
WHERE id = :id AND version = :version`

	sqlPriorities     = `SELECT level, name FROM priorities ORDER BY level`
	sqlPrioritiesLock = sqlPriorities + ` FOR NO KEY UPDATE`
	sqlPutPriority    = `INSERT INTO priorities (level, name) VALUES (:level, :name) ON CONFLICT (level) DO UPDATE SET name = excluded.name`

	sqlMatrixRead = `SELECT impact, urgency, priority FROM priority_matrix`
	sqlMatrixLock = sqlMatrixRead + ` ORDER BY impact, urgency FOR NO KEY UPDATE`
	sqlPutCell    = `INSERT INTO priority_matrix (impact, urgency, priority) VALUES ($1, $2, $3)
ON CONFLICT (impact, urgency) DO UPDATE SET priority = excluded.priority`

	// Any number, as long as nothing else of ours takes it.
	sqlDefaultsLock = `SELECT pg_advisory_xact_lock(7261020)`
	sqlDefaultsLack = `SELECT NOT EXISTS (SELECT FROM priorities) AS priorities, NOT EXISTS (SELECT FROM priority_matrix) AS matrix,
  NOT EXISTS (SELECT FROM calendars) AS calendars, NOT EXISTS (SELECT FROM sla_policies) AS policies, NOT EXISTS (SELECT FROM categories) AS categories`
)

func readCategories(ctx context.Context, q db.Q) ([]Category, error) {
	var rows []Category
	if err := q.SelectContext(ctx, &rows, sqlCategories); err != nil {
		return nil, fmt.Errorf("read categories: %w", err)
	}
	return rows, nil
}

func lockCategories(ctx context.Context, tx *sqlx.Tx) ([]Category, error) {
	var rows []Category
	if err := tx.SelectContext(ctx, &rows, sqlCategoriesLock); err != nil {
		return nil, fmt.Errorf("lock categories: %w", err)
	}
	return rows, nil
}

// putCategory inserts (ID 0) or updates the category and returns its id.
func putCategory(ctx context.Context, tx *sqlx.Tx, c Category) (int64, error) {
	if c.ID != 0 {
		res, err := tx.NamedExecContext(ctx, sqlUpdateCategory, c)
		return c.ID, mapReferenceError(db.Affected(res, err, fault.New(fault.Conflict, "reference.stale")))
	}
	query, args, err := tx.BindNamed(sqlInsertCategory, c)
	if err != nil {
		return 0, fmt.Errorf("insert category: %w", err)
	}
	var id int64
	err = tx.GetContext(ctx, &id, query, args...)
	return id, mapReferenceError(err)
}

// mapReferenceError says that a code is taken when somebody else was faster to take it than our own look.
func mapReferenceError(err error) error {
	switch {
	case err == nil || fault.Is(err, fault.Conflict):
		return err
	case db.Violated(err, "categories_code_key"), db.Violated(err, "calendars_code_key"), db.Violated(err, "sla_policies_code_key"):
		var f fault.Fields
		f.Add("code", "reference.code_taken")
		return f.Err()
	}
	return fmt.Errorf("save reference data: %w", err)
}

func readPriorities(ctx context.Context, q db.Q) ([]Priority, error) {
	var rows []Priority
	if err := q.SelectContext(ctx, &rows, sqlPriorities); err != nil {
		return nil, fmt.Errorf("read priorities: %w", err)
	}
	return rows, nil
}

func lockPriorities(ctx context.Context, tx *sqlx.Tx) ([]Priority, error) {
	var rows []Priority
	if err := tx.SelectContext(ctx, &rows, sqlPrioritiesLock); err != nil {
		return nil, fmt.Errorf("lock priorities: %w", err)
	}
	return rows, nil
}

func putPriority(ctx context.Context, tx *sqlx.Tx, p Priority) error {
	if _, err := tx.NamedExecContext(ctx, sqlPutPriority, p); err != nil {
		return fmt.Errorf("save priority %d: %w", p.Level, err)
	}
	return nil
}

func readMatrix(ctx context.Context, q db.Q, query string) (Matrix, error) {
	var m Matrix
	var rows []struct {
		Impact   int `db:"impact"`
		Urgency  int `db:"urgency"`
		Priority int `db:"priority"`
	}
	if err := q.SelectContext(ctx, &rows, query); err != nil {
		return m, fmt.Errorf("read matrix: %w", err)
	}
	for _, r := range rows {
		m[r.Impact-1][r.Urgency-1] = r.Priority
	}
	return m, nil
}

func putMatrix(ctx context.Context, tx *sqlx.Tx, m Matrix) error {
	for i := range m {
		for u := range m[i] {
			if _, err := tx.ExecContext(ctx, sqlPutCell, i+1, u+1, m[i][u]); err != nil {
				return fmt.Errorf("save matrix: %w", err)
			}
		}
	}
	return nil
}

// lack tells which parts of the first data are not there at all.
type lack struct {
	Priorities bool `db:"priorities"`
	Matrix     bool `db:"matrix"`
	Calendars  bool `db:"calendars"`
	Policies   bool `db:"policies"`
	Categories bool `db:"categories"`
}

// lockDefaults waits for any other replica that puts the first data in, and tells what is lacking then.
func lockDefaults(ctx context.Context, tx *sqlx.Tx) (lack, error) {
	var l lack
	if _, err := tx.ExecContext(ctx, sqlDefaultsLock); err != nil {
		return l, fmt.Errorf("lock: %w", err)
	}
	if err := tx.GetContext(ctx, &l, sqlDefaultsLack); err != nil {
		return l, fmt.Errorf("look: %w", err)
	}
	return l, nil
}
