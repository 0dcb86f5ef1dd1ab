package engine

import (
	"context"
	"errors"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
)

// errNotCounted is why there is no evidence of a route.
var errNotCounted = errors.New("no request of this route is counted")

// startController moves the rollouts of the running table until the engine is
// closed.
func (e *Engine) startController() error {
	controller, err := rollout.NewController(rollout.ControllerOptions{
		Ledger: e.ledger, Plans: e.plans, Source: source{e}, Now: e.now,
		Events: &e.events, Every: e.options.Look, Logger: e.log,
	})
	if err != nil {
		return err
	}
	e.controller = controller
	e.done.Go(func() { controller.Run(e.background) })
	e.done.Go(func() { e.events.run(e.background) })
	return nil
}

// plans are those that the running table has for routes whose rollout was ever
// started; none while another engine over the same ledger leads.
func (e *Engine) plans() map[string]rollout.Plan {
	v, leads := e.view.Load(), e.options.Leads
	if v == nil || leads != nil && !leads() {
		return nil
	}
	started := map[string]rollout.Plan{}
	for route, state := range v.snapshot.Routes {
		if plan, planned := v.rollouts[route]; planned && state.Rollout != nil {
			started[route] = plan
		}
	}
	return started
}

// source reads what the running table's lanes have counted.
type source struct{ *Engine }

// Read implements rollout.Source.
func (s source) Read(route string, into *rollout.Reading) error {
	v := s.view.Load()
	if v == nil {
		return ErrNoTable
	}
	entry := v.table.Entry(route)
	if entry == nil || v.lanes[entry.Index].counts == nil {
		return errNotCounted
	}
	v.lanes[entry.Index].counts.read(into)
	if s.options.Shadowing != nil {
		into.Era, into.Comparisons, into.Doubt = s.options.Shadowing.Book.Comparisons(route)
	}
	return nil
}

// PlanOf is the plan that the running table gives a route. It is refused with
// ErrNoTable, ErrUnknownRoute, ErrNoService or, when the table has none,
// ErrNoPlan.
func (e *Engine) PlanOf(route string) (rollout.Plan, error) {
	entry, err := e.moving(route)
	if err != nil {
		return rollout.Plan{}, err
	}
	if entry.Route.Rollout == nil {
		return rollout.Plan{}, &NoPlanError{Route: route, File: e.view.Load().path, Line: entry.Route.Line}
	}
	return rollout.PlanOf(entry.Route.Rollout), nil
}

// ControllerStatus is where a route's rollout is and what it waits for.
type ControllerStatus struct {
	// Plan is what the table says.
	Plan rollout.Plan `json:"plan"`
	// Phase says whether it goes on; empty when it was never started.
	Phase rollout.Phase `json:"phase,omitempty"`
	// Step is the step that the share has reached, from 1; 0 is before the
	// first. Steps is how many there are.
	Step  int `json:"step"`
	Steps int `json:"steps"`
	// Since is when the step began; Earliest when the next may begin as far as
	// the plan's times are concerned, zero when no step follows or it is held.
	Since    time.Time `json:"since,omitzero"`
	Earliest time.Time `json:"earliest,omitzero"`
	// StartedBy is who started or resumed it, ApprovedBy who approved the next
	// step.
	StartedBy  string `json:"started_by,omitempty"`
	ApprovedBy string `json:"approved_by,omitempty"`
	// Action is what the last look decided: its Why names the gate that is
	// waited for, or the guard.
	Action rollout.Action `json:"action"`
	// Evidence has the counts and each guard's report.
	Evidence rollout.Evidence `json:"evidence"`
	// LookedAt is when that was; zero before the first look since the route last
	// changed, and while another engine over the same store looks.
	LookedAt time.Time `json:"looked_at,omitzero"`
}

// ControllerStatus says, for each route of the running table that has a
// rollout, where it is.
func (e *Engine) ControllerStatus() map[string]ControllerStatus {
	v := e.view.Load()
	if v == nil {
		return nil
	}
	looked := e.controller.Status()
	all := make(map[string]ControllerStatus, len(v.rollouts))
	for route, plan := range v.rollouts {
		state := v.snapshot.Route(route)
		s := ControllerStatus{Plan: plan, Step: plan.Step(state.Share), Steps: len(plan.Steps)}
		s.Action = rollout.Next(state, plan, s.Evidence, e.now())
		if p := state.Rollout; p != nil {
			s.Phase, s.Since, s.StartedBy, s.ApprovedBy = p.Phase, p.Since, p.StartedBy, p.ApprovedBy
		}
		if last, ok := looked[route]; ok && last.Version == state.Version {
			s.Action, s.Evidence, s.LookedAt = last.Action, last.Evidence, last.At
		}
		if !state.Hold.Active(e.now()) {
			s.Earliest = plan.Earliest(state, s.Evidence)
		}
		all[route] = s
	}
	return all
}

// OnEvent tells fn of what the controller does, one event after the other, from
// a goroutine of the engine. Configurations overlap during a reload: only the
// newest fn is told, until cancel.
func (e *Engine) OnEvent(fn func(context.Context, rollout.Event)) (cancel func()) {
	return e.events.hook(fn)
}
