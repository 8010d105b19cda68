package demodir

import (
	"crypto/rand"
	"crypto/subtle"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"opora/auth/directory"
)

// passwordModify is the operation of RFC 3062.
const passwordModify = "1.3.6.1.4.1.4203.1.11.1"

func (s *session) bind(r request) error {
	s.bound, s.service = "", false // RFC 4511 §4.2.1: a bind that fails leaves the connection anonymous
	const simple = 0
	dn, secret := text(child(r.op, 1)), child(r.op, 2)
	if secret.ClassType != ber.ClassContext || secret.Tag != simple {
		return s.reply(r, ldap.ApplicationBindResponse, refusal{ldap.LDAPResultAuthMethodNotSupported, "simple binds only"})
	}
	result, policy := s.authenticate(dn, text(secret))
	if policy >= 0 && ldap.FindControl(r.controls, ldap.ControlTypeBeheraPasswordPolicy) != nil {
		return s.reply(r, ldap.ApplicationBindResponse, result, policyControl(policy))
	}
	return s.reply(r, ldap.ApplicationBindResponse, result)
}

// authenticate binds the session. policy is the error of the password policy control, -1 for none.
func (s *session) authenticate(dn, password string) (result refusal, policy int64) {
	key := directory.DNKey(dn)
	switch {
	case dn == "" && password == "":
		return refusal{}, -1
	case password == "":
		return refusal{ldap.LDAPResultUnwillingToPerform, "a name without a password"}, -1
	case key == directory.DNKey(serviceDN):
		if subtle.ConstantTimeCompare([]byte(password), []byte(s.server.secret)) == 0 {
			return refusal{code: ldap.LDAPResultInvalidCredentials}, -1
		}
		s.bound, s.service = key, true
		return refusal{}, -1
	}
	e, found := s.server.store.get(key)
	right := e.Password.matches(password) // checked for nobody too: the time taken tells no one apart
	switch {
	case found && e.has("pwdAccountLockedTime"):
		return refusal{code: ldap.LDAPResultInvalidCredentials}, ldap.BeheraAccountLocked
	case !found || !right:
		return refusal{code: ldap.LDAPResultInvalidCredentials}, -1
	}
	s.bound = key
	if strings.EqualFold(e.first("pwdReset"), "TRUE") {
		return refusal{}, ldap.BeheraChangeAfterReset
	}
	return refusal{}, -1
}

// policyControl is PasswordPolicyResponseValue with an error (draft-behera-ldap-password-policy-10 §6.2).
func policyControl(code int64) *ber.Packet {
	value := ber.NewSequence("")
	value.AppendChild(ber.NewInteger(ber.ClassContext, ber.TypePrimitive, 1, code, ""))
	c := ber.NewSequence("")
	c.AppendChild(octets(ldap.ControlTypeBeheraPasswordPolicy))
	c.AppendChild(octets(string(value.Bytes())))
	return c
}

// searchRequest is RFC 4511 §4.5.1 as far as it is answered here: aliases and time limits mean nothing.
type searchRequest struct {
	base      string
	scope     int64
	sizeLimit int64
	typesOnly bool
	filter    *ber.Packet
	attrs     []string
}

func readSearch(op *ber.Packet) searchRequest {
	q := searchRequest{base: text(child(op, 0)), filter: child(op, 6)}
	q.scope, _ = child(op, 1).Value.(int64)
	q.sizeLimit, _ = child(op, 3).Value.(int64)
	q.typesOnly, _ = child(op, 5).Value.(bool)
	for _, a := range child(op, 7).Children {
		q.attrs = append(q.attrs, text(a))
	}
	return q
}

func (s *session) search(r request) error {
	const done = ldap.ApplicationSearchResultDone
	q := readSearch(r.op)
	if q.base == "" && q.scope == ldap.ScopeBaseObject {
		if err := s.sendEntry(r, rootDSE, q); err != nil {
			return err
		}
		return s.reply(r, done, refusal{})
	}
	if s.bound == "" {
		return s.reply(r, done, refusal{ldap.LDAPResultInsufficientAccessRights, "bind first"})
	}
	match, err := compile(q.filter)
	if err != nil {
		return s.reply(r, done, refusal{ldap.LDAPResultProtocolError, err.Error()})
	}
	found, exists := s.server.store.search(q.base, q.scope, match)
	if !exists {
		return s.reply(r, done, refusal{code: ldap.LDAPResultNoSuchObject})
	}
	var result refusal
	if q.sizeLimit > 0 && int64(len(found)) > q.sizeLimit {
		found, result.code = found[:q.sizeLimit], ldap.LDAPResultSizeLimitExceeded
	}
	found, controls := page(found, r.controls)
	for _, e := range found {
		if err := s.sendEntry(r, e, q); err != nil {
			return err
		}
	}
	return s.reply(r, done, result, controls...)
}

