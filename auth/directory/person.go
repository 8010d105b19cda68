package directory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"
)

// Person is somebody as the directory knows them.
type Person struct {
	// ID never changes and is never used again: entryUUID, or objectGUID as Windows writes it. It is the only key to store.
	ID string
	// DN changes with every rename and move.
	DN         string
	Login      string
	Mail       string
	UPN        string
	Name       string
	Given      string
	Surname    string
	Phone      string
	Title      string
	Department string
	Location   string
	Language   string // preferredLanguage as it stands there (RFC 2798: an Accept-Language value)
	ManagerDN  string
	ManagerID  string // from SignIn and ByID only
	Disabled   bool
	Groups     Groups // direct and inherited ones; from SignIn and ByID only
}

// Group is a group of the directory.
type Group struct {
	DN   string
	Name string // its cn
}

// Groups are the groups of a person.
type Groups []Group

// MatchesGroup tells whether the person is in the group that an administrator wrote down: a whole DN, or the bare name
// of any group below the group base. Case and the way a DN is escaped do not count.
func (p Person) MatchesGroup(dnOrName string) bool {
	wanted := strings.TrimSpace(dnOrName)
	if wanted == "" {
		return false
	}
	key := DNKey(wanted)
	return slices.ContainsFunc(p.Groups, func(g Group) bool {
		return strings.EqualFold(g.Name, wanted) || DNKey(g.DN) == key
	})
}

// DNKey is a spelling of a DN that is the same for every way to write it: servers give DNs back escaped otherwise than
// they got them (\, as \2C). What is no DN comes back folded.
func DNKey(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return Fold(dn)
	}
	for _, rdn := range parsed.RDNs {
		for _, a := range rdn.Attributes {
			a.Type, a.Value = Fold(a.Type), Fold(a.Value)
		}
	}
	return parsed.String()
}

// Fold maps each letter to the smallest of those that strings.EqualFold takes for the same, as DN.EqualFold does.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for n := unicode.SimpleFold(r); n != r; n = unicode.SimpleFold(n) {
			least = min(least, n)
		}
		return least
	}, s)
}

const (
	objectGUID = "objectGUID"
	// uacDisabled is ADS_UF_ACCOUNTDISABLE of userAccountControl.
	uacDisabled = 0x2
	// lockedForever is how OpenLDAP marks an account that an administrator locked (draft-behera §5.3.3).
	lockedForever = "000001010000Z"
)

// requested lists the attributes to ask for; operational ones come only when named.
func (s *schema) requested() []string {
	names := []string{"cn", "userAccountControl", "pwdAccountLockedTime", "nsAccountLock"}
	for _, f := range s.attrs.fields() {
		names = append(names, attributeNames(*f.value)...)
	}
	return names
}

// person reads an entry.
func (s *schema) person(e *ldap.Entry) Person {
	p := Person{ID: entryID(e, s.attrs.ID), DN: e.DN, Disabled: isDisabled(e)}
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&p.Login, s.attrs.Login},
		{&p.Mail, s.attrs.Mail},
		{&p.UPN, s.attrs.UPN},
		{&p.Name, s.attrs.Name},
		{&p.Given, s.attrs.Given},
		{&p.Surname, s.attrs.Surname},
		{&p.Phone, s.attrs.Phone},
		{&p.Title, s.attrs.Title},
		{&p.Department, s.attrs.Department},
		{&p.Location, s.attrs.Location},
		{&p.Language, s.attrs.Language},
		{&p.ManagerDN, s.attrs.Manager},
	} {
		*f.to = firstValue(e, f.from)
	}
	if p.Name == "" {
		p.Name = firstValue(e, "cn")
	}
	if p.Name == "" {
		p.Name = p.Login
	}
	return p
}

// firstValue is the first value that the first of the attributes has, made clean for a page: valid UTF-8, one line.
func firstValue(e *ldap.Entry, list string) string {
	for _, name := range attributeNames(list) {
		for _, v := range e.GetEqualFoldAttributeValues(name) {
			v = strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", ""), "\uFFFD")), " ")
			if v != "" {
				return v
			}
		}
	}
	return ""
}

// entryID is the immutable id, "" when the entry has none that can be read.
func entryID(e *ldap.Entry, list string) string {
	for _, name := range attributeNames(list) {
		if !strings.EqualFold(name, objectGUID) {
			if v := strings.ToLower(firstValue(e, name)); v != "" {
				return v
			}
			continue
		}
		if id, err := uuid.FromBytes(swapGUID(e.GetEqualFoldRawAttributeValue(name))); err == nil {
			return id.String()
		}
	}
	return ""
}

// swapGUID turns the order of an objectGUID into that of RFC 9562 and back: its first three fields are little-endian
// (MS-DTYP 2.3.4.2).
func swapGUID(raw []byte) []byte {
	if len(raw) != 16 {
		return nil
	}
	g := slices.Clone(raw)
	binary.BigEndian.PutUint32(g, binary.LittleEndian.Uint32(raw))
	binary.BigEndian.PutUint16(g[4:], binary.LittleEndian.Uint16(raw[4:]))
	binary.BigEndian.PutUint16(g[6:], binary.LittleEndian.Uint16(raw[6:]))
	return g
}

// idFilter finds the entry with the immutable id.
func (s *schema) idFilter(id string) (string, error) {
	if id == "" || strings.ContainsRune(id, 0) {
		return "", errors.New("no id")
	}
	var b strings.Builder
	for _, name := range attributeNames(s.attrs.ID) {
		value := ldap.EscapeFilter(id)
		if strings.EqualFold(name, objectGUID) {
			g, err := uuid.Parse(id)
			if err != nil {
				return "", err
			}
			value = ""
			for _, c := range swapGUID(g[:]) {
				value += fmt.Sprintf(`\%02x`, c)
			}
		}
		b.WriteString("(" + name + "=" + value + ")")
	}
	return and(s.people, "(|"+b.String()+")"), nil
}

func isDisabled(e *ldap.Entry) bool {
	if flags, err := strconv.ParseInt(e.GetEqualFoldAttributeValue("userAccountControl"), 10, 64); err == nil && flags&uacDisabled != 0 {
		return true
	}
	return e.GetEqualFoldAttributeValue("pwdAccountLockedTime") == lockedForever ||
		strings.EqualFold(e.GetEqualFoldAttributeValue("nsAccountLock"), "TRUE")
}
