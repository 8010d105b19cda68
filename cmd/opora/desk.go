package main

import (
	"context"
	"errors"
	"log/slog"

	"opora/auth"
	"opora/auth/directory"
	"opora/cmdb"
	"opora/internal/audit"
	"opora/internal/files"
	"opora/internal/jobs"
	"opora/itsm"
	"opora/migrations"
	"opora/web"
	"opora/workflows/schedule"
)

// Desk is the service desk as the commands use it: every package on the open data.
type Desk struct {
	*App
	Log       *audit.Log
	Auth      *auth.Service
	Items     *cmdb.Service
	Tickets   *itsm.Service
	store     *files.Store
	directory *directory.Client
	ldap      *directory.Config // nil: no directory
}

// environmentDirectory is the name of the directory that OPORA_LDAP_… describes. It is part of the key of its people.
const environmentDirectory = "default"

// desk puts the packages together on the open data. with replaces the directory of the configuration; nil leaves it.
func (a *App) desk(ctx context.Context, with *directory.Config) (d *Desk, err error) {
	key, err := audit.NewKey(a.Secret)
	if err != nil {
		return nil, err
	}
	d = &Desk{App: a}
	if d.store, err = files.Open(a.Files, int64(a.Config.Web.MaxUpload)); err != nil {
		return nil, err
	}
	if with == nil {
		if with, err = a.Config.LDAP.Directory(); err != nil {
			return nil, err
		}
	}
	var directories []auth.Directory
	if with != nil {
		if d.directory, err = directory.New(*with); err != nil {
			return nil, err
		}
		d.ldap = with
		directories = append(directories, auth.Directory{Name: environmentDirectory, Client: d.directory, Roles: a.Config.LDAP.Roles})
	}
	d.Log = audit.NewLog(a.DB, key)
	d.Auth = auth.New(a.DB, d.Log, directories, auth.Config{
		Idle: a.Config.Web.SessionIdle, Max: a.Config.Web.SessionMax, Language: a.Config.Web.Language, Zone: a.Config.Web.Zone(),
	})
	d.Items = cmdb.New(a.DB, d.Log)
	d.Tickets = itsm.New(a.DB, key, d.store)
	return d, d.Tickets.Defaults(ctx, a.Config.Web.Timezone)
}

// Close lets go of the data.
func (d *Desk) Close() error {
	if d.directory != nil {
		d.directory.Close()
	}
	return errors.Join(d.store.Close(), d.App.Close())
}

// tasks is the clockwork of the desk. A sweep does all that is due by now, so a tick that was missed costs nothing.
func (d *Desk) tasks() []schedule.Task {
	return []schedule.Task{
		{Name: "itsm.escalate", Spec: "*/15 * * * * *", Run: d.Tickets.Escalate},
		{Name: "itsm.autoclose", Spec: "30 */5 * * * *", Run: d.Tickets.AutoClose},
		{Name: "itsm.uploads", Spec: "0 40 * * * *", Run: d.Tickets.SweepUploads},
		{Name: "auth.sessions", Spec: "0 10 * * * *", Run: d.Auth.Sweep},
	}
}

// system is what the administration shows of the set-up.
func (d *Desk) system(tasks []string) web.System {
	return web.System{Tasks: tasks, Directory: d.ldap, Client: d.directory, Roles: d.Config.LDAP.Roles, Database: func(ctx context.Context) (web.Database, error) {
		state, err := migrations.Look(ctx, d.DB)
		return web.Database(state), err
	}}
}

// serve runs pages, live updates, jobs and clockwork until ctx ends, and then lets all of them finish.
func (d *Desk) serve(ctx context.Context, ready func(address string)) (err error) {
	client, err := jobs.Open(ctx, jobs.Config{DSN: d.DSN, Logger: d.App.Log})
	if err != nil {
		return err
	}
	defer func() {
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err = errors.Join(err, client.Stop(wait))
	}()
	d.Tickets.Register(client)
	clockwork, err := schedule.New(client, d.App.Log, d.tasks()...)
	if err != nil {
		return err
	}
	server, err := d.listen(ctx)
	if err != nil {
		return err
	}
	opora, _ := version()
	pages, err := web.New(web.Config{
		URL: d.Config.Web.Address(), TrustedProxies: d.Config.Web.TrustedProxies, MaxUpload: int64(d.Config.Web.MaxUpload), Language: d.Config.Web.Language,
		Zone: d.Config.Web.Zone(), Version: opora,
	}, web.Deps{
		Desk: d.Tickets, Auth: d.Auth, Items: d.Items, Jobs: client, Log: d.Log, LiveDSN: d.DSN, Ready: func(ctx context.Context) error {
			return errors.Join(d.DB.PingContext(ctx), client.Alive(ctx))
		},
		System: d.system(clockwork.Names()),
	})
	if err != nil {
		return err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	clockwork.Start(context.WithoutCancel(ctx))
	defer clockwork.Stop()
	live, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := pages.Live(live); err != nil {
			slog.Error("live updates ended", "error", err)
		}
	}()
	defer func() { stop(); <-ended }()
	go func() {
		<-server.Draining()
		pages.Drain()
	}()
	if err := d.place.write(d.Config.Web.Address()); err != nil {
		return err
	}
	ready(d.Config.Web.Address())
	return server.serve(ctx, pages)
}
