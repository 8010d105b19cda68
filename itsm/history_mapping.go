package itsm

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"opora/internal/locale"
	"opora/itsm/sla"
)

//go:embed mappings/*.yaml
var mappings embed.FS

// Mapping says how another desk's log reads: its form, its columns and its words. Make one with LoadMapping or ParseMapping, which
// check it. The comments of mappings/servicenow.yaml say what each key means.
type Mapping struct {
	Source    string `yaml:"source"`
	Delimiter string `yaml:"delimiter"`
	Missing   string `yaml:"missing"`
	Dates     struct {
		Layout string `yaml:"layout"` // of package time
		Zone   string `yaml:"zone"`   // IANA name
	} `yaml:"dates"`
	Columns     map[string]string `yaml:"columns"` // ours → theirs
	Title       []string          `yaml:"title"`
	Description []struct {
		Label  string `yaml:"label"`
		Column string `yaml:"column"`
	} `yaml:"description"`
	Kept            []string               `yaml:"kept"`
	Outcome         []string               `yaml:"outcome"`
	States          map[string]MappedState `yaml:"states"`
	Impact          map[string]int         `yaml:"impact"`
	Urgency         map[string]int         `yaml:"urgency"`
	Priority        map[string]int         `yaml:"priority"`
	Channels        MappedNames            `yaml:"channels"`
	ResolutionCodes MappedNames            `yaml:"resolution_codes"`
	Policy          struct {
		Code   string      `yaml:"code"`
		Name   locale.Text `yaml:"name"`
		Clocks []sla.Name  `yaml:"clocks"`
	} `yaml:"policy"`

	zone *time.Location
}

// MappedState is the state of ours that a state of the log stands for.
type MappedState struct {
	State  string `yaml:"state"`
	Reason string `yaml:"reason"` // of the hold
	Near   bool   `yaml:"near"`
}

// MappedNames translates words; what is not named is Other.
type MappedNames struct {
	Names map[string]string `yaml:"names"`
	Other string            `yaml:"other"`
}

func (n MappedNames) of(word string) string {
	if ours, ok := n.Names[word]; ok {
		return ours
	}
	return n.Other
}

// The columns that every log must have, and those that it may have.
var (
	neededColumns   = []string{"number", "state", "updated_at", "opened_at", "impact", "urgency", "priority"}
	optionalColumns = []string{
		"updated_by", "opened_by", "requester", "assignee", "team", "channel", "category", "subcategory", "item",
		"reopened", "reassigned", "closing_code", "resolved_by",
	}
)

const maxMapping = 256 << 10 // bytes

// sourceForm leaves room for a name behind it within a code.
var sourceForm = regexp.MustCompile(`^[a-z][a-z0-9]{0,19}$`)

