package web

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm"
	"opora/itsm/sla"
)

// When a clock waits, as a form says it.
const (
	waitAlways = "always"
	waitSome   = "some"
	waitNever  = "never"
)

// How a form says when an escalation is due.
const (
	stepPercent = "percent"
	stepAfter   = "after"
)

// maxSteps is how many escalations of one clock a form may have.
const maxSteps = 20

// policyForm is an itsm.Policy as people type it. All clocks are there; one without a target is not part of the policy.
type policyForm struct {
	Code, Calendar, Zone string
	Name                 locale.Text
	Active               bool
	Clocks               []clockForm // in the order of sla.Names
}

type clockForm struct {
	Clock   sla.Name
	Targets [sla.LowestPriority]string // working time in words, by priority
	Waits   string
	Reasons []string
	Steps   []stepForm
}

type stepForm struct {
	ID, When, Value, Do string
	To                  []string
	Team                int64
	Priority            int
}

// empty is a step that nobody filled in, or whose time was taken out to remove it.
func (s stepForm) empty() bool { return strings.TrimSpace(s.Value) == "" }

func newPolicyForm(p *locale.Printer, policy itsm.Policy) policyForm {
	f := policyForm{Code: policy.Code, Name: policy.Name, Active: policy.Active, Calendar: policy.Definition.Calendar, Zone: policy.Definition.Zone}
	for _, name := range sla.Names {
		c := clockForm{Clock: name, Waits: waitAlways}
		for _, rule := range policy.Definition.Clocks {
			if rule.Clock == name {
				c.fill(p, rule)
			}
		}
		f.Clocks = append(f.Clocks, c)
	}
	return f
}

func (c *clockForm) fill(p *locale.Printer, rule sla.Rule) {
	for i := range c.Targets {
		c.Targets[i] = workLength(p, rule.Targets[i+1])
	}
	switch {
	case rule.Pause != nil && len(rule.Pause) == 0:
		c.Waits = waitNever
	case rule.Pause != nil:
		c.Waits, c.Reasons = waitSome, rule.Pause
	}
	for _, s := range rule.Steps {
		step := stepForm{ID: s.ID, When: stepPercent, Value: strconv.Itoa(s.Percent), Do: s.Do, To: s.To, Team: s.Team, Priority: s.Priority}
		if s.Percent == 0 {
			step.When, step.Value = stepAfter, workLength(p, s.After)
		}
		c.Steps = append(c.Steps, step)
	}
}

func (r *req) policyForm() policyForm {
	f := policyForm{
		Code: strings.TrimSpace(r.Text("code")), Name: r.textOf("name"), Active: r.Checked("active"), Calendar: r.Text("calendar"), Zone: strings.TrimSpace(r.Text("zone")),
	}
	for _, name := range sla.Names {
		clock := string(name)
		c := clockForm{Clock: name, Waits: r.Text("waits_" + clock), Reasons: r.PostFormArray("reason_" + clock)}
		for i := range c.Targets {
			c.Targets[i] = strings.TrimSpace(r.Text("target_" + clock + "_" + strconv.Itoa(i+1)))
		}
		for i := range min(max(r.Int("steps_"+clock), 0), maxSteps) {
			at := stepName(clock, i)
			c.Steps = append(c.Steps, stepForm{
				ID: r.Text(at + "_id"), When: r.Text(at + "_when"), Value: strings.TrimSpace(r.Text(at + "_value")), Do: r.Text(at + "_do"),
				To: r.PostFormArray(at + "_to"), Team: max(r.ID(at+"_team"), 0), Priority: max(r.Int(at+"_raise"), 0),
			})
		}
		f.Clocks = append(f.Clocks, c)
	}
	return f
}

// stepName is what the inputs of a step begin with.
func stepName(clock string, i int) string { return "step_" + clock + "_" + strconv.Itoa(i) }

// more offers another step of the clock.
func (f *policyForm) more(clock sla.Name) {
	for i := range f.Clocks {
		if c := &f.Clocks[i]; c.Clock == clock && len(c.Steps) < maxSteps {
			c.Steps = append(c.Steps, stepForm{When: stepPercent, Do: sla.Notify, To: []string{sla.ToAssignee}})
		}
	}
}

