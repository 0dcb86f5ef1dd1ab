package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/report"
)

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
		t.line("%d routes, %s; version %s", len(table.Routes()), report.Counted(len(problems), "warning"), table.Version())
		return nil
	}
	errs := 0
	for _, p := range problems {
		if p.Severity == routes.Error {
			errs++
		}
	}
	t.line("%s, %s", report.Counted(errs, "error"), report.Counted(len(problems)-errs, "warning"))
	return nil
}
