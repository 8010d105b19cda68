package itsm

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lib/pq"

	"opora/auth"
	"opora/internal/fault"
)

// Bounds of what people write, in characters.
const (
	MaxTitle = 200
	MaxText  = 50_000
)

// NewIncident is what somebody reports.
type NewIncident struct {
	Title        string
	Description  string
	Channel      string // how it came in; empty: by the portal
	RequesterID  int64  // 0: the actor
	AffectedID   int64  // 0: the requester
	CategoryID   int64
	ServiceID    int64
	ItemIDs      []int64
	Impact       int // 1 high … 3 low; 0: proposed from the service's criticality
	Urgency      int // 1 high … 3 low; 0: 3
	TeamID       int64
	AssigneeID   int64
	Participants []int64
	Files        []string // tokens of uploads
	Confidential bool     // for staff to say; a category may say it for everybody

	followsUp bool // team and confidentiality come from the ticket before
}

// OpenIncident reports an incident: for oneself, or on behalf of somebody. Team, assignee and channel are for staff to give.
func (s *Service) OpenIncident(ctx context.Context, actor auth.Actor, n NewIncident) (Ticket, error) {
	if err := actor.Need(auth.UsePortal); err != nil {
		return Ticket{}, err
	}
	return s.one(ctx, actor, func(u *unit) (*change, error) { return u.openIncident(n) })
}

func (u *unit) openIncident(n NewIncident) (*change, error) {
	if err := u.checkIncident(&n); err != nil {
		return nil, err
	}
	number, err := nextNumber(u.ctx, u.tx)
	if err != nil {
		return nil, err
	}
	def := definition(Incident)
	start, _ := def.State(def.Start)
	t := &Ticket{
		Number: number, Kind: Incident, Lifecycle: def.Version, State: start.ID, Phase: start.Phase,
		Title: n.Title, Description: n.Description, Channel: n.Channel,
		RequesterID: n.RequesterID, AffectedID: n.AffectedID, OpenedByID: u.actor.ID,
		CategoryID: n.CategoryID, ServiceID: n.ServiceID, TeamID: n.TeamID, AssigneeID: n.AssigneeID,
		Impact: n.Impact, Urgency: n.Urgency, Confidential: n.Confidential,
		OpenedAt: u.now, UpdatedAt: u.now, Version: 1, Details: new(IncidentDetails),
	}
	c := &change{u: u, t: t}
	u.changes = append(u.changes, c)
	if err := c.refer(); err != nil {
		return nil, err
	}
	if err := c.prioritise(); err != nil {
		return nil, err
	}
	c.record(Event{Type: EventOpened, Public: true, Text: openingText(n.Title, n.Description), eventBody: eventBody{Files: n.Files}})
	c.noticeAssignee()
	c.after = append(c.after, func(seq []int) error {
		for _, p := range n.Participants {
			if _, err := u.tx.ExecContext(u.ctx, sqlAddParticipant, t.ID, p); err != nil {
				return err
			}
		}
		for _, i := range n.ItemIDs {
			if _, err := u.tx.ExecContext(u.ctx, sqlAddItem, t.ID, i); err != nil {
				return err
			}
		}
		return useFiles(u.ctx, u.tx, t, seq[0], u.actor.ID, n.Files)
	})
	return c, nil
}

// openingText keeps title and description together as the text of the first event, so that neither is lost when they change.
func openingText(title, description string) string {
	if description == "" {
		return title
	}
	return title + "\n\n" + description
}

