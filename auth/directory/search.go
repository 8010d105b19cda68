package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"

	"opora/internal/fault"
)

// MaxFound is the most that Search gives.
const MaxFound = 100

// Search finds people that a typed text may mean: every word of it stands in the name, or begins the login or the mail.
// At most limit (and MaxFound) come, by name; nobody disabled. Groups and ManagerID stay empty.
func (c *Client) Search(ctx context.Context, text string, limit int) ([]Person, error) {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text))
	limit = min(limit, MaxFound)
	if text == "" || len(text) > maxLogin || limit < 1 {
		return nil, nil
	}
	var people []Person
	err := c.withSchema(ctx, func(con *conn, s *schema) error {
		found, err := pagedSearch(con, c.cfg.BaseDN, textFilter(s, text), s.requested(), MaxFound)
		if err != nil {
			return err
		}
		people = make([]Person, 0, len(found))
		for _, e := range found {
			if p := s.person(e); p.ID != "" && !p.Disabled {
				people = append(people, p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, asFault(err)
	}
	slices.SortFunc(people, func(a, b Person) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Login, b.Login))
	})
	return people[:min(limit, len(people))], nil
}

// ByID finds the person with the immutable id, wherever they moved; a NotFound fault when the directory has them no more.
func (c *Client) ByID(ctx context.Context, id string) (Person, error) {
	var (
		p     Person
		found bool
	)
	err := c.withSchema(ctx, func(con *conn, s *schema) error {
		found = false
		filter, err := s.idFilter(id)
		if err != nil {
			return nil // nobody has an id that is none
		}
		result, err := con.Search(ldap.NewSearchRequest(c.cfg.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false,
			filter, s.requested(), nil))
		if err != nil || len(result.Entries) != 1 {
			return err
		}
		p, found = s.person(result.Entries[0]), true
		return c.complete(con, s, &p)
	})
	if err == nil && !found {
		return Person{}, fault.New(fault.NotFound, "directory.person_not_found")
	}
	return p, asFault(err)
}

// Ping tells whether the directory answers the service account.
func (c *Client) Ping(ctx context.Context) error {
	return asFault(c.search.do(ctx, func(con *conn) error {
		_, err := con.Search(ldap.NewSearchRequest(c.cfg.BaseDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
			"(objectClass=*)", []string{"1.1"}, nil))
		return err
	}))
}
