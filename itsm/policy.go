package itsm

import (
	"opora/auth"
	"opora/internal/fault"
)

// Relations of somebody to a ticket, as lifecycles name them.
const (
	relRequester   = "requester"
	relAffected    = "affected"
	relStaff       = "staff"
	relLead        = "lead"
	relSystem      = "system"
	relParticipant = "participant" // follows it and may answer; also who opened it for somebody
	relReader      = "reader"      // sees it, no more: line manager, auditor
)

// staffFor tells whether the actor works on the ticket as staff: all that is not confidential, and what is of his own teams.
func staffFor(a auth.Actor, t *Ticket) bool {
	return a.Can(auth.WorkTickets) && (!t.Confidential || a.In(t.TeamID))
}

// relations lists what the actor is to the ticket. participant says whether he is one of its participants.
func relations(a auth.Actor, t *Ticket, participant bool) []string {
	if a.System {
		return []string{relSystem}
	}
	if a.ID == 0 {
		return nil
	}
	var out []string
	if a.ID == t.RequesterID {
		out = append(out, relRequester)
	}
	if a.ID == t.AffectedID {
		out = append(out, relAffected)
	}
	if staffFor(a, t) {
		out = append(out, relStaff)
		if a.Has(auth.TeamLead) && a.In(t.TeamID) {
			out = append(out, relLead)
		}
	}
	if participant || a.ID == t.OpenedByID {
		out = append(out, relParticipant)
	}
	if len(out) == 0 {
		out = append(out, relReader)
	}
	return out
}

// errHidden is what somebody gets for a ticket that does not exist or that he may not see: the same.
func errHidden() *fault.Error { return fault.New(fault.NotFound, "itsm.no_ticket") }

func errForbidden() *fault.Error { return fault.New(fault.Forbidden, "fault.forbidden") }
