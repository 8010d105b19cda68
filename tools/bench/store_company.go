package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/lib/pq"

	"opora/auth"
	"opora/internal/db"
)

// Logins say who somebody is: e… asks, a… answers, root administers.
const (
	sqlMakeTeams = `INSERT INTO teams (code, name) SELECT 'team-' || n, jsonb_build_object('en', 'Team ' || n) FROM generate_series(1, $1) n`
	sqlMakeStaff = `INSERT INTO people (login, name, mail) SELECT 'a' || n, 'Agent ' || n, 'a' || n || '@example.org' FROM generate_series(1, $1) n`
	sqlMakeAdmin = `INSERT INTO people (login, name) VALUES ('root', 'Administrator')`
	// One in ten of those who ask leads the nine after him.
	sqlMakePeople = `INSERT INTO people (login, name, mail, department, location)
SELECT 'e' || n, 'Employee ' || n, 'e' || n || '@example.org', 'Department ' || n % 40, 'Floor ' || n % 9 FROM generate_series(1, $1) n`
	sqlMakeManagers = `UPDATE people p SET manager_id = m.id FROM people m
WHERE p.login LIKE 'e%' AND m.login = 'e' || CAST(substr(p.login, 2) AS integer) / 10 * 10 AND m.id <> p.id`
	sqlMakeRoles = `INSERT INTO person_roles (person_id, role, source)
SELECT id, CASE WHEN login = 'root' THEN 'administrator' ELSE 'agent' END, 'hand' FROM people WHERE login = 'root' OR login LIKE 'a%'`
	sqlMakeMembers = `INSERT INTO team_members (team_id, person_id)
SELECT t.id, p.id FROM people p JOIN teams t ON t.code IN ('team-' || ((CAST(substr(p.login, 2) AS integer) - 1) % $1 + 1),
  CASE CAST(substr(p.login, 2) AS integer) % 4 WHEN 0 THEN 'team-1' WHEN 1 THEN 'team-2' END) WHERE p.login LIKE 'a%'`
	sqlMakeLeads    = `UPDATE teams t SET lead_id = (SELECT min(m.person_id) FROM team_members m WHERE m.team_id = t.id)`
	sqlMakeServices = `INSERT INTO items (class, name, criticality) SELECT 'service', jsonb_build_object('en', 'Service ' || n), 1 + n % 4 FROM generate_series(1, $1) n`

	sqlTeams      = `SELECT id FROM teams ORDER BY id`
	sqlPeople     = `SELECT id FROM people WHERE login LIKE 'e%' ORDER BY id`
	sqlCategories = `SELECT id FROM categories WHERE active ORDER BY id`
	sqlServices   = `SELECT id FROM items WHERE class = 'service' ORDER BY id`
	sqlStaff      = `SELECT p.id, p.login, p.name, ARRAY(SELECT m.team_id FROM team_members m WHERE m.person_id = p.id ORDER BY 1) AS teams
FROM people p WHERE p.login LIKE 'a%' OR p.login = 'root' ORDER BY p.id`

	sqlAddSession = `INSERT INTO sessions (token_hash, id, person_id, via, created_at, seen_at, expires_at) VALUES ($1, $2, $3, 'link', $4, $4, $5)`
)

// found makes teams, people and services.
func found(ctx context.Context, q db.Q) error {
	for _, s := range []struct {
		query string
		args  []any
	}{
		{sqlMakeTeams, []any{teamCount}},
		{sqlMakeStaff, []any{agentCount}},
		{sqlMakeAdmin, nil},
		{sqlMakePeople, []any{peopleCount}},
		{sqlMakeManagers, nil},
		{sqlMakeRoles, nil},
		{sqlMakeMembers, []any{teamCount}},
		{sqlMakeLeads, nil},
		{sqlMakeServices, []any{serviceCount}},
	} {
		if _, err := q.ExecContext(ctx, s.query, s.args...); err != nil {
			return fmt.Errorf("%s: %w", s.query, err)
		}
	}
	return nil
}

// read finds the company in a database that has it.
func (c *company) read(ctx context.Context, q db.Q) error {
	for _, s := range []struct {
		to    *[]int64
		query string
	}{{&c.Teams, sqlTeams}, {&c.People, sqlPeople}, {&c.Categories, sqlCategories}, {&c.Services, sqlServices}} {
		if err := q.SelectContext(ctx, s.to, s.query); err != nil {
			return err
		}
	}
	var rows []struct {
		ID    int64         `db:"id"`
		Login string        `db:"login"`
		Name  string        `db:"name"`
		Teams pq.Int64Array `db:"teams"`
	}
	if err := q.SelectContext(ctx, &rows, sqlStaff); err != nil {
		return err
	}
	for _, r := range rows {
		a := auth.Actor{ID: r.ID, Login: r.Login, Name: r.Name, Teams: r.Teams, Roles: []auth.Role{auth.Agent}, Channel: auth.Desk, Language: "en", Zone: time.UTC}
		if r.Login == "root" {
			a.Roles = []auth.Role{auth.Administrator}
			c.Admin = a
			continue
		}
		c.Agents = append(c.Agents, a)
	}
	return nil
}

// signIn opens a session of somebody under a token.
func signIn(ctx context.Context, q db.Q, token string, person int64) error {
	hash := sha256.Sum256([]byte(token))
	now := time.Now().UTC()
	_, err := q.ExecContext(ctx, sqlAddSession, hash[:], "bench-"+token[:12], person, now, now.Add(24*time.Hour))
	return err
}