// checkIncident says every fault of the input at once, and fills what may be left out.
func (u *unit) checkIncident(n *NewIncident) error {
	var f fault.Fields
	n.Title, n.Description = strings.TrimSpace(n.Title), strings.TrimSpace(n.Description)
	checkTitle(&f, n.Title)
	checkText(&f, "description", n.Description, false)
	staff := u.actor.Can(auth.WorkTickets)
	if n.followsUp {
		if err := u.leaveOutEnded(n); err != nil {
			return err
		}
	}
	if n.Channel == "" || !staff && n.Channel != ChannelAPI {
		n.Channel = ChannelPortal
	}
	if !slices.Contains(Channels, n.Channel) {
		f.Add("channel", "itsm.unknown_choice")
	}
	if n.RequesterID == 0 {
		n.RequesterID = u.actor.ID
	}
	if n.AffectedID == 0 {
		n.AffectedID = n.RequesterID
	}
	if !staff && !n.followsUp {
		// Somebody who is not staff asks for himself or for a colleague who is affected; where it goes is for the desk to say.
		n.RequesterID = u.actor.ID
		n.TeamID, n.AssigneeID, n.Confidential = 0, 0, false
	}
	if n.Impact != 0 {
		checkLevel(&f, "impact", n.Impact)
	}
	if n.Urgency == 0 {
		n.Urgency = 3
	}
	checkLevel(&f, "urgency", n.Urgency)
	people := append([]int64{n.RequesterID, n.AffectedID}, n.Participants...)
	for i, id := range people {
		p, ok, err := ref[personRef](u.ctx, u.tx, sqlPersonRef, id)
		if err != nil {
			return err
		}
		if !ok || !p.Active {
			f.Add([]string{"requester", "affected", "participants"}[min(i, 2)], "itsm.unknown_person")
		}
	}
	if n.CategoryID != 0 {
		cat, _, err := ref[categoryRef](u.ctx, u.tx, sqlCategoryRef, n.CategoryID)
		if err != nil {
			return err
		}
		if !cat.Active || !staff && !cat.Portal && !n.followsUp {
			f.Add("category", "itsm.unknown_choice")
		}
		n.Confidential = n.Confidential || cat.Confidential
		if n.TeamID == 0 {
			n.TeamID = cat.TeamID
		}
	}
	if n.ServiceID != 0 {
		svc, _, err := ref[serviceRef](u.ctx, u.tx, sqlServiceRef, n.ServiceID)
		if err != nil {
			return err
		}
		if !svc.Active {
			f.Add("service", "itsm.unknown_choice")
		}
		if n.TeamID == 0 {
			n.TeamID = svc.TeamID
		}
		if n.Impact == 0 {
			n.Impact = min(3, max(1, svc.Criticality))
		}
	}
	if n.Impact == 0 {
		n.Impact = 3
	}
	if n.Confidential && n.TeamID == 0 {
		f.Add("team", "itsm.confidential_needs_team")
	}
	if !staff && len(n.ItemIDs) > 0 {
		foreign, err := u.yes(sqlForeignItems, pq.Array(n.ItemIDs), n.AffectedID, u.actor.ID)
		if err != nil {
			return err
		}
		if foreign {
			f.Add("items", "itsm.unknown_choice")
		}
	}
	if err := u.checkAssignment(&f, n.TeamID, n.AssigneeID); err != nil {
		return err
	}
	if err := u.checkReach(&f, n.TeamID, n.AssigneeID); err != nil {
		return err
	}
	return f.Err()
}

// leaveOutEnded leaves out of a follow-up what the ticket before named and what is switched off since: whoever answers cannot mend it.
func (u *unit) leaveOutEnded(n *NewIncident) error {
	for _, id := range []*int64{&n.RequesterID, &n.AffectedID} {
		p, _, err := ref[personRef](u.ctx, u.tx, sqlPersonRef, *id)
		if err != nil {
			return err
		}
		if !p.Active {
			*id = u.actor.ID
		}
	}
	cat, _, err := ref[categoryRef](u.ctx, u.tx, sqlCategoryRef, n.CategoryID)
	if err != nil {
		return err
	}
	if !cat.Active {
		n.CategoryID = 0
	}
	svc, _, err := ref[serviceRef](u.ctx, u.tx, sqlServiceRef, n.ServiceID)
	if err != nil {
		return err
	}
	if !svc.Active {
		n.ServiceID = 0
	}
	_, ok, err := ref[teamRef](u.ctx, u.tx, sqlTeamRef, n.TeamID)
	if err == nil && !ok {
		n.TeamID = 0
	}
	return err
}

func checkTitle(f *fault.Fields, title string) {
	switch {
	case title == "":
		f.Add("title", "itsm.title_needed")
	case utf8.RuneCountInString(title) > MaxTitle:
		f.Add("title", "itsm.too_long", "Max", strconv.Itoa(MaxTitle))
	case !storable(title):
		f.Add("title", "itsm.not_text")
	}
}

