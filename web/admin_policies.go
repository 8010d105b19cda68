package web

import (
	"slices"
	"strconv"
	"strings"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm"
	"opora/itsm/sla"
	"opora/templates"
	"opora/workflows/lifecycle"
)

type policiesPage struct {
	adminPage
	Priorities []templates.Priority
	Rows       []policyLine
	Open       int // tickets whose clocks run under them
}

// policyLine is a policy with its targets in words: a row for each clock, a column for each priority.
type policyLine struct {
	Href, Name, Code, Calendar string
	Version                    int
	Default, Off               bool
	Clocks                     []targetLine
}

type targetLine struct {
	Clock   string
	Targets []string
}

func (s *Server) adminPolicies(r *req) error {
	list, err := s.desk.Policies(r.Ctx(), r.Actor)
	if err != nil {
		return err
	}
	p := policiesPage{adminPage: r.adminList("targets")}
	if p.Priorities, err = s.priorityMarks(r); err != nil {
		return err
	}
	if p.Open, err = s.openTickets(r); err != nil {
		return err
	}
	calendars, err := s.calendarOptions(r)
	if err != nil {
		return err
	}
	for _, policy := range list {
		line := policyLine{
			Href: "/admin/targets/" + policy.Code, Name: policy.Name.In(r.P.Lang), Code: policy.Code, Calendar: labelOf(calendars, policy.Definition.Calendar),
			Version: policy.Version, Default: policy.Default, Off: !policy.Active,
		}
		for _, rule := range policy.Definition.Clocks {
			t := targetLine{Clock: r.P.T("sla.clock." + string(rule.Clock))}
			for n := 1; n <= sla.LowestPriority; n++ {
				t.Targets = append(t.Targets, workLength(r.P, rule.Targets[n]))
			}
			line.Clocks = append(line.Clocks, t)
		}
		p.Rows = append(p.Rows, line)
	}
	return r.Show("admin/targets", p)
}

// priorityMarks are the levels with their names, the highest first.
func (s *Server) priorityMarks(r *req) ([]templates.Priority, error) {
	levels, err := s.desk.Priorities(r.Ctx(), r.Actor)
	if err != nil {
		return nil, err
	}
	out := make([]templates.Priority, len(levels))
	for i, l := range levels {
		out[i] = templates.Priority{Level: l.Level, Label: l.Name.In(r.P.Lang)}
	}
	return out, nil
}

func (s *Server) calendarOptions(r *req) ([]templates.Option, error) {
	list, err := s.desk.Calendars(r.Ctx(), r.Actor)
	if err != nil {
		return nil, err
	}
	var out []templates.Option
	for _, c := range list {
		out = append(out, templates.Option{Value: c.Code, Label: c.Name.In(r.P.Lang) + " (" + c.Spec.TZ + ")"})
	}
	return out, nil
}

func labelOf(options []templates.Option, value string) string {
	for _, o := range options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}

// openTickets is how many tickets have clocks that a change of targets or hours reckons anew: all, whoever may see them.
func (s *Server) openTickets(r *req) (int, error) {
	return s.desk.Count(r.Ctx(), auth.MachineActor(), itsm.Filter{Phases: []lifecycle.Phase{lifecycle.Open, lifecycle.Paused}})
}

type policyPage struct {
	adminPage
	Action     string
	New        bool
	Code       string
	Version    int
	Default    bool
	Active     bool
	Name       locale.Text
	Calendar   templates.Field
	Zone       string
	Priorities []templates.Priority
	Clocks     []clockFields
	Versions   []versionLine
	Open       int // tickets that are reckoned anew
}

func (s *Server) newPolicy(r *req) error {
	p := itsm.Policy{Active: true, Definition: sla.Definition{Calendar: itsm.BusinessHours}}
	return s.showPolicy(r, p, nil, newPolicyForm(r.P, p), nil)
}

func (s *Server) adminPolicy(r *req) error {
	p, versions, err := s.desk.Policy(r.Ctx(), r.Actor, r.Param("code"))
	if err != nil {
		return err
	}
	return s.showPolicy(r, p, versions, newPolicyForm(r.P, p), nil)
}

