package itsm

import (
	"github.com/lib/pq"

	"opora/auth"
	"opora/internal/db"
)

// The conditions under which somebody sees a row of tickets t. There is no other place that decides it: every select, list, search,
// count, export and live message goes through visible.
const (
	sqlVisibleOwn = `t.requester_id = ? OR t.affected_id = ? OR t.opened_by_id = ?
  OR t.id = ANY (ARRAY(SELECT p.ticket_id FROM ticket_participants p WHERE p.person_id = ?))`
	sqlVisibleReports = `NOT t.confidential AND t.requester_id = ANY (ARRAY(SELECT m.id FROM people m WHERE m.manager_id = ?))`
	sqlVisibleTeams   = `NOT t.confidential OR t.team_id = ANY (?)` // what is not confidential has the reports of a manager in it
)

// visible adds the condition for the actor.
func visible(w *db.Where, a auth.Actor) {
	switch {
	case a.System || a.Can(auth.ReadAllTickets):
	case a.ID == 0:
		w.And("FALSE")
	case a.Can(auth.WorkTickets):
		w.And("("+sqlVisibleTeams+" OR "+sqlVisibleOwn+")", pq.Array(a.Teams), a.ID, a.ID, a.ID, a.ID)
	default:
		w.And("("+sqlVisibleOwn+" OR "+sqlVisibleReports+")", a.ID, a.ID, a.ID, a.ID, a.ID)
	}
}
