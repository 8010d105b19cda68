package demodir

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-ldap/ldap/v3"

	"opora/auth/directory"
)

const fileName = "directory.json"

// entry is one entry of the directory. Attribute names are spelled as in the schema and found without case.
type entry struct {
	DN         string              `json:"dn"`
	Attributes map[string][]string `json:"attributes"`
	Password   password            `json:"password,omitzero"`
}

// password is a salted PBKDF2-SHA256 hash.
type password struct {
	Rounds int    `json:"rounds"`
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
}

// passwordRounds is low for a server that somebody would attack, and quick for a demo that seeds forty people at once.
const passwordRounds = 10_000

func hashPassword(plain string) password {
	p := password{Rounds: passwordRounds, Salt: make([]byte, 16)}
	_, _ = rand.Read(p.Salt) // never fails
	p.Hash = derive(plain, p)
	return p
}

func derive(plain string, p password) []byte {
	key, err := pbkdf2.Key(sha256.New, plain, p.Salt, max(p.Rounds, 1), sha256.Size)
	if err != nil {
		return nil
	}
	return key
}

// matches takes the same time for an entry without a password, which never matches.
func (p password) matches(plain string) bool {
	if len(p.Hash) == 0 {
		p = password{Rounds: passwordRounds, Salt: make([]byte, 16)}
	}
	return subtle.ConstantTimeCompare(derive(plain, p), p.Hash) == 1
}

// operational attributes come only when they are asked for by name or by "+".
var operational = []string{"entryUUID", "pwdAccountLockedTime", "pwdReset", "memberOf"}

func isOperational(name string) bool { return slices.Contains(operational, name) }

// name is the spelling in which the entry has the attribute, "" when it has it not.
func (e entry) name(attribute string) string {
	for have := range e.Attributes {
		if strings.EqualFold(have, attribute) {
			return have
		}
	}
	return ""
}

func (e entry) values(attribute string) []string { return e.Attributes[e.name(attribute)] }

func (e entry) has(attribute string) bool { return len(e.values(attribute)) > 0 }

func (e entry) first(attribute string) string {
	if v := e.values(attribute); len(v) > 0 {
		return v[0]
	}
	return ""
}

// selected lists the attributes that a search asks for (RFC 4511 §4.5.1.8), sorted.
func (e entry) selected(asked []string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		wanted := slices.ContainsFunc(asked, func(a string) bool { return strings.EqualFold(a, name) })
		all := len(asked) == 0 || slices.Contains(asked, "*")
		if wanted || all && !isOperational(name) || slices.Contains(asked, "+") && isOperational(name) {
			names = append(names, name)
		}
	}
	return names
}

func (e entry) clone() entry {
	c := e
	c.Attributes = make(map[string][]string, len(e.Attributes))
	for k, v := range e.Attributes {
		c.Attributes[k] = slices.Clone(v)
	}
	return c
}

// change is one change of a modify request.
type change struct {
	operation int64
	attribute string
	values    []string
}

// apply makes one change. What names the entry or identifies it stays as it is.
func (e *entry) apply(c change) refusal {
	if strings.EqualFold(c.attribute, "userPassword") {
		if c.operation != ldap.ReplaceAttribute || len(c.values) != 1 || c.values[0] == "" {
			return refusal{ldap.LDAPResultConstraintViolation, "replace userPassword by one value"}
		}
		e.Password = hashPassword(c.values[0])
		return refusal{}
	}
	name := e.name(c.attribute)
	if name == "" {
		name = c.attribute
	}
	for _, fixed := range []string{"entryUUID", "memberOf", "objectClass", "uid"} {
		if strings.EqualFold(name, fixed) {
			return refusal{ldap.LDAPResultConstraintViolation, fixed + " cannot be changed"}
		}
	}
	same := func(a string) func(string) bool {
		return func(b string) bool { return normal(name, a) == normal(name, b) }
	}
	switch c.operation {
	case ldap.AddAttribute:
		for _, v := range c.values {
			if slices.ContainsFunc(e.Attributes[name], same(v)) {
				return refusal{ldap.LDAPResultAttributeOrValueExists, name}
			}
			e.Attributes[name] = append(e.Attributes[name], v)
		}
	case ldap.DeleteAttribute:
		if !e.has(name) {
			return refusal{ldap.LDAPResultNoSuchAttribute, name}
		}
		if len(c.values) == 0 {
			delete(e.Attributes, name)
		}
		for _, v := range c.values {
			left := slices.DeleteFunc(slices.Clone(e.Attributes[name]), same(v))
			if len(left) == len(e.Attributes[name]) {
				return refusal{ldap.LDAPResultNoSuchAttribute, name}
			}
			e.Attributes[name] = left
		}
	case ldap.ReplaceAttribute:
		e.Attributes[name] = c.values
	default:
		return refusal{ldap.LDAPResultUnwillingToPerform, "only add, delete and replace"}
	}
	if len(e.Attributes[name]) == 0 {
		delete(e.Attributes, name)
	}
	return refusal{}
}

