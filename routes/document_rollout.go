package routes

import "time"

// Rollout is how a route moves to its service: step by step, as long as nothing
// speaks against it. What is left out has its default.
type Rollout struct {
	// Steps are the service's shares in percent, each above the one before. At
	// 100 nobody is left to compare with, so only a dead service is noticed
	// there; a last step of 99 keeps all guards. Default: [1, 5, 25, 50, 100].
	Steps []PPM `yaml:"steps,omitempty" is:"above" jsonschema:"minItems=1,maxItems=100,uniqueItems=true"`
	// Every is the least time in a step, up to 720h. Default: 30m.
	Every time.Duration `yaml:"every,omitempty"`
	// Only is when the rollout may go to its next step: days, times and a time
	// zone, such as Mon-Fri 09:00-16:00 Europe/Berlin. Guards work at any time.
	// Default: always.
	Only *Schedule `yaml:"only,omitempty"`
	// OnBreach is what a guard does: monolith holds the route on the monolith,
	// previous_step goes back one step and pauses, freeze stays where it is and
	// pauses, for a service that owns data the monolith does not have. In each
	// case a person lets the rollout go on. Default: monolith.
	OnBreach string `yaml:"on_breach,omitempty" jsonschema:"enum=monolith,enum=previous_step,enum=freeze"`
	// Gates are what must hold before the next step.
	Gates Gates `yaml:"gates,omitempty"`
	// Guards are what ends the rollout, at every step and after the last one.
	// Default: error_rate_above_monolith 1, p95_above_monolith 1.5. When guards
	// is written, those that it does not name are off. A service that answers
	// nothing any more is always noticed.
	Guards Guards `yaml:"guards,omitempty"`

	at rolloutPositions
}

// rolloutPositions are where the parts of a rollout stand that Lint points at.
type rolloutPositions struct{ start, guards, compared, above, mismatch position }

// Gates are conditions for a rollout's next step.
type Gates struct {
	// Requests is how many requests the service must have had in the step; with
	// fewer no guard calls it good. Default: 3000.
	Requests uint64 `yaml:"requests,omitempty" jsonschema:"minimum=1,maximum=1000000000"`
	// Compared is how many of its answers must have been compared with the
	// monolith's in the step. Default: 0.
	Compared uint64 `yaml:"compared,omitempty" jsonschema:"minimum=1,maximum=1000000000"`
	// MismatchBelow is the percentage of comparisons that the mismatches must
	// certainly be below: 3,000 comparisons without any are below 0.1.
	// Default: not asked.
	MismatchBelow PPM `yaml:"mismatch_below,omitempty" is:"above"`
	// Approval names who may approve a step; one of them must, each step anew.
	// Default: nobody needs to.
	Approval []string `yaml:"approval,omitempty" is:"line" jsonschema:"minItems=1,maxItems=100"`
	// ApprovalAbove is the share in percent up to which the rollout needs no
	// approval. Default: 0, so every step needs it.
	ApprovalAbove PPM `yaml:"approval_above,omitempty"`
	// SecondPerson says that who started or resumed the rollout cannot approve
	// it; without approval anybody else can. Default: false.
	SecondPerson bool `yaml:"second_person,omitempty"`
}

// Guards say how much worse than the monolith in the same time a service may
// not be. What is written is the harm to be caught: half of it is tolerated,
// and the rollout ends as soon as it is certain that the service does more.
type Guards struct {
	// ErrorRateAboveMonolith is in percentage points: 1 is a service that fails
	// 1 % more of its requests. Default: off.
	ErrorRateAboveMonolith PPM `yaml:"error_rate_above_monolith,omitempty" is:"above"`
	// P95AboveMonolith is a ratio above 1 up to 1000: 1.5 is a service whose
	// 95th percentile is half as long again. Default: off.
	P95AboveMonolith float64 `yaml:"p95_above_monolith,omitempty" is:"ratio"`
	// P99AboveMonolith is the same of the 99th percentile. Default: off.
	P99AboveMonolith float64 `yaml:"p99_above_monolith,omitempty" is:"ratio"`
	// MismatchAbove is the percentage of comparisons that the mismatches must not
	// certainly be above; it needs a shadow. How often the monolith differs from
	// itself is taken off. Default: off.
	MismatchAbove PPM `yaml:"mismatch_above,omitempty" is:"above"`
	// Consecutive is how many looks with new requests must find it in a row; a
	// look is every two seconds. Default: 2.
	Consecutive int `yaml:"consecutive,omitempty" jsonschema:"minimum=1,maximum=1000"`
}

// any reports whether a guard beside the one against a dead service is on.
func (g Guards) any() bool {
	return g.ErrorRateAboveMonolith > 0 || g.P95AboveMonolith > 0 || g.P99AboveMonolith > 0 || g.MismatchAbove > 0
}

// What a guard does, for Rollout.OnBreach.
const (
	BreachMonolith     = "monolith"
	BreachPreviousStep = "previous_step"
	BreachFreeze       = "freeze"
)

// defaultConsecutive is Guards.Consecutive when the document does not say.
const defaultConsecutive = 2

// DefaultRollout is what `rollout: {}` means.
func DefaultRollout() Rollout {
	return Rollout{
		Steps:    []PPM{1 * onePercent, 5 * onePercent, 25 * onePercent, 50 * onePercent, One},
		Every:    30 * time.Minute,
		OnBreach: BreachMonolith,
		Gates:    Gates{Requests: 3000},
		Guards:   Guards{ErrorRateAboveMonolith: 1 * onePercent, P95AboveMonolith: 1.5, Consecutive: defaultConsecutive},
	}
}
