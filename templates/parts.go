package templates

import "time"

// Chip is a small labelled mark. Tone is "", "accent", "met", "risk" or "breach"; the word always says what the colour
// says.
type Chip struct {
	Text string
	Icon string
	Tone string
	Href string
	Hint string // said on hover and to screen readers
}

// State is a ticket's state as a badge: its shape follows the phase (open, paused, resolved, closed), its word the state.
type State struct {
	Phase string
	Label string
}

// Priority is the mark 1 (highest) to 5; Label is the word for it.
type Priority struct {
	Level int
	Label string
}

// Person is an avatar with a name. Away greys it.
type Person struct {
	ID       int64
	Name     string
	Initials string // made from Name when empty
	Detail   string // department, mail: a second line
	Away     bool
}

// Letters are the initials to show.
func (p Person) Letters() string {
	if p.Initials != "" {
		return p.Initials
	}
	return Initials(p.Name)
}

// Hue spreads people over a few quiet colours, always the same one for a person (0 … 5).
func (p Person) Hue() int {
	h := 0
	for _, r := range p.Name {
		h = (h*31 + int(r)) % 6007
	}
	return h % 6
}

// Clock is a service-level clock as a chip. State is "running", "risk", "breached", "paused", "met" or "missed" (ended
// too late); Due counts while it runs, Waiting names for whom a paused one waits.
type Clock struct {
	Reader
	Name    string // of the target: "Response"; "" when only one is shown
	State   string
	Due     time.Time
	Waiting string
	Href    string // the reckoning
	Short   bool   // the short words, for a column whose head says what it is about
}

// Tone is the chip's colour.
func (c Clock) Tone() string {
	switch c.State {
	case "met":
		return "met"
	case "risk":
		return "risk"
	case "breached", "missed":
		return "breach"
	}
	return ""
}

// Icon is the chip's shape, different for each state.
func (c Clock) Icon() string {
	switch c.State {
	case "met":
		return "check"
	case "risk":
		return "clock-exclamation"
	case "breached", "missed":
		return "alert-triangle"
	case "paused":
		return "player-pause"
	}
	return "clock"
}

// Counts tells whether the words change as time goes by.
func (c Clock) Counts() bool {
	return c.State == "running" || c.State == "risk" || c.State == "breached"
}

// Text says the state in words: "due in 18 min", "paused: waiting for Anna", "2 h over".
func (c Clock) Text() string {
	switch c.State {
	case "met":
		return c.say("ui.clock.met")
	case "missed":
		return c.say("ui.clock.missed")
	case "paused":
		if c.Waiting == "" || c.Short {
			return c.say("ui.clock.paused")
		}
		return c.P.T("ui.clock.paused_for", "Name", c.Waiting)
	}
	if c.Due.Before(c.Now) {
		return c.Over(c.P.Duration(c.Now.Sub(c.Due)))
	}
	return c.Left(c.P.Duration(c.Due.Sub(c.Now)))
}

// Left says how long is left; Over how long it is over. The browser counts on with them.
func (c Clock) Left(duration string) string { return c.say("ui.clock.due", "Duration", duration) }

// Over says how long a target is over.
func (c Clock) Over(duration string) string { return c.say("ui.clock.over", "Duration", duration) }

func (c Clock) say(id string, args ...any) string {
	if c.Short {
		id += "_short"
	}
	return c.P.T(id, args...)
}

// Hint is the whole sentence, for the short words.
func (c Clock) Hint() string {
	whole := c
	whole.Short = false
	if c.Counts() {
		return whole.Text() + " · " + c.P.DateTime(c.Due)
	}
	return whole.Text()
}

// Step is one of a stepper: Submitted, With Maria, Done. State is "done", "now" or "next".
type Step struct {
	Label  string
	Detail string
	State  string
}

// Stepper shows how far something is; Label tells a screen reader of what. Small leaves out the words.
type Stepper struct {
	Label string
	Steps []Step
	Small bool
}

// Now is the label of the present step, the last one done when none is.
func (s Stepper) Now() string {
	label := ""
	for _, step := range s.Steps {
		if step.State == "now" {
			return step.Label
		}
		if step.State == "done" {
			label = step.Label
		}
	}
	return label
}

// Entry is one thing that happened, in a timeline. Kind is "reply" (public), "internal" (staff alone read it) or
// "event" (a change, one quiet line).
type Entry struct {
	Reader
	ID      string
	Kind    string
	Who     Person
	At      time.Time
	Text    string // as typed; shown as safe paragraphs
	Changes []Change
	Files   []File
	Mine    bool   // written by the reader
	Via     string // channel in words, "" when it was the page
}

// Change is a field that changed.
type Change struct{ Label, From, To string }

// Pager leads to the pages before and after; addresses are "" where there is none. Text says where one is: "50 of
// 1000+".
type Pager struct {
	Words    pagerWords
	Previous string
	Next     string
	Text     string
}

type pagerWords struct{ Label, Previous, Next string }

// Pager makes a pager.
func (r Reader) Pager(previous, next, text string) Pager {
	return Pager{pagerWords{r.P.T("ui.pager.label"), r.P.T("ui.pager.previous"), r.P.T("ui.pager.next")}, previous, next, text}
}

// Empty is what stands where a list would be: what the place is for, and the first step.
type Empty struct {
	Icon   string
	Title  string
	Text   string
	Href   string
	Action string
}

// Confirm is a native dialog that asks before a POST to Action. Values go with it as hidden fields. It opens by a button
// with data-action="dialog#open" and data-dialog-id-param="ID".
type Confirm struct {
	ID     string
	Title  string
	Text   string
	Action string
	Values []Option
	Yes    string
	No     string
	Danger bool
}

// Heading is the head of a page: where one is, and what can be done. Back leads up, "" for nowhere.
type Heading struct {
	Title  string
	Lead   string
	Back   string
	BackTo string
}

// Copy is a number or an id that a click copies.
type Copy struct{ Text, Hint, Done string }

// Copy makes a text that can be copied.
func (r Reader) Copy(text string) Copy {
	return Copy{text, r.P.T("ui.copy"), r.P.T("ui.copied")}
}
