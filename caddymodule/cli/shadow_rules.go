package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/shadow/report"
)

func shadowRules() *cobra.Command {
	var f shadowFlags
	cmd := command("rules", "Lists the rules that excuse differences, and what became of them",
		"Lists the rules that excuse differences, those of presets too: how often each excused something, who answers for it, and whether it has expired or never\n"+
			"excused anything. Either keeps the gate from being met. Where noise was learned it also prints rules that say the same by hand, to be pasted into the\n"+
			"route's shadow in the route table.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			return printPart(ctx, &f, t, func(r *report.Route) report.RouteRules {
				return report.RouteRules{Route: r.Route, Rules: r.Rules, Noise: r.Noise}
			}, printRules)
		})
	f.add(cmd)
	return cmd
}

func printRules(t *terminal, r *report.Report) {
	var rows [][]cell
	for i := range r.Routes {
		for k := range r.Routes[i].Rules {
			rows = append(rows, ruleRow(r.Routes[i].Route, &r.Routes[i].Rules[k]))
		}
	}
	if len(rows) == 0 {
		t.line("there are no rules")
	} else {
		t.table([]string{"ROUTE", "PATH", "COMPARE", "HITS", "STATE", "UNTIL", "OWNER", "BECAUSE"}, rows)
	}
	for i := range r.Routes {
		printSuggested(t, &r.Routes[i])
	}
}

// printSuggested prints what learned noise would be as rules, as YAML that stands in
// a route's shadow as it is: what explains it is a comment.
func printSuggested(t *terminal, r *report.Route) {
	var rules []string
	for i := range r.Noise {
		if rule := r.Noise[i].Rule; rule != "" {
			rules = append(rules, rule)
		}
	}
	if len(rules) == 0 {
		return
	}
	t.line("")
	t.line("# %s: noise that was learned; to say it by hand, add to the route's shadow in the route table", r.Route)
	t.line("ignore:")
	for _, rule := range rules {
		t.line("  - %s", rule)
	}
}

func ruleRow(route string, r *report.Rule) []cell {
	because, until := r.Because, ""
	if r.Preset != "" {
		because = "preset " + r.Preset + ": " + because
	}
	if !r.Until.IsZero() {
		until = r.Until.UTC().Format("2006-01-02")
	}
	row := cells(route, r.Path, strings.TrimSpace(r.Compare+" "+r.Arg), report.Number(r.Hits), strings.ReplaceAll(string(r.State), "_", " "), until, r.Owner, because)
	switch r.State {
	case report.RuleExpired, report.RuleNeverHit:
		row[4].style = red
	case report.RuleExpiring:
		row[4].style = yellow
	case report.RuleActive, report.RuleUnproven:
	}
	return row
}
