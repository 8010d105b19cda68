package web

import (
	"context"
	"time"

	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
	"opora/workflows/lifecycle"
)

// standing is how far a ticket has come, for somebody who waits for it: what the portal says about rows and tickets alike, without a
// word of the desk's.
type standing struct {
	title     string
	start     bool // nobody has begun
	phase     lifecycle.Phase
	caller    bool   // it waits for who asked
	hold      string // why it waits
	holdName  locale.Text
	cancelled bool
	solved    bool   // it was solved on its way to the end
	asked     string // who asked
	assignee  string
	team      locale.Text
	since     time.Time // it stands like this
	mine      bool      // the reader is who asked or whom it hinders
}

func standingOfRow(row *itsm.Row, since time.Time, mine bool) standing {
	return standing{
		title: row.Title, start: row.State == itsm.Lifecycle(row.Kind).Start, phase: row.Phase, caller: row.AwaitsCaller(), hold: row.HoldReason, holdName: row.HoldName(),
		cancelled: row.State == cancelled(row.Kind), solved: row.ResolvedAt != nil, asked: row.Requester, assignee: row.Assignee, team: row.Team, since: since, mine: mine,
	}
}

func standingOfView(v *itsm.View, since time.Time) standing {
	return standing{
		title: v.Title, start: v.State == itsm.Lifecycle(v.Kind).Start, phase: v.Phase, caller: v.AwaitsCaller(), hold: v.HoldReason, holdName: v.HoldName(),
		cancelled: v.State == cancelled(v.Kind), solved: v.ResolvedAt != nil, asked: v.Requester.Name, assignee: v.Assignee, team: v.Team, since: since, mine: v.Caller(),
	}
}

// cancelled is the state that a cancelled ticket of the kind is in.
func cancelled(k itsm.Kind) string {
	t, _ := itsm.Lifecycle(k).Transition("cancel")
	return t.To
}

// end is the word for the last step.
func (st standing) end(r *req) string {
	if st.cancelled {
		return r.P.T("portal.step.cancelled")
	}
	return r.P.T("portal.step.closed")
}

// asks tells whether it is the reader's turn to answer a question.
func (st standing) asks() bool { return st.mine && st.caller }

// next says in a sentence where it is and what comes next.
func (st standing) next(r *req) string {
	since := r.P.When(st.since, r.Now)
	switch st.phase {
	case lifecycle.Open:
		return st.work(r, since)
	case lifecycle.Paused:
		switch {
		case st.asks():
			return r.P.T("portal.next.answer")
		case st.caller:
			return r.P.T("portal.next.answer_of", "Name", st.asked, "When", since)
		case locale.Has("portal.next.hold_" + st.hold):
			return r.P.T("portal.next.hold_"+st.hold, "When", since)
		}
		return r.P.T("portal.next.hold", "Reason", st.holdName, "When", since)
	case lifecycle.Resolved:
		if st.mine {
			return r.P.T("portal.next.solved")
		}
		return r.P.T("portal.next.solved_of", "When", since)
	}
	return r.P.T("portal.next.ended", "State", st.end(r), "When", since)
}

// work says who has it.
func (st standing) work(r *req, since string) string {
	who := []any{"Name", st.assignee, "Team", st.team, "When", since}
	switch {
	case st.start && st.assignee != "":
		return r.P.T("portal.next.new_person", who...)
	case st.start && !st.team.Empty():
		return r.P.T("portal.next.new_team", who...)
	case st.start:
		return r.P.T("portal.next.new")
	case st.assignee != "":
		return r.P.T("portal.next.work_person", who...)
	case !st.team.Empty():
		return r.P.T("portal.next.work_team", who...)
	}
	return r.P.T("portal.next.work", who...)
}

// reached is what a step of the stepper says beside its name: who and when.
type reached struct{ reported, work, solved, closed string }

// stepper draws Reported → In work → Solved → Closed. What ended without being solved goes straight from the first to the last.
func (st standing) stepper(r *req, details reached, small bool) templates.Stepper {
	out := templates.Stepper{Label: st.title, Small: small}
	steps := []templates.Step{
		{Label: r.P.T("portal.step.reported"), Detail: details.reported},
		{Label: r.P.T("portal.step.work"), Detail: details.work},
		{Label: r.P.T("portal.step.solved"), Detail: details.solved},
		{Label: r.P.T("portal.step.closed"), Detail: details.closed},
	}
	now := 1
	switch {
	case st.phase == lifecycle.Closed && !st.solved:
		steps = []templates.Step{steps[0], {Label: st.end(r), Detail: details.closed}}
		now = len(steps)
	case st.phase == lifecycle.Closed:
		now = len(steps)
	case st.phase == lifecycle.Resolved:
		now = 2
	case st.start:
		now = 0
	}
	for i := range steps {
		switch {
		case i < now:
			steps[i].State = "done"
		case i == now:
			steps[i].State = "now"
		default:
			steps[i].State = "next"
		}
	}
	out.Steps = steps
	return out
}

// portalRow is a ticket in a list of the portal.
type portalRow struct {
	templates.Reader
	ID      int64
	Version int
	Number  string
	Title   string
	Href    string
	Stepper templates.Stepper
	Next    string
	For     string // whom it is for, when that is not the reader
	Asks    bool   // it waits for the reader's answer
	Solved  bool   // the reader is asked whether it is solved
	Back    string // where a tap on Yes comes back to
}

// portalRows prepares a page of tickets. mine says whether they are the reader's own, so that he confirms them.
func (s *Server) portalRows(ctx context.Context, r *req, list []itsm.Row, mine bool, back string) ([]portalRow, error) {
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	since, err := s.desk.StandingSince(ctx, r.Actor, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]portalRow, len(list))
	for i := range list {
		t := &list[i]
		st := standingOfRow(t, since[t.ID], mine)
		rows[i] = portalRow{
			Reader: templates.Reader{P: r.P, Now: r.Now}, ID: t.ID, Version: t.Version, Number: t.Number, Title: t.Title, Href: "/tickets/" + t.Number, Stepper: st.stepper(r, reached{}, true),
			Next: st.next(r), Asks: st.asks(), Solved: mine && t.Phase == lifecycle.Resolved, Back: back,
		}
		if t.AffectedID != r.Actor.ID {
			rows[i].For = t.Affected
		}
	}
	return rows, nil
}
