package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// adminCommand is for whoever has the machine but no way in.
type adminCommand struct {
	Link adminLinkCommand `cmd:"" help:"Print a link that signs in the local administrator, once and within 15 minutes, for one hour."`
}

type adminLinkCommand struct {
	Config `embed:""`
}

// Run prints the link.
func (c *adminLinkCommand) Run(ctx context.Context, env environmentFaults) error {
	return withDesk(ctx, c.Config, env, func(d *Desk) error {
		address := d.Config.Web.Address()
		if d.place.address != "" && d.Config.Web.URL == "" {
			address = d.place.address // the server that runs knows where it is
		}
		link, err := d.Auth.AdminLink(ctx, address)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(os.Stdout, link)
		return err
	})
}

// withDesk opens the data beside a running server or alone, and closes it after f.
func withDesk(ctx context.Context, c Config, env environmentFaults, f func(d *Desk) error) (err error) {
	a, err := open(ctx, c, env, asTool)
	if err != nil {
		return err
	}
	d, err := a.desk(ctx, nil)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return f(d)
}
