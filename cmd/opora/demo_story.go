package main

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"opora/auth"
	"opora/workflows/worktime"
)

// demoFiles is the demo company and the story of its last three weeks, as data.
//
//go:embed demo
var demoFiles embed.FS

// demoTicket is an incident of the story: how it was reported, and what was done then.
type demoTicket struct {
	Key            string     `yaml:"key"`
	At             string     `yaml:"at"`
	By             string     `yaml:"by"`   // who reports; all people are named by their logins
	From           string     `yaml:"from"` // on whose behalf, when staff take a call
	For            string     `yaml:"for"`  // whom it hinders
	Via            string     `yaml:"via"`  // how staff were told
	Title          string     `yaml:"title"`
	Text           string     `yaml:"text"`
	Category       string     `yaml:"category"`
	Service        string     `yaml:"service"`
	Impact         int        `yaml:"impact"`
	Urgency        int        `yaml:"urgency"`
	Items          []string   `yaml:"items"`
	Files          []string   `yaml:"files"`
	AroundTheClock bool       `yaml:"around_the_clock"` // its times are those of the wall clock
	Then           []demoStep `yaml:"then"`
}

// demoStep is one thing that somebody does with the ticket. In the story it is a line "when who does what", with the text behind
// a colon where there is one.
type demoStep struct {
	At, By, Verb string
	Args         []string
	Text         string
}

// UnmarshalYAML reads the line.
func (s *demoStep) UnmarshalYAML(n *yaml.Node) error {
	line := n
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		line, s.Text = n.Content[0], strings.TrimSpace(n.Content[1].Value)
	}
	words := strings.Fields(line.Value)
	if line.Kind != yaml.ScalarNode || len(words) < 3 {
		return fmt.Errorf("line %d: a step is written as: when who does [what]: text", n.Line)
	}
	s.At, s.By, s.Verb, s.Args = words[0], words[1], words[2], words[3:]
	return nil
}

// arg is the n-th word behind the verb; "" when it lacks.
func (s *demoStep) arg(n int) string {
	if n < len(s.Args) {
		return s.Args[n]
	}
	return ""
}

// readStory reads all incidents of the story.
func readStory() ([]demoTicket, error) {
	names, err := fs.Glob(demoFiles, "demo/story_*.yaml")
	if err != nil {
		return nil, fmt.Errorf("reading the demo's story: %w", err)
	}
	var story []demoTicket
	keys := map[string]bool{}
	for _, name := range names {
		var part []demoTicket
		if err := readDemo(name, &part); err != nil {
			return nil, err
		}
		for _, t := range part {
			if keys[t.Key] || t.Key == "" {
				return nil, fmt.Errorf("%s: the key %q is missing or taken", name, t.Key)
			}
			keys[t.Key] = true
		}
		story = append(story, part...)
	}
	return story, nil
}

func readDemo(name string, to any) error {
	file, err := demoFiles.Open(name)
	if err != nil {
		return fmt.Errorf("reading the demo's data: %w", err)
	}
	defer file.Close() //nolint:errcheck // it is in memory
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	if err := decoder.Decode(to); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// demoMoment is a ticket's report (step nil) or a step of it, at its time. No two have the same: a moment that was told before
// is known by it.
type demoMoment struct {
	at     time.Time
	ticket *demoTicket
	step   *demoStep
}

// by is the login of who acts.
func (m demoMoment) by() string {
	if m.step == nil {
		return m.ticket.By
	}
	return m.step.By
}

// arrange puts the whole story in order, so that now stands at its end.
func arrange(story []demoTicket, cast map[string]auth.Actor, now time.Time) ([]demoMoment, error) {
	now = now.UTC().Truncate(time.Microsecond)
	hours, err := demoHours("UTC", false)
	if err != nil {
		return nil, err
	}
	always, err := demoHours("UTC", true)
	if err != nil {
		return nil, err
	}
	var all []demoMoment
	for i := range story {
		t := &story[i]
		affected, ok := cast[cmp.Or(t.For, t.From, t.By)]
		if !ok {
			return nil, fmt.Errorf("%s: nobody has the login of whom it hinders", t.Key)
		}
		calendar := hours
		if t.AroundTheClock {
			calendar = always
		}
		if calendar, err = calendar.In(affected.Zone.String()); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Key, err)
		}
		last, err := when(t.At, calendar, now, now)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Key, err)
		}
		all = append(all, demoMoment{at: last, ticket: t})
		for j := range t.Then {
			step := &t.Then[j]
			at, err := when(step.At, calendar, now, last)
			if err != nil {
				return nil, fmt.Errorf("%s, step %d: %w", t.Key, j+1, err)
			}
			if !at.After(last) || !at.Before(now) {
				return nil, fmt.Errorf("%s, step %d (%s %s): %s does not lie between %s and %s", t.Key, j+1, step.By, step.Verb, at, last, now)
			}
			all = append(all, demoMoment{at, t, step})
			last = at
		}
	}
	slices.SortStableFunc(all, func(a, b demoMoment) int { return a.at.Compare(b.at) })
	for i := range all[1:] {
		if !all[i+1].at.After(all[i].at) {
			all[i+1].at = all[i].at.Add(time.Microsecond)
		}
	}
	return all, nil
}

// workday is how many working hours a day of the story has.
const workday = 9 * time.Hour

// demoHours are the hours in which the story happens: those of the standard policy.
func demoHours(zone string, always bool) (*worktime.Calendar, error) {
	day := []worktime.Span{{Open: "09:00", Close: "18:00"}}
	return worktime.Spec{TZ: zone, AlwaysOpen: always, Weekly: map[string][]worktime.Span{
		"mon": day, "tue": day, "wed": day, "thu": day, "fri": day,
	}}.Compile()
}

// when reads a time of the story: +2h15m is that much working time after the last step, -40m that much before now, and 3d@10:20
// the third working day before today, by the clock of the place.
func when(text string, c *worktime.Calendar, now, last time.Time) (time.Time, error) {
	if days, clock, ok := strings.Cut(text, "d@"); ok {
		n, err := strconv.Atoi(days)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no time of the story", text)
		}
		at, err := time.Parse("15:04", clock)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no time of the story", text)
		}
		day := now.In(c.Zone())
		for n > 0 {
			day = day.AddDate(0, 0, -1)
			if weekday := day.Weekday(); weekday != time.Saturday && weekday != time.Sunday {
				n--
			}
		}
		return time.Date(day.Year(), day.Month(), day.Day(), at.Hour(), at.Minute(), 0, 0, c.Zone()).UTC(), nil
	}
	rest, after := strings.CutPrefix(text, "+")
	rest, before := strings.CutPrefix(rest, "-")
	length, err := workingTime(rest)
	switch {
	case err != nil || after == before:
		return time.Time{}, fmt.Errorf("%q is no time of the story", text)
	case after:
		return c.Due(last, length)
	}
	return c.Due(now, -length)
}

// workingTime reads an amount of working time: 2d, 1d4h, 2h15m, 40m.
func workingTime(text string) (time.Duration, error) {
	var length time.Duration
	if days, hours, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil {
			return 0, err
		}
		length, text = time.Duration(n)*workday, hours
		if text == "" {
			return length, nil
		}
	}
	d, err := time.ParseDuration(text)
	return length + d, err
}
