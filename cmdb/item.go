package cmdb

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"opora/internal/fault"
	"opora/internal/locale"
)

// Bounds of what people write, in characters.
const (
	MaxName = 200
	MaxTag  = 100
)

// Item is a configuration item. An id of 0 stands for none.
type Item struct {
	ID          int64       `db:"id"` // 0: not stored yet
	Class       Class       `db:"class"`
	Name        locale.Text `db:"name"`
	Tag         string      `db:"tag"` // inventory number, host name: unique without regard to case; empty for none
	Criticality int         `db:"criticality"`
	OwnerID     int64       `db:"owner_id"`
	TeamID      int64       `db:"team_id"`   // gets the tickets of a service when their category names no team
	PolicyID    int64       `db:"policy_id"` // of a service: its targets, 0 for the default policy
	Zone        string      `db:"timezone"`  // of a service: IANA name, used when the policy names none
	Active      bool        `db:"active"`    // false: kept for the tickets that name it, offered no more
	Version     int         `db:"version"`

	Owner string      `db:"owner"` // read only: the owner's name
	Team  locale.Text `db:"team"`  // read only: the team's name
}

// clean takes away the white space that forms bring along.
func (i *Item) clean() {
	i.Name = i.Name.Trim()
	i.Tag = strings.TrimSpace(i.Tag)
	i.Zone = strings.TrimSpace(i.Zone)
}

// check notes every fault of the item that can be seen without the database. Fields are named as forms and the API name
// them; a name that lacks altogether is a fault of "name".
func (i *Item) check(f *fault.Fields) {
	if !i.Class.Known() {
		f.Add("class", "cmdb.unknown_choice")
	}
	if i.Name.Empty() {
		f.Add("name", "cmdb.name_needed")
	}
	checkLine(f, "name_en", i.Name.En, MaxName)
	checkLine(f, "name_ru", i.Name.Ru, MaxName)
	checkLine(f, "name_uk", i.Name.Uk, MaxName)
	checkLine(f, "tag", i.Tag, MaxTag)
	if i.Criticality < HighestCriticality || i.Criticality > LowestCriticality {
		f.Add("criticality", "cmdb.unknown_choice")
	}
	if i.Zone != "" {
		if _, err := time.LoadLocation(i.Zone); err != nil || i.Zone == "Local" {
			f.Add("timezone", "cmdb.zone", "Zone", i.Zone)
		}
	}
	if i.Class != ClassService {
		if i.PolicyID != 0 {
			f.Add("policy", "cmdb.services_only")
		}
		if i.Zone != "" {
			f.Add("timezone", "cmdb.services_only")
		}
	}
}

func checkLine(f *fault.Fields, field, text string, most int) {
	switch {
	case !storable(text):
		f.Add(field, "cmdb.not_text")
	case utf8.RuneCountInString(text) > most:
		f.Add(field, "cmdb.too_long", "Max", strconv.Itoa(most))
	}
}

// storable tells whether PostgreSQL takes the text: UTF-8 without NUL.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// record is the item as the audit log tells changes of it.
func (i *Item) record() map[string]string {
	return map[string]string{
		"class": string(i.Class), "name_en": i.Name.En, "name_ru": i.Name.Ru, "name_uk": i.Name.Uk, "tag": i.Tag,
		"criticality": strconv.Itoa(i.Criticality), "owner": idText(i.OwnerID), "team": idText(i.TeamID), "policy": idText(i.PolicyID),
		"timezone": i.Zone, "active": strconv.FormatBool(i.Active),
	}
}

func idText(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
