package itsm

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm/sla"
)

// Policy is the service level targets, as its newest version has them.
type Policy struct {
	ID         int64          `db:"id"`
	Code       string         `db:"code"` // stays
	Name       locale.Text    `db:"name"`
	Default    bool           `db:"is_default"` // of tickets whose service has none of its own
	Active     bool           `db:"active"`     // can be chosen for a service
	Version    int            `db:"version"`
	ValidFrom  time.Time      `db:"valid_from"`
	Definition sla.Definition `db:"-"`
}

// PolicyVersion is a policy from a moment on.
type PolicyVersion struct {
	Version    int            `db:"version"`
	ValidFrom  time.Time      `db:"valid_from"`
	SetByID    int64          `db:"set_by"` // 0: Opora itself
	SetBy      string         `db:"set_by_name"`
	Definition sla.Definition `db:"-"`
}

// Policies returns all policies, the default one first, then by code.
func (s *Service) Policies(ctx context.Context, actor auth.Actor) ([]Policy, error) {
	if err := mayRead(actor); err != nil {
		return nil, err
	}
	return readPolicies(ctx, s.db)
}

// Policy returns one policy and its versions, the newest first.
func (s *Service) Policy(ctx context.Context, actor auth.Actor, code string) (Policy, []PolicyVersion, error) {
	if err := mayRead(actor); err != nil {
		return Policy{}, nil, err
	}
	p, err := readPolicy(ctx, s.db, code)
	if err != nil {
		return Policy{}, nil, err
	}
	versions, err := policyVersions(ctx, s.db, p.ID)
	return p, versions, err
}

// CreatePolicy stores a new policy; SetDefaultPolicy makes it the default. Faults of its definition have the paths of sla.Definition,
// such as clocks[0].targets.1.
func (s *Service) CreatePolicy(ctx context.Context, actor auth.Actor, p Policy) (Policy, error) {
	p.Name, p.Code, p.Version, p.Default = p.Name.Trim(), strings.TrimSpace(p.Code), 1, false
	err := s.manage(ctx, actor, func(tx *sqlx.Tx, now time.Time) error {
		var f fault.Fields
		checkCode(&f, p.Code)
		if taken, err := policyExists(ctx, tx, p.Code); err != nil {
			return err
		} else if taken {
			f.Add("code", "reference.code_taken")
		}
		if err := p.check(ctx, tx, &f, nil); err != nil {
			return err
		}
		p.ValidFrom = now
		return s.createPolicy(ctx, tx, actor, now, &p)
	})
	return p, err
}

// createPolicy stores a checked policy with its first version, and sets its id.
func (s *Service) createPolicy(ctx context.Context, tx *sqlx.Tx, actor auth.Actor, now time.Time, p *Policy) error {
	if err := insertPolicy(ctx, tx, p); err != nil {
		return err
	}
	if err := addPolicyVersion(ctx, tx, p, actor.ID); err != nil {
		return err
	}
	_, err := s.logSettings(ctx, tx, actor, now, "policy.created", "policy:"+p.Code, nil, p.record())
	return err
}

// SavePolicy names the policy anew and, when its definition changed, adds a version that is valid from now on: open tickets get the
// new targets and keep the time that they have used. p.Code says which policy, p.Version which version the actor has seen.
func (s *Service) SavePolicy(ctx context.Context, actor auth.Actor, p Policy) (Policy, error) {
	p.Name = p.Name.Trim()
	return s.changePolicy(ctx, actor, p.Code, p.Version, func(stored *Policy) {
		stored.Name, stored.Active, stored.Definition = p.Name, p.Active, p.Definition
	})
}

// SetTarget changes one target of a policy: the working seconds that a clock has at a priority. 0 takes the target away.
func (s *Service) SetTarget(ctx context.Context, actor auth.Actor, code string, version int, clock sla.Name, priority int, seconds int64) (Policy, error) {
	return s.changePolicy(ctx, actor, code, version, func(stored *Policy) {
		stored.Definition = WithTarget(stored.Definition, clock, priority, seconds)
	})
}

// WithTarget is the definition with one target changed: the working seconds that a clock has at a priority. 0 takes the target away,
// and with its last target the clock. d itself is not changed.
func WithTarget(d sla.Definition, clock sla.Name, priority int, seconds int64) sla.Definition {
	d.Clocks = slices.Clone(d.Clocks)
	i := slices.IndexFunc(d.Clocks, func(r sla.Rule) bool { return r.Clock == clock })
	if i < 0 {
		if seconds == 0 {
			return d
		}
		d.Clocks = append(d.Clocks, sla.Rule{Clock: clock})
		i = len(d.Clocks) - 1
	}
	targets := maps.Clone(d.Clocks[i].Targets)
	if targets == nil {
		targets = map[int]int64{}
	}
	if seconds == 0 {
		delete(targets, priority)
	} else {
		targets[priority] = seconds
	}
	d.Clocks[i].Targets = targets
	if len(targets) == 0 {
		d.Clocks = slices.Delete(d.Clocks, i, i+1)
	}
	return d
}