// Mappings are the names of the mappings that ship.
func Mappings() []string {
	files, err := mappings.ReadDir("mappings")
	if err != nil { // embedded
		panic(err)
	}
	var out []string
	for _, f := range files {
		out = append(out, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	return out
}

// LoadMapping reads a mapping that ships, by its name, or a file, by its path.
func LoadMapping(name string) (Mapping, error) {
	read := func() ([]byte, error) { return os.ReadFile(name) }
	if slices.Contains(Mappings(), name) {
		read = func() ([]byte, error) { return mappings.ReadFile("mappings/" + name + ".yaml") }
	} else if filepath.Base(name) == name && filepath.Ext(name) == "" {
		return Mapping{}, fmt.Errorf("mapping %s: there is no such mapping (these ship: %s); a file needs its path", name, strings.Join(Mappings(), ", "))
	}
	raw, err := read()
	if err != nil {
		return Mapping{}, fmt.Errorf("mapping: %w", err)
	}
	m, err := ParseMapping(raw)
	if err != nil {
		return Mapping{}, fmt.Errorf("mapping %s: %w", name, err)
	}
	return m, nil
}

// ParseMapping reads a mapping and checks it whole: the error names every fault, one a line.
func ParseMapping(raw []byte) (Mapping, error) {
	var m Mapping
	if len(raw) > maxMapping {
		return m, fmt.Errorf("longer than %d bytes", maxMapping)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("reading: %w", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return m, errors.New("reading: more than one document")
	}
	return m, m.check()
}

func (m *Mapping) check() error {
	var faults []error
	say := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !sourceForm.MatchString(m.Source) {
		say("source: %q is not a word of lower-case letters and digits, 20 at most", m.Source)
	}
	if d, n := utf8.DecodeRuneInString(m.Delimiter); n != len(m.Delimiter) || d == utf8.RuneError || strings.ContainsRune("\"\r\n\x00", d) {
		say("delimiter: %q is not one character that can stand between fields", m.Delimiter)
	}
	if at, err := time.Parse(m.Dates.Layout, time.Date(2006, 11, 12, 13, 14, 0, 0, time.UTC).Format(m.Dates.Layout)); err != nil || at.Year() != 2006 || at.Day() != 12 {
		say("dates.layout: %q is not a layout of Go's package time with day, month and year", m.Dates.Layout)
	}
	var err error
	if m.zone, err = time.LoadLocation(m.Dates.Zone); err != nil || m.Dates.Zone == "" || m.Dates.Zone == "Local" {
		say("dates.zone: %q is not a time zone such as UTC or Europe/Kyiv", m.Dates.Zone)
	}
	m.checkColumns(say)
	m.checkWords(say)
	if !codeForm.MatchString(m.Policy.Code) {
		say("policy.code: %q is not a code", m.Policy.Code)
	}
	if m.Policy.Name.Empty() {
		say("policy.name: missing")
	}
	if len(m.Policy.Clocks) == 0 {
		say("policy.clocks: name at least one of %v", sla.Names)
	}
	for _, c := range m.Policy.Clocks {
		if !slices.Contains(sla.Names, c) {
			say("policy.clocks: %q is none of %v", c, sla.Names)
		}
	}
	return errors.Join(faults...)
}

func (m *Mapping) checkColumns(say func(format string, args ...any)) {
	for _, c := range neededColumns {
		if m.Columns[c] == "" {
			say("columns.%s: missing", c)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(m.Columns)) {
		if !slices.Contains(neededColumns, c) && !slices.Contains(optionalColumns, c) {
			say("columns.%s: there is no such field", c)
		}
	}
	for i, d := range m.Description {
		if d.Label == "" || d.Column == "" {
			say("description[%d]: label or column is missing", i)
		}
	}
}

func (m *Mapping) checkWords(say func(format string, args ...any)) {
	def := definition(Incident)
	starts := false
	for _, name := range slices.Sorted(maps.Keys(m.States)) {
		s := m.States[name]
		state, ok := def.State(s.State)
		switch {
		case !ok:
			say("states.%s: there is no state %q", name, s.State)
		case len(state.Reasons) > 0 && !state.HasReason(s.Reason):
			say("states.%s: %q is no reason of %s", name, s.Reason, s.State)
		case len(state.Reasons) == 0 && s.Reason != "":
			say("states.%s: %s has no reasons", name, s.State)
		}
		starts = starts || s.State == def.Start
	}
	if !starts {
		say("states: none of them is %s", def.Start)
	}
	for _, l := range []struct {
		name   string
		levels map[string]int
		lowest int
	}{{"impact", m.Impact, 3}, {"urgency", m.Urgency, 3}, {"priority", m.Priority, sla.LowestPriority}} {
		if len(l.levels) == 0 {
			say("%s: missing", l.name)
		}
		for _, word := range slices.Sorted(maps.Keys(l.levels)) {
			if n := l.levels[word]; n < 1 || n > l.lowest {
				say("%s.%s: %d is not from 1 to %d", l.name, word, n, l.lowest)
			}
		}
	}
	for _, n := range []struct {
		name  string
		words MappedNames
		known []string
	}{{"channels", m.Channels, Channels}, {"resolution_codes", m.ResolutionCodes, ResolutionCodes}} {
		for _, ours := range append(slices.Sorted(maps.Values(n.words.Names)), n.words.Other) {
			if !slices.Contains(n.known, ours) {
				say("%s: %q is none of %s", n.name, ours, strings.Join(n.known, ", "))
			}
		}
	}
}

// columnNames are all columns of the log that the mapping names.
func (m *Mapping) columnNames() []string {
	out := slices.Collect(maps.Values(m.Columns))
	out = slices.Concat(out, m.Title, m.Kept, m.Outcome)
	for _, d := range m.Description {
		out = append(out, d.Column)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
