package auth

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"

	"github.com/jmoiron/sqlx"
)

// Team is a group of people that work is assigned to.
type Team struct {
	ID      int64       `db:"id"`
	Code    string      `db:"code"`
	Name    locale.Text `db:"name"`
	Mail    string      `db:"mail"`
	LeadID  int64       `db:"lead_id"` // 0: none
	Lead    string      `db:"lead"`    // the lead's name; only read
	Group   string      `db:"directory_group"`
	Active  bool        `db:"active"`
	Version int         `db:"version"`
	Size    int         `db:"size"` // active members; only read
	Members []Member    `db:"-"`    // from Team only
}

// Member is somebody of a team; Source tells whether by hand or by a directory's group.
type Member struct {
	ID     int64  `db:"id"`
	Name   string `db:"name"`
	Login  string `db:"login"`
	Source string `db:"source"`
}

// code is a short name that stays: in addresses, filters and imports.
var code = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// Teams lists all teams by code, without members, switched-off ones too: who assigns leaves those out.
func (s *Service) Teams(ctx context.Context) ([]Team, error) { return listTeams(ctx, s.db) }

// Team is one team with its members, by name.
func (s *Service) Team(ctx context.Context, id int64) (Team, error) { return readTeam(ctx, s.db, id) }

// SaveTeam makes a team (ID 0) or changes the one that still has the version; Members are set by SetMembers. It returns the team as it
// then is.
func (s *Service) SaveTeam(ctx context.Context, actor Actor, t Team) (Team, error) {
	if err := actor.must(ManageTeams); err != nil {
		return Team{}, err
	}
	var f fault.Fields
	t.Code, t.Name = strings.TrimSpace(t.Code), checkName(&f, t.Name)
	if !code.MatchString(t.Code) {
		f.Add("code", "auth.bad_code")
	}
	t.Mail, t.Group = checkText(&f, "mail", t.Mail, false, 254), checkText(&f, "directory_group", t.Group, false, 500)
	if local, domain, ok := strings.Cut(t.Mail, "@"); t.Mail != "" && (!ok || local == "" || domain == "" || strings.ContainsAny(t.Mail, " ,;<>\r\n")) {
		f.Add("mail", "auth.bad_mail")
	}
	if t.LeadID != 0 {
		ok, err := isActivePerson(ctx, s.db, t.LeadID)
		if err != nil {
			return Team{}, err
		}
		if !ok {
			f.Add("lead", "auth.unknown_choice")
		}
	}
	if err := f.Err(); err != nil {
		return Team{}, err
	}
	now := s.now()
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		var before Team
		if t.ID == 0 {
			t.Active = true
			var err error
			if t.ID, err = addTeam(ctx, tx, t); err != nil {
				return err
			}
		} else {
			var err error
			if before, err = lockTeam(ctx, tx, t.ID); err != nil {
				return err
			}
			if before.Version != t.Version {
				return errStale()
			}
			if err = changeTeam(ctx, tx, t); err != nil {
				return err
			}
			if before.Group != t.Group { // the members of another group: they come with their next sign-in
				if err := dropFedMembers(ctx, tx, t.ID); err != nil {
					return err
				}
			}
		}
		e := entry(actor, now, "team.changed", teamSubject(t.ID))
		e.Details = changes(before.fields(), t.fields())
		return s.log.Add(ctx, tx, audit.Settings, e)
	})
	if err != nil {
		return Team{}, err
	}
	return readTeam(ctx, s.db, t.ID)
}

func (t Team) fields() [][2]string {
	return [][2]string{
		{"code", t.Code},
		{"name.en", t.Name.En},
		{"name.ru", t.Name.Ru},
		{"name.uk", t.Name.Uk},
		{"mail", t.Mail},
		{"lead", strconv.FormatInt(t.LeadID, 10)},
		{"directory_group", t.Group},
		{"active", strconv.FormatBool(t.Active)},
	}
}

// changes are the fields that differ, for the audit: "from → to" by name.
func changes(before, after [][2]string) map[string]string {
	m := map[string]string{}
	for i, f := range after {
		if f[1] != before[i][1] {
			m[f[0]] = before[i][1] + " → " + f[1]
		}
	}
	return m
}

// SetMembers replaces the members that a team has by hand, if it still has the version; those that its directory group gives
// stay.
func (s *Service) SetMembers(ctx context.Context, actor Actor, team int64, version int, people []int64) (Team, error) {
	if err := actor.must(ManageTeams); err != nil {
		return Team{}, err
	}
	people = slices.Clone(people)
	slices.Sort(people)
	people = slices.Compact(people)
	now := s.now()
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		t, err := lockTeam(ctx, tx, team)
		if err != nil {
			return err
		}
		if t.Version != version {
			return errStale()
		}
		before, err := membersByHand(ctx, tx, team)
		if err != nil || slices.Equal(before, people) {
			return err
		}
		if err := setMembers(ctx, tx, team, people); err != nil {
			return err
		}
		e := entry(actor, now, "members.changed", teamSubject(team))
		e.Details = fromTo(joinIDs(before), joinIDs(people))
		return s.log.Add(ctx, tx, audit.Settings, e)
	})
	if err != nil {
		return Team{}, err
	}
	return readTeam(ctx, s.db, team)
}

func teamSubject(id int64) string { return "team:" + strconv.FormatInt(id, 10) }

// TeamSeed is a team that a set-up or a demo begins with.
type TeamSeed struct {
	Code  string
	Name  locale.Text
	Mail  string
	Group string // of the directory; "" for none
}

// EnsureTeams makes the teams whose codes do not exist yet; the others stay as they are. It returns all ids by code.
func (s *Service) EnsureTeams(ctx context.Context, actor Actor, seeds []TeamSeed) (map[string]int64, error) {
	teams, err := s.Teams(ctx)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]int64, len(teams)+len(seeds))
	for _, t := range teams {
		ids[t.Code] = t.ID
	}
	for _, seed := range seeds {
		if ids[seed.Code] != 0 {
			continue
		}
		t, err := s.SaveTeam(ctx, actor, Team{Code: seed.Code, Name: seed.Name, Mail: seed.Mail, Group: seed.Group})
		if err != nil {
			return nil, err
		}
		ids[t.Code] = t.ID
	}
	return ids, nil
}
