package auth

import (
	"slices"
	"time"

	"opora/internal/locale"
)

// Role is what somebody is here for. Everybody who is signed in is an employee; the other roles come from directory groups and
// by hand, and their union counts.
type Role string

// The roles.
const (
	Employee             Role = "employee"
	Agent                Role = "agent"
	TeamLead             Role = "team_lead"
	ProblemManager       Role = "problem_manager"
	ChangeManager        Role = "change_manager"
	ConfigurationManager Role = "configuration_manager"
	Administrator        Role = "administrator"
	Auditor              Role = "auditor"
)

// Roles in the order in which pages show them.
var Roles = []Role{Employee, Agent, TeamLead, ProblemManager, ChangeManager, ConfigurationManager, Administrator, Auditor}

// Channel is the way by which somebody acts.
type Channel string

// The channels. The way a ticket came in (phone, walk-up) is a field of the ticket, not this.
const (
	Portal  Channel = "portal"
	Desk    Channel = "desk"
	Admin   Channel = "admin"
	API     Channel = "api"
	Command Channel = "command"
	Import  Channel = "import"
	Machine Channel = "machine"
)

// Actor is who does something, and how he came in. The zero value is nobody and may do nothing.
type Actor struct {
	ID        int64 // person; 0 for nobody and for System
	Login     string
	Name      string
	Roles     []Role
	Teams     []int64 // teams he is a member of
	System    bool    // Opora itself: escalations, auto-close
	Channel   Channel
	RequestID string
	Language  string
	Zone      *time.Location
	Theme     string
	Session   string // public id of the session; "" outside the web
}

// Machine is Opora itself acting by rule.
func MachineActor() Actor {
	return Actor{System: true, Channel: Machine, Language: "en", Zone: time.UTC}
}

// Has tells whether the actor has the role.
func (a Actor) Has(r Role) bool {
	return a.ID != 0 && (r == Employee || slices.Contains(a.Roles, r))
}

// Staff tells whether the actor works in the desk.
func (a Actor) Staff() bool { return a.Can(WorkTickets) }

// In tells whether the actor is a member of the team.
func (a Actor) In(team int64) bool { return team != 0 && slices.Contains(a.Teams, team) }

// Printer writes in the actor's language and zone.
func (a Actor) Printer() *locale.Printer { return locale.For(a.Language, a.Zone) }
