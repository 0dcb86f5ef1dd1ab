package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/routes"
)

func routesFamily(cmd *cobra.Command) {
	speakUp(cmd)
	family(cmd, routesList(), routesShow(), routesLint(), routesExplain(), routesSchema())
}

// source is where routes come from: the running server, or a file.
type source struct {
	serverFlags
	file string
}

func (s *source) add(cmd *cobra.Command) {
	s.serverFlags.add(cmd)
	cmd.Flags().StringVar(&s.file, "routes", "", "read this route table instead of asking the running server")
}

// list is all routes in the table's order; those of a file have no rollout.
func (s *source) list(ctx context.Context) ([]admin.RouteAndState, error) {
	var list []admin.RouteAndState
	if s.file == "" {
		server, err := s.open()
		if err != nil {
			return nil, err
		}
		return list, server.get(ctx, admin.PathRoutes, &list)
	}
	table, err := loadTable(s.file)
	if err != nil {
		return nil, err
	}
	for _, r := range admin.DocumentOf(table).Routes {
		list = append(list, admin.RouteAndState{Route: r})
	}
	return list, nil
}

// loadTable reads a table that has no errors.
func loadTable(file string) (*routes.Table, error) {
	data, err := readInput(file)
	if err != nil {
		return nil, err
	}
	table, problems := engine.LoadTable(file, data, time.Now())
	if table == nil {
		return nil, &failure{code: ExitError, err: problems.Err(), hint: "all that is wrong: strangler routes lint " + file}
	}
	return table, nil
}

// readInput reads a file, or standard input for "-".
func readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
}

func routesList() *cobra.Command {
	var from source
	cmd := command("list", "Lists the routes", "Lists the routes in the order of the table, with the share that goes to the service now.", cobra.NoArgs,
		func(ctx context.Context, t *terminal, _ []string) error {
			list, err := from.list(ctx)
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(list)
			}
			rows := make([][]cell, 0, len(list))
			for i := range list {
				r := &list[i]
				row := cells(r.Name, matches(&r.Route), r.Owner, r.Service, "", "")
				switch {
				case r.State == nil && r.Percent != nil: // of a file; nobody was asked
					row[5].text = fmt.Sprintf("declared at %v %%", *r.Percent)
				case r.State != nil:
					row[4].text, row[5] = r.State.Effective.String(), state(r.State)
				}
				rows = append(rows, row)
			}
			t.table([]string{"ROUTE", "MATCH", "OWNER", "SERVICE", "NOW", "STATE"}, rows)
			return nil
		})
	from.add(cmd)
	return cmd
}

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

func routesLint() *cobra.Command {
	var strictly bool
	cmd := command("lint FILE", "Checks a route table",
		"Checks a route table and prints all that is wrong, one problem a line as FILE:LINE:COLUMN, with what to write instead.\n"+
			"FILE may be - for standard input. It ends with exit code 3 when the server would refuse the table; with --strict also for a warning.",
		cobra.ExactArgs(1), func(_ context.Context, t *terminal, args []string) error {
			data, err := readInput(args[0])
			if err != nil {
				return err
			}
			table, problems := engine.LoadTable(args[0], data, time.Now())
			if err := printProblems(t, table, problems); err != nil {
				return err
			}
			if problems.Err() != nil || strictly && len(problems) > 0 {
				return errFindings
			}
			return nil
		})
	cmd.Flags().BoolVar(&strictly, "strict", false, "warnings count as findings too")
	return cmd
}

func printProblems(t *terminal, table *routes.Table, problems routes.Problems) error {
	if t.json {
		if problems == nil {
			problems = routes.Problems{}
		}
		return t.printJSON(problems)
	}
	for _, p := range problems {
		s := yellow
		if p.Severity == routes.Error {
			s = red
		}
		t.styled(s, "%s", p)
	}
	if table != nil {
		t.line("%d routes, %s; version %s", len(table.Routes()), count(len(problems), "warning"), table.Version())
		return nil
	}
	errs := 0
	for _, p := range problems {
		if p.Severity == routes.Error {
			errs++
		}
	}
	t.line("%s, %s", count(errs, "error"), count(len(problems)-errs, "warning"))
	return nil
}

// count is a number of things in words.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

func routesSchema() *cobra.Command {
	return command("schema", "Prints the JSON Schema of route tables",
		"Prints the JSON Schema of route tables. An editor that knows the YAML language server completes and checks a table with this first line:\n\n"+
			"  # yaml-language-server: $schema=routes.schema.json", cobra.NoArgs,
		func(_ context.Context, t *terminal, _ []string) error {
			_, err := t.out.Write(routes.Schema())
			return err
		})
}
