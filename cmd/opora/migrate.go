package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"opora/migrations"
)

// migrateCommand is for installations that start their servers with OPORA_NO_MIGRATE.
type migrateCommand struct {
	Config `embed:""`
}

// Run migrates and says how many steps that took. Beside a running server of this version there is nothing left to do.
func (c *migrateCommand) Run(ctx context.Context, env environmentFaults) (err error) {
	if err := c.Check(env); err != nil {
		return err
	}
	p, err := enter(ctx, c.Place, c.Log.Logger(), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.leave()) }()
	n, err := migrations.Up(ctx, p.ownerDSN)
	if err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	_, err = fmt.Fprintf(os.Stdout, "{\"applied\":%d}\n", n)
	return err
}
