package auth

import (
	"slices"

	"opora/internal/fault"
)

// Permission is one thing that a role allows. What somebody may do with a particular ticket also depends on his relation to it:
// that is itsm's policy.
type Permission string

// The permissions.
const (
	UsePortal        Permission = "portal.use"     // report, follow, answer
	WorkTickets      Permission = "tickets.work"   // the desk: take, assign, reply, note, resolve
	AssignAnyone     Permission = "tickets.assign" // assign to somebody of another team
	OverridePriority Permission = "priority.override"
	ReadAllTickets   Permission = "tickets.read_all" // auditor: confidential ones too
	ReadAudit        Permission = "audit.read"
	ReadReports      Permission = "reports.read"
	ManagePeople     Permission = "people.manage"
	ManageTeams      Permission = "teams.manage"
	ManageSettings   Permission = "settings.manage" // categories, priorities, calendars, targets, directory
	ManageItems      Permission = "items.manage"
	SeeJobs          Permission = "jobs.see"
	SearchPeople     Permission = "people.search"
)

// Permissions in the order in which pages show them.
var Permissions = []Permission{
	UsePortal, SearchPeople, WorkTickets, AssignAnyone, OverridePriority, ReadAllTickets, ReadReports, ReadAudit,
	ManagePeople, ManageTeams, ManageSettings, ManageItems, SeeJobs,
}

// grants is the table of rights: who may do what. It is data for the engine, the administration page and a golden test.
var grants = map[Role][]Permission{
	Employee:             {UsePortal, SearchPeople},
	Agent:                {WorkTickets, OverridePriority},
	TeamLead:             {WorkTickets, OverridePriority, AssignAnyone, ReadReports},
	ProblemManager:       {WorkTickets, OverridePriority, AssignAnyone, ReadReports},
	ChangeManager:        {WorkTickets, OverridePriority, AssignAnyone, ReadReports},
	ConfigurationManager: {WorkTickets, ManageItems, ReadReports},
	Administrator:        {ManagePeople, ManageTeams, ManageSettings, ManageItems, SeeJobs, ReadReports},
	Auditor:              {ReadAllTickets, ReadAudit, ReadReports},
}

// Grants returns what the role allows beyond being an employee.
func Grants(r Role) []Permission { return slices.Clone(grants[r]) }

// Can tells whether one of the actor's roles allows p. Opora itself is not asked: its use cases are its own.
func (a Actor) Can(p Permission) bool {
	if a.ID == 0 {
		return false
	}
	if slices.Contains(grants[Employee], p) {
		return true
	}
	for _, r := range a.Roles {
		if slices.Contains(grants[r], p) {
			return true
		}
	}
	return false
}

// Need is nil when the actor can, else what to tell him: sign in, or that he may not.
func (a Actor) Need(p Permission) error {
	switch {
	case a.Can(p):
		return nil
	case a.ID == 0:
		return fault.New(fault.Unauthenticated, "fault.unauthenticated")
	}
	return fault.New(fault.Forbidden, "fault.forbidden")
}
