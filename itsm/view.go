package itsm

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm/sla"
	"opora/workflows/lifecycle"
)

// View is a ticket as one reader sees it.
type View struct {
	Ticket
	Requester    Contact
	Affected     Contact
	OpenedBy     string
	Assignee     string
	Team         locale.Text
	Category     locale.Text
	Service      locale.Text
	Parent       *Related
	Children     []Related // at most 50
	Links        []Related
	Events       []EventView
	Tasks        []Task
	Participants []Contact
	Items        []ItemRef
	Files        []Attachment
	Clocks       []sla.Clock // to ask about any moment
	Names        Names
	Who          []string               // what the reader is to it
	Next         []lifecycle.Transition // what the reader may do next
}

// Staff tells whether the reader works on the ticket.
func (v *View) Staff() bool { return slices.Contains(v.Who, relStaff) }

// Caller tells whether it is the reader's own: he confirms, reopens and answers.
func (v *View) Caller() bool {
	return slices.Contains(v.Who, relRequester) || slices.Contains(v.Who, relAffected)
}

// MayReply tells whether the reader may write into it.
func (v *View) MayReply() bool { return !slices.Contains(v.Who, relReader) }

// May tells whether the reader may make the transition now.
func (v *View) May(transition string) bool {
	return slices.ContainsFunc(v.Next, func(t lifecycle.Transition) bool { return t.ID == transition })
}

// StateName is the state's name for people.
func (t *Ticket) StateName() locale.Text {
	s, ok := definition(t.Kind).State(t.State)
	if !ok {
		return locale.Plain(t.State)
	}
	return s.Name
}

// HoldName is the hold reason's name; empty when it is not on hold.
func (t *Ticket) HoldName() locale.Text { return holdName(t.Kind, t.State, t.HoldReason) }

func holdName(k Kind, state, reason string) locale.Text {
	s, _ := definition(k).State(state)
	for _, r := range s.Reasons {
		if r.ID == reason {
			return r.Name
		}
	}
	return locale.Plain(reason)
}

// Contact is somebody, as a ticket shows him.
type Contact struct {
	ID         int64  `db:"id"`
	Name       string `db:"name"`
	Login      string `db:"login"`
	Mail       string `db:"mail"`
	Phone      string `db:"phone"`
	Title      string `db:"title"`
	Department string `db:"department"`
	Location   string `db:"location"`
	Active     bool   `db:"active"`
}

// Related is another ticket, as far as the reader may see it.
type Related struct {
	LinkID  int64     `db:"link_id"`
	Type    string    `db:"type"`
	Inverse bool      `db:"inverse"` // the link reads from the other ticket to this one
	Number  string    `db:"number"`
	Title   string    `db:"title"`
	Kind    Kind      `db:"kind"`
	State   string    `db:"state"`
	Phase   string    `db:"phase"`
	At      time.Time `db:"opened_at"`
}

// StateName is the state's name for people.
func (r Related) StateName() locale.Text {
	return (&Ticket{Kind: r.Kind, State: r.State}).StateName()
}

// ItemRef is an item that a ticket names.
type ItemRef struct {
	ID    int64       `db:"id"`
	Class string      `db:"class"`
	Name  locale.Text `db:"name"`
	Tag   string      `db:"tag"`
}

// Attachment is a file of a ticket.
type Attachment struct {
	Token      string    `db:"token"`
	Seq        int       `db:"seq"`
	Name       string    `db:"name"`
	Size       int64     `db:"size"`
	MIME       string    `db:"mime"`
	UploadedBy int64     `db:"uploaded_by"`
	UploadedAt time.Time `db:"uploaded_at"`
}

// EventView is an event with what a page needs beside it.
type EventView struct {
	Event
	Actor string // "" for Opora itself
	Files []Attachment
}

// Names resolves the ids that stand in a ticket's changes.
type Names struct {
	People     map[int64]string
	Teams      map[int64]locale.Text
	Categories map[int64]locale.Text
	Items      map[int64]locale.Text
	Priorities map[int64]locale.Text
	Tickets    map[int64]string
}

// Get returns the ticket with the number as the actor sees it: whoever is not staff gets only what is public.
func (s *Service) Get(ctx context.Context, actor auth.Actor, number string) (*View, error) {
	v, err := readView(ctx, s.db, actor, normalNumber(number))
	if err != nil {
		return nil, err
	}
	internal := v.Staff() || actor.Can(auth.ReadAllTickets)
	if err := readParts(ctx, s.db, actor, v, internal); err != nil {
		return nil, err
	}
	def := definition(v.Kind)
	for _, t := range def.From(v.State) {
		if t.May(v.Who) {
			v.Next = append(v.Next, t)
		}
	}
	r, err := s.currentRules(ctx, s.db)
	if err != nil {
		return nil, err
	}
	if internal {
		v.Clocks = sla.Fold(r.sla, moments(v.events()))
		return v, nil
	}
	all, err := eventsOf(ctx, s.db, []int64{v.ID}) // clocks count what the reader does not see, too
	if err != nil {
		return nil, err
	}
	v.Clocks = sla.Fold(r.sla, moments(all[v.ID]))
	v.hideInternal()
	return v, nil
}

