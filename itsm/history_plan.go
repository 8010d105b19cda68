package itsm

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"opora/workflows/lifecycle"
)

// pastIncident is an incident of a log as it is brought in: decided without a database, so that a second run decides the same.
type pastIncident struct {
	number   string
	first    *loggedRow // how it was opened
	openedAt time.Time
	steps    []pastStep // one for each row that is taken
	later    int        // rows after the end of the history
	sum      string     // digest of the rows that are taken
}

// pastStep is one row of the log, seen from our lifecycle.
type pastStep struct {
	row        *loggedRow
	at         time.Time // when it happened; not row.at where that cannot be
	state      lifecycle.State
	reason     string // of a hold
	moved      bool   // state or reason differ from the step before
	transition lifecycle.Transition
	outside    bool   // our state graph has no such step: no such edge, or it leads into or out of a state that it does not have
	former     string // the log's state, where ours has none or only one that is near
	responded  bool   // the first one that is no longer New
}

// plan decides how the incident is brought in, up to but not including end (zero: all of it). It is nil when the incident was opened
// after that.
func (m *Mapping) plan(in *loggedIncident, end time.Time) *pastIncident {
	p := &pastIncident{number: in.number, first: &in.rows[0], openedAt: in.rows[0].openedAt}
	if !end.IsZero() && !p.openedAt.Before(end) {
		return nil
	}
	def := definition(Incident)
	state, _ := def.State(def.Start)
	reason, responded := "", false
	var before *loggedRow
	sum := sha256.New()
	for i, at := range settleTimes(p.openedAt, in.rows) {
		row := &in.rows[i]
		if !end.IsZero() && !at.Before(end) {
			p.later = len(in.rows) - i
			break
		}
		sum.Write([]byte(row.raw + "\n"))
		s := pastStep{row: row, at: at, state: state, reason: reason}
		to, known := m.States[row.state]
		if before == nil || row.state != before.state {
			s.outside = !known || before != nil && !m.knows(before.state)
			if !known || to.Near {
				s.former = row.state
			}
		}
		if known {
			s.state, _ = def.State(to.State)
			s.reason = to.Reason
			s.moved = s.state.ID != state.ID || s.reason != reason
		}
		if s.moved && !s.outside {
			var ok bool
			s.transition, ok = edge(def, state.ID, s.state.ID)
			s.outside = !ok
		}
		if !responded && to.State != def.Start {
			s.responded, responded = true, true
		}
		state, reason, before = s.state, s.reason, row
		p.steps = append(p.steps, s)
	}
	p.sum = hex.EncodeToString(sum.Sum(nil)[:16])
	return p
}

// knows tells whether the log's state stands for one of ours. Where it does not, ours stays as it was.
func (m *Mapping) knows(state string) bool {
	_, ok := m.States[state]
	return ok
}

// edge finds the transition that leads from one state to another; of several the one that staff or Opora take, since what the
// requester said himself is not in a log.
func edge(def *lifecycle.Definition, from, to string) (found lifecycle.Transition, ok bool) {
	for _, t := range def.From(from) {
		if t.To == to && (!ok || !found.May([]string{relStaff})) {
			found, ok = t, true
		}
	}
	return found, ok
}

// settleTimes gives each row the moment at which it counts. The order of the file is what followed what; a row never counts before
// the opening or before the row above it. Where the times of a log contradict its order, as few rows as possible move: either those
// that are too late come forward to the row below them, or those that are too early wait for the row above them.
func settleTimes(opened time.Time, rows []loggedRow) []time.Time {
	early, late := make([]time.Time, len(rows)), make([]time.Time, len(rows))
	low, high, movedEarly, movedLate := rows[len(rows)-1].at, opened, 0, 0
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i].at.Before(low) {
			low = rows[i].at
		}
		early[i] = laterOf(opened, low)
		if !early[i].Equal(rows[i].at) {
			movedEarly++
		}
	}
	for i := range rows {
		high = laterOf(high, rows[i].at)
		late[i] = high
		if !high.Equal(rows[i].at) {
			movedLate++
		}
	}
	if movedLate < movedEarly {
		return late
	}
	return early
}

// outsideSteps counts the steps that our state graph does not have.
func (p *pastIncident) outsideSteps() int {
	n := 0
	for i := range p.steps {
		if p.steps[i].outside {
			n++
		}
	}
	return n
}

// retimed counts the rows that happened at another time than the log says.
func (p *pastIncident) retimed() int {
	n := 0
	for i := range p.steps {
		if !p.steps[i].at.Equal(p.steps[i].row.at) {
			n++
		}
	}
	return n
}

// last is the last row that is taken; the opening where there is none.
func (p *pastIncident) last() *loggedRow {
	if len(p.steps) == 0 {
		return p.first
	}
	return p.steps[len(p.steps)-1].row
}

// state is the state at the end of the history.
func (p *pastIncident) state() lifecycle.State {
	if len(p.steps) == 0 {
		def := definition(Incident)
		s, _ := def.State(def.Start)
		return s
	}
	return p.steps[len(p.steps)-1].state
}

// keptChanges lists the columns without a field of ours that changed since the row before (nil: all that say something).
func keptChanges(columns []string, before, row *loggedRow) []FieldChange {
	var out []FieldChange
	for i, c := range columns {
		from := ""
		if before != nil {
			from = before.kept[i]
		}
		if from != row.kept[i] {
			out = append(out, FieldChange{c, from, row.kept[i]})
		}
	}
	return out
}

// outcomeOf lists what the log says of the incident's end.
func outcomeOf(columns []string, row *loggedRow) []FieldChange {
	var out []FieldChange
	for i, c := range columns {
		if row.outcome[i] != "" {
			out = append(out, FieldChange{Field: c, To: row.outcome[i]})
		}
	}
	return slices.Clip(out)
}
