package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"opora/internal/db"

	"github.com/lib/pq"
)

const (
	sqlHits = `SELECT p.id, p.name, p.login, p.mail, p.title, p.department FROM people p`
	// Whole login first, then names that begin so, then other words that do.
	sqlHitsOrder      = ` ORDER BY lower(p.login) <> lower(?), lower(p.name) NOT LIKE lower(?) || '%', lower(' ' || p.name) NOT LIKE '% ' || lower(?) || '%', lower(p.name), p.id LIMIT ?`
	sqlPickable       = `p.active AND p.kind = 'person'`
	sqlAlike          = sqlTyped + ` <% ` + sqlSearched
	sqlAlikeness      = ` ORDER BY ` + sqlTyped + ` <<-> ` + sqlSearched + `, p.id LIMIT ?`
	sqlKnownExternals = `SELECT external_id FROM people WHERE directory = $1 AND external_id = ANY ($2)`
	sqlIsActivePerson = `SELECT EXISTS (SELECT FROM people WHERE id = $1 AND active AND kind = 'person')`
	sqlActiveByLogin  = `SELECT id FROM people WHERE lower(login) = lower($1) AND active AND kind = 'person' ORDER BY id LIMIT 1`
)

type hitRow struct {
	ID         int64  `db:"id"`
	Name       string `db:"name"`
	Login      string `db:"login"`
	Mail       string `db:"mail"`
	Title      string `db:"title"`
	Department string `db:"department"`
}

// findPeople finds those who have every word of the text; words are escaped for LIKE.
func findPeople(ctx context.Context, q db.Q, text string, words []string, limit int) ([]PersonHit, error) {
	var w db.Where
	w.And(sqlPickable)
	for _, word := range words {
		w.And(sqlPeopleText, word)
	}
	begins := strings.Join(words, " ")
	return hits(ctx, q, &w, sqlHitsOrder, text, begins, begins, limit)
}

// findSimilar finds those who have something like the text.
func findSimilar(ctx context.Context, q db.Q, text string, limit int) ([]PersonHit, error) {
	var w db.Where
	w.And(sqlPickable)
	w.And(sqlAlike, text)
	return hits(ctx, q, &w, sqlAlikeness, text, limit)
}

// hits selects by w in an order, which takes an argument for each of its "?".
func hits(ctx context.Context, q db.Q, w *db.Where, order string, args ...any) ([]PersonHit, error) {
	for _, arg := range args {
		order = strings.Replace(order, "?", w.Arg(arg), 1)
	}
	var rows []hitRow
	if err := q.SelectContext(ctx, &rows, sqlHits+w.SQL()+order, w.Args()...); err != nil {
		return nil, fmt.Errorf("finding people: %w", err)
	}
	found := make([]PersonHit, len(rows))
	for i, r := range rows {
		found[i] = PersonHit{
			Ref: strconv.FormatInt(r.ID, 10), ID: r.ID, Name: r.Name, Login: r.Login, Mail: r.Mail, Title: r.Title, Department: r.Department,
		}
	}
	return found, nil
}

func knownExternals(ctx context.Context, q db.Q, directory string, ids []string) (map[string]bool, error) {
	var list []string
	if err := q.SelectContext(ctx, &list, sqlKnownExternals, directory, pq.StringArray(ids)); err != nil {
		return nil, fmt.Errorf("finding known people: %w", err)
	}
	known := make(map[string]bool, len(list))
	for _, id := range list {
		known[id] = true
	}
	return known, nil
}

func isActivePerson(ctx context.Context, q db.Q, id int64) (bool, error) {
	var ok bool
	if err := q.GetContext(ctx, &ok, sqlIsActivePerson, id); err != nil {
		return false, fmt.Errorf("finding a person: %w", err)
	}
	return ok, nil
}

// activeByLogin is 0 when nobody has the login.
func activeByLogin(ctx context.Context, q db.Q, login string) (int64, error) {
	var id int64
	err := q.GetContext(ctx, &id, sqlActiveByLogin, login)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("finding a login: %w", err)
	}
	return id, nil
}
