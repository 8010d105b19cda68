package web

import (
	"slices"
	"strconv"
	"strings"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
)

// What the desk's forms offer to choose from, by name in the reader's language.

func option(id int64, label string) templates.Option {
	return templates.Option{Value: strconv.FormatInt(id, 10), Label: label}
}

func (r *req) teamOptions() ([]templates.Option, error) {
	list, err := r.s.lists.teams.get(r.Now, func() ([]auth.Team, error) { return r.s.auth.Teams(r.Ctx()) })
	if err != nil {
		return nil, err
	}
	var out []templates.Option
	for _, t := range list {
		if t.Active {
			out = append(out, option(t.ID, t.Name.In(r.P.Lang)))
		}
	}
	return out, nil
}

// memberOptions are the people of a team; nobody for team 0.
func (r *req) memberOptions(team int64) ([]templates.Option, error) {
	if team <= 0 {
		return nil, nil
	}
	t, err := r.s.auth.Team(r.Ctx(), team)
	if err != nil {
		return nil, err
	}
	var out []templates.Option
	for i, m := range t.Members {
		if i == 0 || t.Members[i-1].ID != m.ID { // by hand and by group is still one person
			out = append(out, option(m.ID, m.Name))
		}
	}
	return out, nil
}

func (r *req) categoryOptions() ([]templates.Option, error) {
	list, err := r.s.lists.categories.get(r.Now, func() ([]itsm.Category, error) {
		return r.s.desk.Categories(r.Ctx(), r.Actor, itsm.DeskCategories)
	})
	if err != nil {
		return nil, err
	}
	out := make([]templates.Option, len(list))
	for i, c := range list {
		path := make([]string, len(c.Path))
		for j, name := range c.Path {
			path[j] = name.In(r.P.Lang)
		}
		out[i] = option(c.ID, strings.Join(path, " › "))
	}
	return out, nil
}

func (r *req) serviceOptions() ([]templates.Option, error) {
	list, err := r.s.lists.servicesIn(r.P.Lang).get(r.Now, func() ([]cmdb.Item, error) { return r.s.items.Services(r.Ctx(), r.Actor) })
	if err != nil {
		return nil, err
	}
	out := make([]templates.Option, len(list))
	for i, item := range list {
		out[i] = option(item.ID, item.Name.In(r.P.Lang))
	}
	return out, nil
}

func (r *req) priorityOptions(names priorityNames) []templates.Option {
	out := make([]templates.Option, 0, len(names))
	for level := 1; level <= len(names); level++ {
		out = append(out, option(int64(level), strconv.Itoa(level)+" · "+names[level].In(r.P.Lang)))
	}
	return out
}

// levelOptions are the levels of impact or urgency with what they mean.
func (r *req) levelOptions(of string) []templates.Option {
	out := make([]templates.Option, itsm.Levels)
	for i := range out {
		n := strconv.Itoa(i + 1)
		out[i] = templates.Option{Value: n, Label: r.P.T("desk."+of+"."+n, "Level", r.P.T("level."+n))}
	}
	return out
}

// wordOptions are fixed values whose names stand in the catalogue behind a prefix.
func (r *req) wordOptions(prefix string, values []string) []templates.Option {
	out := make([]templates.Option, len(values))
	for i, v := range values {
		out[i] = templates.Option{Value: v, Label: r.P.T(prefix + v)}
	}
	return out
}

func (r *req) holdOptions(k itsm.Kind) []templates.Option {
	var out []templates.Option
	for _, s := range itsm.Lifecycle(k).States {
		for _, reason := range s.Reasons {
			out = append(out, templates.Option{Value: reason.ID, Label: reason.Name.In(r.P.Lang)})
		}
	}
	return out
}

// filterField is a choice in the bar over a list.
type filterField struct {
	Name, Label string
	None        string // what "" means
	Options     []templates.Option
	Value       string
}

func (s *Server) queueFilters(r *req, q *queueQuery, names priorityNames) ([]filterField, error) {
	teams, err := r.teamOptions()
	if err != nil {
		return nil, err
	}
	categories, err := r.categoryOptions()
	if err != nil {
		return nil, err
	}
	services, err := r.serviceOptions()
	if err != nil {
		return nil, err
	}
	all := r.P.T("desk.filter.any")
	team := filterField{Name: "team", Label: r.P.T("field.team"), None: all, Options: teams}
	if q.scoped && len(r.Actor.Teams) > 0 {
		team.None = r.P.T("desk.filter.my_teams")
		team.Options = append([]templates.Option{{Value: anyTeam, Label: all}}, teams...)
	}
	team.Options = append(team.Options, templates.Option{Value: "none", Label: r.P.T("desk.no_team")})
	fields := []filterField{team}
	if assignees, err := s.assigneeFilter(r, q); err != nil {
		return nil, err
	} else if len(assignees) > 0 {
		fields = append(fields, filterField{Name: "assignee", Label: r.P.T("field.assignee"), None: all, Options: assignees})
	}
	var states []templates.Option
	for _, state := range itsm.Lifecycle(itsm.Incident).States {
		states = append(states, templates.Option{Value: state.ID, Label: state.Name.In(r.P.Lang)})
	}
	fields = append(fields,
		filterField{Name: "state", Label: r.P.T("field.state"), None: all, Options: states},
		filterField{Name: "priority", Label: r.P.T("field.priority"), None: all, Options: r.priorityOptions(names)},
		filterField{Name: "category", Label: r.P.T("field.category"), None: all, Options: categories},
		filterField{Name: "service", Label: r.P.T("field.service"), None: all, Options: services})
	for i := range fields {
		fields[i].Value = q.get(fields[i].Name)
	}
	return fields, nil
}

