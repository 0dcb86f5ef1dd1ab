package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/proxy"
)

// rolloutReport is what rollout status prints as JSON: what the server says of its
// rollouts and of itself.
type rolloutReport struct {
	engine.RolloutStatus
	Server engine.Status `json:"server"`
}

func rolloutStatus() *cobra.Command {
	var flags serverFlags
	var all, check bool
	cmd := command("status [ROUTE]", "Shows how much of each route goes to its service",
		"Shows how much of each route goes to its service, who said so and why, and whether anything is wrong: the brake, a refused table, a store that does not answer, a breaker that is open.\n"+
			"Of a rollout: its step, when the next one may begin and what it waits for, and each guard's verdict (pass, fail, not enough data, could not measure) with its counts.",
		cobra.MaximumNArgs(1), func(ctx context.Context, t *terminal, args []string) error {
			server, err := flags.open()
			if err != nil {
				return err
			}
			var now rolloutReport
			if err := server.get(ctx, admin.PathStatus, &now.Server); err != nil {
				return err
			}
			if err := server.get(ctx, admin.PathRollout, &now.RolloutStatus); err != nil {
				return err
			}
			if len(args) == 1 {
				all = true
				if err := now.only(args[0]); err != nil {
					return err
				}
			}
			if t.json {
				if err := t.printJSON(now); err != nil {
					return err
				}
			} else {
				now.print(t, all)
			}
			if check && now.wrong() {
				return errFindings
			}
			return nil
		})
	flags.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also routes that have no service yet")
	cmd.Flags().BoolVar(&check, "check", false, "end with exit code 3 when the brake is on, the table or flags are refused, the store does not answer or has not taken all, sessions cannot be looked up, or no key signs tokens")
	cmd.ValidArgsFunction = completeRoutes(&flags, anyRoute)
	return cmd
}

// only leaves one route.
func (r *rolloutReport) only(name string) error {
	r.Server.Shadows = slices.DeleteFunc(r.Server.Shadows, func(s engine.ShadowSummary) bool { return s.Route != name })
	names := make([]string, len(r.Routes))
	for i := range r.Routes {
		if names[i] = r.Routes[i].Route; names[i] == name {
			r.Routes = r.Routes[i : i+1]
			return nil
		}
	}
	return noRoute(name, names...)
}

func (r *rolloutReport) print(t *terminal, all bool) {
	if brake := r.Brake; brake != nil {
		t.styled(red, "BRAKE ON: every route is on the monolith since %s, by %s: %s", moment(brake.Since), brake.By, brake.Reason)
	}
	r.printTrouble(t)
	rows := make([][]cell, 0, len(r.Routes))
	for i := range r.Routes {
		route := &r.Routes[i]
		if route.Service == "" && !all {
			continue
		}
		share, now := shareOf(route)
		row := append(cells(route.Route, route.Service, share, now), state(route))
		since, by, reason := last(route)
		row = append(row, cells(since, by, reason)...)
		rows = append(rows, row)
	}
	t.table([]string{"ROUTE", "SERVICE", "SHARE", "NOW", "STATE", "SINCE", "BY", "REASON"}, rows)
	printProgress(t, r.Routes, len(r.Routes) == 1)
	printShadows(t, r.Server.Shadows)
	if len(r.Server.Targets) > 0 {
		t.line("")
		t.table([]string{"TARGET", "BREAKER", "IN FLIGHT", "FAILURES", "COUNTED SINCE", "LAST ERROR"}, targetRows(r.Server.Targets))
	}
}

func targetRows(targets []proxy.Status) [][]cell {
	rows := make([][]cell, 0, len(targets))
	for i := range targets {
		target := &targets[i]
		row := cells(target.Name, target.Breaker, fmt.Sprint(target.InFlight), fmt.Sprint(target.Failures), moment(target.Since), "")
		switch target.Breaker {
		case "open":
			row[1].style = red
		case "half_open":
			row[1].style = yellow
		}
		if target.LastError != "" {
			row[5].text = moment(target.LastErrorAt) + " " + target.LastError
		}
		rows = append(rows, row)
	}
	return rows
}
