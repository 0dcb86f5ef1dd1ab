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
	family(cmd, shadowStatus(), shadowReport(), shadowSignatures(), shadowSamples(), shadowRules(), shadowReset(), shadowExport(), shadowReplay())
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
	return noRoute(f.route)
}

func notShadowed(route, hint string) error {
	return &failure{code: ExitError, err: fmt.Errorf("nothing is compared on the route %q: it has no shadow", route), hint: hint}
}

// report asks for the report.
func (f *shadowFlags) report(ctx context.Context) (*report.Report, error) {
	r := new(report.Report)
	return r, f.ask(ctx, admin.PathShadowReport, nil, r)
}

func shadowSignatures() *cobra.Command {
	var f shadowFlags
	cmd := command("signatures", "Lists the ways in which answers differ",
		"Lists the ways in which answers differ, the worst first: worse (certainly more often than the monolith differs from itself), confirmed (it came again\n"+
			"when both were asked again), open (neither confirmed nor explained), noise (the monolith differs from itself so, too).",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			r, err := f.report(ctx)
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(signaturesOf(r))
			}
			var rows [][]cell
			for _, of := range signaturesOf(r) {
				for i := range of.Signatures {
					rows = append(rows, signatureRow(of.Route, &of.Signatures[i]))
				}
				if of.More > 0 {
					rows = append(rows, cells(of.Route, fmt.Sprintf("and %d more", of.More)))
				}
			}
			if len(rows) == 0 {
				t.line("no answers differed; see: strangler shadow report")
				return nil
			}
			t.table([]string{"ROUTE", "SIGNATURE", "JUDGEMENT", "COUNT", "RATE", "CONFIRMED", "NOISE", "LAST SEEN", "SAMPLES"}, rows)
			return nil
		})
	f.add(cmd)
	return cmd
}

// routeSignatures is what signatures prints as JSON.
type routeSignatures struct {
	Route      string             `json:"route"`
	Signatures []report.Signature `json:"signatures"`
	More       int                `json:"more,omitempty"`
}

func signaturesOf(r *report.Report) []routeSignatures {
	all := make([]routeSignatures, 0, len(r.Routes))
	for i := range r.Routes {
		all = append(all, routeSignatures{r.Routes[i].Route, r.Routes[i].Signatures, r.Routes[i].MoreSignatures})
	}
	return all
}

func signatureRow(route string, s *report.Signature) []cell {
	noise := "-"
	if s.Pairs > 0 {
		noise = share(s.Noise)
	}
	row := cells(route, s.Signature, string(s.Judgement), number(s.Count), share(s.Rate), number(s.Confirmed), noise, moment(s.LastSeen), strconv.Itoa(s.Samples))
	if s.Judgement == report.Worse || s.Judgement == report.Confirmed {
		row[2].style = red
	}
	return row
}

func number(n uint64) string       { return strconv.FormatUint(n, 10) }
func share(part float64) string    { return strconv.FormatFloat(100*part, 'g', 3, 64) + " %" }
func joined(lines []string) string { return strings.Join(lines, "; ") }

func shadowSamples() *cobra.Command {
	var f shadowFlags
	var signature string
	var limit int
	cmd := command("samples", "Shows the comparisons that are kept as samples",
		"Shows the comparisons that are kept as samples of a route, the worst signature first and the newest of each first. Values are redacted as type:size:hash\n"+
			"(equal values have equal hashes) but where the route's shadow says clear:.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			if err := f.required(t); err != nil {
				return err
			}
			kept, err := f.samples(ctx, signature, limit)
			switch {
			case err != nil:
				return err
			case t.json:
				return t.printJSON(kept)
			case len(kept) == 0:
				t.line("no sample is kept: no answers differed in the last days; see: strangler shadow report --route %s", f.route)
				return nil
			}
			return report.TextSamples(t.out, kept, t.colour)
		})
	f.addOne(cmd)
	cmd.Flags().StringVar(&signature, "signature", "", "only of this `signature`, as signatures prints it")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many at most, 1 to 1000")
	cmd.Example = `  strangler shadow samples --route faq-read --limit 3`
	return cmd
}

func (f *shadowFlags) samples(ctx context.Context, signature string, limit int) (kept []report.Kept, err error) {
	if limit < 1 || limit > admin.MaxShadowSamples {
		return nil, usage("--limit %d is not 1 to %d", limit, admin.MaxShadowSamples)
	}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if signature != "" {
		query.Set("signature", signature)
	}
	err = f.ask(ctx, admin.PathShadowSamples, query, &kept)
	if failed, ours := errors.AsType[*failure](err); ours && failed.hint == "" && signature != "" {
		failed.hint = "all signatures: strangler shadow signatures --route " + f.route
	}
	return kept, err
}

func shadowRules() *cobra.Command {
	var f shadowFlags
	cmd := command("rules", "Lists the rules that excuse differences, and what became of them",
		"Lists the rules that excuse differences, those of presets too: how often each excused something, who answers for it, and whether it has expired or never\n"+
			"excused anything. Either keeps the gate from being met.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			r, err := f.report(ctx)
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(rulesOf(r))
			}
			var rows [][]cell
			for _, of := range rulesOf(r) {
				for i := range of.Rules {
					rows = append(rows, ruleRow(of.Route, &of.Rules[i]))
				}
			}
			if len(rows) == 0 {
				t.line("there are no rules")
				return nil
			}
			t.table([]string{"ROUTE", "PATH", "COMPARE", "HITS", "STATE", "UNTIL", "OWNER", "BECAUSE"}, rows)
			return nil
		})
	f.add(cmd)
	return cmd
}

// routeRules is what rules prints as JSON.
type routeRules struct {
	Route string        `json:"route"`
	Rules []report.Rule `json:"rules"`
}

func rulesOf(r *report.Report) []routeRules {
	all := make([]routeRules, 0, len(r.Routes))
	for i := range r.Routes {
		all = append(all, routeRules{r.Routes[i].Route, r.Routes[i].Rules})
	}
	return all
}

func ruleRow(route string, r *report.Rule) []cell {
	because, until := r.Because, ""
	if r.Preset != "" {
		because = "preset " + r.Preset + ": " + because
	}
	if !r.Until.IsZero() {
		until = r.Until.UTC().Format("2006-01-02")
	}
	row := cells(route, r.Path, strings.TrimSpace(r.Compare+" "+r.Arg), number(r.Hits), strings.ReplaceAll(string(r.State), "_", " "), until, r.Owner, because)
	switch r.State {
	case report.RuleExpired, report.RuleNeverHit:
		row[4].style = red
	case report.RuleExpiring:
		row[4].style = yellow
	case report.RuleActive, report.RuleUnproven:
	}
	return row
}
