package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"opora/internal/db"
	"opora/internal/fault"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const (
	sqlPersonByExternal = `SELECT id FROM people WHERE directory = $1 AND external_id = $2`
	// A manager of -1 (keepManager) and a location without a site leave what is stored, the latter as long as the location is the same.
	sqlPersonPut = `INSERT INTO people AS p (directory, external_id, dn, login, name, given, mail, phone, title, department, location, directory_language,
  manager_id, site_id, created_at, updated_at)
VALUES (:directory, :external_id, :dn, :login, :name, :given, :mail, :phone, :title, :department, :location, :directory_language,
  NULLIF(NULLIF(CAST(:manager_id AS bigint), 0), -1),
  (SELECT s.id FROM sites s WHERE s.active AND CAST(:location AS text) <> '' AND lower(CAST(:location AS text)) IN
    (lower(s.code), lower(s.name ->> 'en'), lower(s.name ->> 'ru'), lower(s.name ->> 'uk')) ORDER BY s.id LIMIT 1),
  :now, :now)
ON CONFLICT ON CONSTRAINT people_external_key DO UPDATE SET
  dn = EXCLUDED.dn, login = EXCLUDED.login, name = EXCLUDED.name, given = EXCLUDED.given, mail = EXCLUDED.mail, phone = EXCLUDED.phone,
  title = EXCLUDED.title, department = EXCLUDED.department, location = EXCLUDED.location, directory_language = EXCLUDED.directory_language,
  manager_id = CASE WHEN CAST(:manager_id AS bigint) = -1 THEN p.manager_id ELSE EXCLUDED.manager_id END,
  site_id = coalesce(EXCLUDED.site_id, CASE WHEN p.location = EXCLUDED.location THEN p.site_id END),
  updated_at = EXCLUDED.updated_at
RETURNING p.id, p.active`
	sqlLoginHolder = `SELECT id, external_id FROM people
WHERE lower(login) = lower($1) AND coalesce(directory, '') = $2 AND active AND kind <> 'history' AND external_id <> $3`
	sqlLoginRename = `UPDATE people SET login = $2 WHERE id = $1`
	sqlLoginAside  = `UPDATE people SET login = login || '~' || id WHERE id = $1`
	sqlPersonSeen  = `UPDATE people SET seen_at = $2 WHERE id = $1`
	sqlPersonLock  = `SELECT id FROM people WHERE id = $1 AND kind <> 'history' AND ($2 = '' OR kind = $2) FOR UPDATE`
	sqlActiveSet   = `UPDATE people SET active = $2, version = version + 1, updated_at = $3 WHERE id = $1 AND active <> $2`
	sqlRolesOf     = `SELECT role FROM person_roles WHERE person_id = $1 AND source = $2 ORDER BY role`
	sqlRolesClear  = `DELETE FROM person_roles WHERE person_id = $1 AND source = $2`
	sqlRolesAdd    = `INSERT INTO person_roles (person_id, role, source) SELECT $1, unnest(CAST($3 AS text[])), $2`
	sqlTeamsFed    = `SELECT id, directory_group FROM teams WHERE active AND directory_group <> '' ORDER BY id`
	sqlMemberships = `SELECT team_id FROM team_members WHERE person_id = $1 AND source = $2 ORDER BY team_id`
	sqlMembersLeft = `DELETE FROM team_members WHERE person_id = $1 AND source = $2`
	sqlMemberAdd   = `INSERT INTO team_members (person_id, team_id, source) SELECT $1, unnest(CAST($3 AS bigint[])), $2`
)

// personRow is what a directory says of somebody.
type personRow struct {
	Directory         string    `db:"directory"`
	ExternalID        string    `db:"external_id"`
	DN                string    `db:"dn"`
	Login             string    `db:"login"`
	Name              string    `db:"name"`
	Given             string    `db:"given"`
	Mail              string    `db:"mail"`
	Phone             string    `db:"phone"`
	Title             string    `db:"title"`
	Department        string    `db:"department"`
	Location          string    `db:"location"`
	DirectoryLanguage string    `db:"directory_language"`
	ManagerID         int64     `db:"manager_id"` // or noManager, keepManager
	Now               time.Time `db:"now"`
}

// personByExternal is 0 when the person has no row.
func personByExternal(ctx context.Context, q db.Q, directory, external string) (int64, error) {
	var id int64
	err := q.GetContext(ctx, &id, sqlPersonByExternal, directory, external)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("finding a person: %w", err)
	}
	return id, nil
}