// store holds the entries and the file that they live in. Entries are never changed in place, so what a search found
// can be read without the lock.
type store struct {
	path string

	mu    sync.RWMutex
	order []string // keys as in the file
	byKey map[string]entry
}

// openStore reads the directory kept in dir; a folder without one gets the demo company.
func openStore(dir string) (*store, error) {
	s := &store{path: filepath.Join(dir, fileName), byKey: map[string]entry{}}
	raw, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the demo directory's folder: %w", err)
		}
		for _, e := range company() {
			s.add(e)
		}
		return s, s.save()
	case err != nil:
		return nil, fmt.Errorf("reading the demo directory: %w", err)
	}
	var entries []entry
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("reading the demo directory %s: %w", s.path, err)
	}
	for _, e := range entries {
		if e.Attributes == nil {
			e.Attributes = map[string][]string{}
		}
		s.add(e)
	}
	return s, nil
}

func (s *store) add(e entry) {
	key := directory.DNKey(e.DN)
	if _, twice := s.byKey[key]; !twice {
		s.order = append(s.order, key)
	}
	s.byKey[key] = e
}

// save writes the file anew beside the old one and puts it in its place.
func (s *store) save() error {
	entries := make([]entry, 0, len(s.order))
	for _, key := range s.order {
		entries = append(entries, s.byKey[key])
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if err := out.Encode(entries); err != nil {
		return fmt.Errorf("writing the demo directory: %w", err)
	}
	if err := replaceFile(s.path, b.Bytes()); err != nil {
		return fmt.Errorf("writing the demo directory: %w", err)
	}
	return nil
}

func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), fileName+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone when the renaming succeeded
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (s *store) get(key string) (entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.byKey[key]
	return e, ok
}

// search finds the entries in scope; exists is false when there is no base.
func (s *store) search(base string, scope int64, match matcher) (found []entry, exists bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	root, err := ldap.ParseDN(base)
	if _, ok := s.byKey[directory.DNKey(base)]; err != nil || !ok {
		return nil, false
	}
	groups := s.memberships()
	for _, key := range s.order {
		e := s.byKey[key]
		dn, err := ldap.ParseDN(e.DN)
		if err != nil || !inScope(root, dn, scope) {
			continue
		}
		if of := groups[key]; len(of) > 0 {
			e = e.clone()
			e.Attributes["memberOf"] = of
		}
		if match(e) {
			found = append(found, e)
		}
	}
	return found, true
}

// memberships are the DNs of the groups that hold each entry directly.
func (s *store) memberships() map[string][]string {
	of := map[string][]string{}
	for _, key := range s.order {
		for _, member := range s.byKey[key].values("member") {
			m := directory.DNKey(member)
			of[m] = append(of[m], s.byKey[key].DN)
		}
	}
	return of
}

func inScope(root, dn *ldap.DN, scope int64) bool {
	switch scope {
	case ldap.ScopeBaseObject:
		return root.EqualFold(dn)
	case ldap.ScopeSingleLevel:
		return root.AncestorOfFold(dn) && len(dn.RDNs) == len(root.RDNs)+1
	}
	return root.EqualFold(dn) || root.AncestorOfFold(dn)
}

// update changes one entry and writes the file; a refusal changes nothing.
func (s *store) update(dn string, edit func(*entry) refusal) refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := directory.DNKey(dn)
	before, ok := s.byKey[key]
	if !ok {
		return refusal{code: ldap.LDAPResultNoSuchObject}
	}
	after := before.clone()
	if result := edit(&after); result.code != 0 {
		return result
	}
	s.byKey[key] = after
	if err := s.save(); err != nil {
		s.byKey[key] = before
		return refusal{ldap.LDAPResultOther, err.Error()}
	}
	return refusal{}
}