// page cuts out the page that the client asks for (RFC 2696). The cookie is the place where the next page begins, so that
// nothing has to be kept between two pages.
func page(found []entry, controls []ldap.Control) ([]entry, []*ber.Packet) {
	paging, ok := ldap.FindControl(controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
	if !ok {
		return found, nil
	}
	from, err := strconv.Atoi(string(paging.Cookie))
	if err != nil || from < 0 {
		from = 0
	}
	from = min(from, len(found))
	to := min(from+int(paging.PagingSize), len(found))
	answer := ldap.NewControlPaging(uint32(len(found)))
	if to < len(found) && paging.PagingSize > 0 {
		answer.SetCookie([]byte(strconv.Itoa(to)))
	}
	return found[from:to], []*ber.Packet{answer.Encode()}
}

func (s *session) sendEntry(r request, e entry, q searchRequest) error {
	list := ber.NewSequence("")
	for _, name := range e.selected(q.attrs) {
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		if !q.typesOnly {
			for _, v := range e.Attributes[name] {
				set.AppendChild(octets(v))
			}
		}
		one := ber.NewSequence("")
		one.AppendChild(octets(name))
		one.AppendChild(set)
		list.AppendChild(one)
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(octets(e.DN))
	p.AppendChild(list)
	return s.send(r, p)
}

// modify changes an entry (RFC 4511 §4.6); only the service account may.
func (s *session) modify(op *ber.Packet) refusal {
	if !s.service {
		return refusal{ldap.LDAPResultInsufficientAccessRights, "only the service account may change entries"}
	}
	var changes []change
	for _, c := range child(op, 1).Children {
		one := change{attribute: text(child(child(c, 1), 0))}
		one.operation, _ = child(c, 0).Value.(int64)
		for _, v := range child(child(c, 1), 1).Children {
			one.values = append(one.values, text(v))
		}
		changes = append(changes, one)
	}
	return s.server.store.update(text(child(op, 0)), func(e *entry) refusal {
		for _, c := range changes {
			if result := e.apply(c); result.code != 0 {
				return result
			}
		}
		return refusal{}
	})
}

func (s *session) extended(r request) error {
	if text(child(r.op, 0)) != passwordModify {
		return s.reply(r, ldap.ApplicationExtendedResponse, refusal{ldap.LDAPResultProtocolError, "unknown extended operation"})
	}
	generated, result := s.changePassword(text(child(r.op, 1)))
	op := resultPacket(ldap.ApplicationExtendedResponse, result)
	if generated != "" {
		value := ber.NewSequence("")
		value.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, generated, ""))
		op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, string(value.Bytes()), ""))
	}
	return s.send(r, op)
}

// changePassword sets a password: the service account anybody's, a person their own by the old one. Without a new
// password it makes one.
func (s *session) changePassword(value string) (generated string, result refusal) {
	var who, old, fresh string
	if value != "" {
		p, err := ber.DecodePacketErr([]byte(value))
		if err != nil {
			return "", refusal{ldap.LDAPResultProtocolError, "unreadable request"}
		}
		for _, part := range p.Children {
			switch part.Tag {
			case 0:
				who = text(part)
			case 1:
				old = text(part)
			case 2:
				fresh = text(part)
			}
		}
	}
	key := s.bound
	if who != "" {
		key = directory.DNKey(who)
	}
	if s.bound == "" || !s.service && key != s.bound {
		return "", refusal{ldap.LDAPResultInsufficientAccessRights, "this is not your password"}
	}
	if !s.service {
		if e, _ := s.server.store.get(key); !e.Password.matches(old) {
			return "", refusal{ldap.LDAPResultInvalidCredentials, "the old password is wrong"}
		}
	}
	if fresh == "" {
		generated = rand.Text()
		fresh = generated
	}
	hashed := hashPassword(fresh)
	result = s.server.store.update(key, func(e *entry) refusal {
		e.Password = hashed
		if !s.service {
			delete(e.Attributes, "pwdReset")
		}
		return refusal{}
	})
	if result.code != 0 {
		return "", result
	}
	return generated, result
}
