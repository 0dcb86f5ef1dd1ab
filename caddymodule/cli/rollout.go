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
	family(cmd, rolloutSet(), rolloutHold(), rolloutRelease(), rolloutStatus(), rolloutStart(),
		rolloutAdvance(), rolloutPause(), rolloutResume(), rolloutApprove(), rolloutAbort(), rolloutUndo(), rolloutHistory(), rolloutPreview())
}

// verb is a command that changes one route.
type verb struct {
	*cobra.Command
	server serverFlags
	how    actFlags
}

// rolloutVerb makes the command of a verb with its path and what is sent there.
func rolloutVerb(use, short, long string, args int, path string, body func(v *verb, args []string) (any, error)) *verb {
	v := new(verb)
	v.Command = command(use, short, long, cobra.ExactArgs(args), func(ctx context.Context, t *terminal, args []string) error {
		request, err := body(v, args)
		if err != nil {
			return err
		}
		return change(ctx, t, &v.server, &v.how, path, request)
	})
	v.server.add(v.Command)
	waits := waitsInForce
	if path == admin.PathStart {
		waits = "wait until the rollout is complete (0), was rolled back by a guard (6), or was stopped by somebody (7); tells what it waits for"
	}
	v.how.add(v.Command, waits)
	v.ValidArgsFunction = completeRoutes(&v.server, moving)
	return v
}

// routeVerb is a verb that says the route and no more. With needsReason, the
// reason is required.
func routeVerb(name, short, long, path string, needsReason bool) *verb {
	return rolloutVerb(name+" ROUTE", short, long, 1, path, func(v *verb, args []string) (any, error) {
		if needsReason && v.how.reason == "" {
			return nil, reasonRequired(v, args[0])
		}
		return admin.RouteRequest{Act: v.how.act(), Route: args[0]}, nil
	})
}

func reasonRequired(v *verb, route string) error {
	return usage(`a reason is required: %s %s --reason "why"`, v.CommandPath(), route)
}

func rolloutSet() *cobra.Command {
	v := rolloutVerb("set ROUTE PERCENT", "Gives a share of a route to its service",
		"Gives a share of a route to its service: 0 to 100, with at most four decimals. Raising it never moves anybody back. A running rollout is paused.", 2,
		admin.PathSet, func(v *verb, args []string) (any, error) {
			if _, err := routes.ParsePercent(args[1]); err != nil {
				return nil, usage("%s", err)
			}
			percent := json.Number(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(args[1]), "%")))
			return admin.SetRequest{Act: v.how.act(), Route: args[0], Percent: percent}, nil
		})
	flagError := v.FlagErrorFunc()
	v.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		for _, arg := range os.Args {
			if _, number := strconv.ParseFloat(arg, 64); number == nil && strings.HasPrefix(arg, "-") {
				err = fmt.Errorf("%s is no share: it must be 0 to 100", arg)
			}
		}
		return flagError(cmd, err)
	})
	v.Example = `  strangler rollout set faq-read 25 --reason "a quarter, error rate is flat"
  strangler rollout set faq-read 0.01 --dry-run`
	return v.Command
}

func rolloutHold() *cobra.Command {
	var lasts time.Duration
	v := rolloutVerb("hold ROUTE", "Keeps a route on the monolith until it is released",
		"Keeps a route on the monolith, at once, until it is released. Its share stays what it was, for then. --reason is required.", 1,
		admin.PathHold, func(v *verb, args []string) (any, error) {
			if v.how.reason == "" {
				return nil, reasonRequired(v, args[0])
			}
			if lasts < 0 {
				return nil, usage("--for %v is in the past", lasts)
			}
			body := admin.HoldRequest{Act: v.how.act(), Route: args[0]}
			if lasts > 0 {
				body.Until = time.Now().Add(lasts).UTC().Truncate(time.Second)
			}
			return body, nil
		})
	v.Flags().DurationVar(&lasts, "for", 0, "end the hold by itself after this time, such as 30m (default: until released)")
	v.Example = `  strangler rollout hold faq-read --reason "wrong answers for long questions"`
	return v.Command
}

func rolloutRelease() *cobra.Command {
	return routeVerb("release", "Ends a route's hold",
		"Ends a route's hold: it has again the share it had. A rollout goes on, its step begins anew.", admin.PathRelease, false).Command
}

// moment is a time as people read it, in their own zone.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Local().Format("2006-01-02 15:04:05")
}
