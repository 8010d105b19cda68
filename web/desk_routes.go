package web

import "opora/auth"

// deskRoutes is where staff work on tickets, and what pages of both faces fetch: choices for pickers, and files. What somebody may do
// with a particular ticket is decided by itsm.
func (s *Server) deskRoutes() []route {
	return []route{
		{get, "/desk", seeDesk, s.deskDay, false, false},
		{get, "/desk/search", seeDesk, s.deskSearch, false, false},
		{get, "/desk/incidents", seeDesk, s.queue, false, false},
		{get, "/desk/incidents/:number", seeDesk, s.deskTicket, false, false},
		{get, "/desk/incidents/:number/row", seeDesk, s.queueRow, false, false},
		{get, "/desk/incidents/:number/clock/:clock", seeDesk, s.reckoning, false, false},
		{get, "/desk/members", seeDesk, s.teamMembers, false, false},
		{get, "/desk/new", auth.WorkTickets, s.newIncidentPage, false, false},
		{post, "/desk/new", auth.WorkTickets, s.newIncident, true, false},
		{get, "/desk/priority", auth.WorkTickets, s.resultingPriority, false, false},

		{post, "/desk/incidents/:number/say", auth.WorkTickets, s.say, true, false},
		{post, "/desk/incidents/:number/take", auth.WorkTickets, s.act("take", take), false, false},
		{post, "/desk/incidents/:number/assign", auth.WorkTickets, s.act("assign", assign), false, false},
		{post, "/desk/incidents/:number/hold", auth.WorkTickets, s.act("hold", hold), false, false},
		{post, "/desk/incidents/:number/resume", auth.WorkTickets, s.act("resume", resume), false, false},
		{post, "/desk/incidents/:number/resolve", auth.WorkTickets, s.act("resolve", resolve), false, false},
		{post, "/desk/incidents/:number/confirm", auth.WorkTickets, s.act("confirm", confirmHere), false, false},
		{post, "/desk/incidents/:number/close", auth.WorkTickets, s.act("close", closeIt), false, false},
		{post, "/desk/incidents/:number/reopen", auth.WorkTickets, s.act("reopen", reopenHere), false, false},
		{post, "/desk/incidents/:number/cancel", auth.WorkTickets, s.act("cancel", cancelHere), false, false},
		{post, "/desk/incidents/:number/edit", auth.WorkTickets, s.act("edit", edit), false, false},
		{post, "/desk/incidents/:number/tasks", auth.WorkTickets, s.act("task", addTask), false, false},
		{post, "/desk/incidents/:number/tasks/:task", auth.WorkTickets, s.act("task", endTask), false, false},
		{post, "/desk/incidents/:number/people", auth.WorkTickets, s.act("people", setParticipant), false, false},
		{post, "/desk/incidents/:number/items", auth.WorkTickets, s.act("items", setItem), false, false},
		{post, "/desk/incidents/:number/links", auth.WorkTickets, s.act("links", addLink), false, false},
		{post, "/desk/incidents/:number/links/:link", auth.WorkTickets, s.act("links", dropLink), false, false},
		{post, "/desk/incidents/:number/parent", auth.WorkTickets, s.act("parent", setParent), false, false},

		{get, "/pick/people", auth.SearchPeople, s.pickPeople, false, false},
		{get, "/pick/items", auth.UsePortal, s.pickItems, false, false},
		{get, "/pick/tickets", seeDesk, s.pickTickets, false, false},
		{get, "/files/:token", auth.UsePortal, s.file, false, false},
	}
}
