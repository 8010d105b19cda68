package sla

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"opora/internal/fault"
)

// Name tells the clocks of a ticket apart.
type Name string

// The clocks.
const (
	Response   Name = "response"
	Update     Name = "update"
	Resolution Name = "resolution"
)

// Names are all clocks, in the order in which a ticket shows them.
var Names = []Name{Response, Update, Resolution}

// Definition is one version of a policy, as it is stored.
type Definition struct {
	// Calendar is the code of the calendar whose hours count.
	Calendar string `json:"calendar"`
	// Zone (IANA name) is whose wall clock the hours are; empty: that of the moment, else the calendar's own.
	Zone string `json:"zone,omitempty"`
	// Clocks has at most one rule for each clock; a clock without one does not exist under this policy.
	Clocks []Rule `json:"clocks"`
}

// Rule says how one clock runs.
type Rule struct {
	Clock Name `json:"clock"`
	// Targets are working seconds by priority (1 is the highest); a priority without one has no clock.
	Targets map[int]int64 `json:"targets"`
	// Pause names the hold reasons during which the clock waits; nil is every hold, empty is none. The update clock
	// waits during every hold.
	Pause []string `json:"pause,omitzero"`
	Steps []Step   `json:"steps,omitempty"`
}

// Step is an escalation: at a share of the target, or so long after it, something is done.
type Step struct {
	ID string `json:"id"`
	// Percent of the target's time, or After, in working seconds past the target: one of the two.
	Percent int   `json:"percent,omitempty"`
	After   int64 `json:"after,omitempty"`
	// Do is Notify, Raise or Reassign.
	Do string `json:"do"`
	// To are the receivers of a Notify.
	To []string `json:"to,omitempty"`
	// Team is the one that a Reassign gives the ticket to; with a Notify, the team meant by ToTeam (0: the ticket's).
	Team int64 `json:"team,omitempty"`
	// Priority is what a Raise raises to; 0 is one higher than it is.
	Priority int `json:"priority,omitempty"`
}

// What a step does.
const (
	Notify   = "notify"
	Raise    = "raise"
	Reassign = "reassign"
)

// Whom a Notify tells.
const (
	ToAssignee  = "assignee"
	ToTeam      = "team"
	ToLead      = "lead"
	ToRequester = "requester"
	ToAffected  = "affected"
)

// Actions and Receivers are the words that a step may use, in the order in which forms offer them.
var (
	Actions   = []string{Notify, Raise, Reassign}
	Receivers = []string{ToAssignee, ToTeam, ToLead, ToRequester, ToAffected}
)

// The bounds of a definition. A target of ten years keeps every reckoning far from overflow.
const (
	LowestPriority = 5
	MaxTarget      = 10 * 365 * 24 * 60 * 60 // seconds
	MaxPercent     = 1000
)

// Validate tells every fault by its path, such as clocks[0].targets.1 or clocks[1].steps[0].percent. That the calendar
// exists is for the caller to see.
func (d Definition) Validate() error {
	var f fault.Fields
	if d.Calendar == "" {
		f.Add("calendar", "sla.calendar_missing")
	}
	if _, err := time.LoadLocation(d.Zone); err != nil || d.Zone == "Local" {
		f.Add("zone", "sla.zone", "Zone", d.Zone)
	}
	if len(d.Clocks) == 0 {
		f.Add("clocks", "sla.no_clock")
	}
	seen := map[Name]bool{}
	ids := map[string]bool{}
	for i, r := range d.Clocks {
		path := "clocks[" + strconv.Itoa(i) + "]."
		switch {
		case !slices.Contains(Names, r.Clock):
			f.Add(path+"clock", "sla.clock_unknown", "Clock", string(r.Clock))
		case seen[r.Clock]:
			f.Add(path+"clock", "sla.clock_twice")
		}
		seen[r.Clock] = true
		r.validate(&f, path, ids)
	}
	return f.Err()
}

func (r Rule) validate(f *fault.Fields, path string, ids map[string]bool) {
	if len(r.Targets) == 0 {
		f.Add(path+"targets", "sla.target_missing")
	}
	for _, p := range slices.Sorted(maps.Keys(r.Targets)) {
		at := path + "targets." + strconv.Itoa(p)
		if p < 1 || p > LowestPriority {
			f.Add(at, "sla.priority", "Lowest", LowestPriority)
		}
		if s := r.Targets[p]; s <= 0 || s > MaxTarget {
			f.Add(at, "sla.target")
		}
	}
	for i, reason := range r.Pause {
		if reason == "" || slices.Contains(r.Pause[:i], reason) {
			f.Add(path+"pause["+strconv.Itoa(i)+"]", "sla.pause")
		}
	}
	for i, s := range r.Steps {
		s.validate(f, path+"steps["+strconv.Itoa(i)+"].", ids)
	}
}

func (s Step) validate(f *fault.Fields, path string, ids map[string]bool) {
	switch {
	case s.ID == "":
		f.Add(path+"id", "sla.step_id_missing")
	case ids[s.ID]:
		f.Add(path+"id", "sla.step_id_twice", "ID", s.ID)
	}
	ids[s.ID] = true
	switch {
	case (s.Percent != 0) == (s.After != 0):
		f.Add(path+"percent", "sla.step_when")
	case s.Percent < 0 || s.Percent > MaxPercent:
		f.Add(path+"percent", "sla.percent", "Max", MaxPercent)
	case s.After < 0 || s.After > MaxTarget:
		f.Add(path+"after", "sla.after")
	}
	switch s.Do {
	case Notify:
		if len(s.To) == 0 {
			f.Add(path+"to", "sla.receiver_missing")
		}
	case Raise:
		if s.Priority < 0 || s.Priority >= LowestPriority {
			f.Add(path+"priority", "sla.raise", "Lowest", LowestPriority-1)
		}
	case Reassign:
		if s.Team <= 0 {
			f.Add(path+"team", "sla.team_missing")
		}
	default:
		f.Add(path+"do", "sla.action_unknown", "Action", s.Do)
	}
	for i, to := range s.To {
		if !slices.Contains(Receivers, to) {
			f.Add(path+"to["+strconv.Itoa(i)+"]", "sla.receiver_unknown", "Receiver", to)
		}
	}
}

// threshold is the used time at which the step is due.
func (s Step) threshold(target time.Duration) time.Duration {
	if s.Percent == 0 {
		return target + time.Duration(s.After)*time.Second
	}
	return target/100*time.Duration(s.Percent) + target%100*time.Duration(s.Percent)/100
}
