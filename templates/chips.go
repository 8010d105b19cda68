package templates

import (
	"html"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// The small parts that stand in every row of a list, a hundred on a page. They are written here rather than by the template engine,
// which spends most of a page's time on them: it calls a function by reflection for each value. Every value is escaped.

// markup collects HTML: raw is ours, text is anybody's.
type markup struct{ strings.Builder }

func (m *markup) raw(parts ...string) {
	for _, p := range parts {
		m.WriteString(p)
	}
}

func (m *markup) text(s string) { m.WriteString(html.EscapeString(s)) }

// attribute writes a name and an escaped value.
func (m *markup) attribute(name, value string) {
	m.raw(" ", name, `="`)
	m.text(value)
	m.raw(`"`)
}

func (m *markup) html() template.HTML { return template.HTML(m.String()) } //nolint:gosec // raw is ours, text was escaped

func stateHTML(s State) template.HTML {
	var m markup
	m.raw(`<span class="state state-`)
	m.text(s.Phase)
	m.raw(`"><span class="state-shape" aria-hidden="true"></span>`)
	m.text(s.Label)
	m.raw(`</span>`)
	return m.html()
}

func priorityHTML(p Priority) template.HTML {
	var m markup
	level := strconv.Itoa(p.Level)
	m.raw(`<span class="priority priority-`, level, `"`)
	m.attribute("title", p.Label)
	m.raw(`><span aria-hidden="true">`, level, `</span><span class="visually-hidden">`)
	m.text(p.Label)
	m.raw(`</span></span>`)
	return m.html()
}

func avatarHTML(p Person) template.HTML {
	var m markup
	m.raw(`<span class="avatar avatar-`, strconv.Itoa(p.Hue()))
	if p.Away {
		m.raw(` avatar-away`)
	}
	m.raw(`" aria-hidden="true">`)
	m.text(p.Letters())
	m.raw(`</span>`)
	return m.html()
}

// clockHTML needs the icons that the page's assets have.
func clockHTML(icon func(name string) template.HTML) func(Clock) template.HTML {
	return func(c Clock) template.HTML {
		var m markup
		end := `</span>`
		if c.Href == "" {
			m.raw(`<span`)
		} else {
			end = `</a>`
			m.raw(`<a`)
			m.attribute("href", ownHref(c.Href))
		}
		class := "chip clock clock-" + c.State
		if tone := c.Tone(); tone != "" {
			class += " chip-" + tone
		}
		m.attribute("class", class)
		if c.Counts() || c.Short {
			m.attribute("title", c.Hint())
		}
		m.raw(`>`, string(icon(c.Icon())))
		if c.Name != "" {
			m.raw(`<span class="clock-name">`)
			m.text(c.Name)
			m.raw(`</span>`)
		}
		m.raw(`<span`)
		if c.Counts() {
			m.raw(` data-controller="countdown"`)
			m.attribute("data-countdown-due-value", c.Due.UTC().Format(time.RFC3339))
			m.attribute("data-countdown-left-value", c.Left("%"))
			m.attribute("data-countdown-over-value", c.Over("%"))
		}
		m.raw(`>`)
		m.text(c.Text())
		m.raw(`</span>`, end)
		return m.html()
	}
}

// ownHref lets a link lead nowhere but to a page of ours.
func ownHref(href string) string {
	if strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "//") || strings.HasPrefix(href, "?") || strings.HasPrefix(href, "#") {
		return href
	}
	return "#"
}
