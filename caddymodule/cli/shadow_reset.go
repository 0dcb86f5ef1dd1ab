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
	var f shadowFlags
	var by, reason string
	var dryRun bool
	cmd := command("reset", "Begins a route's evidence anew",
		"Begins a route's evidence anew: the verdict starts at zero. What was compared before stays in the report as an earlier era, with who began the new one,\n"+
			"when and why. --reason is required. (Another build, and other rules, begin an era by themselves.)",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			if err := f.required(t); err != nil {
				return err
			}
			if reason == "" {
				return usage(`a reason is required: %s --route %s --reason "why"`, t.commandPath, f.route)
			}
			if by == "" {
				by = me()
			}
			return f.reset(ctx, t, admin.ShadowResetRequest{
				Act: admin.Act{By: by, Reason: reason, Source: rollout.SourceCLI, DryRun: dryRun}, Route: f.route,
			})
		})
	f.addOne(cmd)
	cmd.Flags().StringVar(&by, "by", "", "who makes the change (default USER@HOST)")
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept in the record")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would change, and change nothing")
	cmd.Example = `  strangler shadow reset --route faq-read --reason "the test data was wrong" --dry-run`
	return cmd
}

func (f *shadowFlags) reset(ctx context.Context, t *terminal, asked admin.ShadowResetRequest) error {
	server, err := f.open()
	if err != nil {
		return err
	}
	var before engine.ShadowStatus
	if err := server.get(ctx, admin.PathShadow, &before); err != nil {
		return err
	}
	var made admin.ShadowResetAnswer
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
