package itsm

import (
	"slices"
	"strconv"
	"strings"

	"opora/internal/locale"
)

// NoticeKind says why somebody is told. The kind is also the end of the message's id: notice.assigned.
type NoticeKind string

// The kinds of notices.
const (
	NoticeAssigned       NoticeKind = "assigned"
	NoticeReplied        NoticeKind = "replied"  // staff wrote to the requester
	NoticeAnswered       NoticeKind = "answered" // the requester wrote to staff
	NoticeNoted          NoticeKind = "noted"
	NoticeResolved       NoticeKind = "resolved"
	NoticeConfirmed      NoticeKind = "confirmed"
	NoticeReopened       NoticeKind = "reopened"
	NoticeCancelled      NoticeKind = "cancelled"
	NoticeTask           NoticeKind = "task"
	NoticeParticipant    NoticeKind = "participant"
	NoticeParentResolved NoticeKind = "parent_resolved"
	NoticeEscalated      NoticeKind = "escalated"
)

// NoticeKinds are all of them.
var NoticeKinds = []NoticeKind{
	NoticeAssigned, NoticeReplied, NoticeAnswered, NoticeNoted, NoticeResolved, NoticeConfirmed, NoticeReopened,
	NoticeCancelled, NoticeTask, NoticeParticipant, NoticeParentResolved, NoticeEscalated,
}

type notice struct {
	kind   NoticeKind
	person int64
	args   noticeArgs
}

// noticeArgs is what an escalation's notice says beside the ticket.
type noticeArgs struct {
	Clock   string `json:"clock,omitempty"`
	Percent int    `json:"percent,omitempty"` // share of the target that was used
	After   int64  `json:"after,omitempty"`   // seconds past the target
}

// notice tells one person; 0 is nobody. He is told once a write, by the first notice.
func (c *change) notice(kind NoticeKind, person int64) {
	c.noticeWith(kind, person, noticeArgs{})
}

func (c *change) noticeWith(kind NoticeKind, person int64, args noticeArgs) {
	if person != 0 && !slices.ContainsFunc(c.notices, func(n notice) bool { return n.person == person }) {
		c.notices = append(c.notices, notice{kind, person, args})
	}
}

// noticeAssignee tells a new assignee.
func (c *change) noticeAssignee() {
	if c.before == nil || c.t.AssigneeID != c.before.AssigneeID {
		c.notice(NoticeAssigned, c.t.AssigneeID)
	}
}

// noticePublic tells those for whom the ticket is.
func (c *change) noticePublic(kind NoticeKind) {
	for _, p := range []int64{c.t.RequesterID, c.t.AffectedID, c.t.OpenedByID} {
		c.notice(kind, p)
	}
	c.toFollowers = kind
}

// noticeSaid tells the other side of what was written.
func (c *change) noticeSaid(public, staff bool) {
	switch {
	case public && staff:
		c.noticePublic(NoticeReplied)
		c.notice(NoticeReplied, c.t.AssigneeID)
	case public:
		c.notice(NoticeAnswered, c.t.AssigneeID)
		c.noticePublic(NoticeAnswered)
	default:
		c.notice(NoticeNoted, c.t.AssigneeID)
	}
}

// Live is what a transaction changed: ids of tickets and of people who have something new. AllTickets stands for more tickets
// than a notification holds.
type Live struct {
	Tickets    []int64
	People     []int64
	AllTickets bool
}

// LiveChannel is the channel of LISTEN and NOTIFY.
const LiveChannel = "opora_live"

const maxPayload = 7000 // bytes; PostgreSQL refuses 8000

func (l Live) payload() string {
	join := func(ids []int64) string {
		s := make([]string, len(ids))
		for i, id := range ids {
			s[i] = strconv.FormatInt(id, 10)
		}
		return strings.Join(s, ",")
	}
	p := join(l.Tickets) + ";" + join(l.People)
	if len(p) > maxPayload {
		return "*;*"
	}
	return p
}

// ParseLive reads the payload of a notification.
func ParseLive(payload string) Live {
	tickets, people, _ := strings.Cut(payload, ";")
	split := func(s string) []int64 {
		var out []int64
		for _, f := range strings.Split(s, ",") {
			if id, err := strconv.ParseInt(f, 10, 64); err == nil {
				out = append(out, id)
			}
		}
		return out
	}
	return Live{Tickets: split(tickets), People: split(people), AllTickets: tickets == "*"}
}

// tell stores the notices of the changes, never for the one who acted, and wakes the live pages when the transaction commits.
func (u *unit) tell(list []*change) error {
	if u.quiet {
		return nil
	}
	var live Live
	var rows noticeRows
	for _, c := range list {
		live.Tickets = append(live.Tickets, c.t.ID)
		if c.toFollowers != "" {
			followers, err := ids(u.ctx, u.tx, sqlFollowers, c.t.ID)
			if err != nil {
				return err
			}
			for _, p := range followers {
				c.notice(c.toFollowers, p)
			}
		}
		seq := c.events[len(c.events)-1].Seq
		for _, n := range c.notices {
			if n.person != u.actor.ID {
				rows.add(c.t.ID, seq, u.actor.ID, u.now, n)
			}
		}
	}
	told, err := rows.save(u.ctx, u.tx)
	if err != nil {
		return err
	}
	live.People = told
	return wake(u.ctx, u.tx, live)
}

// Notification is a row of somebody's notification centre.
type Notification struct {
	notificationRow
	Args noticeArgs
}

// Line is the notification as a sentence.
func (n Notification) Line(p *locale.Printer) string {
	actor := n.Actor
	if actor == "" {
		actor = "Opora"
	}
	args := []any{"Number", n.Number, "Title", n.Title, "Actor", actor}
	if n.Kind == NoticeEscalated {
		id := "notice.escalated_before"
		if n.Args.Percent >= 100 || n.Args.After > 0 {
			id = "notice.escalated_over"
		}
		return p.T(id, append(args, "Clock", p.T("clock."+n.Args.Clock), "Percent", n.Args.Percent)...)
	}
	return p.T("notice."+string(n.Kind), args...)
}
