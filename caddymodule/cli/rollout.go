package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/routes"
)

func rolloutFamily(cmd *cobra.Command) {
	family(cmd, rolloutSet(), rolloutHold(), rolloutRelease(), rolloutStatus())
}

// rolloutVerb is a command that changes one route.
func rolloutVerb(use, short, long string, args int, do func(ctx context.Context, t *terminal, server *serverFlags, why *actFlags, args []string) error) *cobra.Command {
	var server serverFlags
	var why actFlags
	cmd := command(use, short, long, cobra.ExactArgs(args), func(ctx context.Context, t *terminal, args []string) error {
		return do(ctx, t, &server, &why, args)
	})
	server.add(cmd)
	why.add(cmd)
	cmd.ValidArgsFunction = completeRoutes(&server, moving)
	return cmd
}

func rolloutSet() *cobra.Command {
	cmd := rolloutVerb("set ROUTE PERCENT", "Gives a share of a route to its service",
		"Gives a share of a route to its service: 0 to 100, with at most four decimals. Raising it never moves anybody back.", 2,
		func(ctx context.Context, t *terminal, server *serverFlags, why *actFlags, args []string) error {
			if _, err := routes.ParsePercent(args[1]); err != nil {
				return usage("%s", err)
			}
			percent := json.Number(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(args[1]), "%")))
			return change(ctx, t, server, admin.PathSet, admin.SetRequest{Act: why.act(), Route: args[0], Percent: percent})
		})
	flagError := cmd.FlagErrorFunc()
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		for _, arg := range os.Args {
			if _, number := strconv.ParseFloat(arg, 64); number == nil && strings.HasPrefix(arg, "-") {
				err = fmt.Errorf("%s is no share: it must be 0 to 100", arg)
			}
		}
		return flagError(cmd, err)
	})
	cmd.Example = `  strangler rollout set faq-read 25 --reason "a quarter, error rate is flat"
  strangler rollout set faq-read 0.01`
	return cmd
}

func rolloutHold() *cobra.Command {
	var lasts time.Duration
	cmd := rolloutVerb("hold ROUTE", "Keeps a route on the monolith until it is released",
		"Keeps a route on the monolith, at once, until it is released. Its share stays what it was, for then. --reason is required.", 1,
		func(ctx context.Context, t *terminal, server *serverFlags, why *actFlags, args []string) error {
			if why.reason == "" {
				return usage(`a reason is required: strangler rollout hold %s --reason "why"`, args[0])
			}
			if lasts < 0 {
				return usage("--for %v is in the past", lasts)
			}
			body := admin.HoldRequest{Act: why.act(), Route: args[0]}
			if lasts > 0 {
				body.Until = time.Now().Add(lasts).UTC().Truncate(time.Second)
			}
			return change(ctx, t, server, admin.PathHold, body)
		})
	cmd.Flags().DurationVar(&lasts, "for", 0, "end the hold by itself after this time, such as 30m (default: until released)")
	cmd.Example = `  strangler rollout hold faq-read --reason "wrong answers for long questions"`
	return cmd
}

func rolloutRelease() *cobra.Command {
	return rolloutVerb("release ROUTE", "Ends a route's hold", "Ends a route's hold: it has again the share it had.", 1,
		func(ctx context.Context, t *terminal, server *serverFlags, why *actFlags, args []string) error {
			return change(ctx, t, server, admin.PathRelease, admin.ReleaseRequest{Act: why.act(), Route: args[0]})
		})
}

// moment is a time as people read it, in their own zone.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Local().Format("2006-01-02 15:04:05")
}
