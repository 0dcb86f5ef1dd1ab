package rollout

import "time"

// Progress is where a route's rollout is. It never changes: a change of the
// route has a new one.
type Progress struct {
	// Phase says whether it goes on.
	Phase Phase `json:"phase"`
	// Step is the step of the plan it was in when it last changed, from 1.
	Step int `json:"step"`
	// Since is when that step began, or began anew after a release, a resume or
	// an undo. The step's time counts from here, also after a restart.
	Since time.Time `json:"since"`
	// StartedBy is who let it go on last: started, resumed, released or undid.
	StartedBy string `json:"started_by,omitempty"`
	// ApprovedBy is who approved the next step.
	ApprovedBy string `json:"approved_by,omitempty"`
	// Frozen says that a guard fired in this step and the plan's answer to that is
	// to stay.
	Frozen bool `json:"frozen,omitempty"`
}

// Phase says whether a rollout goes on.
type Phase string

// The phases. A rollout that has reached its last step is running still: its
// guards are.
const (
	Running Phase = "running"
	// Paused stays where it is until resumed. Its guards are on.
	Paused Phase = "paused"
	// Aborted is over: 0 %, until it is started again.
	Aborted Phase = "aborted"
)

// phase is the phase of a state's rollout, "" when none was ever started.
func (s RouteState) phase() Phase {
	if s.Rollout == nil {
		return ""
	}
	return s.Rollout.Phase
}

// started says whether there is a rollout that is not over.
func (s RouteState) started() bool { return s.phase() == Running || s.phase() == Paused }

// with is the state with its rollout changed; what others see of it stays.
func (s RouteState) with(change func(*Progress)) RouteState {
	if s.Rollout == nil {
		return s
	}
	progress := *s.Rollout
	change(&progress)
	s.Rollout = &progress
	return s
}

// opens says whether going from s to next lets a rollout go on that did not, or
// could not: then it must be stored first, though no request moves yet.
func (s RouteState) opens(next RouteState) bool {
	if next.phase() != Running {
		return false
	}
	return s.phase() != Running || next.Rollout.ApprovedBy != "" && next.Rollout.ApprovedBy != s.Rollout.ApprovedBy
}
