// Command opora is the service desk: the server and everything an operator does beside it. Each subcommand has a file of
// its own here; what they share (configuration, the data folder, the opening of the database) is in config.go and app.go.
// Rules do not belong here: a subcommand decodes its flags, calls a package and prints.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() { os.Exit(run(os.Args[1:])) }

// commands is the table of the subcommands.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the desk. Every key of the configuration stands in its help."`
	Demo    demoCommand    `cmd:"" help:"Serve the demo company, with a directory of its own: nothing to set up, everybody's password is known."`
	Admin   adminCommand   `cmd:"" help:"A way in for whoever has the machine."`
	Audit   auditCommand   `cmd:"" help:"Check the record of what happened."`
	SLA     slaCommand     `cmd:"" name:"sla" help:"Check and report service level clocks."`
	Import  importCommand  `cmd:"" help:"Bring in what another desk has kept."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this version's schema, and stop."`
	Backup  backupCommand  `cmd:"" help:"Write database, files and key fingerprint into one file; works beside a running server."`
	Restore restoreCommand `cmd:"" help:"Bring a backup into an empty OPORA_DATA (and an empty database)."`

	Worktime    worktimeCmd        `cmd:"" help:"Ask the working-time engine by rows of JSON; needs no database."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a running server whether it is ready; for containers and scripts."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// Exit codes. A usage error is what the caller typed or configured; a finding is what a check was asked to look for.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// errFinding is returned by a check that found something and has printed it: exit 1 without another word.
var errFinding = errors.New("the check found something")

// run is main without the process: it parses, runs the command and says how it went. SIGINT and SIGTERM end ctx; a second
// one ends the program at once.
func run(args []string) int {
	faults := takeFaultyEnvironment(new(commands))
	parser, err := newParser(new(commands), kong.Exit(os.Exit))
	if err != nil {
		fmt.Fprintln(os.Stderr, "opora:", err)
		return exitFailure
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "opora:", err)
		fmt.Fprintln(os.Stderr, "opora: see opora --help")
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(faults)
	err = command.Run()
	var bad *configError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFinding):
		return exitFailure
	case errors.As(err, &bad):
		fmt.Fprintln(os.Stderr, bad)
		return exitUsage
	}
	fmt.Fprintln(os.Stderr, "opora:", err)
	return exitFailure
}

func newParser(table *commands, options ...kong.Option) (*kong.Kong, error) {
	options = append(options,
		kong.Name("opora"),
		kong.Description("Opora, a service desk: one program, one PostgreSQL. Every key can be given as a flag or in the environment."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
	)
	return kong.New(table, options...)
}
