package auth

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"opora/internal/fault"
	"opora/internal/locale"
)

// Person is somebody in full, for their own page and for administration.
type Person struct {
	ID         int64
	Kind       string // person, history or local
	Login      string
	Name       string
	Mail       string
	Phone      string
	Title      string
	Department string
	Location   string
	SiteID     int64
	Site       locale.Text
	ManagerID  int64
	Manager    string
	Directory  string // "" for who is not of one
	Profile
	DirectoryLanguage string
	Active            bool
	CreatedAt         time.Time
	SeenAt            time.Time // the last sign-in; zero when there was none
	Roles             []GivenRole
	Teams             []Membership
}

// Profile is what everybody chooses for themselves; "" leaves the choice to directory, browser, site and configuration.
type Profile struct {
	Language string // en, ru, uk
	Timezone string // of the IANA list
	Theme    string // light, dark
}

// GivenRole is a role and where it comes from: directory or hand.
type GivenRole struct {
	Role   Role   `db:"role"`
	Source string `db:"source"`
}

// Membership is a team of a person and where it comes from: directory or hand.
type Membership struct {
	TeamID int64       `db:"team_id"`
	Team   locale.Text `db:"team"`
	Source string      `db:"source"`
}

// Person is somebody in full: oneself, for staff anybody. For others nobody exists.
func (s *Service) Person(ctx context.Context, actor Actor, id int64) (Person, error) {
	if actor.ID == 0 && !actor.System {
		return Person{}, fault.New(fault.Unauthenticated, "fault.unauthenticated")
	}
	if actor.ID != id && !actor.System && !actor.Can(ManagePeople) && !actor.Can(WorkTickets) {
		return Person{}, fault.New(fault.NotFound, "auth.person_not_found")
	}
	return readPerson(ctx, s.db, id)
}

// SetProfile stores the actor's own choices.
func (s *Service) SetProfile(ctx context.Context, actor Actor, p Profile) error {
	if actor.ID == 0 {
		return fault.New(fault.Unauthenticated, "fault.unauthenticated")
	}
	var f fault.Fields
	if p.Language != "" && !locale.Known(p.Language) {
		f.Add("language", "auth.unknown_choice")
	}
	if p.Timezone != "" && !isZone(p.Timezone) {
		f.Add("timezone", "auth.unknown_zone")
	}
	if p.Theme != "" && p.Theme != "light" && p.Theme != "dark" {
		f.Add("theme", "auth.unknown_choice")
	}
	if err := f.Err(); err != nil {
		return err
	}
	return setProfile(ctx, s.db, actor.ID, p, s.now())
}

// isZone tells whether the name is one of the IANA list; "Local" is the server's and no answer.
func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

// PeopleFilter narrows the list of people; zero values do not.
type PeopleFilter struct {
	Text   string
	Role   Role
	TeamID int64
	State  string // active (also when empty), inactive, all
}

// PeopleKey is where a page of people begins: after this name and id. The zero value is the beginning.
type PeopleKey struct {
	Name string
	ID   int64
}

// PersonRow is somebody in the list of people. Roles are of any source, without repetition.
type PersonRow struct {
	ID         int64
	Kind       string
	Login      string
	Name       string
	Mail       string
	Department string
	Location   string
	Active     bool
	SeenAt     time.Time
	Roles      []Role
}

// MaxPage is the most people on one page of the list.
const MaxPage = 200

// People lists people by name, without those of an imported history. next is nil on the last page.
func (s *Service) People(ctx context.Context, actor Actor, filter PeopleFilter, after PeopleKey, limit int) (page []PersonRow, next *PeopleKey, err error) {
	if err := actor.must(ManagePeople); err != nil {
		return nil, nil, err
	}
	limit = min(max(limit, 1), MaxPage)
	page, err = listPeople(ctx, s.db, filter, after, limit+1)
	if err != nil || len(page) <= limit {
		return page, nil, err
	}
	page = page[:limit]
	last := page[limit-1]
	return page, &PeopleKey{last.Name, last.ID}, nil
}

// words are what was typed in a search, each escaped for LIKE: at most eight, without what PostgreSQL cannot hold.
func words(text string) []string {
	all := strings.Fields(clip(text, 200))
	all = all[:min(len(all), 8)]
	for i, w := range all {
		all[i] = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(w)
	}
	return all
}

// checkText notes a text that is missing, too long or not storable. It returns the text without outer white space.
func checkText(f *fault.Fields, field, text string, needed bool, most int) string {
	text = strings.TrimSpace(text)
	switch {
	case needed && text == "":
		f.Add(field, "auth.needed")
	case utf8.RuneCountInString(text) > most:
		f.Add(field, "auth.too_long", "Max", most)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		f.Add(field, "auth.not_text")
	}
	return text
}

// checkName is checkText for a name in three languages; one of them is needed.
func checkName(f *fault.Fields, name locale.Text) locale.Text {
	name = name.Trim()
	if name.Empty() {
		f.Add("name", "auth.needed")
	}
	for _, t := range []string{name.En, name.Ru, name.Uk} {
		checkText(f, "name", t, false, 100)
	}
	return name
}
