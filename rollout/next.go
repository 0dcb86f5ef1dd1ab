package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// Evidence is what is known of a route since its step began, or since the
// evidence was started anew.
type Evidence struct {
	// Error says why it could not be measured; empty when it could.
	Error string `json:"error,omitempty"`
	// Since is from when on Requests and comparisons are counted: the step's
	// begin, or later. What was counted before a restart of the program is not.
	Since time.Time `json:"since,omitzero"`
	// Anew is when the evidence was started anew within the step, because the
	// service's build changed or the brake was on; zero when it was not. The
	// step's time counts from there.
	Anew time.Time `json:"anew,omitzero"`
	// Build is the service's build that answered last, as it names itself.
	Build string `json:"build,omitempty"`
	// Requests is how many the service had.
	Requests uint64 `json:"requests"`
	// Compared and Mismatched tell of shadow comparisons; before the first step, of
	// all in the shadow's present era.
	Compared   uint64 `json:"compared"`
	Mismatched uint64 `json:"mismatched"`
	// Doubt is why no gate may open by the comparisons; empty: one may.
	Doubt string `json:"doubt,omitempty"`
	// Reports are the guards'.
	Reports []evidence.Report `json:"reports,omitempty"`
	// Breaches is how many looks in a row a guard has failed.
	Breaches int `json:"breaches"`
}

// Do is what a controller does next.
type Do string

// What a controller does.
const (
	Nothing  Do = "nothing"
	Wait     Do = "wait"
	Advance  Do = "advance"
	RollBack Do = "roll_back"
)

// Action is what is to be done with a route, and why.
type Action struct {
	Do  Do     `json:"do"`
	Why string `json:"why"`
	// Until is when a wait may end, when that is known.
	Until time.Time `json:"until,omitzero"`
	// Share is what the route will have after an advance or a roll back.
	Share routes.PPM `json:"share_ppm"`
}

// Next says what to do with a route whose rollout follows the plan:
//
//	no rollout, or it was aborted   → nothing
//	held                            → nothing
//	a guard is breached             → roll back, if that changes anything
//	paused, or at the last step     → nothing: it is guarded
//	a gate is not open, or a guard does not pass, or it is not the time → wait
//	else                            → advance
//
// The step that a route is in is the one its share has reached, so a plan may
// change under a rollout. It is a pure function; the plan must be valid.
func Next(s RouteState, p Plan, e Evidence, now time.Time) Action {
	switch {
	case !s.started():
		return Action{Do: Nothing, Why: "no rollout was started", Share: s.Share}
	case s.Hold.Active(now):
		return Action{Do: Nothing, Why: "held by " + s.Hold.By + ": " + s.Hold.Reason, Share: s.Share}
	}
	if why := breach(p, e); why != "" && s.Share > 0 {
		after, err := rollBack(p, Hold{}, now)(s)
		if err == nil {
			return Action{Do: RollBack, Why: why, Share: after.Share}
		}
		return Action{Do: Nothing, Why: "frozen: " + why, Share: s.Share}
	}
	if s.phase() == Paused {
		return Action{Do: Nothing, Why: "paused", Share: s.Share}
	}
	at := p.position(s.Share)
	if at == len(p.Steps)-1 {
		return Action{Do: Nothing, Why: "at the last step, " + guarded(s, e), Share: s.Share}
	}
	if wait, ok := gate(s, p, e, now); at >= 0 && !ok {
		return wait
	}
	if wait, ok := shadowGate(s, p, e); !ok {
		return wait
	}
	if p.MayRaise(s, p.Steps[at+1]) != nil {
		return Action{Do: Wait, Why: "approval by " + p.Gates.approvers(s.Rollout), Share: s.Share}
	}
	if !p.Only.Contains(now) {
		return Action{Do: Wait, Why: "only " + p.Only.String(), Until: p.Only.Next(now), Share: s.Share}
	}
	return Action{Do: Advance, Why: passed(e), Share: p.Steps[at+1]}
}

// breach says which guard is breached, "" when none is.
func breach(p Plan, e Evidence) string {
	for _, r := range e.Reports {
		if r.Verdict == evidence.Fail && (r.Guard == evidence.Dead || e.Breaches >= max(p.Guards.Consecutive, 1)) {
			return r.String()
		}
	}
	return ""
}

