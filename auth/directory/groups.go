package directory

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

const (
	pageSize = 500 // within the limit of every server we know: OpenLDAP 500, Active Directory 1000
	// groupBatch keeps the filter of one level of nesting short enough for servers that limit it.
	groupBatch = 50
	// maxGroups ends the climb in a directory gone wrong.
	maxGroups = 5000
	// inChain is LDAP_MATCHING_RULE_IN_CHAIN: Active Directory climbs by itself.
	inChain = "1.2.840.113556.1.4.1941"
)

// groups finds all groups of the person, inherited ones too, sorted by name. Active Directory's primary group (as a
// rule "Domain Users") has no member attribute and is not among them.
func (c *Client) groups(con *conn, s *schema, p Person) (Groups, error) {
	if s.kind == AD {
		found, err := pagedSearch(con, c.cfg.GroupBase, and(s.groups, "(member:"+inChain+":="+ldap.EscapeFilter(p.DN)+")"), []string{"cn"}, maxGroups)
		if err != nil {
			return nil, err
		}
		return sortGroups(found), nil
	}
	// Level by level: a group may hold itself by way of others, so each is asked about once.
	seen := map[string]bool{}
	var all []*ldap.Entry
	level, login := []string{p.DN}, p.Login
	for len(level) > 0 && len(all) < maxGroups {
		var next []string
		for batch := range slices.Chunk(level, groupBatch) {
			found, err := pagedSearch(con, c.cfg.GroupBase, and(s.groups, memberFilter(batch, login)), []string{"cn"}, maxGroups)
			if err != nil {
				return nil, err
			}
			for _, g := range found {
				if key := DNKey(g.DN); !seen[key] {
					seen[key] = true
					all = append(all, g)
					next = append(next, g.DN)
				}
			}
		}
		level, login = next, "" // posixGroup holds people only
	}
	return sortGroups(all), nil
}

// memberFilter asks for the groups that hold one of the DNs, or by memberUid the login.
func memberFilter(dns []string, login string) string {
	var b strings.Builder
	for _, dn := range dns {
		b.WriteString(anyOf([]string{"member", "uniqueMember"}, "=", dn))
	}
	if login != "" {
		b.WriteString(anyOf([]string{"memberUid"}, "=", login))
	}
	return "(|" + b.String() + ")"
}

func sortGroups(entries []*ldap.Entry) Groups {
	groups := make(Groups, 0, len(entries))
	for _, e := range entries {
		groups = append(groups, Group{DN: e.DN, Name: firstValue(e, "cn")})
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.DN, b.DN))
	})
	return groups
}

// pagedSearch reads at most limit entries below base, page by page (RFC 2696); more than that are left unread.
func pagedSearch(con *conn, base, filter string, attributes []string, limit int) ([]*ldap.Entry, error) {
	paging := ldap.NewControlPaging(uint32(min(pageSize, limit)))
	request := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, filter, attributes, []ldap.Control{paging})
	var all []*ldap.Entry
	for {
		found, err := con.Search(request)
		if ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) && found != nil {
			return first(append(all, found.Entries...), limit), nil // the server's own limit: what came is what there is
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found.Entries...)
		answer, ok := ldap.FindControl(found.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(answer.Cookie) == 0 {
			return first(all, limit), nil
		}
		paging.SetCookie(answer.Cookie)
		if len(all) >= limit { // give the cursor back
			paging.PagingSize = 0
			if _, err := con.Search(request); err != nil {
				return nil, err
			}
			return first(all, limit), nil
		}
	}
}

func first(entries []*ldap.Entry, n int) []*ldap.Entry { return entries[:min(n, len(entries))] }
