package admin

import (
	"fmt"
	"strings"

	"github.com/strangler-proxy/strangler/routes"
)

// Rollout is a route's rollout in a Document, its defaults filled in.
type Rollout struct {
	Steps    []float64 `json:"steps"`
	Every    string    `json:"every"`
	Only     string    `json:"only,omitempty"`
	OnBreach string    `json:"on_breach"`
	Gates    Gates     `json:"gates"`
	Guards   Guards    `json:"guards"`
}

// Gates are a Rollout's; percentages as the table has them.
type Gates struct {
	Requests      uint64   `json:"requests,omitempty"`
	Compared      uint64   `json:"compared,omitempty"`
	MismatchBelow float64  `json:"mismatch_below,omitempty"`
	Approval      []string `json:"approval,omitempty"`
	ApprovalAbove float64  `json:"approval_above,omitempty"`
	SecondPerson  bool     `json:"second_person,omitempty"`
}

// Guards are a Rollout's.
type Guards struct {
	ErrorRateAboveMonolith float64 `json:"error_rate_above_monolith,omitempty"`
	P95AboveMonolith       float64 `json:"p95_above_monolith,omitempty"`
	P99AboveMonolith       float64 `json:"p99_above_monolith,omitempty"`
	MismatchAbove          float64 `json:"mismatch_above,omitempty"`
	Consecutive            int     `json:"consecutive,omitempty"`
}

func rolloutOf(r *routes.Rollout) *Rollout {
	if r == nil {
		return nil
	}
	plan := &Rollout{
		Steps: make([]float64, 0, len(r.Steps)), Every: r.Every.String(), OnBreach: r.OnBreach,
		Gates: Gates{
			Requests: r.Gates.Requests, Compared: r.Gates.Compared, MismatchBelow: r.Gates.MismatchBelow.Percent(),
			Approval: r.Gates.Approval, ApprovalAbove: r.Gates.ApprovalAbove.Percent(), SecondPerson: r.Gates.SecondPerson,
		},
		Guards: Guards{
			ErrorRateAboveMonolith: r.Guards.ErrorRateAboveMonolith.Percent(),
			P95AboveMonolith:       r.Guards.P95AboveMonolith, P99AboveMonolith: r.Guards.P99AboveMonolith,
			MismatchAbove: r.Guards.MismatchAbove.Percent(), Consecutive: r.Guards.Consecutive,
		},
	}
	for _, step := range r.Steps {
		plan.Steps = append(plan.Steps, step.Percent())
	}
	if r.Only != nil {
		plan.Only = r.Only.String()
	}
	return plan
}

// String is the plan in one line.
func (r *Rollout) String() string {
	if r == nil {
		return ""
	}
	steps := make([]string, len(r.Steps))
	for i, step := range r.Steps {
		steps[i] = fmt.Sprint(step)
	}
	text := fmt.Sprintf("%s %% every %s", strings.Join(steps, ", "), r.Every)
	if r.Only != "" {
		text += ", only " + r.Only
	}
	return text + ", on a breach " + strings.ReplaceAll(r.OnBreach, "_", " ")
}
