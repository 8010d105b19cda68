package main

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
)

// garbagePercent lets the heap of a server grow by so much between two collections, unless GOGC says otherwise: pages come a little
// sooner for some 15 MiB more.
const garbagePercent = 150

// serveCommand is the server.
type serveCommand struct {
	Config `embed:""`
}

// Run serves until SIGTERM or SIGINT, and then drains.
func (c *serveCommand) Run(ctx context.Context, env environmentFaults) (err error) {
	a, err := open(ctx, c.Config, env, asServer)
	if err != nil {
		return err
	}
	d, err := a.desk(ctx, nil)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	return d.serve(ctx, func(address string) { d.App.Log.Info("Opora is ready", "address", address) })
}
