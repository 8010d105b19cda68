package auth

import (
	"context"
	"fmt"

	"opora/internal/db"
	"opora/internal/fault"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const (
	sqlTeamColumns = `SELECT t.id, t.code, t.name, t.mail, coalesce(t.lead_id, 0) AS lead_id, coalesce(l.name, '') AS lead, t.directory_group, t.active, t.version,
  (SELECT count(DISTINCT m.person_id) FROM team_members m JOIN people p ON p.id = m.person_id AND p.active WHERE m.team_id = t.id) AS size
FROM teams t LEFT JOIN people l ON l.id = t.lead_id`
	sqlTeamList    = sqlTeamColumns + ` ORDER BY t.code`
	sqlTeamRead    = sqlTeamColumns + ` WHERE t.id = $1`
	sqlTeamLock    = sqlTeamColumns + ` WHERE t.id = $1 FOR UPDATE OF t`
	sqlTeamMembers = `SELECT p.id, p.name, p.login, m.source FROM team_members m JOIN people p ON p.id = m.person_id AND p.active
WHERE m.team_id = $1 ORDER BY lower(p.name), p.id, m.source`
	sqlTeamAdd = `INSERT INTO teams (code, name, mail, lead_id, directory_group, active)
VALUES (:code, :name, :mail, NULLIF(CAST(:lead_id AS bigint), 0), :directory_group, :active) RETURNING id`
	sqlTeamChange = `UPDATE teams SET code = :code, name = :name, mail = :mail, lead_id = NULLIF(CAST(:lead_id AS bigint), 0),
  directory_group = :directory_group, active = :active, version = version + 1 WHERE id = :id AND version = :version`
	sqlFedMembersDrop = `DELETE FROM team_members WHERE team_id = $1 AND source = 'directory'`
	sqlHandMembers    = `SELECT person_id FROM team_members WHERE team_id = $1 AND source = 'hand' ORDER BY person_id`
	sqlHandClear      = `DELETE FROM team_members WHERE team_id = $1 AND source = 'hand'`
	sqlHandAdd        = `INSERT INTO team_members (team_id, person_id, source)
SELECT $1, p.id, 'hand' FROM people p WHERE p.id = ANY ($2) AND p.kind = 'person'`
	sqlTeamBump = `UPDATE teams SET version = version + 1 WHERE id = $1`
)

func listTeams(ctx context.Context, q db.Q) ([]Team, error) {
	var teams []Team
	if err := q.SelectContext(ctx, &teams, sqlTeamList); err != nil {
		return nil, fmt.Errorf("listing teams: %w", err)
	}
	return teams, nil
}

func readTeam(ctx context.Context, q db.Q, id int64) (Team, error) {
	var t Team
	if err := q.GetContext(ctx, &t, sqlTeamRead, id); err != nil {
		return Team{}, fmt.Errorf("reading a team: %w", db.One(err, "auth.team_not_found"))
	}
	if err := q.SelectContext(ctx, &t.Members, sqlTeamMembers, id); err != nil {
		return Team{}, fmt.Errorf("reading members: %w", err)
	}
	return t, nil
}

// lockTeam reads the team as it stands until the transaction ends.
func lockTeam(ctx context.Context, tx *sqlx.Tx, id int64) (Team, error) {
	var t Team
	if err := tx.GetContext(ctx, &t, sqlTeamLock, id); err != nil {
		return Team{}, fmt.Errorf("locking a team: %w", db.One(err, "auth.team_not_found"))
	}
	return t, nil
}

func addTeam(ctx context.Context, tx *sqlx.Tx, t Team) (int64, error) {
	query, args, err := tx.BindNamed(sqlTeamAdd, t)
	if err != nil {
		return 0, fmt.Errorf("making a team: %w", err)
	}
	var id int64
	err = tx.GetContext(ctx, &id, query, args...)
	return id, codeFault(err, "teams_code_key", "making a team")
}

func changeTeam(ctx context.Context, tx *sqlx.Tx, t Team) error {
	res, err := tx.NamedExecContext(ctx, sqlTeamChange, t)
	return codeFault(db.Affected(res, err, errStale()), "teams_code_key", "changing a team")
}

// codeFault says at the field when the code is taken.
func codeFault(err error, constraint, doing string) error {
	if err == nil {
		return nil
	}
	if db.Violated(err, constraint) {
		var f fault.Fields
		f.Add("code", "auth.code_taken")
		return f.Err()
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func dropFedMembers(ctx context.Context, tx *sqlx.Tx, team int64) error {
	_, err := count(ctx, tx, "dropping members", sqlFedMembersDrop, team)
	return err
}

func membersByHand(ctx context.Context, tx *sqlx.Tx, team int64) ([]int64, error) {
	var ids []int64
	if err := tx.SelectContext(ctx, &ids, sqlHandMembers, team); err != nil {
		return nil, fmt.Errorf("reading members: %w", err)
	}
	return ids, nil
}

// setMembers refuses the whole list when one of it is no person.
func setMembers(ctx context.Context, tx *sqlx.Tx, team int64, people []int64) error {
	if _, err := count(ctx, tx, "clearing members", sqlHandClear, team); err != nil {
		return err
	}
	n, err := count(ctx, tx, "setting members", sqlHandAdd, team, pq.Int64Array(people))
	if err != nil {
		return err
	}
	if n != len(people) {
		var f fault.Fields
		f.Add("members", "auth.unknown_choice")
		return f.Err()
	}
	_, err = count(ctx, tx, "counting the team's version", sqlTeamBump, team)
	return err
}