func (s *Service) changePolicy(ctx context.Context, actor auth.Actor, code string, version int, change func(stored *Policy)) (Policy, error) {
	var p Policy
	err := s.manage(ctx, actor, func(tx *sqlx.Tx, now time.Time) error {
		before, err := lockPolicy(ctx, tx, code)
		if err != nil {
			return err
		}
		if before.Version != version {
			return fault.New(fault.Conflict, "reference.stale")
		}
		p = before
		change(&p)
		var f fault.Fields
		if err := p.check(ctx, tx, &f, &before); err != nil {
			return err
		}
		if err := updatePolicy(ctx, tx, &p); err != nil {
			return err
		}
		if asJSON(p.Definition) != asJSON(before.Definition) {
			p.Version, p.ValidFrom = before.Version+1, nextFrom(now, before.ValidFrom)
			if err := addPolicyVersion(ctx, tx, &p, actor.ID); err != nil {
				return err
			}
			if err := s.refoldSoon(ctx, tx); err != nil {
				return err
			}
		}
		_, err = s.logSettings(ctx, tx, actor, now, "policy.changed", "policy:"+p.Code, before.record(), p.record())
		return err
	})
	if err != nil {
		return Policy{}, err
	}
	return p, nil
}

// SetDefaultPolicy makes the policy that of new tickets whose service has none of its own. Tickets keep the policy that they have.
func (s *Service) SetDefaultPolicy(ctx context.Context, actor auth.Actor, code string) error {
	return s.manage(ctx, actor, func(tx *sqlx.Tx, now time.Time) error {
		list, err := lockPolicies(ctx, tx)
		if err != nil {
			return err
		}
		was := ""
		for _, p := range list {
			if p.Default {
				was = p.Code
			}
		}
		i := slices.IndexFunc(list, func(p Policy) bool { return p.Code == code })
		if i < 0 {
			return fault.New(fault.NotFound, "reference.no_policy")
		}
		p := list[i]
		if !p.Active {
			return fault.New(fault.Conflict, "reference.policy_inactive")
		}
		if was == p.Code {
			return nil
		}
		if err := moveDefault(ctx, tx, p.ID); err != nil {
			return err
		}
		_, err = s.logSettings(ctx, tx, actor, now, "policy.default", "policy:"+p.Code, map[string]string{"default": was}, map[string]string{"default": p.Code})
		return err
	})
}

// check says every fault of the policy at once, together with those that f has already. A team that the stored version names may
// stay, though it is no longer active.
func (p *Policy) check(ctx context.Context, tx *sqlx.Tx, f *fault.Fields, before *Policy) error {
	checkName(f, "name", p.Name)
	if p.Default && !p.Active {
		f.Add("active", "reference.default_stays")
	}
	if err := addFaults(f, p.Definition.Validate()); err != nil {
		return err
	}
	if storable(p.Definition.Calendar) && p.Definition.Calendar != "" {
		if exists, err := calendarExists(ctx, tx, p.Definition.Calendar); err != nil {
			return err
		} else if !exists {
			f.Add("calendar", "reference.unknown_choice")
		}
	}
	known := map[int64]bool{0: true}
	if before != nil {
		for _, r := range before.Definition.Clocks {
			for _, step := range r.Steps {
				known[step.Team] = true
			}
		}
	}
	for i, r := range p.Definition.Clocks {
		path := "clocks[" + strconv.Itoa(i) + "]."
		for j, reason := range r.Pause {
			if reason != "" && !slices.Contains(HoldReasons(), reason) {
				f.Add(path+"pause["+strconv.Itoa(j)+"]", "reference.unknown_choice")
			}
		}
		for j, step := range r.Steps {
			if known[step.Team] || step.Team < 0 {
				continue
			}
			if _, ok, err := ref[teamRef](ctx, tx, sqlTeamRef, step.Team); err != nil {
				return err
			} else if !ok {
				f.Add(path+"steps["+strconv.Itoa(j)+"].team", "reference.unknown_choice")
			}
		}
	}
	return f.Err()
}

// HoldReasons are the reasons for which a ticket of any kind can be on hold, as a rule's Pause may name them.
func HoldReasons() []string {
	var out []string
	for kind := range kinds {
		for _, state := range definition(kind).States {
			for _, reason := range state.Reasons {
				if !slices.Contains(out, reason.ID) {
					out = append(out, reason.ID)
				}
			}
		}
	}
	return out
}

func (p *Policy) record() map[string]string {
	out := map[string]string{
		"name_en": p.Name.En, "name_ru": p.Name.Ru, "name_uk": p.Name.Uk, "active": strconv.FormatBool(p.Active),
		"calendar": p.Definition.Calendar, "zone": p.Definition.Zone,
	}
	for _, r := range p.Definition.Clocks {
		clock := string(r.Clock)
		for priority, seconds := range r.Targets {
			out[clock+".target."+strconv.Itoa(priority)] = strconv.FormatInt(seconds, 10)
		}
		if r.Pause != nil {
			out[clock+".pause"] = asJSON(r.Pause)
		}
		for _, step := range r.Steps {
			out[clock+".step."+step.ID] = asJSON(step)
		}
	}
	return out
}
