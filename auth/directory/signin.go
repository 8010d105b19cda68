package directory

import (
	"context"
	"errors"

	"github.com/go-ldap/ldap/v3"
)

// SignIn finds the person that the login names (plain login, mail, UPN, login@suffix, DOMAIN\login) and lets the
// directory judge the password. Every failure is a *SignInError.
func (c *Client) SignIn(ctx context.Context, login, password string) (Person, error) {
	canonical, err := CanonicalLogin(login)
	if err != nil {
		return Person{}, &SignInError{Reason: BadInput, Err: err}
	}
	if err := checkPassword(password); err != nil {
		return Person{}, &SignInError{Reason: BadInput, Err: err}
	}
	p, err := c.findByLogin(ctx, canonical)
	if err != nil {
		return Person{}, err
	}
	if err := c.bindAs(ctx, p, password); err != nil {
		return Person{}, err
	}
	if err := c.withSchema(ctx, func(con *conn, s *schema) error { return c.complete(con, s, &p) }); err != nil {
		return Person{}, &SignInError{Reason: serverReason(err), PersonID: p.ID, Err: err}
	}
	return p, nil
}

// findByLogin finds exactly one person; a login that names two is refused, since the password could open either.
func (c *Client) findByLogin(ctx context.Context, login string) (Person, error) {
	var people []Person
	err := c.withSchema(ctx, func(con *conn, s *schema) error {
		people = nil
		filter := c.cfg.loginFilter(s, login)
		if filter == "" {
			return nil
		}
		found, err := con.Search(ldap.NewSearchRequest(c.cfg.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false,
			filter, s.requested(), nil))
		if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
			return err
		}
		for _, e := range found.Entries {
			people = append(people, s.person(e))
		}
		return nil
	})
	switch {
	case err != nil:
		return Person{}, &SignInError{Reason: serverReason(err), Err: err}
	case len(people) == 0:
		return Person{}, &SignInError{Reason: UnknownPerson}
	case len(people) > 1:
		return Person{}, &SignInError{Reason: Ambiguous}
	case people[0].ID == "":
		return Person{}, &SignInError{Reason: Misconfigured, Err: errors.New("the entry has no id: " + people[0].DN)}
	}
	return people[0], nil
}

func (c *Client) bindAs(ctx context.Context, p Person, password string) error {
	var (
		reason Reason
		ok     bool
	)
	err := c.people.do(ctx, func(con *conn) error {
		result, err := con.SimpleBind(&ldap.SimpleBindRequest{
			Username: p.DN, Password: password,
			Controls: []ldap.Control{ldap.NewControlBeheraPasswordPolicy()},
		})
		reason, ok = bindReason(result, err, p.Disabled)
		return err
	})
	switch {
	case ok:
		return nil
	case reason == "" || err != nil && reason == NoAnswer: // not even connected
		return &SignInError{Reason: serverReason(err), PersonID: p.ID, Err: err}
	}
	return &SignInError{Reason: reason, PersonID: p.ID, Err: err}
}

// complete adds what takes further searches: the groups and the manager's id.
func (c *Client) complete(con *conn, s *schema, p *Person) error {
	var err error
	if p.Groups, err = c.groups(con, s, *p); err != nil {
		return err
	}
	p.ManagerID, err = managerID(con, s, p.ManagerDN)
	return err
}

// managerID is "" for a manager who does not exist, or not for the service account.
func managerID(con *conn, s *schema, dn string) (string, error) {
	if dn == "" {
		return "", nil
	}
	found, err := con.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", attributeNames(s.attrs.ID), nil))
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultReferral,
		ldap.LDAPResultInsufficientAccessRights) {
		return "", nil
	}
	if err != nil || len(found.Entries) == 0 {
		return "", err
	}
	return entryID(found.Entries[0], s.attrs.ID), nil
}
