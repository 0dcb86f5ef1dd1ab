package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// previewFlags are what a preview is of.
type previewFlags struct {
	serverFlags
	table string
	limit int
}

func rolloutPreview() *cobra.Command {
	var f previewFlags
	cmd := command("preview {ROUTE PERCENT | --table FILE}", "Says what a change would do to the last requests",
		"Says which of the last requests would change arm or route, and why: by another share of a route, or by a draft of the route table.\n"+
			"The running table with shares, holds and the brake as they are now is compared with what the draft would do. Nothing is changed.\n"+
			"The server remembers the last 50,000 requests (recent in the Caddyfile), of each as little as deciding needs; what cannot be judged\n"+
			"by that is counted apart. A draft that the server would refuse ends with what routes lint says, and exit code 3. FILE may be -.",
		cobra.RangeArgs(0, 2), func(ctx context.Context, t *terminal, args []string) error {
			asked, err := f.request(t, args)
			if err != nil {
				return err
			}
			server, err := f.open()
			if err != nil {
				return err
			}
			var p engine.Preview
			if err := server.post(ctx, admin.PathPreview, asked, &p); err != nil {
				return err
			}
			if t.json {
				return t.printJSON(p)
			}
			printPreview(t, &p)
			return nil
		})
	f.add(cmd)
	cmd.Flags().StringVar(&f.table, "table", "", "try this route table")
	cmd.Flags().IntVar(&f.limit, "limit", 20, "how many of the requests to show, 0 to "+strconv.Itoa(engine.MaxExamples))
	cmd.ValidArgsFunction = completeRoutes(&f.serverFlags, moving)
	cmd.Example = `  strangler rollout preview faq-read 25
  strangler rollout preview --table draft.yaml --limit 100`
	return cmd
}

// request is what is sent. A draft is read here, and checked as lint does.
func (f *previewFlags) request(t *terminal, args []string) (asked admin.PreviewRequest, err error) {
	if f.limit < 0 || f.limit > engine.MaxExamples {
		return asked, usage("--limit %d is not 0 to %d", f.limit, engine.MaxExamples)
	}
	asked.Limit = &f.limit
	switch {
	case f.table == "" && len(args) == 2:
		if _, err := routes.ParsePercent(args[1]); err != nil {
			return asked, usage("%s", err)
		}
		asked.Route, asked.Percent = args[0], json.Number(strings.TrimSpace(strings.TrimSuffix(args[1], "%")))
		return asked, nil
	case f.table == "" || len(args) > 0:
		return asked, usage("say ROUTE and PERCENT, or --table FILE")
	}
	draft, err := readInput(f.table)
	if err != nil {
		return asked, err
	}
	if table, problems := engine.LoadTable(f.table, draft, time.Now()); problems.Err() != nil {
		if err := printProblems(t, table, problems); err != nil {
			return asked, err
		}
		return asked, errFindings
	}
	asked.Table, asked.File = string(draft), f.table
	return asked, nil
}

// printPreview begins with the one sentence that was asked for.
func printPreview(t *terminal, p *engine.Preview) {
	if p.Considered == 0 {
		t.styled(yellow, "no request is remembered yet; remembered are at most %d, since the server's start", p.Limit)
		return
	}
	t.styled(bold, "%s of %s would change arm: %s to the service, %s to the monolith",
		report.Number(p.ToService+p.ToMonolith), report.Counted(p.Considered, "request"), report.Number(p.ToService), report.Number(p.ToMonolith))
	if p.ToRoute > 0 {
		t.line("%s would get another route", report.Counted(p.ToRoute, "request"))
	}
	t.line("they came from %s to %s; %s", moment(p.Since), moment(p.Until), previewed(p))
	for _, u := range p.Why {
		byShare := ""
		if u.OnService > 0 {
			byShare = fmt.Sprintf("; by the shares about %d of them would be on the service", u.OnService)
		}
		t.styled(yellow, "%d cannot be judged: %s%s", u.Count, u.Why, byShare)
	}
	if p.Moved > 0 {
		t.line("%d get another arm now than they did when they came", p.Moved)
	}
	if p.Brake {
		t.styled(yellow, "the brake is on: until it is released nothing changes")
	}
	if p.Held {
		t.styled(yellow, "%s is held: until it is released nothing changes", p.Route)
	}
	printPreviewRoutes(t, p)
	printExamples(t, p)
}

// previewed says what was compared with what.
func previewed(p *engine.Preview) string {
	switch {
	case p.Share != nil:
		return fmt.Sprintf("%s with %v instead of what it has now", p.Route, *p.Share)
	case p.Draft == p.Table:
		return "the draft is the running table, version " + p.Table
	}
	return "table " + p.Draft + " instead of " + p.Table
}

func printPreviewRoutes(t *terminal, p *engine.Preview) {
	if len(p.Routes) == 0 {
		return
	}
	const most = 50 // the rest is in --json
	rows := make([][]cell, 0, len(p.Routes))
	for _, r := range p.Routes[:min(len(p.Routes), most)] {
		rows = append(rows, cells(routeName(r.Route), arrow(r.Now, r.Then), arrow(r.ServiceNow, r.ServiceThen),
			strconv.Itoa(r.ToService), strconv.Itoa(r.ToMonolith), strconv.Itoa(r.Unknown)))
	}
	t.line("")
	t.table([]string{"ROUTE", "REQUESTS", "ON SERVICE", "TO SERVICE", "TO MONOLITH", "UNKNOWN"}, rows)
	if len(p.Routes) > most {
		t.line("and %d more routes; --json has all", len(p.Routes)-most)
	}
}

func printExamples(t *terminal, p *engine.Preview) {
	if len(p.Examples) == 0 {
		return
	}
	rows := make([][]cell, 0, len(p.Examples))
	for _, x := range p.Examples {
		row := cells(moment(x.At), x.Method, x.Host, x.Path, placeOf(x.From), placeOf(x.To), reasonText(x.To))
		row[5].style = yellow
		if x.To.Arm == routes.Service {
			row[5].style = green
		}
		rows = append(rows, row)
	}
	t.line("")
	t.table([]string{"WHEN", "METHOD", "HOST", "PATH", "NOW", "THEN", "WHY"}, rows)
	if more := p.Changed - len(p.Examples); more > 0 {
		t.line("and %d more; see --limit", more)
	}
}

func arrow(now, then int) string {
	if now == then {
		return strconv.Itoa(now)
	}
	return fmt.Sprintf("%d → %d", now, then)
}

func placeOf(d routes.Decision) string { return routeName(d.Route) + " " + d.Arm.String() }

func routeName(name string) string {
	if name == "" {
		return "(no route)"
	}
	return name
}
