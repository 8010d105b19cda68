package web

import "opora/auth"

// adminRoutes are the administration, the audit log and the reports.
func (s *Server) adminRoutes() []route {
	return []route{
		{get, "/admin", auth.ManageSettings, s.adminOverview, false, false},
		{get, "/admin/setup", auth.ManageSettings, s.setupPage, false, false},
		{post, "/admin/setup", auth.ManageSettings, s.trySetup, false, false},

		{get, "/admin/people", auth.ManagePeople, s.adminPeople, false, false},
		{get, "/admin/people/:id", auth.ManagePeople, s.adminPerson, false, false},
		{post, "/admin/people/:id/roles", auth.ManagePeople, s.saveRoles, false, false},
		{post, "/admin/people/:id/sessions", auth.ManagePeople, s.endSessions, false, false},
		{post, "/admin/people/:id/active", auth.ManagePeople, s.switchPerson, false, false},
		{get, "/admin/roles", auth.ManagePeople, s.adminRoles, false, false},

		{get, "/admin/teams", auth.ManageTeams, s.adminTeams, false, false},
		{get, "/admin/teams/new", auth.ManageTeams, s.newTeam, false, false},
		{post, "/admin/teams/new", auth.ManageTeams, s.saveTeam, false, false},
		{get, "/admin/teams/:id", auth.ManageTeams, s.adminTeam, false, false},
		{post, "/admin/teams/:id", auth.ManageTeams, s.saveTeam, false, false},
		{post, "/admin/teams/:id/members", auth.ManageTeams, s.saveMembers, false, false},

		{get, "/admin/sites", auth.ManageSettings, s.adminSites, false, false},
		{get, "/admin/sites/new", auth.ManageSettings, s.adminSite, false, false},
		{post, "/admin/sites/new", auth.ManageSettings, s.saveSite, false, false},
		{get, "/admin/sites/:id", auth.ManageSettings, s.adminSite, false, false},
		{post, "/admin/sites/:id", auth.ManageSettings, s.saveSite, false, false},

		{get, "/admin/categories", auth.ManageSettings, s.adminCategories, false, false},
		{get, "/admin/categories/new", auth.ManageSettings, s.adminCategory, false, false},
		{post, "/admin/categories/new", auth.ManageSettings, s.saveCategory, false, false},
		{get, "/admin/categories/:id", auth.ManageSettings, s.adminCategory, false, false},
		{post, "/admin/categories/:id", auth.ManageSettings, s.saveCategory, false, false},

		{get, "/admin/priorities", auth.ManageSettings, s.adminPriorities, false, false},
		{post, "/admin/priorities", auth.ManageSettings, s.savePriorities, false, false},
		{post, "/admin/priorities/matrix", auth.ManageSettings, s.saveMatrix, false, false},

		{get, "/admin/calendars", auth.ManageSettings, s.adminCalendars, false, false},
		{get, "/admin/calendars/new", auth.ManageSettings, s.newCalendar, false, false},
		{post, "/admin/calendars/new", auth.ManageSettings, s.saveCalendar, false, false},
		{get, "/admin/calendars/:code", auth.ManageSettings, s.adminCalendar, false, false},
		{post, "/admin/calendars/:code", auth.ManageSettings, s.saveCalendar, false, false},

		{get, "/admin/targets", auth.ManageSettings, s.adminPolicies, false, false},
		{get, "/admin/targets/new", auth.ManageSettings, s.newPolicy, false, false},
		{post, "/admin/targets/new", auth.ManageSettings, s.savePolicy, false, false},
		{get, "/admin/targets/:code", auth.ManageSettings, s.adminPolicy, false, false},
		{post, "/admin/targets/:code", auth.ManageSettings, s.savePolicy, false, false},
		{post, "/admin/targets/:code/default", auth.ManageSettings, s.makeDefault, false, false},

		{get, "/admin/items", auth.ManageItems, s.adminItems, false, false},
		{get, "/admin/items/new", auth.ManageItems, s.adminItem, false, false},
		{post, "/admin/items/new", auth.ManageItems, s.saveItem, false, false},
		{get, "/admin/items/:id", auth.ManageItems, s.adminItem, false, false},
		{post, "/admin/items/:id", auth.ManageItems, s.saveItem, false, false},

		{get, "/admin/directory", auth.ManageSettings, s.adminDirectory, false, false},
		{post, "/admin/directory", auth.ManageSettings, s.testDirectory, false, false},
		{get, "/admin/jobs", auth.SeeJobs, s.adminJobs, false, false},
		{post, "/admin/jobs/:id/retry", auth.SeeJobs, s.retryJob, false, false},
		{post, "/admin/jobs/:id/cancel", auth.SeeJobs, s.cancelJob, false, false},

		{get, "/audit", auth.ReadAudit, s.auditPage, false, false},
		{get, "/reports", auth.ReadReports, s.reportsPage, false, false},
	}
}
