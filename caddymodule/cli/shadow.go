package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/shadow/report"
)

func shadowFamily(cmd *cobra.Command) {
	family(cmd, shadowStatus(), shadowReport(), shadowSignatures(), shadowSamples(), shadowRules(), shadowReset(), shadowResume(), shadowExport(), shadowReplay())
}

// shadowFlags say where the server is and which route is meant.
type shadowFlags struct {
	serverFlags
	route string
}

func (f *shadowFlags) add(cmd *cobra.Command) {
	f.serverFlags.add(cmd)
	cmd.Flags().StringVar(&f.route, "route", "", "the `route` (default: all that have a shadow)")
	_ = cmd.RegisterFlagCompletionFunc("route", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return f.routeNames(cmd.Context(), shadowed), cobra.ShellCompDirectiveNoFileComp
	}) // it fails for a flag that is not there
}

// addOne is add for a command that is about one route.
func (f *shadowFlags) addOne(cmd *cobra.Command) {
	f.add(cmd)
	cmd.Flags().Lookup("route").Usage = "the `route`, which is required"
}

// shadowed are the routes whose answers are compared.
func shadowed(r *admin.RouteAndState) bool { return r.Shadow != nil }

// required says that the route must be named, in one form.
func (f *shadowFlags) required(t *terminal) error {
	if f.route == "" {
		return usage("a route is required: %s --route ROUTE", t.commandPath)
	}
	return nil
}

// ask asks for something of the routes that are meant.
func (f *shadowFlags) ask(ctx context.Context, path string, query url.Values, v any) error {
	server, err := f.open()
	if err != nil {
		return err
	}
	if query == nil {
		query = url.Values{}
	}
	if f.route != "" {
		query.Set("route", f.route)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	if err = server.get(ctx, path, v); err != nil {
		return f.explain(ctx, server, err)
	}
	return nil
}

// explain adds the way out to an error about a route: what is missing where.
func (f *shadowFlags) explain(ctx context.Context, server *server, err error) error {
	failed, ours := errors.AsType[*failure](err)
	if !ours || failed.code != ExitError || f.route == "" {
		return err
	}
	var list []admin.RouteAndState
	if server.get(ctx, admin.PathRoutes, &list) != nil {
		return err
	}
	for i := range list {
		switch r := &list[i]; {
		case r.Name != f.route:
		case r.Shadow == nil && r.Service == "":
			return notShadowed(f.route, "route table: give the route a service and a shadow:\n  service: NAME\n  shadow: {}")
		case r.Shadow == nil:
			return notShadowed(f.route, "route table: add to the route\n  shadow: {}")
		default:
			return err
		}
	}
	return noRoute(f.route, namesOf(list)...)
}

// errNotShadowed says of a route that it is there, and has no shadow.
var errNotShadowed = errors.New("it has no shadow")

func notShadowed(route, hint string) error {
	return &failure{code: ExitError, err: fmt.Errorf("nothing is compared on the route %q: %w", route, errNotShadowed), hint: hint}
}

// report asks for the report.
func (f *shadowFlags) report(ctx context.Context) (*report.Report, error) {
	r := new(report.Report)
	return r, f.ask(ctx, admin.PathShadowReport, nil, r)
}

// printPart asks for the report and prints a part of it: as JSON what part takes of
// each route, else as text does.
func printPart[T any](ctx context.Context, f *shadowFlags, t *terminal, part func(*report.Route) T, text func(*terminal, *report.Report)) error {
	r, err := f.report(ctx)
	if err != nil {
		return err
	}
	if t.json {
		return t.printJSON(report.PartOf(r, part))
	}
	text(t, r)
	return nil
}

func share(part float64) string    { return strconv.FormatFloat(100*part, 'g', 3, 64) + " %" }
func joined(lines []string) string { return strings.Join(lines, "; ") }
