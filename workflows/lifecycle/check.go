package lifecycle

import (
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"opora/internal/fault"
)

// Bounds of an expression. Definitions come from administrators too, so a guard must not be able to stop the server.
const (
	maxSource = 500    // bytes
	maxNodes  = 100    // of the syntax tree
	maxMemory = 10_000 // units of expr's budget, spent by each element of a list that it makes
)

// Check tells whether somebody with the relations who may make the transition on a record in the state now. filled says
// whether a field has a value once the input is applied; env holds every name of the definition's environment.
//
// It returns nil, or a fault: NotFound for an unknown transition, Forbidden when none of the relations may make it,
// Conflict when it does not lead out of the state or the guard says no, Invalid with each required field that is empty.
// Any other error is a mistake of the calling code.
func (d *Definition) Check(transition, state string, who []string, filled func(field string) bool, env map[string]any) error {
	t, ok := d.Transition(transition)
	if !ok {
		return fault.New(fault.NotFound, "lifecycle.unknown_transition")
	}
	s, ok := d.State(state)
	if !ok {
		return fmt.Errorf("lifecycle %s version %d has no state %q", d.Name, d.Version, state)
	}
	if !t.May(who) {
		return fault.New(fault.Forbidden, "lifecycle.forbidden", "Transition", t.Name)
	}
	if !slices.Contains(t.From, state) {
		return fault.New(fault.Conflict, "lifecycle.wrong_state", "Transition", t.Name, "State", s.Name)
	}
	if t.Guard != "" {
		yes, err := d.eval(t.Guard, env)
		if err != nil {
			return fmt.Errorf("guard of %s in lifecycle %s: %w", t.ID, d.Name, err)
		}
		if !yes {
			return fault.New(fault.Conflict, t.GuardMessage)
		}
	}
	needs, err := d.Needs(t, env)
	if err != nil {
		return err
	}
	var fields fault.Fields
	for _, f := range needs {
		if !filled(f) {
			fields.Add(f, "lifecycle.required")
		}
	}
	return fields.Err()
}

// Needs lists the fields that the transition requires in this environment, in the order of the definition's fields: what
// a form must ask for.
func (d *Definition) Needs(t Transition, env map[string]any) ([]string, error) {
	var out []string
	for _, f := range d.Fields {
		need := slices.Contains(t.Require, f)
		if condition, ok := t.RequireWhen[f]; ok && !need {
			var err error
			if need, err = d.eval(condition, env); err != nil {
				return nil, fmt.Errorf("condition of %s on %s in lifecycle %s: %w", t.ID, f, d.Name, err)
			}
		}
		if need {
			out = append(out, f)
		}
	}
	return out, nil
}

// compile makes a program of an expression that yields true or false from the declared names alone.
//
// expr has no time limit, so what could take long is taken away: predicates (loops) with every other builtin but len,
// variables (which double a string with each "let"), and the optimizer, which builds constant ranges before the memory
// budget counts. Comparisons, and, or, not, in, contains, startsWith, endsWith and matches (linear) remain.
func (d *Definition) compile(source string) (*vm.Program, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("longer than %d bytes", maxSource)
	}
	types := make(map[string]any, len(d.Environment))
	for name, t := range d.Environment {
		types[name] = samples[t]
	}
	program, err := expr.Compile(source, expr.Env(types), expr.AsBool(), expr.MaxNodes(maxNodes), expr.Optimize(false),
		expr.DisableAllBuiltins(), expr.EnableBuiltin("len"))
	if err != nil {
		return nil, err
	}
	root := program.Node()
	if ast.Find(root, unbounded) != nil {
		return nil, errors.New("loops and variables are not allowed in a condition")
	}
	return program, nil
}

func unbounded(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.VariableDeclaratorNode, *ast.PredicateNode:
		return true
	case *ast.BuiltinNode: // the predicates are part of the grammar: disabling builtins leaves them
		return n.Name != "len"
	}
	return false
}

func (d *Definition) eval(source string, env map[string]any) (bool, error) {
	values := make(map[string]any, len(d.Environment))
	for name, t := range d.Environment {
		v, ok := env[name]
		if !ok {
			return false, fmt.Errorf("environment lacks %q", name)
		}
		if got, want := fmt.Sprintf("%T", v), fmt.Sprintf("%T", samples[t]); got != want {
			return false, fmt.Errorf("environment: %q is %s, not %s", name, got, want)
		}
		values[name] = v
	}
	machine := vm.VM{MemoryBudget: maxMemory}
	out, err := machine.Run(d.programs[source], values)
	if err != nil {
		return false, err
	}
	yes, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("%q yields %T, not true or false", source, out)
	}
	return yes, nil
}
