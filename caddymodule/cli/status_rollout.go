package cli

import (
	"cmp"
	"fmt"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// step is where a rollout is, in a few words; empty when none is under way.
func step(r *engine.RouteStatus) cell {
	p := r.Rollout
	switch {
	case p == nil:
	case p.Phase == rollout.Running && p.Step == p.Steps:
		return cell{"complete", green}
	case p.Phase == rollout.Running:
		return cell{fmt.Sprintf("step %d of %d", p.Step, p.Steps), green}
	case p.Phase == rollout.Paused:
		return cell{fmt.Sprintf("paused at step %d of %d", p.Step, p.Steps), yellow}
	}
	return cell{}
}

// printProgress says of each rollout under way what it waits for and what its
// guards found; of one that was asked for also that it was not started.
func printProgress(t *terminal, all []engine.RouteStatus, asked bool) {
	for i := range all {
		r := &all[i]
		p := r.Rollout
		if p == nil || p.Phase == "" && !asked {
			continue
		}
		if p.Phase != rollout.Running && p.Phase != rollout.Paused {
			if asked {
				t.line("")
				t.line("%s: rollout %s; to begin it: strangler rollout start %s", r.Route, cmp.Or(string(p.Phase), "not started"), r.Route)
			}
			continue
		}
		t.line("")
		t.line("%s: rollout %s, step %d of %d%s", r.Route, condition(r), p.Step, p.Steps, next(r))
		if p.Evidence.Error != "" {
			t.styled(red, "  could not measure: %s", p.Evidence.Error)
		}
		if since := p.Evidence.Since; since.Sub(p.Since) > lateEvidence {
			t.line("  evidence since %s: after a restart, another build, a hold or the brake it is counted anew", moment(since))
		}
		for _, report := range p.Evidence.Reports {
			style := verdictStyles[report.Verdict]
			if report.Verdict == evidence.CouldNotMeasure && r.Share == routes.One {
				style = plain // nobody is on the monolith: as it should be
			}
			t.styled(style, "  guard %s", report)
		}
	}
}

// condition is whether a rollout under way goes on, as it is now: what is stronger
// comes first.
func condition(r *engine.RouteStatus) string {
	p := r.Rollout
	phase := string(p.Phase)
	if p.Phase == rollout.Running && p.Step == p.Steps {
		phase = "complete"
	}
	stronger := map[engine.Decides]string{engine.DecidesBrake: "braked", engine.DecidesHold: "held"}[r.Decides]
	switch {
	case stronger == "":
		return phase
	case p.Phase == rollout.Paused:
		return stronger + ", and paused"
	}
	return stronger
}

// lateEvidence is how much later than its step evidence begins when it was
// counted anew; a first look is a few seconds later.
const lateEvidence = 15 * time.Second

var verdictStyles = map[evidence.Verdict]style{
	evidence.Pass: green, evidence.Fail: red, evidence.NotEnoughData: plain, evidence.CouldNotMeasure: red,
}

// next is the step that follows, when, and what is waited for.
func next(r *engine.RouteStatus) string {
	p := r.Rollout
	if r.Decides == engine.DecidesHold {
		return fmt.Sprintf(" since %s%s, by %s; to end the hold: strangler rollout release %s",
			moment(r.Hold.Since), until(r.Hold), who(r.Hold.By, r.Hold.Reason), r.Route)
	}
	text := " since " + moment(p.Since)
	if p.Step < p.Steps {
		text += fmt.Sprintf("; next %v", p.Plan.Steps[p.Step])
		if !p.Earliest.IsZero() {
			text += " not before " + moment(p.Earliest)
		}
	}
	if p.LookedAt.IsZero() {
		return text + "; not looked at yet"
	}
	what := "; "
	if p.Action.Do == rollout.Wait {
		what = "; waits: "
	}
	text += what + p.Action.Why
	if p.ApprovedBy != "" {
		text += "; approved by " + p.ApprovedBy
	}
	return text
}
