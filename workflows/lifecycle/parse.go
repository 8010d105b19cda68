package lifecycle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/expr-lang/expr/vm"

	"opora/internal/locale"
)

const (
	maxDefinition = 256 << 10 // bytes
	maxName       = 60        // characters of a name that people read
)

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Load reads the definition NAME.yaml, whose own name must be the same.
func Load(files fs.FS, name string) (*Definition, error) {
	raw, err := fs.ReadFile(files, name+".yaml")
	if err != nil {
		return nil, fmt.Errorf("lifecycle %s: %w", name, err)
	}
	d, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("lifecycle %s: %w", name, err)
	}
	if d.Name != name {
		return nil, fmt.Errorf("lifecycle %s: the file holds %q", name, d.Name)
	}
	return d, nil
}

// Parse reads a definition and checks it whole: the error names every fault, one a line.
func Parse(raw []byte) (*Definition, error) {
	if len(raw) > maxDefinition {
		return nil, fmt.Errorf("longer than %d bytes", maxDefinition)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	d := new(Definition)
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading: more than one document")
	}
	v := &validator{d: d}
	v.head()
	v.states()
	v.transitions()
	v.paths()
	if err := errors.Join(v.faults...); err != nil {
		return nil, err
	}
	return d, nil
}

// validator collects what is wrong with a definition.
type validator struct {
	d      *Definition
	faults []error
}

func (v *validator) fault(format string, args ...any) {
	v.faults = append(v.faults, fmt.Errorf(format, args...))
}

func (v *validator) identifiers(what string, ids []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		if !identifier.MatchString(id) {
			v.fault("%s %q: not an identifier (small Latin letters, digits, underscores)", what, id)
		}
		if seen[id] {
			v.fault("%s %q: there twice", what, id)
		}
		seen[id] = true
	}
}

func (v *validator) name(what string, t locale.Text) {
	if t.Trim().Empty() {
		v.fault("%s: has no name", what)
	}
	for _, s := range []string{t.En, t.Ru, t.Uk} {
		if utf8.RuneCountInString(s) > maxName || strings.ContainsFunc(s, unicode.IsControl) {
			v.fault("%s: the name %q is longer than %d characters or of more than one line", what, s, maxName)
		}
	}
}

// distinct finds two things that a reader of some language could not tell apart.
func (v *validator) distinct(what string, names []locale.Text) {
	for _, lang := range locale.Languages {
		seen := map[string]bool{}
		for _, t := range names {
			s := strings.ToLower(t.In(lang))
			if s != "" && seen[s] {
				v.fault("%s: two are named %q in %s", what, t.In(lang), lang)
			}
			seen[s] = true
		}
	}
}

func (v *validator) head() {
	v.identifiers("name", []string{v.d.Name})
	v.name("title", v.d.Title)
	if v.d.Version < 1 {
		v.fault("version: must be 1 or more")
	}
	v.identifiers("relation", v.d.Relations)
	v.identifiers("field", v.d.Fields)
	v.identifiers("environment", slices.Sorted(maps.Keys(v.d.Environment)))
	for _, name := range slices.Sorted(maps.Keys(v.d.Environment)) {
		if _, ok := samples[v.d.Environment[name]]; !ok {
			v.fault("environment %q: no type %q; there are %s", name, v.d.Environment[name],
				strings.Trim(fmt.Sprint(slices.Sorted(maps.Keys(samples))), "[]"))
		}
	}
}

func (v *validator) states() {
	var ids []string
	var names []locale.Text
	for _, s := range v.d.States {
		what := fmt.Sprintf("state %q", s.ID)
		ids, names = append(ids, s.ID), append(names, s.Name)
		v.name(what, s.Name)
		if !slices.Contains(phases, s.Phase) {
			v.fault("%s: no phase %q; there are %s", what, s.Phase, strings.Trim(fmt.Sprint(phases), "[]"))
		}
		if s.Final && s.Phase != Closed {
			v.fault("%s: is final but its phase is not closed", what)
		}
		if (s.Phase == Paused) != (len(s.Reasons) > 0) {
			v.fault("%s: a paused state has reasons, and no other has", what)
		}
		var reasons []string
		var reasonNames []locale.Text
		for _, r := range s.Reasons {
			reasons, reasonNames = append(reasons, r.ID), append(reasonNames, r.Name)
			v.name(fmt.Sprintf("%s: reason %q", what, r.ID), r.Name)
		}
		v.identifiers(what+": reason", reasons)
		v.distinct(what+": reasons", reasonNames)
	}
	v.identifiers("state", ids)
	v.distinct("states", names)
	if start, ok := v.d.State(v.d.Start); !ok {
		v.fault("start: no state %q", v.d.Start)
	} else if start.Phase != Open {
		v.fault("start: the phase of %q is not open", v.d.Start)
	}
}

