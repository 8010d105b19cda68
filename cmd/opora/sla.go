package main

import (
	"context"
	"fmt"
	"time"

	"opora/itsm"
)

// slaCommand is about the clocks.
type slaCommand struct {
	Verify slaVerifyCommand `cmd:"" help:"Replay every ticket and name each stored clock that differs; exit 1 when there is one."`
	Report slaReportCommand `cmd:"" help:"Print response, resolution and attainment of the incidents resolved in a period."`
}

type slaVerifyCommand struct {
	Config `embed:""`
}

// Run prints the differences as JSON.
func (c *slaVerifyCommand) Run(ctx context.Context, env environmentFaults) error {
	return withDesk(ctx, c.Config, env, func(d *Desk) error {
		r, err := d.Tickets.VerifyClocks(ctx)
		if err != nil {
			return err
		}
		if r.Faults == nil {
			r.Faults = []itsm.ClockFault{}
		}
		return printCheck(r, len(r.Faults) > 0)
	})
}

type slaReportCommand struct {
	Config `embed:""`
	From   string `required:"" placeholder:"DATE" help:"First day, as 2026-11-01, in OPORA_TIMEZONE."`
	To     string `required:"" placeholder:"DATE" help:"Last day, included."`
}

// Run prints the report as JSON.
func (c *slaReportCommand) Run(ctx context.Context, env environmentFaults) error {
	from, to, err := c.period()
	if err != nil {
		return err
	}
	return withDesk(ctx, c.Config, env, func(d *Desk) error {
		r, err := d.Tickets.Report(ctx, from, to)
		if err != nil {
			return err
		}
		return printCheck(r, false)
	})
}

// period reads the days; the moment after the last one is the end.
func (c *slaReportCommand) period() (from, to time.Time, err error) {
	zone := c.Web.Zone()
	var faults []string
	if from, err = time.ParseInLocation(time.DateOnly, c.From, zone); err != nil {
		faults = append(faults, fmt.Sprintf("--from: %q is no day; 2026-11-01 would be right", c.From))
	}
	if to, err = time.ParseInLocation(time.DateOnly, c.To, zone); err != nil {
		faults = append(faults, fmt.Sprintf("--to: %q is no day; 2026-11-30 would be right", c.To))
	}
	to = to.AddDate(0, 0, 1)
	if len(faults) == 0 && !to.After(from) {
		faults = append(faults, "--to: lies before --from")
	}
	if len(faults) > 0 {
		return from, to, &configError{faults}
	}
	return from, to, nil
}
