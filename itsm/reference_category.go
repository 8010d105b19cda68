package itsm

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
)

// maxPosition is the highest place among siblings.
const maxPosition = 10_000

// Category is what a ticket is about: a node of a tree.
type Category struct {
	ID           int64       `db:"id"` // 0: not stored yet
	ParentID     int64       `db:"parent_id"`
	Code         string      `db:"code"`
	Name         locale.Text `db:"name"`
	TeamID       int64       `db:"team_id"`      // gets the tickets; 0: that of the service, or nobody yet
	Confidential bool        `db:"confidential"` // its tickets belong to their team; needs one while it is active
	Portal       bool        `db:"portal"`       // employees can choose it
	Position     int         `db:"position"`     // among siblings, then by code
	Active       bool        `db:"active"`
	Version      int         `db:"version"`

	Team  locale.Text   `db:"team"` // read only: the team's name
	Path  []locale.Text `db:"-"`    // read only: names from the root to its own
	Depth int           `db:"-"`    // read only: 0 at the root
}

// CategoryScope says whom a list of categories is for.
type CategoryScope int

// The scopes. A branch whose root is left out is left out whole.
const (
	PortalCategories CategoryScope = iota // active ones that employees can choose
	DeskCategories                        // active ones
	AllCategories                         // those that are no longer in use too
)

// Categories returns the tree in its order: each category is followed by its children.
func (s *Service) Categories(ctx context.Context, actor auth.Actor, scope CategoryScope) ([]Category, error) {
	if err := mayRead(actor); err != nil {
		return nil, err
	}
	rows, err := readCategories(ctx, s.db)
	if err != nil {
		return nil, err
	}
	return tree(rows, func(c *Category) bool {
		return scope == AllCategories || c.Active && (scope == DeskCategories || c.Portal)
	}), nil
}

// tree orders the rows, parents before their children, and gives each its path. Branches that keep refuses are left out.
func tree(rows []Category, keep func(*Category) bool) []Category {
	children := map[int64][]Category{}
	for _, c := range rows {
		children[c.ParentID] = append(children[c.ParentID], c)
	}
	out := make([]Category, 0, len(rows))
	var walk func(parent int64, path []locale.Text)
	walk = func(parent int64, path []locale.Text) {
		list := children[parent]
		slices.SortFunc(list, func(a, b Category) int {
			return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Code, b.Code))
		})
		for i := range list {
			c := list[i]
			if !keep(&c) {
				continue
			}
			c.Path, c.Depth = append(slices.Clone(path), c.Name), len(path)
			out = append(out, c)
			walk(c.ID, c.Path)
		}
	}
	walk(0, nil)
	return out
}

// Category returns one category, with its path.
func (s *Service) Category(ctx context.Context, actor auth.Actor, id int64) (Category, error) {
	list, err := s.Categories(ctx, actor, AllCategories)
	if err != nil {
		return Category{}, err
	}
	i := slices.IndexFunc(list, func(c Category) bool { return c.ID == id })
	if i < 0 {
		return Category{}, fault.New(fault.NotFound, "reference.no_category")
	}
	return list[i], nil
}

// SaveCategory stores a new category (ID 0) or changes the one whose version the actor has seen. Every fault is said at once.
func (s *Service) SaveCategory(ctx context.Context, actor auth.Actor, c Category) (Category, error) {
	c.Name = c.Name.Trim()
	var saved int64
	err := s.manage(ctx, actor, func(tx *sqlx.Tx, now time.Time) error {
		// The whole tree is locked: two that move at once could otherwise close a circle between them.
		rows, err := lockCategories(ctx, tx)
		if err != nil {
			return err
		}
		action, before := "category.created", (*Category)(nil)
		if c.ID != 0 {
			i := slices.IndexFunc(rows, func(r Category) bool { return r.ID == c.ID })
			if i < 0 {
				return fault.New(fault.NotFound, "reference.no_category")
			}
			if action, before = "category.changed", &rows[i]; before.Version != c.Version {
				return fault.New(fault.Conflict, "reference.stale")
			}
		}
		var f fault.Fields
		if err := c.check(ctx, tx, &f, before, rows); err != nil {
			return err
		}
		if err := f.Err(); err != nil {
			return err
		}
		if saved, err = putCategory(ctx, tx, c); err != nil {
			return err
		}
		_, err = s.logSettings(ctx, tx, actor, now, action, "category:"+c.Code, before.record(), c.record())
		return err
	})
	if err != nil {
		return Category{}, err
	}
	return s.Category(ctx, actor, saved)
}

func (c *Category) check(ctx context.Context, tx *sqlx.Tx, f *fault.Fields, before *Category, rows []Category) error {
	checkCode(f, c.Code)
	checkName(f, "name", c.Name)
	if c.Position < 0 || c.Position > maxPosition {
		f.Add("position", "reference.position", "Max", strconv.Itoa(maxPosition))
	}
	// What is confidential is seen by its team alone: without one nobody would work on it.
	if c.Confidential && c.Active && c.TeamID == 0 {
		f.Add("team", "reference.team_needed")
	}
	if slices.ContainsFunc(rows, func(r Category) bool { return r.Code == c.Code && r.ID != c.ID }) {
		f.Add("code", "reference.code_taken")
	}
	parents := map[int64]int64{}
	for _, r := range rows {
		parents[r.ID] = r.ParentID
	}
	if _, ok := parents[c.ParentID]; c.ParentID != 0 && !ok {
		f.Add("parent", "reference.unknown_choice")
	}
	for p := c.ParentID; p != 0 && c.ID != 0; p = parents[p] {
		if p == c.ID {
			f.Add("parent", "reference.circle")
			break
		}
	}
	if c.TeamID != 0 && (before == nil || before.TeamID != c.TeamID) {
		if _, ok, err := ref[teamRef](ctx, tx, sqlTeamRef, c.TeamID); err != nil {
			return err
		} else if !ok {
			f.Add("team", "reference.unknown_choice")
		}
	}
	return nil
}

// record is the category as the audit log tells changes of it; that of nil is empty.
func (c *Category) record() map[string]string {
	if c == nil {
		return nil
	}
	return map[string]string{
		"parent": idText(c.ParentID), "code": c.Code, "name_en": c.Name.En, "name_ru": c.Name.Ru, "name_uk": c.Name.Uk,
		"team": idText(c.TeamID), "confidential": strconv.FormatBool(c.Confidential), "portal": strconv.FormatBool(c.Portal),
		"position": strconv.Itoa(c.Position), "active": strconv.FormatBool(c.Active),
	}
}