// definition reads the form. What cannot be read is named by its path in sla.Definition and stands there as notRead, which no policy takes.
func (f policyForm) definition() (sla.Definition, *fault.Fields) {
	d, wrong := sla.Definition{Calendar: f.Calendar, Zone: f.Zone}, &fault.Fields{}
	ids := map[string]bool{}
	for _, c := range f.Clocks {
		for _, s := range c.Steps {
			ids[s.ID] = !s.empty()
		}
	}
	for _, c := range f.Clocks {
		if rule, ok := c.rule(wrong, "clocks["+strconv.Itoa(len(d.Clocks))+"].", ids); ok {
			d.Clocks = append(d.Clocks, rule)
		}
	}
	return d, wrong
}

// rule reads one clock; ok is false when it has neither target nor step.
func (c clockForm) rule(wrong *fault.Fields, path string, ids map[string]bool) (rule sla.Rule, ok bool) {
	rule = sla.Rule{Clock: c.Clock, Targets: map[int]int64{}}
	for i, text := range c.Targets {
		if text != "" {
			rule.Targets[i+1] = readLength(wrong, path+"targets."+strconv.Itoa(i+1), text)
		}
	}
	switch c.Waits {
	case waitSome:
		rule.Pause = append([]string{}, c.Reasons...)
	case waitNever:
		rule.Pause = []string{}
	}
	for _, s := range c.Steps {
		if !s.empty() {
			rule.Steps = append(rule.Steps, s.step(wrong, path+"steps["+strconv.Itoa(len(rule.Steps))+"].", c.Clock, ids))
		}
	}
	return rule, len(rule.Targets) > 0 || len(rule.Steps) > 0
}

func readLength(wrong *fault.Fields, path, text string) int64 {
	seconds, bad := parseWorkLength(text)
	if bad {
		wrong.Add(path, "admin.targets.length", "Text", text)
		return notRead
	}
	return seconds
}

// step reads one escalation; what its action does not need is left out. One that is new gets an id that no other has.
func (s stepForm) step(wrong *fault.Fields, path string, clock sla.Name, ids map[string]bool) sla.Step {
	out := sla.Step{ID: s.ID, Do: s.Do, To: s.To}
	if s.When == stepAfter {
		out.After = readLength(wrong, path+"after", s.Value)
	} else {
		n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(s.Value, "%")))
		if err != nil {
			wrong.Add(path+"percent", "admin.targets.no_percent", "Text", s.Value)
			n = notRead
		}
		out.Percent = n
	}
	if s.Do == sla.Reassign || slices.Contains(s.To, sla.ToTeam) {
		out.Team = s.Team
	}
	if s.Do == sla.Raise {
		out.Priority = s.Priority
	}
	if out.ID == "" {
		out.ID = freeStepID(string(clock), ids)
	}
	return out
}

func freeStepID(clock string, ids map[string]bool) string {
	for n := 1; ; n++ {
		if id := clock + "-" + strconv.Itoa(n); !ids[id] {
			ids[id] = true
			return id
		}
	}
}

var definitionPath = regexp.MustCompile(`^clocks\[(\d+)\]\.(\w+)(?:\[(\d+)\]|\.(\d+))?(?:\.(\w+))?`)

// input is the input that a path of sla.Definition is typed into.
func (f policyForm) input(path string) string {
	m := definitionPath.FindStringSubmatch(path)
	if m == nil {
		if path == "clocks" {
			return "clock_" + string(sla.Response)
		}
		return path
	}
	clock, steps := f.clockAt(m[1])
	switch {
	case m[2] == "targets" && m[4] != "":
		return "target_" + clock + "_" + m[4]
	case m[2] == "pause":
		return "waits_" + clock
	case m[2] == "steps" && m[3] != "":
		i, err := strconv.Atoi(m[3])
		if err != nil || i >= len(steps) {
			break
		}
		input := map[string]string{"percent": "value", "after": "value", "id": "value", "priority": "raise"}[m[5]]
		if input == "" {
			input = m[5]
		}
		return stepName(clock, steps[i]) + "_" + input
	}
	return "clock_" + clock
}

// clockAt is the clock that became the rule with the index, and the rows of the form that became its steps.
func (f policyForm) clockAt(index string) (clock string, steps []int) {
	at, err := strconv.Atoi(index)
	if err != nil {
		return "", nil
	}
	for _, c := range f.Clocks {
		if _, ok := c.rule(new(fault.Fields), "", map[string]bool{}); !ok {
			continue
		}
		if at--; at >= 0 {
			continue
		}
		for i, s := range c.Steps {
			if !s.empty() {
				steps = append(steps, i)
			}
		}
		return string(c.Clock), steps
	}
	return "", nil
}
