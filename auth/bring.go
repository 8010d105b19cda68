package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"opora/auth/directory"
	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/fault"
	"opora/internal/locale"

	"github.com/jmoiron/sqlx"
)

const maxField = 300 // characters of a directory's text that are kept

// bring makes or refreshes the row of somebody as the directory knows them, with manager, site, roles and teams, and calls then in
// the same transaction. The key is the directory's name and the immutable id; login, name and DN may all be new. errInactive
// when the person is switched off here.
func (s *Service) bring(ctx context.Context, by Actor, d Directory, p directory.Person, now time.Time, then func(*sqlx.Tx, int64) error) error {
	manager, err := s.manager(ctx, by, d, p, now)
	if err != nil {
		return err
	}
	row := rowOf(d, p, manager)
	for range 3 {
		if err = s.freeLogin(ctx, by, d, row, now); err != nil {
			return err
		}
		err = s.db.InTx(ctx, func(tx *sqlx.Tx) error {
			id, active, err := putPerson(ctx, tx, row, now)
			if err != nil {
				return err
			}
			if !active {
				return errInactive
			}
			if err := s.directoryRoles(ctx, tx, by, id, d, p, now); err != nil {
				return err
			}
			if err := s.directoryTeams(ctx, tx, by, id, p, now); err != nil {
				return err
			}
			if then == nil {
				return nil
			}
			return then(tx, id)
		})
		if !db.Violated(err, "people_login_key") { // somebody took the login since we looked
			return err
		}
	}
	return err
}

func rowOf(d Directory, p directory.Person, manager int64) personRow {
	login := first(p.Login, p.Mail, p.ID)
	return personRow{
		Directory: d.Name, ExternalID: p.ID, DN: clip(p.DN, 1000), ManagerID: manager,
		Login: clip(login, maxField), Name: clip(first(p.Name, login), maxField), Given: clip(p.Given, maxField), Mail: clip(p.Mail, maxField),
		Phone: clip(p.Phone, maxField), Title: clip(p.Title, maxField), Department: clip(p.Department, maxField), Location: clip(p.Location, maxField),
		DirectoryLanguage: locale.Match(p.Language),
	}
}

// Manager as a row may be unknown for the moment.
const (
	noManager   = 0
	keepManager = -1 // the directory could not be asked: what is stored stays
)

// manager is the row of the person's manager. One who has none yet gets one, without a manager of their own: that comes when
// they sign in, so that a chain of managers costs one search.
func (s *Service) manager(ctx context.Context, by Actor, d Directory, p directory.Person, now time.Time) (int64, error) {
	if p.ManagerID == "" || p.ManagerID == p.ID {
		return noManager, nil
	}
	id, err := personByExternal(ctx, s.db, d.Name, p.ManagerID)
	if err != nil || id != 0 {
		return id, err
	}
	m, err := d.Client.ByID(ctx, p.ManagerID)
	if fault.Is(err, fault.NotFound) { // outside the filter: a service account, a group
		return noManager, nil
	}
	if err != nil {
		return keepManager, nil // a sign-in does not fail for it
	}
	if m.Disabled {
		return noManager, nil
	}
	m.ManagerID = ""
	err = s.bring(ctx, by, d, m, now, func(_ *sqlx.Tx, manager int64) error {
		id = manager
		return nil
	})
	return id, err
}

// freeLogin takes the login from an older person of the same directory who stands under it here: they were renamed there, or
// are gone and somebody new has got their login.
func (s *Service) freeLogin(ctx context.Context, by Actor, d Directory, row personRow, now time.Time) error {
	older, ok, err := loginHolder(ctx, s.db, row)
	if err != nil || !ok {
		return err
	}
	p, err := d.Client.ByID(ctx, older.ExternalID)
	if fault.Is(err, fault.NotFound) {
		return s.db.InTx(ctx, func(tx *sqlx.Tx) error {
			return s.switchOff(ctx, tx, by, older.ID, now, "gone from the directory")
		})
	}
	if err != nil {
		return err
	}
	if p.Login != "" && !strings.EqualFold(p.Login, row.Login) {
		err := renameLogin(ctx, s.db, older.ID, clip(p.Login, maxField))
		if !db.Violated(err, "people_login_key") {
			return err
		}
	}
	// Their own new login is taken too, as when two people swap theirs: set aside until they sign in.
	return setLoginAside(ctx, s.db, older.ID)
}

// directoryRoles replaces the roles that the person's groups give.
func (s *Service) directoryRoles(ctx context.Context, tx *sqlx.Tx, by Actor, person int64, d Directory, p directory.Person, now time.Time) error {
	var roles []Role
	for group, gives := range d.Roles {
		if p.MatchesGroup(group) {
			roles = append(roles, gives...)
		}
	}
	return s.replaceRoles(ctx, tx, by, person, fromDirectory, roles, now)
}

// directoryTeams replaces the memberships that the person's groups give.
func (s *Service) directoryTeams(ctx context.Context, tx *sqlx.Tx, by Actor, person int64, p directory.Person, now time.Time) error {
	fed, err := teamsWithGroup(ctx, tx)
	if err != nil {
		return err
	}
	var to []int64
	for _, t := range fed {
		if p.MatchesGroup(t.Group) {
			to = append(to, t.ID)
		}
	}
	before, err := membershipsOf(ctx, tx, person, fromDirectory)
	if err != nil {
		return err
	}
	slices.Sort(to)
	if slices.Equal(before, to) {
		return nil
	}
	if err := setMemberships(ctx, tx, person, fromDirectory, to); err != nil {
		return err
	}
	e := entry(by, now, "memberships.changed", personSubject(person))
	e.Details = fromTo(joinIDs(before), joinIDs(to))
	e.Details["source"] = fromDirectory
	return s.log.Add(ctx, tx, audit.Settings, e)
}
