package itsm

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"opora/internal/db"
	"opora/internal/fault"
	"opora/workflows/worktime"
)

const (
	sqlCalendars = `SELECT c.id, c.code, c.name, v.version, v.valid_from, v.definition
FROM calendars c CROSS JOIN LATERAL (SELECT version, valid_from, definition FROM calendar_versions WHERE calendar_id = c.id ORDER BY version DESC LIMIT 1) v`
	sqlCalendarList   = sqlCalendars + ` ORDER BY c.code`
	sqlCalendarByCode = sqlCalendars + ` WHERE c.code = $1`
	// A statement of its own: what is read in it would be as of before the wait.
	sqlCalendarLock     = `SELECT id FROM calendars WHERE code = $1 FOR NO KEY UPDATE`
	sqlCalendarExists   = `SELECT EXISTS (SELECT FROM calendars WHERE code = $1)`
	sqlCalendarVersions = `SELECT v.version, v.valid_from, v.definition, coalesce(v.set_by, 0) AS set_by, coalesce(p.name, '') AS set_by_name
FROM calendar_versions v LEFT JOIN people p ON p.id = v.set_by WHERE v.calendar_id = $1 ORDER BY v.version DESC`

	sqlInsertCalendar     = `INSERT INTO calendars (code, name) VALUES ($1, $2) RETURNING id`
	sqlRenameCalendar     = `UPDATE calendars SET name = $2 WHERE id = $1`
	sqlAddCalendarVersion = `INSERT INTO calendar_versions (calendar_id, version, valid_from, definition, set_by) VALUES ($1, $2, $3, $4, NULLIF($5, 0))`
)

type calendarRow struct {
	Calendar
	Definition db.JSON[worktime.Spec] `db:"definition"`
}

func (r *calendarRow) calendar() Calendar {
	r.Spec = r.Definition.V
	return r.Calendar
}

func readCalendars(ctx context.Context, q db.Q) ([]Calendar, error) {
	var rows []calendarRow
	if err := q.SelectContext(ctx, &rows, sqlCalendarList); err != nil {
		return nil, fmt.Errorf("read calendars: %w", err)
	}
	out := make([]Calendar, len(rows))
	for i := range rows {
		out[i] = rows[i].calendar()
	}
	return out, nil
}

func readCalendar(ctx context.Context, q db.Q, code string) (Calendar, error) {
	if !storable(code) {
		return Calendar{}, fault.New(fault.NotFound, "reference.no_calendar")
	}
	var row calendarRow
	if err := q.GetContext(ctx, &row, sqlCalendarByCode, code); err != nil {
		return Calendar{}, db.One(fmt.Errorf("read calendar: %w", err), "reference.no_calendar")
	}
	return row.calendar(), nil
}

func lockCalendar(ctx context.Context, tx *sqlx.Tx, code string) (Calendar, error) {
	if !storable(code) {
		return Calendar{}, fault.New(fault.NotFound, "reference.no_calendar")
	}
	var id int64
	if err := tx.GetContext(ctx, &id, sqlCalendarLock, code); err != nil {
		return Calendar{}, db.One(fmt.Errorf("lock calendar: %w", err), "reference.no_calendar")
	}
	return readCalendar(ctx, tx, code)
}

func calendarVersions(ctx context.Context, q db.Q, calendar int64) ([]CalendarVersion, error) {
	var rows []struct {
		CalendarVersion
		Definition db.JSON[worktime.Spec] `db:"definition"`
	}
	if err := q.SelectContext(ctx, &rows, sqlCalendarVersions, calendar); err != nil {
		return nil, fmt.Errorf("read versions of calendar: %w", err)
	}
	out := make([]CalendarVersion, len(rows))
	for i, r := range rows {
		out[i] = r.CalendarVersion
		out[i].Spec = r.Definition.V
	}
	return out, nil
}

func calendarExists(ctx context.Context, q db.Q, code string) (bool, error) {
	if !storable(code) {
		return false, nil
	}
	var exists bool
	if err := q.GetContext(ctx, &exists, sqlCalendarExists, code); err != nil {
		return false, fmt.Errorf("look up calendar: %w", err)
	}
	return exists, nil
}

func insertCalendar(ctx context.Context, tx *sqlx.Tx, c *Calendar) error {
	return mapReferenceError(tx.GetContext(ctx, &c.ID, sqlInsertCalendar, c.Code, c.Name))
}

func renameCalendar(ctx context.Context, tx *sqlx.Tx, c *Calendar) error {
	if _, err := tx.ExecContext(ctx, sqlRenameCalendar, c.ID, c.Name); err != nil {
		return fmt.Errorf("rename calendar: %w", err)
	}
	return nil
}

func addCalendarVersion(ctx context.Context, tx *sqlx.Tx, c *Calendar, by int64) error {
	if _, err := tx.ExecContext(ctx, sqlAddCalendarVersion, c.ID, c.Version, c.ValidFrom, db.JSON[worktime.Spec]{V: c.Spec}, by); err != nil {
		return fmt.Errorf("add version of calendar: %w", err)
	}
	return nil
}
