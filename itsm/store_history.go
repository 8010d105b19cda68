package itsm

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"opora/internal/db"
	"opora/internal/locale"
)

const (
	sqlPastNumber = `SELECT nextval('incident_number') AS number, (` + sqlStamp + `) AS stamp`
	sqlImported   = `SELECT t.external_number, e.body FROM tickets t JOIN ticket_events e ON e.ticket_id = t.id AND e.type = 'imported'
WHERE t.source = $1 AND ($2 = '' OR t.external_number = $2)`

	// Each finds a row by its key or makes it. Whoever makes the same row at the same moment may hide it from this statement: then
	// there is no row, and the next try finds it.
	sqlPastPerson = `WITH made AS (
  INSERT INTO people (kind, login, name, directory, external_id) VALUES ('history', $2, $2, $1, $2) ON CONFLICT DO NOTHING RETURNING id
) SELECT id FROM made UNION ALL SELECT id FROM people WHERE directory = $1 AND external_id = $2`
	sqlPastTeam = `WITH made AS (
  INSERT INTO teams (code, name) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id
) SELECT id FROM made UNION ALL SELECT id FROM teams WHERE code = $1`
	sqlPastCategory = `WITH made AS (
  INSERT INTO categories (code, name, parent_id, portal) VALUES ($1, $2, NULLIF($3, 0), false) ON CONFLICT DO NOTHING RETURNING id
) SELECT id FROM made UNION ALL SELECT id FROM categories WHERE code = $1`
	sqlPastItem = `WITH made AS (
  INSERT INTO items (class, name, source, external_id) VALUES ('other', $3, $1, $2) ON CONFLICT DO NOTHING RETURNING id
) SELECT id FROM made UNION ALL SELECT id FROM items WHERE source = $1 AND external_id = $2`
)

// importedBefore reads what was imported from the source, by the number there; a number asks for that one alone.
func importedBefore(ctx context.Context, q db.Q, source, number string) (map[string]Imported, error) {
	var rows []struct {
		Number string `db:"external_number"`
		Body   string `db:"body"`
	}
	if err := q.SelectContext(ctx, &rows, sqlImported, source, number); err != nil {
		return nil, fmt.Errorf("read what was imported: %w", err)
	}
	out := make(map[string]Imported, len(rows))
	for _, r := range rows {
		e, err := decodeEvent(eventRow{Body: r.Body})
		if err != nil {
			return nil, err
		}
		if e.Import != nil {
			out[r.Number] = *e.Import
		}
	}
	return out, nil
}

// pastNumber is the number of a new ticket, with the stamp of the rules.
func pastNumber(ctx context.Context, tx *sqlx.Tx) (number string, stamp int64, err error) {
	var row struct {
		Number int64 `db:"number"`
		Stamp  int64 `db:"stamp"`
	}
	if err := tx.GetContext(ctx, &row, sqlPastNumber); err != nil {
		return "", 0, fmt.Errorf("number: %w", err)
	}
	return ticketNumber(row.Number), row.Stamp, nil
}

// findOrMake runs one of the statements above. It stands in no transaction: what it makes is there for all importers at once.
func findOrMake(ctx context.Context, q db.Q, query string, args ...any) (int64, error) {
	for range 5 {
		id, ok, err := ref[int64](ctx, q, query, args...)
		if err != nil || ok {
			return id, err
		}
	}
	return 0, errors.New("look up: a row that is taken by nobody")
}

func pastPerson(ctx context.Context, q db.Q, directory, name string) (int64, error) {
	return findOrMake(ctx, q, sqlPastPerson, directory, name)
}

func pastTeam(ctx context.Context, q db.Q, code, name string) (int64, error) {
	return findOrMake(ctx, q, sqlPastTeam, code, locale.Plain(name))
}

func pastCategory(ctx context.Context, q db.Q, code, name string, parent int64) (int64, error) {
	return findOrMake(ctx, q, sqlPastCategory, code, locale.Plain(name), parent)
}

func pastItem(ctx context.Context, q db.Q, source, name string) (int64, error) {
	return findOrMake(ctx, q, sqlPastItem, source, name, locale.Plain(name))
}
