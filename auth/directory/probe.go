package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"opora/internal/fault"
)

const (
	probeLimit   = 1000 // people and groups are counted up to this
	probePreview = 10
)

// Report is what the set-up page shows of a directory before it is taken into use.
type Report struct {
	Server    string // the URL that answered
	Product   string // what it says it is: "OpenLDAP", "Active Directory", "Samba Team …"
	Kind      Kind
	Encrypted bool
	People    Count
	Groups    Count
	Preview   []Person // the first ten, with groups
	Problems  []fault.Message
}

// Count is a number that was counted up to a bound; More says that there are more.
type Count struct {
	N    int
	More bool
}

func (r *Report) problem(id string, args ...any) {
	r.Problems = append(r.Problems, fault.Message{ID: id, Args: args})
}

// Probe tries out the configuration step by step and reports as far as it came: what cannot be done stands in Problems,
// in the order in which to mend it. The error is that of ctx alone.
func (c *Client) Probe(ctx context.Context) (Report, error) {
	var r Report
	err := c.search.do(ctx, func(con *conn) error {
		r = Report{Server: con.server}
		_, r.Encrypted = con.TLSConnectionState()
		root, err := readRootDSE(con)
		if err != nil {
			return err
		}
		r.Product, r.Kind = root.product, root.kind
		if c.cfg.Kind != Auto && c.cfg.Kind != root.kind {
			r.problem("directory.probe.kind", "Kind", string(root.kind), "Product", root.product)
			r.Kind = c.cfg.Kind
		}
		if !r.Encrypted && c.cfg.AllowPlain {
			r.problem("directory.probe.plain")
		}
		return c.probeEntries(con, c.cfg.schemaOf(r.Kind), &r)
	})
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	switch {
	case err == nil:
	case isCertificateError(err):
		r.problem("directory.probe.certificate", "Detail", err.Error())
	case serverReason(err) == NoAnswer:
		r.problem("directory.probe.no_answer", "Detail", err.Error())
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInvalidDNSyntax):
		r.problem("directory.probe.service_account", "Detail", err.Error())
	default:
		r.problem("directory.probe.refused", "Detail", err.Error())
	}
	return r, nil
}

// probeEntries reads people and groups as they would be read at sign-in.
func (c *Client) probeEntries(con *conn, s *schema, r *Report) error {
	people, err := pagedSearch(con, c.cfg.BaseDN, s.people, s.requested(), probeLimit+1)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		r.problem("directory.probe.base", "DN", c.cfg.BaseDN)
		return nil
	}
	if err != nil {
		return err
	}
	r.People = count(people)
	groups, err := pagedSearch(con, c.cfg.GroupBase, s.groups, []string{"cn"}, probeLimit+1)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		r.problem("directory.probe.base", "DN", c.cfg.GroupBase)
	} else if err != nil {
		return err
	}
	r.Groups = count(groups)
	if r.People.N == 0 {
		r.problem("directory.probe.no_people", "Filter", s.people)
		return nil
	}
	if r.Groups.N == 0 {
		r.problem("directory.probe.no_groups", "Filter", s.groups)
	}
	r.findGaps(s, people)
	for _, e := range first(people, probePreview) {
		p := s.person(e)
		if err := c.complete(con, s, &p); err != nil {
			return err
		}
		r.Preview = append(r.Preview, p)
	}
	return nil
}

// findGaps counts the people who could not be used as they are.
func (r *Report) findGaps(s *schema, people []*ldap.Entry) {
	var noID, noLogin, noMail int
	logins := map[string]int{}
	for _, e := range people {
		p := s.person(e)
		if p.ID == "" {
			noID++
		}
		if p.Mail == "" {
			noMail++
		}
		if login, err := CanonicalLogin(p.Login); err != nil {
			noLogin++
		} else {
			logins[login]++
		}
	}
	if noID > 0 {
		r.problem("directory.probe.no_id", "N", noID, "Attribute", s.attrs.ID)
	}
	if noLogin > 0 {
		r.problem("directory.probe.no_login", "N", noLogin, "Attribute", s.attrs.Login)
	}
	if noMail > 0 {
		r.problem("directory.probe.no_mail", "N", noMail, "Attribute", s.attrs.Mail)
	}
	var twice []string
	for login, n := range logins {
		if n > 1 {
			twice = append(twice, login)
		}
	}
	if len(twice) > 0 {
		slices.Sort(twice)
		r.problem("directory.probe.login_twice", "Logins", strings.Join(twice[:min(len(twice), 5)], ", "))
	}
}

func count(entries []*ldap.Entry) Count {
	return Count{N: min(len(entries), probeLimit), More: len(entries) > probeLimit}
}
