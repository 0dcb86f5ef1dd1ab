package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/shadow/report"
)

func shadowReset() *cobra.Command {
	return shadowVerb("reset", "Begins a route's evidence anew",
		"Begins a route's evidence anew: the verdict starts at zero. What was compared before stays in the report as an earlier era, with who began the new one,\n"+
			"when and why. --reason is required. (Another build, and other rules, begin an era by themselves.)",
		`  strangler shadow reset --route faq-read --reason "the test data was wrong" --dry-run`, (*shadowFlags).reset)
}

func shadowResume() *cobra.Command {
	return shadowVerb("resume", "Mirrors requests that may change something again",
		"Mirrors a route's requests that may change something again, after one of them came back without the ack of the dry run and so stopped them all.\n"+
			"First see what that request changed at the service, and mend the service: it is probed, then gets one request alone, and the next one only when that came back with its ack.\n"+
			"Nothing else ends a stop: no restart, no other settings, no other build. --reason is required; who and why stand in: strangler rollout history.",
		`  strangler shadow resume --route faq-create --reason "build 7 knows the dry run"`, (*shadowFlags).resume)
}

// shadowVerb does something to the shadow of one route, for a reason.
func shadowVerb(name, short, long, example string, do func(*shadowFlags, context.Context, *terminal, admin.ShadowRequest) error) *cobra.Command {
	var f shadowFlags
	var by, reason string
	var dryRun bool
	cmd := command(name, short, long, cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
		if err := f.required(t); err != nil {
			return err
		}
		if reason == "" {
			return usage(`a reason is required: %s --route %s --reason "why"`, t.commandPath, f.route)
		}
		if by == "" {
			by = me()
		}
		return do(&f, ctx, t, admin.ShadowRequest{
			Act: admin.Act{By: by, Reason: reason, Source: rollout.SourceCLI, DryRun: dryRun}, Route: f.route,
		})
	})
	f.addOne(cmd)
	cmd.Flags().StringVar(&by, "by", "", "who makes the change (default USER@HOST)")
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept in the record")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would change, and change nothing")
	cmd.Example = example
	return cmd
}

func (f *shadowFlags) resume(ctx context.Context, t *terminal, asked admin.ShadowRequest) error {
	server, err := f.open()
	if err != nil {
		return err
	}
	var made admin.ShadowAnswer
	if err := server.post(ctx, admin.PathShadowResume, asked, &made); err != nil {
		return f.explain(ctx, server, err)
	}
	if t.json {
		return t.printJSON(made)
	}
	verb := "are mirrored again once the shadow has proved its dry run anew"
	if asked.DryRun {
		verb = "would be mirrored again once the shadow has proved its dry run anew"
	}
	t.line("%s: requests that may change something %s (%s: %s)", f.route, verb, asked.By, asked.Reason)
	return nil
}

func (f *shadowFlags) reset(ctx context.Context, t *terminal, asked admin.ShadowRequest) error {
	server, err := f.open()
	if err != nil {
		return err
	}
	var before engine.ShadowStatus
	if err := server.get(ctx, admin.PathShadow, &before); err != nil {
		return err
	}
	var made admin.ShadowAnswer
	if err := server.post(ctx, admin.PathShadowReset, asked, &made); err != nil {
		return f.explain(ctx, server, err)
	}
	if t.json {
		return t.printJSON(made)
	}
	had := uint64(0)
	for i := range before.Routes {
		if before.Routes[i].Route == f.route {
			had = before.Routes[i].Verdict.Compared
		}
	}
	verb := "begins anew"
	if asked.DryRun {
		verb = "would begin anew"
	}
	t.line("%s: the evidence %s; %s comparisons stay in the report as an earlier era (%s: %s)", f.route, verb, report.Number(had), asked.By, asked.Reason)
	return nil
}
