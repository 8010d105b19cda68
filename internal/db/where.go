package db

import (
	"strconv"
	"strings"
)

// Where collects conditions and their arguments for a positional statement. Conditions are constants of the caller with
// "?" for each argument: no text of a person ever gets into them.
type Where struct {
	conds []string
	args  []any
}

// And adds a condition; each "?" in it takes one of the args.
func (w *Where) And(cond string, args ...any) {
	var b strings.Builder
	n := len(w.args)
	for _, r := range cond {
		if r == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	w.conds = append(w.conds, b.String())
	w.args = append(w.args, args...)
}

// Next begins the conditions of another part of the same statement: the conditions so far are gone, their arguments stay.
func (w *Where) Next() { w.conds = nil }

// Arg adds an argument that stands outside a condition (a LIMIT) and returns its place holder.
func (w *Where) Arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

// SQL is the WHERE clause, with its word; "" when there is no condition.
func (w *Where) SQL() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// Args are the arguments in order.
func (w *Where) Args() []any { return w.args }
