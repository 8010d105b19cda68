package templates

import (
	"strings"
	"time"
	"unicode/utf8"

	"opora/internal/locale"
)

// Reader is for whom and when a page is written: language, zone and the moment. Partials that say times carry it.
type Reader struct {
	P   *locale.Printer
	Now time.Time
}

// Viewer is the person who looks at the page; the zero value is nobody. The Can… are what the menus offer, decided by
// the caller: templates hold no rule.
type Viewer struct {
	ID        int64
	Name      string
	Initials  string
	Lang      string // profile's choice, "" when none
	Theme     string // "light", "dark", or "" for what the device prefers
	Zone      string // IANA name
	CanDesk   bool
	CanWork   bool   // in the desk, not only look
	Admin     string // where administration begins for this person; "" for nowhere
	CanAudit  bool
	CanReport bool
	Unread    int // notifications not yet seen
}

// SignedIn tells whether there is a person.
func (v Viewer) SignedIn() bool { return v.ID != 0 }

// Page is what every page knows; page types embed it.
type Page struct {
	Reader
	Title    string
	Viewer   Viewer
	Path     string      // path and query of the request: where a switch of language or theme comes back to
	Section  string      // which entry of the navigation is current: "home", "tickets", "report", a NavItem's Key
	Nav      []NavGroup  // the desk's and the administration's rail
	Flash    Flash       // what the last action did
	Errors   FieldErrors // what was wrong with the form, in its order
	Fragment bool        // only the content was asked for
	Live     bool        // keep the page up to date by server-sent events
	Version  string      // of the program
}

func (p Page) fragment() bool { return p.Fragment }

// Flash is a short message about the last action. Kind is "done", "note" or "wrong"; Undo is the address a POST to which
// takes the action back, "" when there is none.
type Flash struct {
	Kind string
	Text string
	Undo string
}

// NavGroup is a part of the rail; Label "" for the first.
type NavGroup struct {
	Label string
	Items []NavItem
}

// NavItem is an entry of the rail. Count < 0 shows no count.
type NavItem struct {
	Key   string
	Href  string
	Label string
	Icon  string
	Count int
	Alarm bool // the count is of things that are late
}

// FieldErrors are the faults of a form: name of the field and what is wrong, in the reader's language. A fault without
// a name is about the form as a whole.
type FieldErrors []FieldError

// FieldError is one fault of a form.
type FieldError struct{ Name, Text string }

// On is what is wrong with the named field, "" when nothing is.
func (e FieldErrors) On(name string) string {
	for _, f := range e {
		if f.Name == name {
			return f.Text
		}
	}
	return ""
}

// Option is a choice of a select, a set of radio buttons or a combobox.
type Option struct {
	Value    string
	Label    string
	Hint     string
	Selected bool
}

// Initials are the first letters of the first two words of a name, for an avatar.
func Initials(name string) string {
	var b strings.Builder
	for i, word := range strings.Fields(name) {
		if i == 2 {
			break
		}
		r, _ := utf8.DecodeRuneInString(word)
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
