package cmdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/db"
	"opora/internal/fault"
)

const (
	sqlItem = `SELECT i.id, i.class, i.name, i.tag, i.criticality, coalesce(i.owner_id, 0) AS owner_id, coalesce(i.team_id, 0) AS team_id,
  coalesce(i.policy_id, 0) AS policy_id, i.timezone, i.active, i.version, coalesce(p.name, '') AS owner, t.name AS team
FROM items i LEFT JOIN people p ON p.id = i.owner_id LEFT JOIN teams t ON t.id = i.team_id`
	sqlLockItem = sqlItem + ` WHERE i.id = $1 FOR UPDATE OF i`

	// $1 is the reader's language.
	sqlNameInLanguage = `lower(coalesce(NULLIF(i.name ->> CAST($1 AS text), ''), i.name ->> 'en', i.name ->> 'ru', i.name ->> 'uk', ''))`
	sqlServices       = sqlItem + ` WHERE i.class = 'service' AND i.active ORDER BY ` + sqlNameInLanguage + `, i.id`

	// The words of an item, as index items_search has them.
	sqlWords = `lower(coalesce(i.name ->> 'en', '') || ' ' || coalesce(i.name ->> 'ru', '') || ' ' || coalesce(i.name ->> 'uk', '') || ' ' || i.tag)`

	sqlSeen = `(i.class = 'service' OR i.owner_id = ?)`

	sqlInsertItem = `INSERT INTO items (class, name, tag, criticality, owner_id, team_id, policy_id, timezone, active)
VALUES (:class, :name, :tag, :criticality, NULLIF(:owner_id, 0), NULLIF(:team_id, 0), NULLIF(:policy_id, 0), :timezone, :active)
RETURNING id`
	sqlUpdateItem = `UPDATE items SET class = :class, name = :name, tag = :tag, criticality = :criticality, owner_id = NULLIF(:owner_id, 0),
  team_id = NULLIF(:team_id, 0), policy_id = NULLIF(:policy_id, 0), timezone = :timezone, active = :active, version = version + 1
WHERE id = :id AND version = :version`

	sqlReferences = `SELECT
  EXISTS (SELECT FROM people WHERE id = $1 AND active AND kind = 'person') AS owner,
  EXISTS (SELECT FROM teams WHERE id = $2 AND active) AS team,
  EXISTS (SELECT FROM sla_policies WHERE id = $3 AND active) AS policy,
  EXISTS (SELECT FROM items WHERE tag <> '' AND lower(tag) = lower($4) AND id <> $5) AS tag_taken`
)

// list reads one item more than the limit, so that the caller knows whether there are more. Only when the words are found in
// no item does it look for what is written like them.
func list(ctx context.Context, q db.Q, actor auth.Actor, filter Filter) ([]Item, error) {
	found, err := listBy(ctx, q, actor, filter, func(w *db.Where) {
		for _, word := range words(filter.Text) {
			w.And(sqlWords+` LIKE ?`, "%"+escapeLike(word)+"%")
		}
	})
	typed := strings.ToLower(strings.TrimSpace(filter.Text))
	if err != nil || len(found) > 0 || typed == "" {
		return found, err
	}
	return listBy(ctx, q, actor, filter, func(w *db.Where) { w.And(`CAST(? AS text) <% `+sqlWords, typed) })
}

func listBy(ctx context.Context, q db.Q, actor auth.Actor, filter Filter, find func(w *db.Where)) ([]Item, error) {
	var w db.Where
	w.Arg(actor.Language)
	prefix := w.Arg(escapeLike(strings.ToLower(strings.TrimSpace(filter.Text))) + "%")
	if !seesAll(actor) {
		w.And(sqlSeen, actor.ID)
	}
	if filter.Class != "" {
		w.And(`i.class = ?`, filter.Class)
	}
	if filter.OwnerID != 0 {
		w.And(`i.owner_id = ?`, filter.OwnerID)
	}
	if !filter.Retired {
		w.And(`i.active`)
	}
	find(&w)
	query := sqlItem + w.SQL() + ` ORDER BY i.active DESC, ` + sqlNameInLanguage + ` LIKE ` + prefix + ` DESC, i.criticality, ` +
		sqlNameInLanguage + `, i.id LIMIT ` + w.Arg(filter.Limit+1)
	var items []Item
	if err := q.SelectContext(ctx, &items, query, w.Args()...); err != nil {
		return nil, fmt.Errorf("list items: %w", err)
	}
	return items, nil
}

