package auth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"opora/internal/db"
	"opora/internal/fault"
	"opora/internal/locale"

	"github.com/lib/pq"
)

const (
	sqlPersonRead = `SELECT p.id, p.kind, p.login, p.name, p.mail, p.phone, p.title, p.department, p.location, coalesce(p.site_id, 0) AS site_id, s.name AS site,
  coalesce(p.manager_id, 0) AS manager_id, coalesce(m.name, '') AS manager, coalesce(p.directory, '') AS directory,
  p.language, p.timezone, p.theme, p.directory_language, p.active, p.created_at, coalesce(p.seen_at, '0001-01-01 00:00:00+00') AS seen_at
FROM people p LEFT JOIN sites s ON s.id = p.site_id LEFT JOIN people m ON m.id = p.manager_id WHERE p.id = $1`
	sqlPersonRoles = `SELECT role, source FROM person_roles WHERE person_id = $1 ORDER BY role, source`
	sqlPersonTeams = `SELECT m.team_id, t.name AS team, m.source FROM team_members m JOIN teams t ON t.id = m.team_id AND t.active
WHERE m.person_id = $1 ORDER BY t.code, m.source`
	sqlProfileSet = `UPDATE people SET language = $2, timezone = $3, theme = $4, updated_at = $5 WHERE id = $1`
	sqlPeopleList = `SELECT p.id, p.kind, p.login, p.name, p.mail, p.department, p.location, p.active, coalesce(p.seen_at, '0001-01-01 00:00:00+00') AS seen_at,
  ARRAY(SELECT DISTINCT r.role FROM person_roles r WHERE r.person_id = p.id) AS roles
FROM people p`
	sqlPeopleText = sqlSearched + ` LIKE '%' || ` + sqlTyped + ` || '%'`
	// The expression of the index people_search, and what is looked for as it writes it.
	sqlSearched    = `translate(lower(p.name || ' ' || p.login || ' ' || p.mail), 'ёґ’ʼ', 'ег''''')`
	sqlTyped       = `translate(lower(?), 'ёґ’ʼ', 'ег''''')`
	sqlPeopleRole  = `EXISTS (SELECT FROM person_roles r WHERE r.person_id = p.id AND r.role = ?)`
	sqlPeopleTeam  = `EXISTS (SELECT FROM team_members m WHERE m.person_id = p.id AND m.team_id = ?)`
	sqlPeopleAfter = `(lower(p.name), p.id) > (lower(?), ?)`
)

type personRead struct {
	ID                int64       `db:"id"`
	Kind              string      `db:"kind"`
	Login             string      `db:"login"`
	Name              string      `db:"name"`
	Mail              string      `db:"mail"`
	Phone             string      `db:"phone"`
	Title             string      `db:"title"`
	Department        string      `db:"department"`
	Location          string      `db:"location"`
	SiteID            int64       `db:"site_id"`
	Site              locale.Text `db:"site"`
	ManagerID         int64       `db:"manager_id"`
	Manager           string      `db:"manager"`
	Directory         string      `db:"directory"`
	Language          string      `db:"language"`
	Timezone          string      `db:"timezone"`
	Theme             string      `db:"theme"`
	DirectoryLanguage string      `db:"directory_language"`
	Active            bool        `db:"active"`
	CreatedAt         time.Time   `db:"created_at"`
	SeenAt            time.Time   `db:"seen_at"`
}

func readPerson(ctx context.Context, q db.Q, id int64) (Person, error) {
	var r personRead
	if err := q.GetContext(ctx, &r, sqlPersonRead, id); err != nil {
		return Person{}, fmt.Errorf("reading a person: %w", db.One(err, "auth.person_not_found"))
	}
	p := Person{
		ID: r.ID, Kind: r.Kind, Login: r.Login, Name: r.Name, Mail: r.Mail, Phone: r.Phone, Title: r.Title, Department: r.Department,
		Location: r.Location, SiteID: r.SiteID, Site: r.Site, ManagerID: r.ManagerID, Manager: r.Manager, Directory: r.Directory,
		Profile: Profile{r.Language, r.Timezone, r.Theme}, DirectoryLanguage: r.DirectoryLanguage,
		Active: r.Active, CreatedAt: r.CreatedAt, SeenAt: r.SeenAt,
	}
	if err := q.SelectContext(ctx, &p.Roles, sqlPersonRoles, id); err != nil {
		return Person{}, fmt.Errorf("reading roles: %w", err)
	}
	if err := q.SelectContext(ctx, &p.Teams, sqlPersonTeams, id); err != nil {
		return Person{}, fmt.Errorf("reading teams: %w", err)
	}
	return p, nil
}

func setProfile(ctx context.Context, q db.Q, person int64, p Profile, now time.Time) error {
	res, err := q.ExecContext(ctx, sqlProfileSet, person, p.Language, p.Timezone, p.Theme, now)
	if err := db.Affected(res, err, fault.New(fault.NotFound, "auth.person_not_found")); err != nil {
		return fmt.Errorf("storing a profile: %w", err)
	}
	return nil
}

type peopleRow struct {
	ID         int64          `db:"id"`
	Kind       string         `db:"kind"`
	Login      string         `db:"login"`
	Name       string         `db:"name"`
	Mail       string         `db:"mail"`
	Department string         `db:"department"`
	Location   string         `db:"location"`
	Active     bool           `db:"active"`
	SeenAt     time.Time      `db:"seen_at"`
	Roles      pq.StringArray `db:"roles"`
}

func listPeople(ctx context.Context, q db.Q, filter PeopleFilter, after PeopleKey, limit int) ([]PersonRow, error) {
	var w db.Where
	w.And(`p.kind <> 'history'`)
	switch filter.State {
	case "", "active":
		w.And(`p.active`)
	case "inactive":
		w.And(`NOT p.active`)
	}
	for _, word := range words(filter.Text) {
		w.And(sqlPeopleText, word)
	}
	if filter.Role != "" && filter.Role != Employee {
		w.And(sqlPeopleRole, clip(string(filter.Role), 50))
	}
	if filter.TeamID != 0 {
		w.And(sqlPeopleTeam, filter.TeamID)
	}
	if after != (PeopleKey{}) {
		w.And(sqlPeopleAfter, clip(after.Name, 1000), after.ID)
	}
	most := w.Arg(limit)
	var rows []peopleRow
	if err := q.SelectContext(ctx, &rows, sqlPeopleList+w.SQL()+` ORDER BY lower(p.name), p.id LIMIT `+most, w.Args()...); err != nil {
		return nil, fmt.Errorf("listing people: %w", err)
	}
	page := make([]PersonRow, len(rows))
	for i, r := range rows {
		page[i] = PersonRow{
			ID: r.ID, Kind: r.Kind, Login: r.Login, Name: r.Name, Mail: r.Mail, Department: r.Department, Location: r.Location,
			Active: r.Active, SeenAt: r.SeenAt,
		}
		for _, role := range Roles { // in the order of pages
			if slices.Contains(r.Roles, string(role)) {
				page[i].Roles = append(page[i].Roles, role)
			}
		}
	}
	return page, nil
}
