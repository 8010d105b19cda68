package itsm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"

	"opora/internal/db"
)

// pastNames turns the log's names of people, teams, categories and items into ids, and makes what there is not yet. It is safe for
// concurrent use and remembers every answer.
type pastNames struct {
	q         db.Q
	source    string
	directory string // of the people: theirs are left alone by every real one

	mu  sync.Mutex
	ids map[[3]string]int64
}

func newPastNames(q db.Q, source string) *pastNames {
	return &pastNames{q: q, source: source, directory: "history:" + source, ids: map[[3]string]int64{}}
}

// nobody is the person who stands where the log names none though there must be one.
const nobody = "Unknown"

// find asks the memory, else the database; 0 for no name. One at a time, so that a name is made once.
func (n *pastNames) find(kind, name, below string, ask func() (int64, error)) (int64, error) {
	if cmp.Or(name, below) == "" {
		return 0, nil
	}
	key := [3]string{kind, name, below}
	n.mu.Lock()
	defer n.mu.Unlock()
	if id, ok := n.ids[key]; ok {
		return id, nil
	}
	id, err := ask()
	if err == nil {
		n.ids[key] = id
	}
	return id, err
}

func (n *pastNames) person(ctx context.Context, name string) (int64, error) {
	return n.find("person", name, "", func() (int64, error) { return pastPerson(ctx, n.q, n.directory, name) })
}

func (n *pastNames) team(ctx context.Context, name string) (int64, error) {
	return n.find("team", name, "", func() (int64, error) { return pastTeam(ctx, n.q, codeOf(n.source, name), name) })
}

func (n *pastNames) item(ctx context.Context, name string) (int64, error) {
	return n.find("item", name, "", func() (int64, error) { return pastItem(ctx, n.q, n.source, name) })
}

// category is the subcategory below its category; either may be missing.
func (n *pastNames) category(ctx context.Context, name, sub string) (int64, error) {
	parent, err := n.find("category", name, "", func() (int64, error) {
		return pastCategory(ctx, n.q, codeOf(n.source, name), name, 0)
	})
	if err != nil || sub == "" {
		return parent, err
	}
	return n.find("category", name, sub, func() (int64, error) {
		return pastCategory(ctx, n.q, codeOf(n.source, name, sub), sub, parent)
	})
}

// learn finds everything that the incident names, so that its transaction needs no other connection.
func (n *pastNames) learn(ctx context.Context, p *pastIncident) error {
	see := func(row *loggedRow) error {
		people := []string{row.requester, row.openedBy, row.by, row.assignee, row.resolvedBy}
		if row.requester == "" && row.openedBy == "" {
			people = append(people, nobody)
		}
		for _, name := range people {
			if _, err := n.person(ctx, name); err != nil {
				return err
			}
		}
		if _, err := n.team(ctx, row.team); err != nil {
			return err
		}
		if _, err := n.item(ctx, row.item); err != nil {
			return err
		}
		_, err := n.category(ctx, row.category, row.subcategory)
		return err
	}
	if err := see(p.first); err != nil {
		return err
	}
	for i := range p.steps {
		if err := see(p.steps[i].row); err != nil {
			return err
		}
	}
	return nil
}

// The ids of what was learnt; 0 for no name.
func (n *pastNames) personID(name string) int64 { return n.known("person", name, "") }
func (n *pastNames) teamID(name string) int64   { return n.known("team", name, "") }
func (n *pastNames) itemID(name string) int64   { return n.known("item", name, "") }
func (n *pastNames) categoryID(name, sub string) int64 {
	return n.known("category", name, sub)
}

func (n *pastNames) known(kind, name, below string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ids[[3]string{kind, name, below}]
}

var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9]+( [A-Za-z0-9]+)*$`)
	notInCode = regexp.MustCompile(`[^a-z0-9]+`)
)

// codeOf makes a code of names: servicenow-group-70, servicenow-category-55_subcategory-170. A name that a code cannot hold whole ends in a digest of it.
func codeOf(source string, names ...string) string {
	code, whole := source, true
	for i, name := range names {
		code += []string{"-", "_"}[min(i, 1)] + strings.Trim(notInCode.ReplaceAllString(strings.ToLower(name), "-"), "-")
		whole = whole && plainName.MatchString(name)
	}
	if whole && codeForm.MatchString(code) {
		return code
	}
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return strings.TrimRight(code[:min(len(code), 36)], "-") + "-" + hex.EncodeToString(sum[:6])
}
