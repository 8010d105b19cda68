package web_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"opora/auth"
	"opora/auth/directory"
	"opora/auth/directory/demodir"
	"opora/cmdb"
	"opora/internal/audit"
	"opora/internal/files"
	"opora/internal/jobs"
	"opora/internal/locale"
	"opora/internal/testkit"
	"opora/itsm"
	"opora/migrations"
	"opora/web"
)

// house is a whole Opora: pages, live updates and jobs on a database of its own, and people who sign in with a directory. Printing
// belongs to the network team, and the VPN is looked after around the clock.
type house struct {
	url  string
	desk *itsm.Service
	vpn  int64 // the service
}

// newHouse starts it; when the test ends, what stands on something is closed before it.
func newHouse(t *testing.T) *house {
	t.Helper()
	database := testkit.NewDatabase(t)
	pool := database.Open(t)
	key, err := audit.NewKey([]byte("a secret of the tests, 32 bytes long"))
	must(t, err)
	store, err := files.Open(t.TempDir(), 1<<20)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	people, err := demodir.Start(t.TempDir(), "")
	must(t, err)
	t.Cleanup(func() { must(t, people.Close()) })
	client, err := directory.New(people.Config())
	must(t, err)
	t.Cleanup(client.Close)
	work, err := jobs.Open(t.Context(), jobs.Config{DSN: database.DSN})
	must(t, err)

	log := audit.NewLog(pool, key)
	h := &house{desk: itsm.New(pool, key, store)}
	h.desk.Register(work)
	door := auth.New(pool, log, []auth.Directory{{Name: "demo", Client: client, Roles: map[string][]auth.Role{
		"opora-agents": {auth.Agent}, "opora-leads": {auth.TeamLead}, "opora-admins": {auth.Administrator},
	}}}, auth.Config{})
	items := cmdb.New(pool, log)
	must(t, h.desk.Defaults(t.Context(), "Europe/Kyiv"))
	h.furnish(t, door, items)

	ldap := people.Config()
	pages, err := web.New(web.Config{MaxUpload: 1 << 20, Language: "en", Zone: time.UTC, Version: "test"}, web.Deps{
		Desk: h.desk, Auth: door, Items: items, Jobs: work, Log: log, LiveDSN: database.DSN,
		Ready: func(ctx context.Context) error { return errors.Join(pool.PingContext(ctx), work.Alive(ctx)) },
		System: web.System{Directory: &ldap, Client: client, Database: func(ctx context.Context) (web.Database, error) {
			state, err := migrations.Look(ctx, pool)
			return web.Database(state), err
		}},
	})
	must(t, err)
	must(t, work.Start(t.Context()))
	t.Cleanup(func() { must(t, work.Stop(context.WithoutCancel(t.Context()))) })
	live := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { live <- pages.Live(ctx) }()
	server := httptest.NewServer(pages)
	t.Cleanup(func() {
		pages.Drain()
		server.CloseClientConnections()
		server.Close()
		stop()
		must(t, <-live)
	})
	h.url = server.URL
	return h
}

func (h *house) furnish(t *testing.T, door *auth.Service, items *cmdb.Service) {
	t.Helper()
	machine := auth.MachineActor()
	var sites []auth.Site
	for code, zone := range map[string]string{"Kyiv": "Europe/Kyiv", "Almaty": "Asia/Almaty", "Berlin": "Europe/Berlin", "London": "Europe/London"} {
		sites = append(sites, auth.Site{Code: strings.ToLower(code), Name: locale.Text{En: code}, Timezone: zone})
	}
	must(t, door.EnsureSites(t.Context(), machine, sites))
	teams, err := door.EnsureTeams(t.Context(), machine, []auth.TeamSeed{
		{Code: "network", Group: "team-network", Name: locale.Text{En: "Network", Ru: "Сеть", Uk: "Мережа"}},
		{Code: "workplace", Group: "team-workplace", Name: locale.Text{En: "Workplace", Ru: "Рабочие места", Uk: "Робочі місця"}},
	})
	must(t, err)
	for _, login := range []string{"helen", "olena", "boris", "ihor", "anna", "maria"} {
		_, err := door.EnsurePerson(t.Context(), machine, login)
		must(t, err)
	}
	categories, err := h.desk.Categories(t.Context(), machine, itsm.AllCategories)
	must(t, err)
	for _, c := range categories {
		if c.Code == "printing" {
			c.TeamID = teams["network"]
			_, err := h.desk.SaveCategory(t.Context(), machine, c)
			must(t, err)
		}
	}
	policies, err := h.desk.Policies(t.Context(), machine)
	must(t, err)
	for _, p := range policies {
		if p.Definition.Calendar == itsm.AroundTheClock {
			vpn, err := items.Save(t.Context(), machine, cmdb.Item{
				Class: cmdb.ClassService, Tag: "SVC-VPN", Criticality: 2, TeamID: teams["network"], PolicyID: p.ID,
				Name: locale.Text{En: "Remote access", Ru: "Удалённый доступ", Uk: "Віддалений доступ"}, Active: true,
			})
			must(t, err)
			h.vpn = vpn.ID
		}
	}
	if h.vpn == 0 {
		t.Fatal("no policy runs around the clock")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
