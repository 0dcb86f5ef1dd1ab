package cli

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/shadow/report"
)

func shadowSamples() *cobra.Command {
	var f shadowFlags
	var signature string
	var limit int
	cmd := command("samples", "Shows the comparisons that are kept as samples",
		"Shows the comparisons that are kept as samples of a route, the worst signature first and the newest of each first, with the request_id and trace_id by which\n"+
			"the request is found in the logs. Values are redacted as type:size:hash (equal values have equal hashes) but where the route's shadow says clear:.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			if err := f.required(t); err != nil {
				return err
			}
			all, err := f.samples(ctx, signature, limit)
			switch {
			case err != nil:
				return err
			case t.json:
				return t.printJSON(all)
			}
			kept := samplesOf(all)
			if len(kept) == 0 {
				t.line("no sample is kept: no answers differed in the last days; see: strangler shadow report --route %s", f.route)
				return nil
			}
			return report.TextSamples(t.out, kept, t.colour)
		})
	f.addOne(cmd)
	f.addSignature(cmd, &signature)
	cmd.Flags().IntVar(&limit, "limit", 20, "how many at most, 1 to 1000")
	cmd.Example = `  strangler shadow samples --route faq-read --limit 3`
	return cmd
}

// addSignature adds the flag that names a signature. It completes those of the route
// that is named before it, or of all.
func (f *shadowFlags) addSignature(cmd *cobra.Command, signature *string) {
	cmd.Flags().StringVar(signature, "signature", "", "only of this `signature`, as signatures prints it")
	_ = cmd.RegisterFlagCompletionFunc("signature", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		r, err := f.report(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []cobra.Completion
		for i := range r.Routes {
			for k := range r.Routes[i].Signatures {
				s := &r.Routes[i].Signatures[k]
				names = append(names, cobra.CompletionWithDesc(clean(s.Signature), r.Routes[i].Route+", "+string(s.Judgement)))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}) // it fails for a flag that is not there
}

// samples asks for the samples of the route.
func (f *shadowFlags) samples(ctx context.Context, signature string, limit int) (all report.Of[report.RouteSamples], err error) {
	if limit < 1 || limit > admin.MaxShadowSamples {
		return all, usage("--limit %d is not 1 to %d", limit, admin.MaxShadowSamples)
	}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if signature != "" {
		query.Set("signature", signature)
	}
	err = f.ask(ctx, admin.PathShadowSamples, query, &all)
	if failed, ours := errors.AsType[*failure](err); ours && failed.hint == "" && signature != "" {
		failed.hint = "all signatures: strangler shadow signatures --route " + f.route
	}
	return all, err
}

// samplesOf are the samples of all routes in one list.
func samplesOf(all report.Of[report.RouteSamples]) (kept []report.Kept) {
	for i := range all.Routes {
		kept = append(kept, all.Routes[i].Samples...)
	}
	return kept
}