// escapeLike makes the text mean itself in a LIKE pattern.
func escapeLike(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

func services(ctx context.Context, q db.Q, language string) ([]Item, error) {
	var items []Item
	if err := q.SelectContext(ctx, &items, sqlServices, language); err != nil {
		return nil, fmt.Errorf("list services: %w", err)
	}
	return items, nil
}

func get(ctx context.Context, q db.Q, actor auth.Actor, id int64) (Item, error) {
	var w db.Where
	w.And(`i.id = ?`, id)
	if !seesAll(actor) {
		w.And(sqlSeen, actor.ID)
	}
	var item Item
	if err := q.GetContext(ctx, &item, sqlItem+w.SQL(), w.Args()...); err != nil {
		return Item{}, db.One(fmt.Errorf("read item %d: %w", id, err), "cmdb.no_item")
	}
	return item, nil
}

func lock(ctx context.Context, tx *sqlx.Tx, id int64) (Item, error) {
	var item Item
	if err := tx.GetContext(ctx, &item, sqlLockItem, id); err != nil {
		return Item{}, db.One(fmt.Errorf("lock item %d: %w", id, err), "cmdb.no_item")
	}
	return item, nil
}

// checkReferences notes references that do not exist or are not active, and a tag that is taken. A reference that the item
// has already may stay: its owner may have left.
func checkReferences(ctx context.Context, tx *sqlx.Tx, f *fault.Fields, before, item Item) error {
	var found struct {
		Owner    bool `db:"owner"`
		Team     bool `db:"team"`
		Policy   bool `db:"policy"`
		TagTaken bool `db:"tag_taken"`
	}
	if err := tx.GetContext(ctx, &found, sqlReferences, item.OwnerID, item.TeamID, item.PolicyID, item.Tag, item.ID); err != nil {
		return fmt.Errorf("references of item: %w", err)
	}
	if item.OwnerID != before.OwnerID && item.OwnerID != 0 && !found.Owner {
		f.Add("owner", "cmdb.unknown_person")
	}
	if item.TeamID != before.TeamID && item.TeamID != 0 && !found.Team {
		f.Add("team", "cmdb.unknown_choice")
	}
	if item.PolicyID != before.PolicyID && item.PolicyID != 0 && !found.Policy {
		f.Add("policy", "cmdb.unknown_choice")
	}
	if found.TagTaken {
		f.Add("tag", "cmdb.tag_taken")
	}
	return nil
}

// put inserts (ID 0) or updates the item and returns its id.
func put(ctx context.Context, tx *sqlx.Tx, item Item) (int64, error) {
	if item.ID != 0 {
		res, err := tx.NamedExecContext(ctx, sqlUpdateItem, item)
		return item.ID, mapError(db.Affected(res, err, fault.New(fault.Conflict, "cmdb.stale")))
	}
	query, args, err := tx.BindNamed(sqlInsertItem, item)
	if err != nil {
		return 0, fmt.Errorf("insert item: %w", err)
	}
	var id int64
	err = tx.GetContext(ctx, &id, query, args...)
	return id, mapError(err)
}

// mapError says which field a constraint refused. checkReferences sees it first unless somebody else was faster.
func mapError(err error) error {
	var f fault.Fields
	switch {
	case err == nil || fault.Is(err, fault.Conflict):
		return err
	case db.Violated(err, "items_tag_key"):
		f.Add("tag", "cmdb.tag_taken")
		return f.Err()
	}
	return fmt.Errorf("save item: %w", err)
}