// guarded says which guards have something to hold the service against: where the
// monolith serves nobody only what a shadow compares, and whether it is alive.
func guarded(s RouteState, e Evidence) string {
	switch {
	case s.Share < routes.One:
		return "guarded"
	case e.Compared > 0:
		return "where only a dead service or its mismatches take it back"
	}
	return "where only a dead service takes it back"
}

// gate answers the wait for the first gate that is not open.
func gate(s RouteState, p Plan, e Evidence, now time.Time) (wait Action, open bool) {
	begun := stepBegun(s, e)
	wait = Action{Do: Wait, Share: s.Share}
	g := p.Gates
	switch {
	case now.Before(begun.Add(p.Every)):
		wait.Until = begun.Add(p.Every)
		wait.Why = fmt.Sprintf("the step lasts %s", p.Every)
	case e.Error != "":
		wait.Why = "could not measure: " + e.Error
	case e.Requests < g.MinRequests:
		wait.Why = fmt.Sprintf("%d of %d requests", e.Requests, g.MinRequests)
	case unsettled(e) != "":
		wait.Why = unsettled(e)
	default:
		return wait, true
	}
	return wait, false
}

// shadowed says whether a shadow must open a gate.
func (g Gates) shadowed() bool { return g.Compared > 0 || g.MismatchBelow > 0 }

// shadowGate answers the wait for the gates that a shadow opens. They stand before
// the first step too, where the service has no requests yet: what was compared
// until then counts there.
func shadowGate(s RouteState, p Plan, e Evidence) (wait Action, open bool) {
	wait, g := Action{Do: Wait, Share: s.Share}, p.Gates
	breached := slices.IndexFunc(e.Reports, func(r evidence.Report) bool {
		return r.Guard == evidence.Mismatch && r.Verdict == evidence.Fail
	})
	switch {
	case breached >= 0:
		wait.Why = e.Reports[breached].String()
	case !g.shadowed():
		return wait, true
	case e.Error != "":
		wait.Why = "could not measure: " + e.Error
	case e.Doubt != "":
		wait.Why = "the comparisons: " + e.Doubt
	case e.Compared < g.Compared:
		wait.Why = fmt.Sprintf("%d of %d comparisons", e.Compared, g.Compared)
	case g.MismatchBelow > 0 && evidence.UpperRate(e.Mismatched, e.Compared)*float64(routes.One) >= float64(g.MismatchBelow):
		wait.Why = fmt.Sprintf("%s in %d comparisons: not certainly below %s", mismatches(e), e.Compared, g.MismatchBelow)
	default:
		return wait, true
	}
	return wait, false
}

// stepBegun is when the step's time began to count.
func stepBegun(s RouteState, e Evidence) time.Time {
	begun := s.Rollout.Since
	if e.Anew.After(begun) {
		begun = e.Anew
	}
	if s.Hold != nil && s.Hold.Until.After(begun) { // a hold that ended by itself
		begun = s.Hold.Until
	}
	return begun
}

// Step is the step that a share has reached, from 1; 0 is before the first.
func (p Plan) Step(share routes.PPM) int { return p.position(share) + 1 }

// Earliest is when the route may go to its next step as far as the plan's times
// are concerned; zero when none follows.
func (p Plan) Earliest(s RouteState, e Evidence) time.Time {
	if s.phase() != Running || s.Share >= p.Steps[len(p.Steps)-1] {
		return time.Time{}
	}
	if p.position(s.Share) < 0 { // before the first step there is none that lasts
		return p.Only.Next(stepBegun(s, e))
	}
	return p.Only.Next(stepBegun(s, e).Add(p.Every))
}

// unsettled says which guard has not passed.
func unsettled(e Evidence) string {
	for _, r := range e.Reports {
		if r.Verdict != evidence.Pass {
			return r.String()
		}
	}
	return ""
}

func mismatches(e Evidence) string {
	if e.Mismatched == 1 {
		return "1 mismatch"
	}
	return fmt.Sprintf("%d mismatches", e.Mismatched)
}

// passed says with what evidence a step ended.
func passed(e Evidence) string {
	why := []string{fmt.Sprintf("passed with %d requests", e.Requests)}
	if e.Requests == 0 && e.Compared > 0 {
		return fmt.Sprintf("%d comparisons, %s", e.Compared, mismatches(e)) // before the first step
	}
	if e.Compared > 0 {
		why = append(why, fmt.Sprintf("%d comparisons, %s", e.Compared, mismatches(e)))
	}
	for _, r := range e.Reports {
		if r.Guard != evidence.Dead {
			why = append(why, r.String())
		}
	}
	return strings.Join(why, "; ")
}