func (v *validator) transitions() {
	v.d.programs = make(map[string]*vm.Program)
	var ids []string
	for _, t := range v.d.Transitions {
		ids = append(ids, t.ID)
		v.transition(t)
	}
	v.identifiers("transition", ids)
	for _, s := range v.d.States {
		var names []locale.Text
		for _, t := range v.d.From(s.ID) {
			names = append(names, t.Name)
		}
		v.distinct(fmt.Sprintf("transitions from %q", s.ID), names)
	}
}

func (v *validator) transition(t Transition) {
	what := fmt.Sprintf("transition %q", t.ID)
	v.name(what, t.Name)
	to, ok := v.d.State(t.To)
	if !ok {
		v.fault("%s: to: no state %q", what, t.To)
	}
	if len(t.From) == 0 {
		v.fault("%s: leads from nowhere", what)
	}
	v.identifiers(what+": from", t.From)
	for _, id := range t.From {
		from, ok := v.d.State(id)
		if !ok {
			v.fault("%s: from: no state %q", what, id)
			continue
		}
		if from.Final {
			v.fault("%s: leads out of %q, which is final", what, id)
		}
		if id == t.To && to.Phase != Paused { // to wait for another reason is a change; else nothing is
			v.fault("%s: leads from %q to itself", what, id)
		}
		if t.Reopen != (finished(from.Phase) && !finished(to.Phase)) {
			v.fault("%s: reopen must be set where finished work becomes open again, and only there; from %q", what, id)
		}
	}
	if len(t.Who) == 0 {
		v.fault("%s: nobody may make it", what)
	}
	v.known(what+": who", t.Who, v.d.Relations)
	v.known(what+": require", t.Require, v.d.Fields)
	v.known(what+": require_when", slices.Sorted(maps.Keys(t.RequireWhen)), v.d.Fields)
	v.known(what+": clears", t.Clears, v.d.Fields)
	for _, f := range t.Clears {
		if _, when := t.RequireWhen[f]; when || slices.Contains(t.Require, f) {
			v.fault("%s: requires and clears %q", what, f)
		}
	}
	if (t.Guard == "") != (t.GuardMessage == "") {
		v.fault("%s: a guard and its message come together", what)
	}
	if t.GuardMessage != "" && !locale.Has(t.GuardMessage) {
		v.fault("%s: guard_message: no message %q", what, t.GuardMessage)
	}
	if t.Guard != "" {
		v.program(what+": guard", t.Guard)
	}
	for _, f := range slices.Sorted(maps.Keys(t.RequireWhen)) {
		v.program(fmt.Sprintf("%s: require_when %s", what, f), t.RequireWhen[f])
	}
}

func finished(p Phase) bool { return p == Resolved || p == Closed }

// known checks that each id was declared and stands there once.
func (v *validator) known(what string, ids, declared []string) {
	for i, id := range ids {
		if !slices.Contains(declared, id) {
			v.fault("%s: %q is not declared", what, id)
		}
		if slices.Contains(ids[:i], id) {
			v.fault("%s: %q is there twice", what, id)
		}
	}
}

func (v *validator) program(what, source string) {
	p, err := v.d.compile(source)
	if err != nil {
		v.fault("%s: %w", what, err)
		return
	}
	v.d.programs[source] = p
}

// paths checks that each state can be reached from the start and can reach an end.
func (v *validator) paths() {
	forward, back := map[string][]string{}, map[string][]string{}
	for _, t := range v.d.Transitions {
		for _, from := range t.From {
			forward[from] = append(forward[from], t.To)
			back[t.To] = append(back[t.To], from)
		}
	}
	var finals []string
	for _, s := range v.d.States {
		if s.Final {
			finals = append(finals, s.ID)
		}
	}
	if len(finals) == 0 {
		v.fault("states: none is final")
	}
	reached, ending := spread(forward, v.d.Start), spread(back, finals...)
	for _, s := range v.d.States {
		if !reached[s.ID] {
			v.fault("state %q: nothing leads there from %q", s.ID, v.d.Start)
		}
		if !ending[s.ID] {
			v.fault("state %q: no way to an end", s.ID)
		}
	}
}

// spread is the set of nodes that the edges lead to from the given ones, those included.
func spread(edges map[string][]string, from ...string) map[string]bool {
	seen := map[string]bool{}
	for len(from) > 0 {
		id := from[0]
		from = from[1:]
		if !seen[id] {
			seen[id] = true
			from = append(from, edges[id]...)
		}
	}
	return seen
}
