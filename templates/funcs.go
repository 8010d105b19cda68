package templates

import (
	"fmt"
	"html"
	"html/template"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"

	"opora/internal/locale"
)

// funcs are what templates may call. Those that say a time give a <time> element; for an attribute use the Printer.
func funcs(assets Assets) template.FuncMap {
	icon := icons(assets)
	return template.FuncMap{
		"asset": assets.URL,
		"built": func() bool { return assets.Built },
		"icon":  icon,
		"num":   number,

		"stateHTML": stateHTML, "priorityHTML": priorityHTML, "avatarHTML": avatarHTML, "clockHTML": clockHTML(icon),

		"count": func(p *locale.Printer, n int) string {
			if n >= mostCounted {
				return p.Number(mostCounted) + "+"
			}
			return p.Number(int64(n))
		},
		"date":     func(p *locale.Printer, t time.Time) template.HTML { return moment(p, t, p.Date(t), "") },
		"datetime": func(p *locale.Printer, t time.Time) template.HTML { return moment(p, t, p.DateTime(t), "") },
		"when": func(p *locale.Printer, t, now time.Time) template.HTML {
			return moment(p, t, p.When(t, now), "")
		},
		"ago": func(p *locale.Printer, t, now time.Time) template.HTML {
			return moment(p, t, p.Ago(t, now), ` data-controller="ago" data-ago-past-value="`+
				html.EscapeString(p.T("unit.ago", "Duration", "%"))+`" data-ago-now-value="`+
				html.EscapeString(p.T("unit.just_now"))+`"`)
		},
		"dur":  func(p *locale.Printer, d time.Duration) string { return p.Duration(d) },
		"text": text,
	}
}

// number groups the digits of an integer of any size.
func number(p *locale.Printer, n any) (string, error) {
	v := reflect.ValueOf(n)
	if !v.CanInt() {
		return "", fmt.Errorf("num: %T is not an integer", n)
	}
	return p.Number(v.Int()), nil
}

// mostCounted is how far lists are counted (itsm.MaxCount): whoever gets so many is told that there are more.
const mostCounted = 1000

// icons remembers the few icons of a page, each of which stands in it many times.
func icons(assets Assets) func(name string) template.HTML {
	var made sync.Map
	return func(name string) template.HTML {
		if h, ok := made.Load(name); ok {
			return h.(template.HTML)
		}
		h := icon(assets, name)
		made.Store(name, h)
		return h
	}
}

// icon is a symbol of the sprite; it is decoration, the word beside it speaks. The name comes from a template or a part
// of ours, never from input; it is escaped all the same.
func icon(assets Assets, name string) template.HTML {
	name = html.EscapeString(name)
	return template.HTML(`<svg class="icon" aria-hidden="true" focusable="false"><use href="` +
		html.EscapeString(assets.URL("sprite.svg")) + `#` + name + `"></use></svg>`)
}

// moment is a <time> with the whole date and time on hover; nothing for the zero time.
func moment(p *locale.Printer, t time.Time, words, attributes string) template.HTML {
	if t.IsZero() {
		return ""
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` +
		html.EscapeString(p.DateTime(t)) + `"` + attributes + `>` + html.EscapeString(words) + `</time>`)
}

// address matches an http(s) address; quotes, brackets and the end of a sentence do not belong to it.
var address = regexp.MustCompile(`https?://[^\s<>"']*[^\s<>"'.,;:!?)\]]`)

// blankLine separates paragraphs.
var blankLine = regexp.MustCompile(`\n[ \t]*\n\s*`)

// text turns what somebody typed into paragraphs with line breaks and links. Every piece is escaped by itself, so that
// the only markup is ours.
func text(s string) template.HTML {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	if s == "" {
		return ""
	}
	var b strings.Builder
	for _, paragraph := range blankLine.Split(s, -1) {
		b.WriteString("<p>")
		end := 0
		for _, at := range address.FindAllStringIndex(paragraph, -1) {
			b.WriteString(lines(paragraph[end:at[0]]))
			href := html.EscapeString(paragraph[at[0]:at[1]])
			b.WriteString(`<a href="` + href + `" rel="nofollow noopener noreferrer" target="_blank">` + href + `</a>`)
			end = at[1]
		}
		b.WriteString(lines(paragraph[end:]) + "</p>")
	}
	return template.HTML(b.String())
}

func lines(s string) string { return strings.ReplaceAll(html.EscapeString(s), "\n", "<br>") }