// showPolicy shows the form as it is typed, for the policy as it is stored.
func (s *Server) showPolicy(r *req, stored itsm.Policy, versions []itsm.PolicyVersion, form policyForm, err error) error {
	title, path := r.P.T("admin.targets.new"), "/admin/targets/new"
	if stored.ID != 0 {
		title, path = stored.Name.In(r.P.Lang), "/admin/targets/"+stored.Code
	}
	p := policyPage{
		adminPage: r.adminOne("targets", "/admin/targets", title), Action: path, New: stored.ID == 0, Code: form.Code, Version: stored.Version,
		Default: stored.Default, Active: form.Active, Name: form.Name, Zone: form.Zone,
	}
	status := p.wrong(err)
	p.rename(form.input)
	calendars, err := s.calendarOptions(r)
	if err != nil {
		return err
	}
	p.Calendar = p.Field("calendar", "admin.targets.calendar", form.Calendar).Select(calendars).Required()
	if p.Priorities, err = s.priorityMarks(r); err != nil {
		return err
	}
	if p.Open, err = s.openTickets(r); err != nil {
		return err
	}
	if p.Clocks, err = p.clocks(r, form); err != nil {
		return err
	}
	for _, v := range versions {
		p.Versions = append(p.Versions, newVersionLine(v.Version, v.ValidFrom, v.SetBy, stored.Version, r.P))
	}
	return r.HTML(status, "admin/target", p)
}

// savePolicy stores what was typed; with "more" it only offers another escalation of that clock.
func (s *Server) savePolicy(r *req) error {
	var stored itsm.Policy
	var versions []itsm.PolicyVersion
	if code := r.Param("code"); code != "" {
		var err error
		if stored, versions, err = s.desk.Policy(r.Ctx(), r.Actor, code); err != nil {
			return err
		}
	}
	form := r.policyForm()
	if stored.ID != 0 {
		form.Code = stored.Code
	}
	if clock := r.Text("more"); clock != "" {
		form.more(sla.Name(clock))
		return s.showPolicy(r, stored, versions, form, nil)
	}
	definition, unread := form.definition()
	p := itsm.Policy{Code: form.Code, Name: form.Name, Active: form.Active || stored.Default || stored.ID == 0, Version: r.version(), Definition: definition}
	save := s.desk.CreatePolicy
	if stored.ID != 0 {
		save = s.desk.SavePolicy
	}
	p, err := save(r.Ctx(), r.Actor, p)
	if err = instead(unread, err); adminKept(err) {
		return s.showPolicy(r, stored, versions, form, err)
	} else if err != nil {
		return err
	}
	return s.policySaved(r, p, stored)
}

// policySaved says which version is valid now and how many tickets follow it.
func (s *Server) policySaved(r *req, p, before itsm.Policy) error {
	path := "/admin/targets/" + p.Code
	if before.ID == 0 || p.Version == before.Version {
		return r.Done(path, "admin.saved")
	}
	n, err := s.openTickets(r)
	if err != nil {
		return err
	}
	return r.Done(path, "admin.targets.saved", "Version", p.Version, "Tickets", r.P.N("admin.targets.tickets", n))
}

func (s *Server) makeDefault(r *req) error {
	err := s.desk.SetDefaultPolicy(r.Ctx(), r.Actor, r.Param("code"))
	if fault.Is(err, fault.Conflict) {
		p, versions, failed := s.desk.Policy(r.Ctx(), r.Actor, r.Param("code"))
		if failed != nil {
			return failed
		}
		return s.showPolicy(r, p, versions, newPolicyForm(r.P, p), err)
	}
	if err != nil {
		return err
	}
	return r.Done("/admin/targets", "admin.targets.default_set")
}

// clockFields are the inputs of one clock.
type clockFields struct {
	ID      string // of the section
	Clock   sla.Name
	Name    string
	About   string
	Error   string
	Targets []templates.Field // by priority
	Waits   templates.Field   // absent for the update clock
	Reasons []templates.Option
	Steps   []stepFields
}