func checkText(f *fault.Fields, field, text string, needed bool) {
	switch {
	case needed && strings.TrimSpace(text) == "":
		f.Add(field, "itsm.text_needed")
	case utf8.RuneCountInString(text) > MaxText:
		f.Add(field, "itsm.too_long", "Max", strconv.Itoa(MaxText))
	case !storable(text):
		f.Add(field, "itsm.not_text")
	}
}

// storable tells whether PostgreSQL takes the text: UTF-8 without NUL.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

func checkLevel(f *fault.Fields, field string, n int) {
	if n < 1 || n > 3 {
		f.Add(field, "itsm.unknown_choice")
	}
}

// staffRoles are the roles of those to whom work can be assigned.
var staffRoles = rolesThat(auth.WorkTickets)

func rolesThat(p auth.Permission) []string {
	var out []string
	for _, r := range auth.Roles {
		if slices.Contains(auth.Grants(r), p) {
			out = append(out, string(r))
		}
	}
	return out
}

// checkAssignment checks that the team exists, and that the assignee works in the desk and, where a team is named, in it.
func (u *unit) checkAssignment(f *fault.Fields, team, assignee int64) error {
	if team != 0 {
		_, ok, err := ref[teamRef](u.ctx, u.tx, sqlTeamRef, team)
		if err != nil {
			return err
		}
		if !ok {
			f.Add("team", "itsm.unknown_choice")
		}
	}
	if assignee == 0 {
		return nil
	}
	p, ok, err := ref[personRef](u.ctx, u.tx, sqlPersonRef, assignee)
	if err != nil {
		return err
	}
	works, err := u.yes(sqlMayWork, assignee, textArray(staffRoles))
	if err != nil {
		return err
	}
	if !ok || !p.Active || !works {
		f.Add("assignee", "itsm.not_staff")
		return nil
	}
	if team != 0 {
		member, err := u.yes(sqlIsMember, team, assignee)
		if err != nil {
			return err
		}
		if !member {
			f.Add("assignee", "itsm.not_in_team")
		}
	}
	return nil
}

// checkReach checks that the actor may give work to the person: to himself and to the people of his own teams everybody may, to those of
// another team only who has the right to. Handing a ticket to a team needs none.
func (u *unit) checkReach(f *fault.Fields, team, person int64) error {
	if person == 0 || person == u.actor.ID || u.actor.In(team) || u.actor.System || u.actor.Can(auth.AssignAnyone) {
		return nil
	}
	if team == 0 {
		shared, err := u.yes(sqlSharesTeam, person, pq.Array(u.actor.Teams))
		if err != nil || shared {
			return err
		}
	}
	f.Add("assignee", "itsm.other_team")
	return nil
}

// refer sets what follows from the ticket's references: the policy of its service (else the default) and the zone of its clocks.
func (c *change) refer() error {
	u := c.u
	if u.rules == nil {
		var err error
		if u.rules, err = u.s.loadRules(u.ctx, u.tx); err != nil {
			return err
		}
	}
	c.t.PolicyID, c.t.Zone = u.rules.defaultPolicy, ""
	if c.t.ServiceID != 0 {
		svc, ok, err := ref[serviceRef](u.ctx, u.tx, sqlServiceRef, c.t.ServiceID)
		if err != nil {
			return err
		}
		if ok {
			if svc.PolicyID != 0 {
				c.t.PolicyID = svc.PolicyID
			}
			c.t.Zone = svc.Zone
		}
	}
	if c.t.Zone == "" {
		p, _, err := ref[personRef](u.ctx, u.tx, sqlPersonRef, c.t.AffectedID)
		if err != nil {
			return err
		}
		c.t.Zone = p.Zone
	}
	return nil
}

// prioritise computes the priority from impact and urgency, unless it was set by hand.
func (c *change) prioritise() error {
	if c.t.PriorityReason != "" {
		return nil
	}
	p, ok, err := ref[int](c.u.ctx, c.u.tx, sqlMatrix, c.t.Impact, c.t.Urgency)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.Unavailable, "itsm.no_matrix")
	}
	c.t.Priority = p
	return nil
}
