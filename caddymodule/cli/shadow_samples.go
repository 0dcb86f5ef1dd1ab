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
	var which sampleFlags
	cmd := command("samples", "Shows the comparisons that are kept as samples",
		"Shows the comparisons that are kept as samples of a route, the worst signature first and the newest of each first, with the request_id and trace_id by which\n"+
			"the request is found in the logs. They are of the present era: those of an earlier build of the service or the monolith, or of other rules, have --era.\n"+
			"Values are redacted as type:size:hash (equal values have equal hashes) but where the route's shadow says clear:.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			if err := f.required(t); err != nil {
				return err
			}
			all, err := f.samples(ctx, &which)
			switch {
			case err != nil:
				return err
			case t.json:
				return t.printJSON(all)
			}
			kept := samplesOf(all)
			if len(kept) == 0 {
				return f.noSamples(ctx, t)
			}
			return report.TextSamples(t.out, kept, t.colour)
		})
	f.addOne(cmd)
	f.addSamples(cmd, &which, 20)
	cmd.Example = `  strangler shadow samples --route faq-read --limit 3
  strangler shadow samples --route faq-read --era 2`
	return cmd
}

// noSamples says that there are none of the present era, and of which others there are.
func (f *shadowFlags) noSamples(ctx context.Context, t *terminal) error {
	r, err := f.report(ctx)
	if err != nil {
		return err
	}
	t.line("no sample is kept: no answers differed in this era in the last 7 days; see: strangler shadow report --route %s", f.route)
	for i := range r.Routes {
		for _, e := range r.Routes[i].Earlier {
			if e.Samples > 0 {
				t.line("era %d since %s (%s) has %s: strangler shadow samples --route %s --era %d",
					e.Number, moment(e.Began), e.Cause, report.Number(e.Samples), f.route, e.Number)
			}
		}
	}
	return nil
}

// sampleFlags say which samples are meant.
type sampleFlags struct {
	signature string
	era       uint64
	limit     int
}

// addSamples adds the flags that choose samples, limit of them by default. A signature
// is completed from those of the route that is named before it, or of all.
func (f *shadowFlags) addSamples(cmd *cobra.Command, which *sampleFlags, limit int) {
	cmd.Flags().IntVar(&which.limit, "limit", limit, "how many at most, 1 to 1000")
	cmd.Flags().Uint64Var(&which.era, "era", 0, "of this earlier era, by the `number` that report prints (default: the present one)")
	cmd.Flags().StringVar(&which.signature, "signature", "", "only of this `signature`, as signatures prints it")
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
func (f *shadowFlags) samples(ctx context.Context, which *sampleFlags) (all report.Of[report.RouteSamples], err error) {
	if which.limit < 1 || which.limit > admin.MaxShadowSamples {
		return all, usage("--limit %d is not 1 to %d", which.limit, admin.MaxShadowSamples)
	}
	query := url.Values{"limit": {strconv.Itoa(which.limit)}}
	if which.era != 0 {
		query.Set("era", strconv.FormatUint(which.era, 10))
	}
	if which.signature != "" {
		query.Set("signature", which.signature)
	}
	err = f.ask(ctx, admin.PathShadowSamples, query, &all)
	if failed, ours := errors.AsType[*failure](err); ours && failed.hint == "" && which.signature != "" {
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
