// Package locale speaks to people: the message catalogue in English, Russian and Ukrainian, plurals, dates, times,
// numbers and durations in the reader's language and zone, and Text, a name that administrators give in each language.
// What does not belong here: choosing a person's language or zone (auth does that), and markup.
package locale

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"time"
	_ "time/tzdata" // zones must be there on a machine without zoneinfo

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

// Languages are the ones Opora speaks, in the order of fallback.
var Languages = []string{"en", "ru", "uk"}

//go:embed messages
var files embed.FS

var (
	plain   = map[string]map[string]sentence{} // by language and id: the messages without plural forms
	bundle  = load()
	matcher = language.NewMatcher([]language.Tag{language.English, language.Russian, language.Ukrainian})
)

// load reads messages/LANG/AREA.yaml. A catalogue that cannot be read is a fault of the build, not of the run: panic.
func load() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	for _, lang := range Languages {
		dir := path.Join("messages", lang)
		entries, err := files.ReadDir(dir)
		if err != nil {
			panic(err)
		}
		for _, e := range entries {
			raw, err := files.ReadFile(path.Join(dir, e.Name()))
			if err != nil {
				panic(err)
			}
			// go-i18n takes the language from the name's second last part.
			name := strings.TrimSuffix(e.Name(), ".yaml") + "." + lang + ".yaml"
			if _, err := b.ParseMessageFileBytes(raw, name); err != nil {
				panic(fmt.Sprintf("messages/%s/%s: %v", lang, e.Name(), err))
			}
			if err := keepPlain(lang, raw); err != nil {
				panic(fmt.Sprintf("messages/%s/%s: %v", lang, e.Name(), err))
			}
		}
	}
	return b
}

// Match picks the language of ours that fits an Accept-Language header or a directory's preferredLanguage; "" when
// none does.
func Match(header string) string {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(tags) == 0 {
		return ""
	}
	_, i, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return ""
	}
	return Languages[i]
}

// Known tells whether lang is one that Opora speaks.
func Known(lang string) bool {
	for _, l := range Languages {
		if l == lang {
			return true
		}
	}
	return false
}

// Printer writes for one reader: language and zone. It is safe for concurrent use.
type Printer struct {
	Lang string
	Zone *time.Location
	l    *i18n.Localizer
}

// For makes a printer; an unknown language is English, a nil zone is UTC.
func For(lang string, zone *time.Location) *Printer {
	if !Known(lang) {
		lang = "en"
	}
	if zone == nil {
		zone = time.UTC
	}
	return &Printer{Lang: lang, Zone: zone, l: i18n.NewLocalizer(bundle, lang, "en")}
}

// T is the message with the id; args are pairs name, value: T("ticket.opened_by", "Name", "Anna").
// An id that the catalogue lacks comes back in brackets, and the catalogue's test fails on it.
func (p *Printer) T(id string, args ...any) string {
	m, ok := plain[p.Lang][id]
	if !ok {
		m, ok = plain["en"][id]
	}
	if !ok {
		return p.message(id, nil, args)
	}
	return m.with(p.Lang, args)
}

// N is the message in the plural form for n; {{.N}} in it is the number.
func (p *Printer) N(id string, n int, args ...any) string {
	return p.message(id, n, append([]any{"N", p.Number(int64(n))}, args...))
}

func (p *Printer) message(id string, count any, args []any) string {
	data := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		v := args[i+1]
		if t, ok := v.(Text); ok {
			v = t.In(p.Lang)
		}
		data[fmt.Sprint(args[i])] = v
	}
	s, err := p.l.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data, PluralCount: count})
	if s == "" && err != nil {
		return "[" + id + "]"
	}
	return s
}

// Has tells whether the catalogue holds the id in English.
func Has(id string) bool {
	s, err := i18n.NewLocalizer(bundle, "en").Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: 1})
	if err == nil && s != "" {
		return true
	}
	s, _ = i18n.NewLocalizer(bundle, "en").Localize(&i18n.LocalizeConfig{MessageID: id})
	return s != ""
}
