package cmdb_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/internal/testkit"
)

// desk is a database with three people: 1 manages items, 2 is an agent, 3 is an employee.
func desk(t *testing.T) (*cmdb.Service, *db.DB, *audit.Log) {
	t.Helper()
	pool := testkit.DB(t)
	for _, statement := range []string{
		`INSERT INTO people (id, login, name) VALUES (1, 'config', 'Config Manager'), (2, 'agent', 'Agent'), (3, 'anna', 'Anna')`,
		`INSERT INTO people (id, login, name, active) VALUES (4, 'gone', 'Gone', false)`,
		`INSERT INTO teams (id, code, name) VALUES (7, 'apps', '{"en":"Applications"}')`,
		`INSERT INTO sla_policies (id, code, name) VALUES (5, 'gold', '{"en":"Gold"}')`,
	} {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	key, err := audit.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	log := audit.NewLog(pool, key)
	return cmdb.New(pool, log), pool, log
}

var (
	manager  = auth.Actor{ID: 1, Roles: []auth.Role{auth.ConfigurationManager}, Channel: auth.Admin, RequestID: "r1", Language: "en"}
	agent    = auth.Actor{ID: 2, Roles: []auth.Role{auth.Agent}, Language: "ru"}
	employee = auth.Actor{ID: 3, Language: "uk"}
)

func fields(err error) []string {
	var e *fault.Error
	if !errors.As(err, &e) {
		return nil
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Name+" "+f.ID)
		if !locale.Has(f.ID) {
			out = append(out, "not in the catalogue: "+f.ID)
		}
	}
	return out
}

