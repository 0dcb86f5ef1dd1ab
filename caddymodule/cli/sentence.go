package cli

import (
	"fmt"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// printMade says what a change did and, when that is not what requests get
// now, what they get and why.
func printMade(t *terminal, m engine.Made) {
	if m.Act.DryRun {
		t.styled(yellow, "dry run, nothing is changed; this would be:")
	}
	t.line("%s (%s)", sentence(m), who(m.Act.By, m.Act.Reason))
	if replaced := replaces(m.Change); replaced != nil {
		t.styled(yellow, "it replaces what %s said on %s: %s%s", replaced.By, moment(replaced.Since), replaced.Reason, until(replaced))
	}
	if stronger(m) {
		t.styled(yellow, "in force: %v, %s", m.Now.Effective, decider(m.Now, m.Brake))
	}
	if !m.Stored && !m.Act.DryRun {
		t.problem("warning", "this is in force, but the store has not taken it yet; the server goes on trying (see: strangler rollout status)")
	}
}

// stronger says whether something else than the change decides about the
// route's requests.
func stronger(m engine.Made) bool {
	if m.Now == nil || m.After.Hold.Active(m.At) {
		return false
	}
	switch m.Now.Decides {
	case engine.DecidesBrake, engine.DecidesUnknown, engine.DecidesBreaker, engine.DecidesTrial:
		return true
	case engine.DecidesHold:
		return !m.Act.DryRun
	default:
		return false
	}
}

func who(by, reason string) string {
	if reason == "" {
		return by
	}
	return by + ": " + reason
}

// sentence says what a change did.
func sentence(m engine.Made) string {
	switch m.Verb {
	case rollout.VerbBrake:
		return "brake on: every route is on the monolith"
	case rollout.VerbBrakeRelease:
		return "brake released: every route is where it was"
	case rollout.VerbHold:
		return m.Route + ": held on the monolith" + until(m.After.Hold)
	case rollout.VerbRelease:
		if m.Now == nil {
			return m.Route + ": released; the table does not have this route"
		}
		text := fmt.Sprintf("%s: released, %v on the service", m.Route, m.Now.Share)
		if m.Now.Flag != "" {
			text = fmt.Sprintf("%s: released, the flag %s decides", m.Route, m.Now.Flag)
		}
		if m.Now.Declared != nil {
			text += ", as the route table says at " + m.Now.Declared.String()
		}
		return text
	case rollout.VerbPause:
		return fmt.Sprintf("%s: rollout paused at %v; its guards stay on", m.Route, m.After.Share) + unchanged(m)
	case rollout.VerbResume:
		text := fmt.Sprintf("%s: rollout goes on from %v; its step begins anew", m.Route, m.After.Share)
		if m.After.Hold.Active(m.At) {
			text += " once it is released; it is held on the monolith" + until(m.After.Hold) + " by " + who(m.After.Hold.By, m.After.Hold.Reason)
		}
		return text
	case rollout.VerbApprove:
		return m.Route + ": the next step is approved" + unchanged(m)
	default:
		return moved(m)
	}
}

// moved says how the share changed, and what became of the rollout.
func moved(m engine.Made) string {
	before := routes.PPM(0)
	if m.Before != nil {
		before = m.Before.Share
	}
	if same(m) && m.Verb == rollout.VerbSet {
		return fmt.Sprintf("%s: it is at %v already; nothing changed", m.Route, m.After.Share)
	}
	what := map[rollout.Verb]string{
		rollout.VerbStart: "rollout started, ", rollout.VerbAdvance: "next step, ", rollout.VerbAbort: "rollout aborted, ", rollout.VerbUndo: "undone, ",
	}[m.Verb]
	text := fmt.Sprintf("%s: %s%v → %v on the service", m.Route, what, before, m.After.Share)
	if p := m.After.Rollout; p != nil && p.Phase != rollout.Aborted && (what != "" || m.Before != nil && m.Before.Rollout != nil && m.Before.Rollout.Phase != p.Phase) {
		text += fmt.Sprintf(", rollout %s at step %d", p.Phase, p.Step)
		if m.Now != nil && m.Now.Rollout != nil {
			text += fmt.Sprintf(" of %d", m.Now.Rollout.Steps)
		}
	}
	if m.Before != nil && m.Before.Hold.Active(m.At) && m.After.Hold == nil {
		text += ", no longer held"
	}
	if m.After.Hold.Active(m.At) {
		text += " once it is released; it is held on the monolith" + until(m.After.Hold) + " by " + who(m.After.Hold.By, m.After.Hold.Reason)
		if m.Brake != nil {
			text += fmt.Sprintf(", and the brake is on since %s, by %s", moment(m.Brake.Since), who(m.Brake.By, m.Brake.Reason))
		}
	}
	return text
}

// same says whether nothing was, or would be, changed.
func same(m engine.Made) bool {
	return m.Before != nil && m.Before.Version == m.After.Version || m.Before == nil && m.After.Version == 0
}

func unchanged(m engine.Made) string {
	if same(m) {
		return "; it was already"
	}
	return ""
}

// replaces is the hold or brake in force that a newer one took the place of.
func replaces(c rollout.Change) *rollout.Hold {
	if c.Verb != rollout.VerbHold && c.Verb != rollout.VerbBrake || c.Before == nil || !c.Before.Hold.Active(c.At) {
		return nil
	}
	return c.Before.Hold
}

func until(h *rollout.Hold) string {
	if h == nil || h.Until.IsZero() {
		return ""
	}
	return " until " + moment(h.Until)
}

// decider says what is stronger than a route's share.
func decider(r *engine.RouteStatus, brake *rollout.Brake) string {
	switch r.Decides {
	case engine.DecidesBrake:
		if brake == nil {
			break
		}
		return fmt.Sprintf("the brake is on since %s, by %s", moment(brake.Since), who(brake.By, brake.Reason))
	case engine.DecidesHold:
		return fmt.Sprintf("it is held since %s%s, by %s", moment(r.Hold.Since), until(r.Hold), who(r.Hold.By, r.Hold.Reason))
	case engine.DecidesUnknown:
		return "its state or salt was not read from the store yet"
	case engine.DecidesBreaker:
		return "the breaker of " + r.Service + " is open"
	case engine.DecidesTrial:
		return "the breaker of " + r.Service + " is half open: single requests try whether it is back"
	case engine.DecidesFlag:
		return "the flag " + r.Flag + " decides"
	case engine.DecidesNoService:
		return "it has no service"
	default:
	}
	return "see: strangler rollout status"
}
