package web

import "opora/auth"

// portalRoutes is what everybody has: report, follow and answer one's own tickets, notifications, and one's own profile. What somebody
// may do with a ticket is decided by itsm.
func (s *Server) portalRoutes() []route {
	return []route{
		{get, "/", auth.UsePortal, s.portalHome, false, false},
		{get, "/search", auth.UsePortal, s.portalSearch, false, false},
		{get, "/report", auth.UsePortal, s.reportPage, false, false},
		{post, "/report", auth.UsePortal, s.report, true, false},
		{get, "/tickets", auth.UsePortal, s.myTickets, false, false},
		{get, "/tickets/:number", auth.UsePortal, s.ticketPage, false, false},
		{post, "/tickets/:number/reply", auth.UsePortal, s.answer, true, false},
		{post, "/tickets/:number/confirm", auth.UsePortal, s.confirm, false, false},
		{post, "/tickets/:number/reopen", auth.UsePortal, s.reopen, false, false},
		{post, "/tickets/:number/cancel", auth.UsePortal, s.cancel, false, false},
		{post, "/tickets/:number/followers", auth.UsePortal, s.addFollower, false, false},
		{post, "/tickets/:number/followers/:person/remove", auth.UsePortal, s.removeFollower, false, false},
		{get, "/notifications", auth.UsePortal, s.notifications, false, false},
		{get, "/notifications/menu", auth.UsePortal, s.notificationMenu, false, false},
		{get, "/notifications/ticket/:number", auth.UsePortal, s.notified, false, false},
		{post, "/notifications/read", auth.UsePortal, s.readNotifications, false, false},
		{get, "/profile", auth.UsePortal, s.profilePage, false, false},
		{post, "/profile", auth.UsePortal, s.saveProfile, false, false},
		{post, "/profile/sessions/revoke", auth.UsePortal, s.revokeOthers, false, false},
		{post, "/profile/sessions/:id/revoke", auth.UsePortal, s.revokeSession, false, false},
	}
}
