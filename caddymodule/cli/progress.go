package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
)

func rolloutStart() *cobra.Command {
	v := routeVerb("start", "Begins the rollout that the route table gives a route",
		"Begins the rollout that the route table gives a route (rollout: in the table): its share rises step by step while the gates hold,\n"+
			"and a guard ends it. A route whose share is further already stays there. With --wait it ends with 0 when the rollout is at its last step,\n"+
			"with 6 when a guard rolled it back or stopped it, with 7 when somebody held, paused or aborted it.", admin.PathStart, false)
	v.Example = `  strangler rollout start faq-read --reason "all tests are green" --wait`
	return v.Command
}

func rolloutAdvance() *cobra.Command {
	return routeVerb("advance", "Takes a rollout to its next step now",
		"Takes a rollout to its next step now, whatever its gates say, but for a step that needs approval. A paused rollout stays paused there.\n"+
			"Within 10 s of another advance it is refused with exit code 5, for two operators mean the same step, unless --if-version says which version was seen.",
		admin.PathAdvance, false).Command
}

func rolloutPause() *cobra.Command {
	return routeVerb("pause", "Keeps a rollout where it is",
		"Keeps a rollout where it is until it is resumed; its guards stay on. --reason is required. (To take requests from the service: hold, or abort.)",
		admin.PathPause, true).Command
}

func rolloutResume() *cobra.Command {
	return routeVerb("resume", "Lets a paused rollout go on", "Lets a paused rollout go on; its step begins anew.", admin.PathResume, false).Command
}

func rolloutApprove() *cobra.Command {
	return routeVerb("approve", "Approves the next step of a rollout",
		"Approves the next step of a rollout whose plan wants that. Who may is in the route table; the step still waits for its other gates.\n"+
			"Names are those of the record: who acts is who --by says, by default USER@HOST. Nobody proves it here; the admin address is for those who are trusted.",
		admin.PathApprove, false).Command
}

func rolloutAbort() *cobra.Command {
	return routeVerb("abort", "Ends a rollout and takes the route back to 0 %",
		"Ends a rollout, at once: 0 % is on the service until it is started again. --reason is required.", admin.PathAbort, true).Command
}

func rolloutUndo() *cobra.Command {
	var to string
	v := rolloutVerb("undo ROUTE", "Makes a route what it was before its last change",
		"Makes a route what it was before its last change, or at a version of its history: its share, its hold unless that has ended by itself, its rollout.\n"+
			"--reason is required. To undo an undo, undo again.", 1,
		admin.PathUndo, func(v *verb, args []string) (any, error) {
			if v.how.reason == "" {
				return nil, reasonRequired(v, args[0])
			}
			body := admin.UndoRequest{Act: v.how.act(), Route: args[0]}
			if to == "" {
				return body, nil
			}
			version, err := strconv.ParseUint(to, 10, 64)
			if err != nil {
				return nil, usage("--to %q is no version; see: strangler rollout history %s", to, args[0])
			}
			body.To = &version
			return body, nil
		})
	v.Flags().StringVar(&to, "to", "", "the `version` to go back to, 0 for one never changed (default: the one before the last change)")
	v.Example = `  strangler rollout undo faq-read --to 3 --reason "that was a good state" --dry-run`
	return v.Command
}
