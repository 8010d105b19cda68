package main

import (
	"context"
	"os"

	"opora/workflows/worktime"
)

// worktimeCmd asks the working-time engine, without a server and without a database.
type worktimeCmd struct {
	Eval worktimeEvalCmd `cmd:"" help:"Answer rows of JSON on standard input (calendar, kind, instants), one line of JSON each."`
}

type worktimeEvalCmd struct{}

// Run answers until standard input ends.
func (*worktimeEvalCmd) Run(ctx context.Context) error {
	return worktime.Eval(ctx, os.Stdin, os.Stdout)
}
