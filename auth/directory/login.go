package directory

import (
	"errors"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/text/unicode/norm"
)

const (
	maxLogin    = 256  // runes
	maxPassword = 1024 // bytes
)

// CanonicalLogin is the one spelling of a login. Directories compare logins by RFC 4518 (width, case, doubled
// spaces and invisible characters do not count), so "ANNA", "ａｎｎａ" and "anna" are one person; count attempts by this spelling.
func CanonicalLogin(typed string) (string, error) {
	s := strings.Join(strings.Fields(norm.NFKC.String(strings.ToLower(norm.NFKC.String(typed)))), " ")
	switch {
	case s == "":
		return "", errors.New("empty login")
	case len([]rune(s)) > maxLogin:
		return "", errors.New("login too long")
	}
	for _, r := range s {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return "", errors.New("unreadable character in the login")
		}
	}
	return s, nil
}

// checkPassword refuses what must never reach a server: an empty password makes a bind that succeeds without any check
// (RFC 4513 §5.1.2), and some servers read only up to a NUL.
func checkPassword(password string) error {
	switch {
	case password == "":
		return errors.New("empty password")
	case len(password) > maxPassword:
		return errors.New("password too long")
	case strings.ContainsRune(password, 0):
		return errors.New("NUL in the password")
	}
	return nil
}

// loginFilter is the filter of the one person that a canonical login names: plain login, mail, UPN, login@suffix, or
// DOMAIN\login. "" means that nobody can have this login, as with the domain of somebody else.
func (c Config) loginFilter(s *schema, login string) string {
	names := []string{s.attrs.Login}
	if c.Domain != "" {
		if domain, rest, ok := strings.Cut(login, `\`); ok {
			if !strings.EqualFold(domain, c.Domain) || rest == "" {
				return ""
			}
			return and(s.people, anyOf(names, "=", rest))
		}
	}
	if local, suffix, ok := strings.Cut(login, "@"); ok {
		mail := anyOf([]string{s.attrs.Login, s.attrs.Mail, s.attrs.UPN}, "=", login)
		if c.UPNSuffix == "" || local == "" || !strings.EqualFold(suffix, c.UPNSuffix) {
			return and(s.people, mail)
		}
		return and(s.people, "(|"+mail+anyOf(names, "=", local)+")")
	}
	return and(s.people, anyOf(names, "=", login))
}

// textFilter finds people whose login, name or mail holds every word of the text, by the start of it in login and mail.
func textFilter(s *schema, text string) string {
	var words strings.Builder
	for _, w := range strings.Fields(text) {
		words.WriteString("(|" +
			substring([]string{s.attrs.Name, s.attrs.Given, s.attrs.Surname}, "*", w) +
			substring([]string{s.attrs.Login, s.attrs.Mail}, "", w) + ")")
	}
	return and(s.people, words.String())
}

func and(filter, more string) string { return "(&" + filter + more + ")" }

// anyOf asks whether one of the attributes has the value; the lists may hold several names each.
func anyOf(lists []string, operator, value string) string {
	var b strings.Builder
	for _, list := range lists {
		for _, name := range attributeNames(list) {
			b.WriteString("(" + name + operator + ldap.EscapeFilter(value) + ")")
		}
	}
	return "(|" + b.String() + ")"
}

func substring(lists []string, before, value string) string {
	var b strings.Builder
	for _, list := range lists {
		for _, name := range attributeNames(list) {
			b.WriteString("(" + name + "=" + before + ldap.EscapeFilter(value) + "*)")
		}
	}
	return b.String()
}
