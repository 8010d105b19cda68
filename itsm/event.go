package itsm

import (
	"encoding/json"
	"fmt"
	"time"
)

// EventType says what happened.
type EventType string

// The types of events.
const (
	EventOpened      EventType = "opened"
	EventChanged     EventType = "changed"    // fields; see Changes
	EventTransition  EventType = "transition" // see Transition
	EventReply       EventType = "reply"      // public
	EventNote        EventType = "note"       // internal
	EventTask        EventType = "task"       // Ref: id of the task; Transition: added, done, dropped
	EventLink        EventType = "link"       // Ref: number of the other ticket; Transition: type of link
	EventUnlink      EventType = "unlink"
	EventParticipant EventType = "participant" // Ref: id of the person; Transition: added, removed
	EventItem        EventType = "item"        // Ref: id of the item; Transition: added, removed
	EventFiles       EventType = "files"       // see Files
	EventEscalated   EventType = "escalated"   // see Step
	EventImported    EventType = "imported"    // ends what was brought in; see Import
)

// Event is one thing that happened to a ticket. Its canonical text (the JSON of body) is sealed in the ticket's chain.
type Event struct {
	TicketID int64
	Seq      int
	At       time.Time
	Type     EventType
	ActorID  int64
	Public   bool
	eventBody
	Text string // what was written; stands outside the sealed text, as a digest in it
}

// eventBody is the sealed part. The order of the fields is the order of the text: new ones go to the end, with omitempty.
type eventBody struct {
	Ticket     string        `json:"ticket"`
	Seq        int           `json:"seq"`
	At         time.Time     `json:"at"`
	Type       EventType     `json:"type"`
	Actor      int64         `json:"actor,omitempty"`
	Public     bool          `json:"public,omitempty"`
	Version    int           `json:"version"`
	Channel    string        `json:"channel,omitempty"`
	Request    string        `json:"request,omitempty"`
	Transition string        `json:"transition,omitempty"`
	Changes    []FieldChange `json:"changes,omitempty"`
	Ref        string        `json:"ref,omitempty"`
	Files      []string      `json:"files,omitempty"`
	Step       *StepFired    `json:"step,omitempty"`
	Responded  bool          `json:"responded,omitempty"` // counts as the first response
	Staff      bool          `json:"staff,omitempty"`     // the actor acted as staff for this ticket
	Outside    bool          `json:"outside,omitempty"`   // imported; the state graph has no such step
	Digest     string        `json:"digest,omitempty"`    // SHA-256 of salt and text, hexadecimal
	Former     string        `json:"former,omitempty"`    // imported: the state's name in the former desk, where ours has none
	Derived    bool          `json:"derived,omitempty"`   // imported: that it was the response follows from the state alone
	Logged     []FieldChange `json:"logged,omitempty"`    // imported: what changed in columns that no field of ours holds
	Import     *Imported     `json:"import,omitempty"`    // of EventImported
}

// Imported says where a ticket's history came from and how far.
type Imported struct {
	Source     string        `json:"source"`
	Number     string        `json:"number"`                // in the former desk
	Rows       int           `json:"rows"`                  // of the log that were taken
	Sum        string        `json:"sum"`                   // digest of those rows, hexadecimal: the same rows are not brought in again
	Passed     []StepFired   `json:"passed,omitempty"`      // escalation steps whose time had come before: passed over for good
	Outcome    []FieldChange `json:"outcome,omitempty"`     // what the log says of the end, of one that has ended
	ResolvedBy int64         `json:"resolved_by,omitempty"` // who resolved it, as the log says of one that has ended
}

// FieldChange is a field with its values before and after, as text: ids as numbers, "" for none. Personal text (title, description,
// resolution) is named without its values.
type FieldChange struct {
	Field string `json:"f"`
	From  string `json:"o,omitempty"`
	To    string `json:"n,omitempty"`
}

// StepFired is an escalation step that was carried out.
type StepFired struct {
	Clock  string `json:"clock"`
	Cycle  int    `json:"cycle"`
	Step   string `json:"step"`
	Do     string `json:"do"`
	Policy int64  `json:"policy,omitempty"`
}

// Change returns the change of the field in the event.
func (e *Event) Change(field string) (FieldChange, bool) {
	for _, c := range e.Changes {
		if c.Field == field {
			return c, true
		}
	}
	return FieldChange{}, false
}

// canonical completes the sealed part from the event and gives its text.
func (e *Event) canonical(number string) (string, error) {
	b := e.eventBody
	b.Ticket, b.Seq, b.At, b.Type, b.Actor, b.Public = number, e.Seq, e.At.UTC(), e.Type, e.ActorID, e.Public
	e.eventBody = b
	raw, err := json.Marshal(b)
	return string(raw), err
}

// decodeEvent reads a stored event.
func decodeEvent(r eventRow) (Event, error) {
	e := Event{TicketID: r.TicketID, Seq: r.Seq, At: r.At.UTC(), Type: EventType(r.Type), ActorID: r.ActorID, Public: r.Public}
	if err := json.Unmarshal([]byte(r.Body), &e.eventBody); err != nil {
		return Event{}, fmt.Errorf("event %d of ticket %d: %w", r.Seq, r.TicketID, err)
	}
	e.Text = r.Text
	return e, nil
}