func putPerson(ctx context.Context, tx *sqlx.Tx, row personRow, now time.Time) (id int64, active bool, err error) {
	row.Now = now
	query, args, err := tx.BindNamed(sqlPersonPut, row)
	if err == nil {
		err = tx.QueryRowxContext(ctx, query, args...).Scan(&id, &active)
	}
	if err != nil {
		return 0, false, fmt.Errorf("storing a person: %w", err)
	}
	return id, active, nil
}

type holder struct {
	ID         int64  `db:"id"`
	ExternalID string `db:"external_id"`
}

// loginHolder is somebody else of the same directory who has the row's login.
func loginHolder(ctx context.Context, q db.Q, row personRow) (holder, bool, error) {
	var h holder
	err := q.GetContext(ctx, &h, sqlLoginHolder, row.Login, row.Directory, row.ExternalID)
	if errors.Is(err, sql.ErrNoRows) {
		return h, false, nil
	}
	if err != nil {
		return h, false, fmt.Errorf("finding who has a login: %w", err)
	}
	return h, true, nil
}

func renameLogin(ctx context.Context, q db.Q, person int64, login string) error {
	if _, err := q.ExecContext(ctx, sqlLoginRename, person, login); err != nil {
		return fmt.Errorf("renaming a login: %w", err)
	}
	return nil
}

func setLoginAside(ctx context.Context, q db.Q, person int64) error {
	if _, err := q.ExecContext(ctx, sqlLoginAside, person); err != nil {
		return fmt.Errorf("setting a login aside: %w", err)
	}
	return nil
}

func seen(ctx context.Context, q db.Q, person int64, now time.Time) error {
	if _, err := q.ExecContext(ctx, sqlPersonSeen, person, now); err != nil {
		return fmt.Errorf("noting a sign-in: %w", err)
	}
	return nil
}

// lockPerson locks the row of somebody who is no history, and of the kind unless that is "".
func lockPerson(ctx context.Context, q db.Q, person int64, kind string) error {
	var id int64
	err := q.GetContext(ctx, &id, sqlPersonLock, person, kind)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "auth.person_not_found")
	}
	if err != nil {
		return fmt.Errorf("locking a person: %w", err)
	}
	return nil
}

// setActive tells whether it changed anything.
func setActive(ctx context.Context, q db.Q, person int64, active bool, now time.Time) (bool, error) {
	n, err := count(ctx, q, "switching a person", sqlActiveSet, person, active, now)
	if db.Violated(err, "people_login_key") {
		return false, fault.Wrap(err, fault.Conflict, "auth.login_taken")
	}
	return n == 1, err
}

func rolesOf(ctx context.Context, q db.Q, person int64, source string) ([]string, error) {
	var roles []string
	if err := q.SelectContext(ctx, &roles, sqlRolesOf, person, source); err != nil {
		return nil, fmt.Errorf("reading roles: %w", err)
	}
	return roles, nil
}

func setRoles(ctx context.Context, q db.Q, person int64, source string, roles []string) error {
	if _, err := q.ExecContext(ctx, sqlRolesClear, person, source); err != nil {
		return fmt.Errorf("clearing roles: %w", err)
	}
	if _, err := q.ExecContext(ctx, sqlRolesAdd, person, source, pq.StringArray(roles)); err != nil {
		return fmt.Errorf("setting roles: %w", err)
	}
	return nil
}

type fedTeam struct {
	ID    int64  `db:"id"`
	Group string `db:"directory_group"`
}

func teamsWithGroup(ctx context.Context, q db.Q) ([]fedTeam, error) {
	var teams []fedTeam
	if err := q.SelectContext(ctx, &teams, sqlTeamsFed); err != nil {
		return nil, fmt.Errorf("reading teams: %w", err)
	}
	return teams, nil
}

func membershipsOf(ctx context.Context, q db.Q, person int64, source string) ([]int64, error) {
	var ids []int64
	if err := q.SelectContext(ctx, &ids, sqlMemberships, person, source); err != nil {
		return nil, fmt.Errorf("reading memberships: %w", err)
	}
	return ids, nil
}

func setMemberships(ctx context.Context, q db.Q, person int64, source string, teams []int64) error {
	if _, err := q.ExecContext(ctx, sqlMembersLeft, person, source); err != nil {
		return fmt.Errorf("clearing memberships: %w", err)
	}
	if _, err := q.ExecContext(ctx, sqlMemberAdd, person, source, pq.Int64Array(teams)); err != nil {
		return fmt.Errorf("setting memberships: %w", err)
	}
	return nil
}