// assigneeFilter offers nobody, oneself, and the people of the team that the list is narrowed to, else of one's own.
func (s *Server) assigneeFilter(r *req, q *queueQuery) ([]templates.Option, error) {
	out := []templates.Option{{Value: "none", Label: r.P.T("desk.nobody")}}
	seen := map[string]bool{}
	add := func(list []templates.Option) {
		for _, o := range list {
			if !seen[o.Value] {
				seen[o.Value] = true
				out = append(out, o)
			}
		}
	}
	if r.Actor.Can(auth.WorkTickets) {
		add([]templates.Option{option(r.Actor.ID, r.Actor.Name)})
	}
	teams := r.Actor.Teams
	if id, err := strconv.ParseInt(q.get("team"), 10, 64); err == nil {
		teams = []int64{id}
	}
	for _, team := range teams {
		members, err := r.memberOptions(team)
		if err != nil && !fault.Is(err, fault.NotFound) { // a team that is not there has no members
			return nil, err
		}
		add(members)
	}
	if chosen := q.get("assignee"); chosen != "" && chosen != "none" && !seen[chosen] {
		if id, err := strconv.ParseInt(chosen, 10, 64); err == nil {
			p, err := s.auth.Person(r.Ctx(), r.Actor, id)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			if err == nil {
				add([]templates.Option{option(p.ID, p.Name)})
			}
		}
	}
	return out, nil
}

// withPresent offers the present value where the list no longer has it: a form that does not touch it must not change it.
func (r *req) withPresent(list []templates.Option, value string, name locale.Text) []templates.Option {
	if value == "" || list == nil || slices.ContainsFunc(list, func(o templates.Option) bool { return o.Value == value }) {
		return list
	}
	return append(list, templates.Option{Value: value, Label: name.In(r.P.Lang)})
}

// deskChoices are what the forms of a ticket offer; a form's part is filled when that form is shown.
type deskChoices struct {
	Teams, Members, Categories, Services []templates.Option
	Impact, Urgency, Priorities          []templates.Option
	Channels, Holds, Codes, LinkTypes    []templates.Option
}

// choicesFor loads what the form needs. team is the one whose members are offered.
func (s *Server) choicesFor(r *req, do string, k itsm.Kind, team int64) (deskChoices, error) {
	c := deskChoices{LinkTypes: r.wordOptions("link.", itsm.LinkTypes)}
	var err error
	try := func(to *[]templates.Option, load func() ([]templates.Option, error)) {
		if err == nil {
			*to, err = load()
		}
	}
	switch do {
	case "assign":
		try(&c.Teams, r.teamOptions)
		try(&c.Members, func() ([]templates.Option, error) { return r.memberOptions(team) })
	case "hold":
		c.Holds = r.holdOptions(k)
	case "resolve":
		c.Codes = r.wordOptions("resolution.", itsm.ResolutionCodes)
		try(&c.Categories, r.categoryOptions)
	case "edit", "new":
		try(&c.Categories, r.categoryOptions)
		try(&c.Services, r.serviceOptions)
		c.Impact, c.Urgency = r.levelOptions("impact"), r.levelOptions("urgency")
		c.Channels = r.wordOptions("channel.", itsm.Channels)
		var names priorityNames
		if err == nil {
			names, err = r.priorityNames()
		}
		c.Priorities = r.priorityOptions(names)
		if do == "new" {
			try(&c.Teams, r.teamOptions)
			try(&c.Members, func() ([]templates.Option, error) { return r.memberOptions(team) })
		}
	}
	return c, err
}

// teamMembers is GET /desk/members?team=: the people of a team as the choices of a select.
func (s *Server) teamMembers(r *req) error {
	members, err := r.memberOptions(r.ID("team"))
	if err != nil {
		return err
	}
	return r.Block("desk/queue", "member-options", memberChoice{r.P.T("desk.nobody"), members, ""})
}

type memberChoice struct {
	None    string
	Options []templates.Option
	Value   string
}

// resulting is the priority that impact and urgency come to, in words.
type resulting struct {
	Priority templates.Priority // Level 0 while one of them is open
	Text     string
}

func (r *req) resulting(impact, urgency int) (resulting, error) {
	if impact < 1 || impact > itsm.Levels || urgency < 1 || urgency > itsm.Levels {
		return resulting{Text: r.P.T("desk.resulting_open")}, nil
	}
	m, err := r.s.desk.PriorityMatrix(r.Ctx(), r.Actor)
	if err != nil {
		return resulting{}, err
	}
	names, err := r.priorityNames()
	if err != nil {
		return resulting{}, err
	}
	level := m[impact-1][urgency-1]
	return resulting{
		templates.Priority{Level: level, Label: names.label(r.P, level)},
		r.P.T("desk.resulting", "Impact", r.P.T("level."+strconv.Itoa(impact)), "Urgency", r.P.T("level."+strconv.Itoa(urgency)), "Priority", names[level]),
	}, nil
}

// resultingPriority is GET /desk/priority?impact=&urgency=.
func (s *Server) resultingPriority(r *req) error {
	out, err := r.resulting(r.Int("impact"), r.Int("urgency"))
	if err != nil {
		return err
	}
	return r.Block("desk/queue", "resulting", out)
}
