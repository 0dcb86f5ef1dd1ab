package rollout

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// Plan is how a rollout goes: its steps, what must hold before the next one and
// what ends it. DefaultPlan is a good one to start from.
type Plan struct {
	// Steps are the service's shares, each higher than the one before.
	Steps []routes.PPM `json:"steps_ppm"`
	// Every is the least time in a step.
	Every time.Duration `json:"every_ns"`
	// Gates must hold before the next step.
	Gates Gates `json:"gates"`
	// Guards end the rollout, at every step and after the last one.
	Guards Guards `json:"guards"`
	// Only, when not nil, is when the rollout may go to its next step. Guards
	// work at any time.
	Only *routes.Schedule `json:"only,omitempty"`
	// OnBreach is what a guard does. Default BreachMonolith.
	OnBreach Breach `json:"on_breach,omitempty"`
}

// Gates are conditions for the next step. A zero gate is open.
type Gates struct {
	// MinRequests is how many requests the service must have had in the step,
	// and the least evidence with which a guard passes it.
	MinRequests uint64 `json:"min_requests,omitempty"`
	// Compared is how many answers must have been compared in the step.
	Compared uint64 `json:"compared,omitempty"`
	// MismatchBelow is what the rate of mismatches must certainly be below: the
	// upper end of its one-sided 95 % interval. No mismatch in 3,000 is below
	// 0.1 %.
	MismatchBelow routes.PPM `json:"mismatch_below_ppm,omitempty"`
	// Approval names who may approve a step; one of them must. Empty: nobody
	// needs to, or anybody may when SecondPerson is set.
	Approval []string `json:"approval,omitempty"`
	// ApprovalAbove is the share up to which no approval is needed.
	ApprovalAbove routes.PPM `json:"approval_above_ppm,omitempty"`
	// SecondPerson says that who started or resumed the rollout cannot approve.
	SecondPerson bool `json:"second_person,omitempty"`
}

// Guards say how much worse than the monolith in the same window a service may
// not be. What is written here is a harm to be caught: half of it is tolerated,
// and more than that ends the rollout as soon as it is certain. A zero guard is
// off; the guard against a dead service is always on.
type Guards struct {
	// ErrorRateAboveMonolith is the difference of the error rates: 10,000 ppm
	// are one percentage point.
	ErrorRateAboveMonolith routes.PPM `json:"error_rate_above_monolith_ppm,omitempty"`
	// P95AboveMonolith and P99AboveMonolith are the ratios of the latencies,
	// above 1. Half of a ratio is its square root.
	P95AboveMonolith float64 `json:"p95_above_monolith,omitempty"`
	P99AboveMonolith float64 `json:"p99_above_monolith,omitempty"`
	// MismatchAbove is what the rate of mismatches must not certainly be above.
	// Unlike the others it is itself what is tolerated.
	MismatchAbove routes.PPM `json:"mismatch_above_ppm,omitempty"`
	// Consecutive is how many looks with new requests must fail in a row; 0
	// means 1. A dead service is not looked at twice.
	Consecutive int `json:"consecutive,omitempty"`
}

// Breach is what a guard does when the service is certainly worse. In each case
// a person must let the rollout go on.
type Breach string

// What a guard does.
const (
	// BreachMonolith holds the route on the monolith. Once released, the
	// rollout starts from its first step.
	BreachMonolith Breach = routes.BreachMonolith
	// BreachPreviousStep goes back one step and pauses until resumed; from the
	// first step it holds the route on the monolith, until released and, when an
	// earlier breach has paused it, resumed.
	BreachPreviousStep Breach = routes.BreachPreviousStep
	// BreachFreeze stays where it is and pauses: for a service that owns data
	// which the monolith does not have.
	BreachFreeze Breach = routes.BreachFreeze
)

// maxSteps bounds a plan.
const maxSteps = 100

// DefaultPlan is the plan of a route table's `rollout: {}`.
func DefaultPlan() Plan {
	r := routes.DefaultRollout()
	return PlanOf(&r)
}

