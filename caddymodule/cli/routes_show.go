package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
)

func routesShow() *cobra.Command {
	var from source
	cmd := command("show ROUTE", "Shows all of one route", "Shows all of one route: what the table says, its salt, its share, and the last change.", cobra.ExactArgs(1),
		func(ctx context.Context, t *terminal, args []string) error {
			list, err := from.list(ctx)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(list, func(r admin.RouteAndState) bool { return r.Name == args[0] })
			switch {
			case i < 0:
				return noRoute(args[0], namesOf(list)...)
			case t.json:
				return t.printJSON(list[i])
			}
			show(t, &list[i])
			return nil
		})
	from.add(cmd)
	cmd.ValidArgsFunction = completeRoutes(&from.serverFlags, anyRoute)
	return cmd
}

// matches is what a route matches, in one line.
func matches(r *admin.Route) string {
	text := r.Match
	if len(r.Methods) > 0 {
		text = strings.Join(r.Methods, ",") + " " + text
	}
	if n := len(r.When.ConditionsOf()); n > 0 {
		text += fmt.Sprintf(" (+%d)", n)
	}
	return text
}

// show prints a route as a list of fields.
func show(t *terminal, r *admin.RouteAndState) {
	t.styled(bold, "%s", r.Name)
	field := func(name string, values ...string) {
		for _, value := range values {
			if value != "" {
				t.line("  %-10s %s", name, value)
				name = ""
			}
		}
	}
	field("match", r.Match)
	field("methods", strings.Join(r.Methods, ", "))
	field("when", r.When.ConditionsOf()...)
	field("owner", r.Owner)
	field("docs", r.Docs)
	field("service", r.Service)
	field("sticky", r.Sticky)
	field("rollout", r.Rollout.String())
	field("flag", r.Flag)
	field("pinned", r.PinAfterFailure)
	field("rewrite", r.Rewrite)
	field("timeout", r.Timeout)
	field("fallback", strings.Join(r.Fallback, ", "))
	field("writes", strings.Join(r.Writes, ", "))
	field("line", fmt.Sprint(r.Line))
	now := r.State
	if now == nil || r.Service == "" {
		return
	}
	field("cohort", now.Cohort)
	field("salt", now.Salt)
	field("share", now.Share.String())
	field("now", now.Effective.String())
	field("state", state(now).text)
	if now.Hold != nil {
		field("held", decider(now, nil))
	}
	field("version", fmt.Sprint(now.Version))
	if now.Version > 0 {
		field("changed", moment(now.Since)+" by "+who(now.By, now.Reason))
	}
}
