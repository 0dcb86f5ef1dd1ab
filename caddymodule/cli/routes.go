package cli

import (
	"context"
	"fmt"
	"io"
	"os"
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

func routesSchema() *cobra.Command {
	return command("schema", "Prints the JSON Schema of route tables",
		"Prints the JSON Schema of route tables. An editor that knows the YAML language server completes and checks a table with this first line:\n\n"+
			"  # yaml-language-server: $schema=routes.schema.json", cobra.NoArgs,
		func(_ context.Context, t *terminal, _ []string) error {
			_, err := t.out.Write(routes.Schema())
			return err
		})
}