// PlanOf is the plan that a route table declares.
func PlanOf(r *routes.Rollout) Plan {
	return Plan{
		Steps: r.Steps, Every: r.Every, Only: r.Only, OnBreach: Breach(r.OnBreach),
		Gates: Gates{
			MinRequests: r.Gates.Requests, Compared: r.Gates.Compared, MismatchBelow: r.Gates.MismatchBelow,
			Approval: r.Gates.Approval, ApprovalAbove: r.Gates.ApprovalAbove, SecondPerson: r.Gates.SecondPerson,
		},
		Guards: Guards{
			ErrorRateAboveMonolith: r.Guards.ErrorRateAboveMonolith,
			P95AboveMonolith:       r.Guards.P95AboveMonolith,
			P99AboveMonolith:       r.Guards.P99AboveMonolith,
			MismatchAbove:          r.Guards.MismatchAbove,
			Consecutive:            r.Guards.Consecutive,
		},
	}
}

// Validate says everything that is wrong with a plan; each of the errors joined
// wraps ErrPlan.
func (p Plan) Validate() error {
	var wrong []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf("%w: "+format, append([]any{ErrPlan}, args...)...))
		}
	}
	add(len(p.Steps) == 0 || len(p.Steps) > maxSteps, "it has %d steps, not 1 to %d", len(p.Steps), maxSteps)
	last := routes.PPM(0)
	for i, step := range p.Steps {
		add(step <= last, "step %d is %s, not more than %s before it", i+1, step, last)
		add(step > routes.One, "step %d is above 100 %%", i+1)
		last = step
	}
	add(p.Every < 0, "every is negative")
	add(p.Gates.MismatchBelow > routes.One, "mismatch_below is above 100 %%")
	add(p.Gates.ApprovalAbove > routes.One, "approval_above is above 100 %%")
	add(p.Guards.MismatchAbove > routes.One, "mismatch_above is above 100 %%")
	add(p.Guards.ErrorRateAboveMonolith > routes.One, "error_rate_above_monolith is above 100 points")
	for name, ratio := range map[string]float64{"p95_above_monolith": p.Guards.P95AboveMonolith, "p99_above_monolith": p.Guards.P99AboveMonolith} {
		add(ratio != 0 && !(ratio > 1 && ratio <= 1000), "%s is %v, not a ratio above 1 and up to 1000", name, ratio)
	}
	add(p.Guards.Consecutive < 0, "consecutive is negative")
	switch p.OnBreach {
	case "", BreachMonolith, BreachPreviousStep, BreachFreeze:
	default:
		add(true, "on_breach is %q, not monolith, previous_step or freeze", string(p.OnBreach))
	}
	return errors.Join(wrong...)
}

// rolloutLevel is the chance that a rollout of a service that is no worse than
// the monolith is ever rolled back, when no step lasts longer than evidenceAge;
// a step that does spends its part of it again with every trial.
const rolloutLevel = 0.001

// limits are what the evidence of each step is held to. The level is shared
// among all tests of the plan.
func (p Plan) limits() evidence.Limits {
	l := evidence.Limits{
		ErrorRate:   float64(p.Guards.ErrorRateAboveMonolith) / float64(routes.One) / 2,
		P95:         math.Sqrt(p.Guards.P95AboveMonolith),
		P99:         math.Sqrt(p.Guards.P99AboveMonolith),
		Mismatch:    float64(p.Guards.MismatchAbove) / float64(routes.One),
		MinRequests: max(p.Gates.MinRequests, 1),
	}
	tests := 1 // against death
	for _, limit := range []float64{l.ErrorRate, l.P95, l.P99, l.Mismatch} {
		if limit > 0 {
			tests++
		}
	}
	l.Level = rolloutLevel / float64(tests*max(len(p.Steps), 1))
	return l
}

// position is the last step that a share has reached, from 0; -1: none.
func (p Plan) position(share routes.PPM) int {
	at := -1
	for i, step := range p.Steps {
		if share >= step {
			at = i
		}
	}
	return at
}
