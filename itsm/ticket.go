package itsm

import (
	"time"

	"opora/workflows/lifecycle"
)

// Kind is the practice that a ticket belongs to.
type Kind string

// The kinds.
const Incident Kind = "incident"

// Channels by which a ticket comes in.
const (
	ChannelPortal     = "portal"
	ChannelPhone      = "phone"
	ChannelMail       = "mail"
	ChannelChat       = "chat"
	ChannelWalkUp     = "walk_up"
	ChannelMonitoring = "monitoring"
	ChannelAPI        = "api"
)

// Channels are all of them, in the order in which forms offer them.
var Channels = []string{ChannelPhone, ChannelMail, ChannelChat, ChannelWalkUp, ChannelMonitoring, ChannelPortal, ChannelAPI}

// Ticket is what all kinds share. An id of 0 stands for none.
type Ticket struct {
	ID                int64           `db:"id"`
	Number            string          `db:"number"`
	Kind              Kind            `db:"kind"`
	Lifecycle         int             `db:"lifecycle"` // version of the definition it was opened under
	State             string          `db:"state"`
	Phase             lifecycle.Phase `db:"phase"`
	HoldReason        string          `db:"hold_reason"`
	Title             string          `db:"title"`
	Description       string          `db:"description"`
	Channel           string          `db:"channel"`
	RequesterID       int64           `db:"requester_id"`
	AffectedID        int64           `db:"affected_id"`
	OpenedByID        int64           `db:"opened_by_id"`
	CategoryID        int64           `db:"category_id"`
	ClosingCategoryID int64           `db:"closing_category_id"`
	ServiceID         int64           `db:"service_id"`
	TeamID            int64           `db:"team_id"`
	AssigneeID        int64           `db:"assignee_id"`
	ParentID          int64           `db:"parent_id"`
	PolicyID          int64           `db:"policy_id"`
	Zone              string          `db:"zone"` // IANA name for clocks whose policy names none
	Impact            int             `db:"impact"`
	Urgency           int             `db:"urgency"`
	Priority          int             `db:"priority"`
	PriorityReason    string          `db:"priority_reason"` // not empty: the priority was set by hand
	Confidential      bool            `db:"confidential"`
	OpenedAt          time.Time       `db:"opened_at"`
	UpdatedAt         time.Time       `db:"updated_at"`
	RespondedAt       *time.Time      `db:"responded_at"`
	ResolvedAt        *time.Time      `db:"resolved_at"`
	ClosedAt          *time.Time      `db:"closed_at"`
	DueClock          string          `db:"due_clock"` // the running clock that is due soonest
	RiskAt            *time.Time      `db:"risk_at"`   // soonest moment at which a running clock has used three quarters
	DueAt             *time.Time      `db:"due_at"`    // soonest due moment of its running clocks
	ReopenCount       int             `db:"reopen_count"`
	ReassignCount     int             `db:"reassign_count"`
	OutsideLifecycle  int             `db:"outside_lifecycle"` // imported steps that the state graph does not have
	Source            string          `db:"source"`
	ExternalNumber    string          `db:"external_number"`
	Version           int             `db:"version"`

	Details Details `db:"-"`
}

// Details is what only one kind has.
type Details interface {
	kind() Kind
	clone() Details
}

// Open tells whether somebody still has to do something about the ticket.
func (t *Ticket) Open() bool { return t.Phase == lifecycle.Open || t.Phase == lifecycle.Paused }

// Ended tells whether nothing can be done with the ticket any more.
func (t *Ticket) Ended() bool { return t.Phase == lifecycle.Closed }

// Incident returns the details of an incident; nil for another kind.
func (t *Ticket) Incident() *IncidentDetails {
	d, _ := t.Details.(*IncidentDetails)
	return d
}

func (t *Ticket) clone() *Ticket {
	c := *t
	if t.Details != nil {
		c.Details = t.Details.clone()
	}
	return &c
}

// Task is a piece of work within a ticket.
type Task struct {
	ID         int64      `db:"id"`
	TicketID   int64      `db:"ticket_id"`
	Title      string     `db:"title"`
	State      string     `db:"state"` // open, done, dropped
	TeamID     int64      `db:"team_id"`
	AssigneeID int64      `db:"assignee_id"`
	Assignee   string     `db:"assignee"`
	CreatedAt  time.Time  `db:"created_at"`
	EndedAt    *time.Time `db:"ended_at"`
}

// States of a task.
const (
	TaskOpen    = "open"
	TaskDone    = "done"
	TaskDropped = "dropped"
)

// RaisedByEscalation is the reason of a priority that an escalation step set; pages say it in the reader's language.
const RaisedByEscalation = "escalation"

// Types of links. A link reads from the ticket that has it: "A is a duplicate of B".
const (
	LinkRelated    = "related"
	LinkDuplicate  = "duplicate_of"
	LinkCausedBy   = "caused_by"
	LinkFollowUpOf = "follow_up_of"
)

// LinkTypes are those that a person can set.
var LinkTypes = []string{LinkRelated, LinkDuplicate, LinkCausedBy}
