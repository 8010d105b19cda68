package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// labels keeps a name from ending a Mermaid label early.
var labels = strings.NewReplacer(`"`, "#quot;", "#", "#35;", ";", "#59;", ":", "#58;")

// cells keeps a value inside one cell of a Markdown table.
var cells = strings.NewReplacer("|", `\|`, "\n", " ")

// Diagram draws the definition as a Mermaid stateDiagram-v2, in English.
func (d *Definition) Diagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	for _, s := range d.States {
		fmt.Fprintf(&b, "    state \"%s\" as s_%s\n", labels.Replace(s.Name.In("en")), s.ID)
	}
	fmt.Fprintf(&b, "    [*] --> s_%s\n", d.Start)
	for _, t := range d.Transitions {
		for _, from := range t.From {
			fmt.Fprintf(&b, "    s_%s --> s_%s: %s\n", from, t.To, labels.Replace(t.Name.In("en")))
		}
	}
	for _, s := range d.States {
		if s.Final {
			fmt.Fprintf(&b, "    s_%s --> [*]\n", s.ID)
		}
	}
	return b.String()
}

// Page is the Markdown page that describes the definitions, in English.
func Page(definitions ...*Definition) string {
	var b strings.Builder
	b.WriteString("# Lifecycles\n\nWritten by `make docs` from the definitions that Opora runs; do not edit it by hand.\n")
	for _, d := range definitions {
		d.section(&b)
	}
	return b.String()
}

func (d *Definition) section(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\nDefinition `%s`, version %d.\n\n```mermaid\n%s```\n", d.Title.In("en"), d.Name, d.Version, d.Diagram())
	b.WriteString("\n| State | Id | Phase | Reasons |\n| --- | --- | --- | --- |\n")
	for _, s := range d.States {
		var reasons []string
		for _, r := range s.Reasons {
			reasons = append(reasons, fmt.Sprintf("%s (%s)", r.Name.In("en"), code(r.ID)))
		}
		phase := string(s.Phase)
		if s.Final {
			phase += ", final"
		}
		row(b, s.Name.In("en"), code(s.ID), phase, strings.Join(reasons, ", "))
	}
	b.WriteString("\n| Transition | Id | From | To | Who | Needs | Guard | Clears |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, t := range d.Transitions {
		needs := codes(t.Require)
		for _, f := range slices.Sorted(maps.Keys(t.RequireWhen)) {
			needs = append(needs, fmt.Sprintf("%s when %s", code(f), code(t.RequireWhen[f])))
		}
		guard, name := "", t.Name.In("en")
		if t.Guard != "" {
			guard = code(t.Guard)
		}
		if t.Reopen {
			name += " (counts as reopening)"
		}
		row(b, name, code(t.ID), strings.Join(codes(t.From), ", "), code(t.To), strings.Join(t.Who, ", "),
			strings.Join(needs, ", "), guard, strings.Join(codes(t.Clears), ", "))
	}
}

func row(b *strings.Builder, values ...string) {
	for _, v := range values {
		b.WriteString("| " + cells.Replace(v) + " ")
	}
	b.WriteString("|\n")
}

func code(s string) string { return "`" + strings.ReplaceAll(s, "`", "'") + "`" }

func codes(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, code(s))
	}
	return out
}