// events are the events that were read.
func (v *View) events() []Event {
	out := make([]Event, len(v.Events))
	for i := range v.Events {
		out[i] = v.Events[i].Event
	}
	return out
}

// hideInternal leaves of the public events what the requester's side reads.
func (v *View) hideInternal() {
	for i := range v.Events {
		e := &v.Events[i]
		e.Request, e.Step, e.Ref = "", nil, ""
		e.Changes = slices.DeleteFunc(slices.Clone(e.Changes), func(c FieldChange) bool {
			return c.Field != "state" && c.Field != "hold_reason"
		})
	}
	v.Tasks, v.Links, v.Children, v.Parent, v.PriorityReason = nil, nil, nil, nil, ""
}

// Clock returns the current cycle of the named clock; nil when the ticket has none.
func (v *View) Clock(name sla.Name) *sla.Clock {
	var c *sla.Clock
	for i := range v.Clocks {
		if v.Clocks[i].Name == name {
			c = &v.Clocks[i]
		}
	}
	return c
}

// ChangedSince lists the events of writes after the version: what somebody else did meanwhile.
func (v *View) ChangedSince(version int) []EventView {
	var out []EventView
	for _, e := range v.Events {
		if e.Version > version {
			out = append(out, e)
		}
	}
	return out
}

// normalNumber completes what people type: inc412 and INC-000412 are the same ticket.
func normalNumber(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	for _, k := range kinds {
		if rest, ok := strings.CutPrefix(s, k.prefix); ok {
			digits := strings.TrimLeft(strings.TrimLeft(rest, "- "), "0")
			if digits != "" && strings.Trim(digits, "0123456789") == "" && len(digits) < 19 {
				return k.prefix + "-" + strings.Repeat("0", max(0, 6-len(digits))) + digits
			}
		}
	}
	return s
}

// FindNumber opens the ticket that a search for a number means: INC-000412, inc412, 412. ok is false when there is none to see.
func (s *Service) FindNumber(ctx context.Context, actor auth.Actor, text string) (number string, ok bool, err error) {
	n := normalNumber(strings.TrimPrefix(strings.TrimSpace(text), "#"))
	if n != "" && strings.Trim(n, "0123456789") == "" {
		n = normalNumber(kinds[Incident].prefix + n)
	}
	if !storable(n) {
		return n, false, nil
	}
	found, err := numberVisible(ctx, s.db, actor, n)
	return n, found, err
}

// Upload stores a file of the actor. It belongs to no ticket until a report or an answer uses its token; until then only he may
// read it.
func (s *Service) Upload(ctx context.Context, actor auth.Actor, name string, r io.Reader) (Attachment, error) {
	if err := actor.Need(auth.UsePortal); err != nil {
		return Attachment{}, err
	}
	name = fileName(name)
	if name == "" {
		var f fault.Fields
		f.Add("files", "itsm.file_name")
		return Attachment{}, f.Err()
	}
	m, err := s.files.Save(ctx, r)
	if err != nil {
		return Attachment{}, err
	}
	a := Attachment{Token: m.Token, Name: name, Size: m.Size, MIME: m.MIME, UploadedBy: actor.ID, UploadedAt: s.now()}
	if err := addAttachment(ctx, s.db, a, m.SHA256); err != nil {
		return Attachment{}, err
	}
	return a, nil
}

// fileName is the last part of what a browser sends as a name, at most 200 bytes, without characters that control.
func fileName(s string) string {
	s = path.Base(strings.ReplaceAll(strings.ToValidUTF8(s, ""), `\`, "/"))
	s = strings.Map(func(r rune) rune {
		if r < 32 || r == 127 || unicode.Is(unicode.Bidi_Control, r) { // the last hide how a name ends
			return -1
		}
		return r
	}, s)
	if s == "." || s == "/" || s == ".." {
		return ""
	}
	for len(s) > 200 {
		s = s[1:]
	}
	return strings.ToValidUTF8(s, "")
}

// OpenFile opens an attachment that the actor may see: his own upload, or one of an event that he sees.
func (s *Service) OpenFile(ctx context.Context, actor auth.Actor, token string) (Attachment, io.ReadSeekCloser, error) {
	a, err := readAttachment(ctx, s.db, actor, token)
	if err != nil {
		return Attachment{}, nil, err
	}
	f, err := s.files.Read(a.Token)
	if err != nil {
		return Attachment{}, nil, err
	}
	return a, f, nil
}

// SweepUploads removes uploads that nobody used within a day.
func (s *Service) SweepUploads(ctx context.Context, now time.Time) (int, error) {
	n := 0
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		tokens, err := dropUnused(ctx, tx, now.Add(-24*time.Hour))
		if err != nil {
			return err
		}
		for _, t := range tokens {
			if err := s.files.Remove(t); err != nil {
				return err
			}
		}
		n = len(tokens)
		return nil
	})
	return n, err
}
