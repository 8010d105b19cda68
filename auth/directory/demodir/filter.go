package demodir

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"opora/auth/directory"
)

// matcher tells whether an entry fits a filter.
type matcher func(e entry) bool

// compile reads a filter (RFC 4511 §4.5.1.7). Attributes that an entry lacks do not match; there is no third truth value,
// since there is no schema to be undefined in.
func compile(p *ber.Packet) (matcher, error) {
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr:
		parts := make([]matcher, 0, len(p.Children))
		for _, c := range p.Children {
			m, err := compile(c)
			if err != nil {
				return nil, err
			}
			parts = append(parts, m)
		}
		if p.Tag == ldap.FilterOr {
			return func(e entry) bool {
				return slices.ContainsFunc(parts, func(m matcher) bool { return m(e) })
			}, nil
		}
		return func(e entry) bool {
			return !slices.ContainsFunc(parts, func(m matcher) bool { return !m(e) })
		}, nil
	case ldap.FilterNot:
		m, err := compile(child(p, 0))
		if err != nil {
			return nil, err
		}
		return func(e entry) bool { return !m(e) }, nil
	case ldap.FilterPresent:
		name := text(p)
		return func(e entry) bool { return e.has(name) }, nil
	case ldap.FilterSubstrings:
		return compileSubstrings(p)
	case ldap.FilterEqualityMatch, ldap.FilterApproxMatch, ldap.FilterGreaterOrEqual, ldap.FilterLessOrEqual:
		return compileComparison(p)
	}
	return nil, fmt.Errorf("filter %d is not answered here", p.Tag)
}

func compileComparison(p *ber.Packet) (matcher, error) {
	if len(p.Children) != 2 {
		return nil, errors.New("a comparison has two parts")
	}
	name := text(p.Children[0])
	wanted := normal(name, text(p.Children[1]))
	fits := func(have string) bool { return have == wanted }
	switch p.Tag {
	case ldap.FilterGreaterOrEqual:
		fits = func(have string) bool { return order(have, wanted) >= 0 }
	case ldap.FilterLessOrEqual:
		fits = func(have string) bool { return order(have, wanted) <= 0 }
	}
	return func(e entry) bool {
		return slices.ContainsFunc(e.values(name), func(v string) bool { return fits(normal(name, v)) })
	}, nil
}

func compileSubstrings(p *ber.Packet) (matcher, error) {
	if len(p.Children) != 2 || len(p.Children[1].Children) == 0 {
		return nil, errors.New("a substring filter has a name and parts")
	}
	name := text(p.Children[0])
	var start, end string
	var middle []string
	for _, part := range p.Children[1].Children {
		s := directory.Fold(text(part))
		switch part.Tag {
		case ldap.FilterSubstringsInitial:
			start = s
		case ldap.FilterSubstringsAny:
			middle = append(middle, s)
		case ldap.FilterSubstringsFinal:
			end = s
		}
	}
	return func(e entry) bool {
		return slices.ContainsFunc(e.values(name), func(v string) bool {
			rest, ok := strings.CutPrefix(normal(name, v), start)
			for _, part := range middle {
				if ok {
					_, rest, ok = strings.Cut(rest, part)
				}
			}
			return ok && strings.HasSuffix(rest, end)
		})
	}, nil
}

// normal is the spelling of a value in which two equal ones are equal strings: DNs by their parts, all else without
// case and with single spaces.
func normal(name, v string) string {
	switch strings.ToLower(name) {
	case "member", "memberof", "manager", "entrydn":
		return directory.DNKey(v)
	}
	return directory.Fold(strings.Join(strings.Fields(v), " "))
}

// order compares numbers as numbers.
func order(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	return cmp.Compare(x, y)
}
