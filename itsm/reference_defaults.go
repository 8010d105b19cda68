package itsm

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"go.yaml.in/yaml/v3"

	"opora/auth"
	"opora/internal/locale"
	"opora/itsm/sla"
	"opora/workflows/worktime"
)

//go:embed reference_defaults.yaml
var defaultsFile []byte

type defaults struct {
	Priorities []locale.Text     `yaml:"priorities"`
	Matrix     Matrix            `yaml:"matrix"`
	Categories []defaultCategory `yaml:"categories"`
}

type defaultCategory struct {
	Code         string            `yaml:"code"`
	Name         locale.Text       `yaml:"name"`
	Confidential bool              `yaml:"confidential"`
	Staff        bool              `yaml:"staff"`
	Children     []defaultCategory `yaml:"children"`
}

// Codes of the first calendars and policies.
const (
	BusinessHours  = "business"
	AroundTheClock = "always"
	StandardPolicy = "standard"
)

// Defaults puts in what a fresh Opora starts with: priorities, matrix, calendars, policies and categories. A part of which there is
// anything already is left alone, so that it may be called at every start, by any number of replicas. zone is the IANA name of the
// zone whose wall clock the calendars follow.
func (s *Service) Defaults(ctx context.Context, zone string) error {
	var d defaults
	dec := yaml.NewDecoder(bytes.NewReader(defaultsFile))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil {
		return fmt.Errorf("first data: %w", err)
	}
	if err := s.log.Begin(ctx); err != nil {
		return err
	}
	err := s.manage(ctx, auth.MachineActor(), func(tx *sqlx.Tx, now time.Time) error {
		l, err := lockDefaults(ctx, tx)
		if err != nil {
			return err
		}
		p := planter{s, tx, now}
		if l.Priorities {
			if err := p.priorities(ctx, d.Priorities); err != nil {
				return err
			}
		}
		if l.Matrix {
			if err := p.matrix(ctx, d.Matrix); err != nil {
				return err
			}
		}
		if l.Calendars {
			if err := p.calendars(ctx, zone); err != nil {
				return err
			}
		}
		if l.Policies {
			if err := p.policies(ctx); err != nil {
				return err
			}
		}
		if l.Categories {
			return p.categories(ctx, 0, d.Categories)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("first data: %w", err)
	}
	return nil
}

// planter puts the parts of the first data in, within one transaction.
type planter struct {
	s   *Service
	tx  *sqlx.Tx
	now time.Time
}

func (p planter) log(ctx context.Context, action, subject string, after map[string]string) error {
	_, err := p.s.logSettings(ctx, p.tx, auth.MachineActor(), p.now, action, subject, nil, after)
	return err
}

func (p planter) priorities(ctx context.Context, names []locale.Text) error {
	after := map[string]string{}
	for i, name := range names {
		if err := putPriority(ctx, p.tx, Priority{Level: i + 1, Name: name}); err != nil {
			return err
		}
		after[fmt.Sprint(i+1)] = asJSON(name)
	}
	return p.log(ctx, "priorities.named", "priorities", after)
}

func (p planter) matrix(ctx context.Context, m Matrix) error {
	if err := putMatrix(ctx, p.tx, m); err != nil {
		return err
	}
	return p.log(ctx, "matrix.changed", "matrix", m.record())
}

// sinceEver is when the first versions are valid from: before anything that is ever imported.
var sinceEver = time.Unix(0, 0).UTC()

func (p planter) calendars(ctx context.Context, zone string) error {
	day := []worktime.Span{{Open: "09:00", Close: "18:00"}}
	for _, c := range []Calendar{
		{
			Code: BusinessHours,
			Name: locale.Text{En: "Business hours", Ru: "Рабочие часы", Uk: "Робочі години"},
			Spec: worktime.Spec{TZ: zone, Weekly: map[string][]worktime.Span{"mon": day, "tue": day, "wed": day, "thu": day, "fri": day}},
		},
		{
			Code: AroundTheClock,
			Name: locale.Text{En: "Around the clock", Ru: "Круглосуточно", Uk: "Цілодобово"},
			Spec: worktime.Spec{TZ: zone, Weekly: map[string][]worktime.Span{}, AlwaysOpen: true},
		},
	} {
		if err := c.Spec.Validate(); err != nil {
			return fmt.Errorf("calendar %s: %w", c.Code, err)
		}
		c.Version, c.ValidFrom = 1, sinceEver
		if err := p.s.createCalendar(ctx, p.tx, auth.MachineActor(), p.now, &c); err != nil {
			return err
		}
	}
	return nil
}

func (p planter) policies(ctx context.Context) error {
	for _, policy := range []Policy{
		{
			Code: StandardPolicy, Default: true, Definition: standard(),
			Name: locale.Text{En: "Standard", Ru: "Стандартный", Uk: "Стандартний"},
		},
		{
			Code: AroundTheClock, Definition: aroundTheClock(),
			Name: locale.Text{En: "Around the clock", Ru: "Круглосуточный", Uk: "Цілодобовий"},
		},
	} {
		if err := policy.Definition.Validate(); err != nil {
			return fmt.Errorf("policy %s: %w", policy.Code, err)
		}
		policy.Active, policy.Version, policy.ValidFrom = true, 1, sinceEver
		if err := p.s.createPolicy(ctx, p.tx, auth.MachineActor(), p.now, &policy); err != nil {
			return err
		}
	}
	return nil
}

func (p planter) categories(ctx context.Context, parent int64, list []defaultCategory) error {
	for i, d := range list {
		// There is no team yet to whom confidential tickets could belong: those categories wait until they are given one.
		c := Category{ParentID: parent, Code: d.Code, Name: d.Name, Confidential: d.Confidential, Portal: !d.Staff, Position: (i + 1) * 10, Active: !d.Confidential}
		var err error
		if c.ID, err = putCategory(ctx, p.tx, c); err != nil {
			return err
		}
		if err := p.log(ctx, "category.created", "category:"+c.Code, c.record()); err != nil {
			return err
		}
		if err := p.categories(ctx, c.ID, d.Children); err != nil {
			return err
		}
	}
	return nil
}

// Working seconds; a day is one of the business hours.
const (
	minute  int64 = 60
	hour          = 60 * minute
	workday       = 9 * hour
)

// targets gives the priorities 1 to 5 their working seconds.
func targets(seconds ...int64) map[int]int64 {
	out := map[int]int64{}
	for i, s := range seconds {
		out[i+1] = s
	}
	return out
}

// standard is the default policy: business hours, every hold pauses.
func standard() sla.Definition {
	return sla.Definition{Calendar: BusinessHours, Clocks: []sla.Rule{
		{Clock: sla.Response, Targets: targets(15*minute, 30*minute, 2*hour, workday, 2*workday), Steps: warnings(sla.Response)},
		{Clock: sla.Update, Targets: targets(hour, 4*hour, workday, 2*workday, 5*workday), Steps: warnings(sla.Update)},
		{Clock: sla.Resolution, Targets: targets(4*hour, 8*hour, 3*workday, 5*workday, 10*workday), Steps: resolutionSteps()},
	}}
}

// aroundTheClock is for services that must not stop: only waiting for the caller pauses the resolution.
func aroundTheClock() sla.Definition {
	const day = 24 * hour
	return sla.Definition{Calendar: AroundTheClock, Clocks: []sla.Rule{
		{Clock: sla.Response, Targets: targets(15*minute, 30*minute, 2*hour, 8*hour, day), Steps: warnings(sla.Response)},
		{Clock: sla.Update, Targets: targets(hour, 2*hour, 8*hour, day, 3*day), Steps: warnings(sla.Update)},
		{Clock: sla.Resolution, Targets: targets(4*hour, 8*hour, day, 3*day, 7*day), Pause: []string{"caller"}, Steps: resolutionSteps()},
	}}
}

// warnings tell those who can still do something at three quarters, and all who must know once the target is missed.
func warnings(clock sla.Name) []sla.Step {
	return []sla.Step{
		{ID: string(clock) + "-75", Percent: 75, Do: sla.Notify, To: []string{sla.ToAssignee, sla.ToLead}},
		{ID: string(clock) + "-100", Percent: 100, Do: sla.Notify, To: []string{sla.ToAssignee, sla.ToTeam, sla.ToLead}},
	}
}

// resolutionSteps also lift what was forgotten at a low priority into the sight of the team, an hour after its target. High and
// Critical are for people to say: lifted by the clock they would soon mean nothing.
func resolutionSteps() []sla.Step {
	return append(warnings(sla.Resolution), sla.Step{ID: string(sla.Resolution) + "-late", After: hour, Do: sla.Raise, Priority: 3, To: []string{sla.ToLead}})
}
