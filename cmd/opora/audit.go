package main

import (
	"context"
	"encoding/json"
	"os"

	"opora/internal/audit"
)

// auditCommand is about the record of what happened.
type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Read every event and find each that was changed, removed, cut off or put in behind Opora's back; exit 1 when there is one."`
}

type auditVerifyCommand struct {
	Config `embed:""`
}

// Run prints the findings as JSON.
func (c *auditVerifyCommand) Run(ctx context.Context, env environmentFaults) error {
	return withDesk(ctx, c.Config, env, func(d *Desk) error {
		r, err := d.Tickets.VerifyAudit(ctx)
		if err != nil {
			return err
		}
		if r.Findings == nil {
			r.Findings = []audit.Finding{}
		}
		return printCheck(r, len(r.Findings) > 0)
	})
}

// printCheck prints a result as JSON; found makes the command exit with 1.
func printCheck(result any, found bool) error {
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(result); err != nil {
		return err
	}
	if found {
		return errFinding
	}
	return nil
}
