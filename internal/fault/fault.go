// Package fault is the error type of Opora: what went wrong, said so that the person can be told and the program can
// decide. A fault carries the id of a message in the catalogue (internal/locale), never a finished sentence, and the
// wrapped cause for the log. What does not belong here: HTTP statuses (web/errors.go has the only table) and words.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what a caller can do about an error.
type Kind int

// The kinds. Every error that is not a *Error counts as Internal.
const (
	Internal        Kind = iota
	Invalid              // the input is wrong: Fields names each fault
	NotFound             // it does not exist, or may not be seen
	Conflict             // somebody else was faster, or it is taken
	Forbidden            // seen, but not allowed to do
	Unauthenticated      // not signed in
	Unavailable          // a part that we need does not answer; try again
)

func (k Kind) String() string {
	return [...]string{"internal", "invalid", "not found", "conflict", "forbidden", "unauthenticated", "unavailable"}[k]
}

// Message is a sentence of the catalogue: its id and the values that stand in it, as pairs name, value.
type Message struct {
	ID   string
	Args []any
}

// Field is one bad field of the input; Name is the name it has in the form and in the API.
type Field struct {
	Name string
	Message
}

// Error is a fault. Message is for the person, Err is the cause for the log.
type Error struct {
	Kind    Kind
	Message Message
	Fields  []Field
	Err     error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Message.ID != "" {
		b.WriteString(": " + e.Message.ID)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Name, f.ID)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// New makes a fault of a kind with the catalogue's message id and its values (pairs name, value).
func New(k Kind, id string, args ...any) *Error {
	return &Error{Kind: k, Message: Message{id, args}}
}

// Wrap is New with a cause for the log. A nil cause gives nil.
func Wrap(err error, k Kind, id string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Message: Message{id, args}, Err: err}
}

// KindOf tells the kind of err; Internal when it is not a fault.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is a fault of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Fields collects the faults of an input, so that all are said at once.
// The zero value is ready.
type Fields struct{ list []Field }

// Add notes that the named field is wrong, and how.
func (f *Fields) Add(name, id string, args ...any) {
	f.list = append(f.list, Field{name, Message{id, args}})
}

// Empty tells that nothing was noted.
func (f *Fields) Empty() bool { return len(f.list) == 0 }

// Err is nil when nothing was noted, else an Invalid fault with every field.
func (f *Fields) Err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: Message{ID: "fault.invalid"}, Fields: f.list}
}
