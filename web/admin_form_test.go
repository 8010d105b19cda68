package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// readForm is what a browser without a script sends of the first form whose markup holds mark: inputs, ticked boxes, chosen options.
func readForm(t *testing.T, body, mark string) url.Values {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for form := range doc.Descendants() {
		if form.Data != "form" {
			continue
		}
		var b strings.Builder
		if err := html.Render(&b, form); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), mark) {
			return values(form)
		}
	}
	t.Fatalf("no form with %s", mark)
	return nil
}

func values(form *html.Node) url.Values {
	out := url.Values{}
	for n := range form.Descendants() {
		name := attribute(n, "name")
		switch {
		case name == "":
		case n.Data == "input":
			kind := attribute(n, "type")
			if kind != "checkbox" && kind != "radio" || has(n, "checked") {
				out.Add(name, attribute(n, "value"))
			}
		case n.Data == "textarea":
			for c := range n.ChildNodes() {
				out.Set(name, c.Data)
			}
		case n.Data == "select":
			out.Set(name, chosen(n))
		}
	}
	return out
}

func chosen(s *html.Node) string {
	first := ""
	for i, o := range slices.Collect(options(s)) {
		if has(o, "selected") {
			return attribute(o, "value")
		}
		if i == 0 {
			first = attribute(o, "value")
		}
	}
	return first
}

func options(s *html.Node) func(func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for n := range s.Descendants() {
			if n.Data == "option" && !yield(n) {
				return
			}
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

// older is the address of the next page, "" at the end.
func older(body string) string {
	_, rest, ok := strings.Cut(body, `rel="next" href="`)
	if !ok {
		return ""
	}
	address, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(address)
}
