package auth

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"opora/internal/audit"
	"opora/internal/fault"

	"github.com/jmoiron/sqlx"
)

// Where a role or a membership comes from.
const (
	fromDirectory = "directory"
	fromHand      = "hand"
)

// SetRoles replaces the roles that a person has by hand; those that groups give stay. It holds from the person's next
// request on.
func (s *Service) SetRoles(ctx context.Context, actor Actor, person int64, roles []Role) error {
	if err := actor.must(ManagePeople); err != nil {
		return err
	}
	for _, r := range roles {
		if !slices.Contains(Roles, r) || r == Employee {
			var f fault.Fields
			f.Add("roles", "auth.unknown_choice")
			return f.Err()
		}
	}
	now := s.now()
	return s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		if err := lockPerson(ctx, tx, person, "person"); err != nil {
			return err
		}
		return s.replaceRoles(ctx, tx, actor, person, fromHand, roles, now)
	})
}

// replaceRoles sets the person's roles of one source, and logs it when they differ.
func (s *Service) replaceRoles(ctx context.Context, tx *sqlx.Tx, by Actor, person int64, source string, roles []Role, now time.Time) error {
	to := make([]string, 0, len(roles))
	for _, r := range roles {
		to = append(to, string(r))
	}
	slices.Sort(to)
	to = slices.Compact(to)
	before, err := rolesOf(ctx, tx, person, source)
	if err != nil || slices.Equal(before, to) {
		return err
	}
	if err := setRoles(ctx, tx, person, source, to); err != nil {
		return err
	}
	e := entry(by, now, "roles.changed", personSubject(person))
	e.Details = fromTo(strings.Join(before, " "), strings.Join(to, " "))
	e.Details["source"] = source
	return s.log.Add(ctx, tx, audit.Settings, e)
}

// Deactivate switches a person off: they cannot sign in and their sessions end at once, whatever the directory says.
func (s *Service) Deactivate(ctx context.Context, actor Actor, person int64) error {
	if err := actor.must(ManagePeople); err != nil {
		return err
	}
	if actor.ID == person {
		return fault.New(fault.Conflict, "auth.not_yourself")
	}
	now := s.now()
	return s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		if err := lockPerson(ctx, tx, person, ""); err != nil {
			return err
		}
		return s.switchOff(ctx, tx, actor, person, now, "")
	})
}

func (s *Service) switchOff(ctx context.Context, tx *sqlx.Tx, by Actor, person int64, now time.Time, why string) error {
	changed, err := setActive(ctx, tx, person, false, now)
	if err != nil || !changed {
		return err
	}
	if _, err := revokeSessions(ctx, tx, person, ""); err != nil {
		return err
	}
	e := entry(by, now, "person.deactivated", personSubject(person))
	if why != "" {
		e.Details = map[string]string{"why": why}
	}
	return s.log.Add(ctx, tx, audit.Settings, e)
}

// Activate lets a person in again. A Conflict when somebody else has got the login meanwhile.
func (s *Service) Activate(ctx context.Context, actor Actor, person int64) error {
	if err := actor.must(ManagePeople); err != nil {
		return err
	}
	now := s.now()
	return s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		if err := lockPerson(ctx, tx, person, ""); err != nil {
			return err
		}
		changed, err := setActive(ctx, tx, person, true, now)
		if err != nil || !changed {
			return err
		}
		return s.log.Add(ctx, tx, audit.Settings, entry(actor, now, "person.activated", personSubject(person)))
	})
}

func personSubject(id int64) string { return "person:" + strconv.FormatInt(id, 10) }

func fromTo(from, to string) map[string]string { return map[string]string{"from": from, "to": to} }

func joinIDs(ids []int64) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(texts, " ")
}