func save(t *testing.T, s *cmdb.Service, i cmdb.Item) cmdb.Item {
	t.Helper()
	saved, err := s.Save(t.Context(), manager, i)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func TestSaveKeepsWhatWasGivenAndGuardsTheVersion(t *testing.T) {
	s, _, log := desk(t)
	mail := save(t, s, cmdb.Item{
		Class: cmdb.ClassService, Name: locale.Text{En: " Mail ", Ru: "Почта"}, Tag: "SVC-1", Criticality: 1,
		OwnerID: 3, TeamID: 7, PolicyID: 5, Zone: "Europe/Kyiv", Active: true,
	})
	want := cmdb.Item{
		ID: mail.ID, Class: cmdb.ClassService, Name: locale.Text{En: "Mail", Ru: "Почта"}, Tag: "SVC-1", Criticality: 1,
		OwnerID: 3, TeamID: 7, PolicyID: 5, Zone: "Europe/Kyiv", Active: true, Version: 1, Owner: "Anna", Team: locale.Text{En: "Applications"},
	}
	if diff := cmp.Diff(want, mail); diff != "" {
		t.Fatal(diff)
	}

	first := mail
	first.Criticality = 2
	if got := save(t, s, first); got.Version != 2 || got.Criticality != 2 {
		t.Fatalf("changed item: %+v", got)
	}
	second := mail
	second.Criticality = 3
	if _, err := s.Save(t.Context(), manager, second); !fault.Is(err, fault.Conflict) {
		t.Fatalf("the second of two writers got %v, want a conflict", err)
	}

	entries, err := log.List(t.Context(), audit.Settings, time.Now().Add(time.Hour), 10)
	if err != nil || len(entries) != 2 {
		t.Fatalf("audit log: %d entries, %v; want the creation and one change", len(entries), err)
	}
	if diff := cmp.Diff(map[string]string{"criticality": "1 → 2"}, entries[0].Details); diff != "" {
		t.Error(diff)
	}
	if e := entries[0]; e.ActorID != 1 || e.Action != "item.changed" || e.RequestID != "r1" || e.Channel != "admin" {
		t.Errorf("audit entry: %+v", e)
	}
}

func TestSaveSaysAllFaultsAtOnce(t *testing.T) {
	s, _, _ := desk(t)
	save(t, s, cmdb.Item{Class: cmdb.ClassPrinter, Name: locale.Plain("Printer"), Tag: "PRN-1", Criticality: 3, Active: true})
	_, err := s.Save(t.Context(), manager, cmdb.Item{
		Class: "toaster", Name: locale.Text{Ru: strings.Repeat("я", cmdb.MaxName+1)}, Tag: "prn-1",
		Criticality: 5, OwnerID: 4, TeamID: 99, PolicyID: 99, Zone: "Mars/Olympus",
	})
	want := []string{
		"class cmdb.unknown_choice", "name_ru cmdb.too_long", "criticality cmdb.unknown_choice", "timezone cmdb.zone",
		"policy cmdb.services_only", "timezone cmdb.services_only", "owner cmdb.unknown_person", "team cmdb.unknown_choice",
		"policy cmdb.unknown_choice", "tag cmdb.tag_taken",
	}
	if diff := cmp.Diff(want, fields(err)); diff != "" {
		t.Error(diff)
	}

	_, err = s.Save(t.Context(), manager, cmdb.Item{Class: cmdb.ClassOther, Name: locale.Plain("  "), Tag: "a\x00b", Criticality: 3})
	if diff := cmp.Diff([]string{"name cmdb.name_needed", "tag cmdb.not_text"}, fields(err)); diff != "" {
		t.Error(diff)
	}
}

func TestSaveRefuses(t *testing.T) {
	s, pool, _ := desk(t)
	if _, err := s.Save(t.Context(), agent, cmdb.Item{}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an agent saves: %v", err)
	}
	if _, err := s.Save(t.Context(), manager, cmdb.Item{ID: 404}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an item that does not exist: %v", err)
	}
	service := save(t, s, cmdb.Item{Class: cmdb.ClassService, Name: locale.Plain("Mail"), Criticality: 3, OwnerID: 3, Active: true})
	service.Class = cmdb.ClassServer
	if _, err := s.Save(t.Context(), manager, service); !slices.Equal(fields(err), []string{"class cmdb.class_fixed"}) {
		t.Errorf("a service becomes a server: %v", err)
	}
	if _, err := pool.ExecContext(t.Context(), `UPDATE people SET active = false WHERE id = 3`); err != nil {
		t.Fatal(err)
	}
	service.Class, service.Criticality = cmdb.ClassService, 2
	if got := save(t, s, service); got.OwnerID != 3 {
		t.Errorf("an owner who has left is gone from the item: %+v", got)
	}
}

func TestListFindsWhatTheActorMaySee(t *testing.T) {
	s, _, _ := desk(t)
	for _, i := range []cmdb.Item{
		{Class: cmdb.ClassService, Name: locale.Text{En: "Mail and calendar", Ru: "Почта и календарь", Uk: "Пошта й календар"}, Criticality: 2, Active: true},
		{Class: cmdb.ClassService, Name: locale.Text{Ru: "Бухгалтерия"}, Criticality: 1, Active: true},
		{Class: cmdb.ClassService, Name: locale.Plain("Old intranet"), Criticality: 1},
		{Class: cmdb.ClassServer, Name: locale.Plain("mail-01"), Tag: "SRV_100%", Criticality: 2, Active: true},
		{Class: cmdb.ClassWorkstation, Name: locale.Plain("Laptop of Anna"), Tag: "NB-7", Criticality: 4, OwnerID: 3, Active: true},
		{Class: cmdb.ClassWorkstation, Name: locale.Plain("Laptop of somebody"), Tag: "NB-8", Criticality: 4, OwnerID: 2, Active: true},
	} {
		save(t, s, i)
	}
	for _, c := range []struct {
		actor  auth.Actor
		filter cmdb.Filter
		want   []string
	}{
		{agent, cmdb.Filter{Text: "mail"}, []string{"mail-01", "Почта и календарь"}},
		{agent, cmdb.Filter{Text: "КАЛЕНДАРЬ поч"}, []string{"Почта и календарь"}},
		{agent, cmdb.Filter{Text: "calender"}, []string{"Почта и календарь"}}, // a typing error
		{agent, cmdb.Filter{Text: "бухг"}, []string{"Бухгалтерия"}},           // a name without English
		{agent, cmdb.Filter{Text: "100%"}, []string{"mail-01"}},
		{agent, cmdb.Filter{Text: "%"}, []string{"mail-01"}}, // no wild card
		{agent, cmdb.Filter{Text: "laptop", Class: cmdb.ClassServer}, nil},
		{agent, cmdb.Filter{Text: "intranet"}, nil},
		{agent, cmdb.Filter{Text: "intranet", Retired: true}, []string{"Old intranet"}},
		{agent, cmdb.Filter{Text: "\x00"}, nil},
		{employee, cmdb.Filter{}, []string{"Бухгалтерия", "Пошта й календар", "Laptop of Anna"}},
		{employee, cmdb.Filter{Text: "nb"}, []string{"Laptop of Anna"}},
	} {
		items, more, err := s.List(t.Context(), c.actor, c.filter)
		if err != nil || more {
			t.Fatalf("%+v: %v, more %v", c.filter, err, more)
		}
		var got []string
		for _, i := range items {
			got = append(got, i.Name.In(c.actor.Language))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v: %s", c.filter, diff)
		}
	}

	if items, more, err := s.List(t.Context(), agent, cmdb.Filter{Limit: 2}); err != nil || len(items) != 2 || !more {
		t.Errorf("two of many: %d, more %v, %v", len(items), more, err)
	}
	if services, err := s.Services(t.Context(), employee); err != nil || len(services) != 2 {
		t.Errorf("services: %d, %v; want the two active ones", len(services), err)
	}
	if _, _, err := s.List(t.Context(), auth.Actor{}, cmdb.Filter{}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody lists items: %v", err)
	}
	others, err := s.Search(t.Context(), agent, "NB-8", "", 1)
	if err != nil || len(others) != 1 {
		t.Fatalf("search: %v, %v", others, err)
	}
	if _, err := s.Get(t.Context(), employee, others[0].ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("somebody else's laptop: %v", err)
	}
}

func TestEveryClassAndCriticalityHasAName(t *testing.T) {
	for _, c := range cmdb.Classes {
		if !locale.Has(c.Label()) {
			t.Errorf("no name for %s", c)
		}
	}
	for n := cmdb.HighestCriticality; n <= cmdb.LowestCriticality; n++ {
		if id := cmdb.CriticalityLabel(n); !locale.Has(id) {
			t.Errorf("no name for %s", id)
		}
	}
}
