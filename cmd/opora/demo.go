package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"opora/auth"
	"opora/auth/directory/demodir"
)

// demoCommand is the server on the demo company. With a desk that people use it has nothing to do.
type demoCommand struct {
	Config `embed:""`
}

// Run starts the demo directory, founds the company where it is not there yet, and serves until SIGTERM or SIGINT.
func (c *demoCommand) Run(ctx context.Context, env environmentFaults) (err error) {
	company, err := readCompany()
	if err != nil {
		return err
	}
	c.LDAP = LDAP{Roles: company.roleMap()}
	if c.Web.Timezone == "UTC" { // nobody asked for another one
		c.Web.Timezone = "Europe/Kyiv"
	}
	a, err := open(ctx, c.Config, env, asServer)
	if err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(c.Web.Listen); err == nil && !loopback(host) {
		a.Log.Warn("the demo is open to other machines, and everybody's password is known", "listen", c.Web.Listen)
	}
	directory, err := demodir.Start(filepath.Join(a.place.dir, "demo-directory"), "")
	if err != nil {
		return errors.Join(err, a.Close())
	}
	defer func() { err = errors.Join(err, directory.Close()) }()
	with := directory.Config()
	d, err := a.desk(ctx, &with)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	seeds := &demo{db: d.DB, auth: d.Auth, items: d.Items, tickets: d.Tickets}
	if err := seeds.seed(ctx, time.Now()); err != nil {
		return fmt.Errorf("setting the demo company up: %w", err)
	}
	return d.serve(ctx, func(address string) { welcome(os.Stdout, address) })
}

// roleMap gives the directory's groups their roles.
func (c *demoCompany) roleMap() RoleMap {
	m := RoleMap{}
	for group, role := range c.Roles {
		m[group] = []auth.Role{role}
	}
	return m
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// welcome says where the demo is and who signs in with what.
func welcome(w io.Writer, address string) {
	fmt.Fprintf(w, "\nOpora is ready: %s\n\n", address)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "  LOGIN\tPASSWORD\tNAME\tROLE")
	for _, a := range demodir.Accounts() {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", a.Login, demodir.Password, a.Name, a.Role)
	}
	_ = table.Flush() // to a terminal; nobody is left to be told
	fmt.Fprintf(w, "\nEverybody else of the demo company signs in with the same password. Ctrl+C stops Opora; its data stays.\n\n")
}