// stepFields are the inputs of one escalation.
type stepFields struct {
	N, ID                        string
	When, Value, Do, Team, Raise templates.Field
	To                           []templates.Option
	IDName, ToName, ToError      string
}

func (p *policyPage) clocks(r *req, form policyForm) ([]clockFields, error) {
	teams, err := r.adminTeamOptions(0)
	if err != nil {
		return nil, err
	}
	var out []clockFields
	for _, c := range form.Clocks {
		clock := string(c.Clock)
		f := clockFields{
			ID: "field-clock_" + clock, Clock: c.Clock, Name: r.P.T("sla.clock." + clock), About: r.P.T("admin.targets.about." + clock), Error: p.Errors.On("clock_" + clock),
		}
		for i, mark := range p.Priorities {
			t := p.Field("target_"+clock+"_"+strconv.Itoa(i+1), "admin.targets.target", c.Targets[i]).Autofill("off")
			t.Label = mark.Label
			t.Must = true // empty says something too: no target
			f.Targets = append(f.Targets, t)
		}
		if c.Clock != sla.Update {
			f.Waits = p.Field("waits_"+clock, "admin.targets.waits", c.Waits).Select(r.words("admin.targets.waits.", waitAlways, waitSome, waitNever)).Required()
			for _, reason := range itsm.HoldReasons() {
				f.Reasons = append(f.Reasons, templates.Option{Value: reason, Label: holdReasonName(r.P, reason), Selected: slices.Contains(c.Reasons, reason)})
			}
		}
		for i, step := range c.Steps {
			f.Steps = append(f.Steps, p.step(stepName(clock, i), step, teams))
		}
		out = append(out, f)
	}
	return out, nil
}

func (p *policyPage) step(name string, step stepForm, teams []templates.Option) stepFields {
	words := func(prefix string, values ...string) []templates.Option {
		var out []templates.Option
		for _, v := range values {
			out = append(out, templates.Option{Value: v, Label: p.P.T(prefix + v), Selected: slices.Contains(step.To, v)})
		}
		return out
	}
	var levels []templates.Option
	for _, mark := range p.Priorities[:max(len(p.Priorities)-1, 0)] {
		levels = append(levels, templates.Option{Value: strconv.Itoa(mark.Level), Label: mark.Label})
	}
	_, n, _ := strings.Cut(strings.TrimPrefix(name, "step_"), "_")
	row, _ := strconv.Atoi(n)
	return stepFields{
		N: strconv.Itoa(row + 1), ID: step.ID, IDName: name + "_id", ToName: name + "_to", ToError: p.Errors.On(name + "_to"),
		When:  p.Field(name+"_when", "admin.targets.step.when", step.When).Select([]templates.Option{{Value: stepPercent, Label: p.P.T("admin.targets.step.percent")}, {Value: stepAfter, Label: p.P.T("admin.targets.step.after")}}).Required(),
		Value: p.Field(name+"_value", "admin.targets.step.value", step.Value).Autofill("off").Required(),
		Do:    p.Field(name+"_do", "admin.targets.step.do", step.Do).Select(words("sla.action.", sla.Actions...)).Required(),
		Team:  p.Choice(name+"_team", "admin.targets.step.team", idText(step.Team), p.P.T("admin.targets.step.own_team"), teams).Required(),
		Raise: p.Choice(name+"_raise", "admin.targets.step.raise", idText(int64(step.Priority)), p.P.T("admin.targets.step.one_higher"), levels).Required(),
		To:    words("sla.receiver.", sla.Receivers...),
	}
}

// holdReasonName is a hold reason in the reader's language, as the lifecycle calls it.
func holdReasonName(p *locale.Printer, reason string) string {
	for _, state := range itsm.Lifecycle(itsm.Incident).States {
		for _, x := range state.Reasons {
			if x.ID == reason {
				return x.Name.In(p.Lang)
			}
		}
	}
	return reason
}
