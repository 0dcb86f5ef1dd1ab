package cli

import (
	"context"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
)

func brakeFamily(cmd *cobra.Command) {
	var server serverFlags
	var why actFlags
	server.add(cmd)
	why.add(cmd, waitsInForce)
	cmd.Flags().Bool("json", false, "print JSON")
	strict(cmd, cobra.MaximumNArgs(1))
	ownHelp(cmd)
	cmd.Example = `  strangler brake "incident 4711"
  strangler brake release --reason "4711 is over"`
	cmd.RunE = run(func(ctx context.Context, t *terminal, args []string) error {
		if len(args) == 1 {
			if why.reason != "" {
				return usage("the reason is there twice: %q and %q", args[0], why.reason)
			}
			if looksLikeVerb(args[0]) {
				return usage("did you mean: strangler brake release, or rollout status? (a reason as short as %q is given by --reason)", args[0])
			}
			why.reason = args[0]
		}
		if why.reason == "" {
			return usage(`a reason is required: strangler brake "incident 4711"`)
		}
		return change(ctx, t, &server, &why, admin.PathBrake, admin.BrakeRequest{Act: why.act()})
	})
	cmd.AddCommand(brakeRelease())
}

// looksLikeVerb reports whether a reason was meant to do something else: the
// brake must not be put on by who wants it off, or only looks.
func looksLikeVerb(reason string) bool {
	switch strings.ToLower(reason) {
	case "off", "on", "stop", "end", "status", "show", "help", "undo":
		return true
	}
	return levenshtein.Distance(reason, "release", nil) < 3
}

func brakeRelease() *cobra.Command {
	var server serverFlags
	var why actFlags
	cmd := command("release", "Releases the brake", "Releases the brake: every route is again where it was.", cobra.NoArgs,
		func(ctx context.Context, t *terminal, _ []string) error {
			return change(ctx, t, &server, &why, admin.PathReleaseOfBrake, admin.BrakeRequest{Act: why.act()})
		})
	server.add(cmd)
	why.add(cmd, waitsInForce)
	return cmd
}

// change asks the server for a change, prints what it did and, when asked to,
// waits for it.
func change(ctx context.Context, t *terminal, flags *serverFlags, how *actFlags, path string, body any) error {
	if how.dryRun && how.wait {
		return usage("--dry-run changes nothing, so there is nothing to --wait for")
	}
	server, err := flags.open()
	if err != nil {
		return err
	}
	var made engine.Made
	if err := server.post(ctx, path, body, &made); err != nil {
		return err
	}
	if t.json {
		err = t.printJSON(made)
	} else {
		printMade(t, made)
	}
	if err != nil || !how.wait {
		return err
	}
	return (&waiter{terminal: t, server: server, made: made}).wait(ctx)
}
