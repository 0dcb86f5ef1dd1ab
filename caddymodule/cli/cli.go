// Package cli is the part of the command line that is ours: one file per
// family of commands, all of them thin. What runs is asked of, and changed by,
// the running server's admin API; what is in files is read by package routes,
// the same code that the server loads tables with.
//
// Every command has --json, which prints one JSON document to standard output
// and nothing else there; --address where a server is asked; the exit codes of
// this package; and completion of route names from the running server. What is
// printed for people never contains control characters that somebody else
// wrote, and colours only on a terminal and without NO_COLOR.
package cli

import (
	"os"
	"os/user"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/rollout"
)

func init() {
	for _, c := range []caddycmd.Command{
		{
			Name:      "routes",
			Short:     "Shows, checks and explains routes",
			Long:      "Shows the routes of the running server, checks a route table's file, and explains which route a request gets and why." + exitHelp,
			CobraFunc: routesFamily,
		},
		{
			Name:      "rollout",
			Short:     "Shows and changes how much of a route goes to its service",
			Long:      "Shows and changes how much of a route goes to its service. Every change is recorded with who made it, when and why." + exitHelp,
			CobraFunc: rolloutFamily,
		},
		{
			Name:      "shadow",
			Short:     "Shows what comparing a service with the monolith came to",
			Long:      "Shows what comparing a service with the monolith came to: whether a route's gate is met, in which ways answers differ, what was not compared." + exitHelp,
			CobraFunc: shadowFamily,
		},
		{
			Name:      "sessions",
			Short:     "Says whose a session is, and why",
			Long:      "Says whose a session of the monolith is, and why." + exitHelp,
			CobraFunc: sessionsFamily,
		},
		{
			Name:      "keys",
			Short:     "Shows and changes the keys that sign tokens",
			Long:      "Shows and changes the keys that sign the tokens of services. Every change is recorded with who made it, when and why; no secret is shown." + exitHelp,
			CobraFunc: keysFamily,
		},
		{
			Name:      "token",
			Short:     "Mints tokens for local development",
			Long:      "Mints tokens for local development, which no server's keys verify." + exitHelp,
			CobraFunc: tokenFamily,
		},
		{
			Name:      "brake",
			Usage:     "REASON",
			Short:     "Sends every route to the monolith, at once",
			Long:      "Sends every route to the monolith, at once, until the brake is released. Releasing it restores exactly what was before." + exitHelp,
			CobraFunc: brakeFamily,
		},
	} {
		caddycmd.RegisterCommand(c)
	}
}

// command makes a subcommand with the flags that all have.
func command(use, short, long string, args cobra.PositionalArgs, act action) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long}
	if long == "" {
		cmd.Long = short + "."
	}
	cmd.Long += exitHelp
	cmd.Flags().Bool("json", false, "print JSON")
	strict(cmd, args)
	cmd.RunE = run(act)
	return cmd
}

// actFlags say who changes something and why, and how.
type actFlags struct {
	by, reason   string
	ifVersion    uint64
	dryRun, wait bool
}

func (f *actFlags) add(cmd *cobra.Command, waits string) {
	cmd.Flags().StringVar(&f.by, "by", "", "who makes the change (default USER@HOST)")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why; kept in the record")
	cmd.Flags().Uint64Var(&f.ifVersion, "if-version", 0, "only if what is changed still has this version (see: routes show, or --json); else exit code 5 and what the other person did")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would change, and change nothing")
	cmd.Flags().BoolVar(&f.wait, "wait", false, waits)
}

// waitsInForce is what --wait means for most verbs.
const waitsInForce = "wait until requests get what the change says: it is stored, and no brake, hold or open breaker is stronger"

func (f *actFlags) act() admin.Act {
	if f.by == "" {
		f.by = me()
	}
	return admin.Act{By: f.by, Reason: f.reason, Source: rollout.SourceCLI, IfVersion: f.ifVersion, DryRun: f.dryRun}
}

// me is user@host. With sudo it is who called it: root is nobody's name.
func me() string {
	name := os.Getenv("SUDO_USER")
	if name == "" {
		name = os.Getenv("USER")
	}
	if current, err := user.Current(); err == nil && os.Getenv("SUDO_USER") == "" {
		name = current.Username
	}
	if name == "" {
		name = "unknown"
	}
	if machine, err := os.Hostname(); err == nil {
		name += "@" + machine
	}
	return name
}

// completeRoutes completes the name of a route of the running server that is
// asked for. When there is no server it offers nothing, quickly.
func completeRoutes(flags *serverFlags, ask func(*admin.RouteAndState) bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return flags.routeNames(cmd.Context(), ask), cobra.ShellCompDirectiveNoFileComp
	}
}

// anyRoute and moving are routes that a command takes: all, or those that have
// a service.
func anyRoute(*admin.RouteAndState) bool { return true }
func moving(r *admin.RouteAndState) bool { return r.Service != "" }
