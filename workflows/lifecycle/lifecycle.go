// Package lifecycle reads state machines that are written down as data (YAML), checks them and answers what a record in
// a state may do next, who may do it and what it needs first. A definition also draws itself, so that the
// documentation cannot differ from what runs. It knows no word of any practice: which states an incident has stands in
// itsm/lifecycles. What does not belong here: storing a record's state, and what else happens when the state changes.
package lifecycle

import (
	"slices"

	"github.com/expr-lang/expr/vm"

	"opora/internal/locale"
)

// Phase is the fixed meaning of a state, the same in every definition; lists, indexes and clocks go by it.
type Phase string

// The phases.
const (
	Open     Phase = "open"     // somebody has work to do, and clocks run
	Paused   Phase = "paused"   // it waits for somebody else, for a reason
	Resolved Phase = "resolved" // done, until it is confirmed or reopened
	Closed   Phase = "closed"   // over
)

var phases = []Phase{Open, Paused, Resolved, Closed}

// Type is the type of a name that guards may use.
type Type string

// The types. In Go they are bool, int, string and []string.
const (
	Bool    Type = "bool"
	Int     Type = "int"
	String  Type = "string"
	Strings Type = "strings"
)

// samples gives guards the type of each declared name. They are plain values on purpose: an expression can call any
// exported method of a struct that it is given.
var samples = map[Type]any{Bool: false, Int: 0, String: "", Strings: []string{}}

// Definition is one lifecycle. It is made by Parse or Load, never changes afterwards, and is safe for concurrent use.
type Definition struct {
	Name        string          `yaml:"name"`
	Version     int             `yaml:"version"` // counts from 1; a record keeps the version it was opened under
	Title       locale.Text     `yaml:"title"`
	Start       string          `yaml:"start"`       // the state of a new record
	Relations   []string        `yaml:"relations"`   // what somebody can be to a record
	Fields      []string        `yaml:"fields"`      // fields that a transition may require or clear
	Environment map[string]Type `yaml:"environment"` // names that expressions may use
	States      []State         `yaml:"states"`
	Transitions []Transition    `yaml:"transitions"`

	programs map[string]*vm.Program // by source text
}

// State is where a record can be.
type State struct {
	ID      string      `yaml:"id"`
	Phase   Phase       `yaml:"phase"`
	Name    locale.Text `yaml:"name"`
	Reasons []Reason    `yaml:"reasons"` // why a paused record waits; only there
	Final   bool        `yaml:"final"`   // nothing leads out
}

// Reason says what a paused record waits for.
type Reason struct {
	ID   string      `yaml:"id"`
	Name locale.Text `yaml:"name"`
}

// Transition is one verb: a button for a person, a step for the program.
type Transition struct {
	ID           string            `yaml:"id"`
	Name         locale.Text       `yaml:"name"` // the verb on the button
	From         []string          `yaml:"from"`
	To           string            `yaml:"to"`
	Who          []string          `yaml:"who"`           // any one of these relations suffices
	Require      []string          `yaml:"require"`       // fields that must be filled
	RequireWhen  map[string]string `yaml:"require_when"`  // field → the condition under which it must be filled too
	Guard        string            `yaml:"guard"`         // must be true; empty: always is
	GuardMessage string            `yaml:"guard_message"` // id in the catalogue: what to do about a guard that says no
	Clears       []string          `yaml:"clears"`        // fields that are emptied
	Reopen       bool              `yaml:"reopen"`        // finished work becomes open again; it is counted
}

// State returns the state with the id.
func (d *Definition) State(id string) (State, bool) {
	i := slices.IndexFunc(d.States, func(s State) bool { return s.ID == id })
	if i < 0 {
		return State{}, false
	}
	return d.States[i], true
}

// Transition returns the transition with the id.
func (d *Definition) Transition(id string) (Transition, bool) {
	i := slices.IndexFunc(d.Transitions, func(t Transition) bool { return t.ID == id })
	if i < 0 {
		return Transition{}, false
	}
	return d.Transitions[i], true
}

// From lists the transitions that lead out of the state, in the order of the definition.
func (d *Definition) From(state string) []Transition {
	var out []Transition
	for _, t := range d.Transitions {
		if slices.Contains(t.From, state) {
			out = append(out, t)
		}
	}
	return out
}

// Allows tells whether some transition leads from one state to the other, whoever makes it and whatever it needs.
func (d *Definition) Allows(from, to string) bool {
	return slices.ContainsFunc(d.From(from), func(t Transition) bool { return t.To == to })
}

// HasReason tells whether the state is paused for that reason.
func (s State) HasReason(id string) bool {
	return slices.ContainsFunc(s.Reasons, func(r Reason) bool { return r.ID == id })
}

// May tells whether somebody with these relations to the record may make the transition, its needs apart: a page shows
// the button by it.
func (t Transition) May(who []string) bool {
	return slices.ContainsFunc(t.Who, func(w string) bool { return slices.Contains(who, w) })
}
