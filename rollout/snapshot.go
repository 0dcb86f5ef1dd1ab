package rollout

import (
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Snapshot is the state of all rollouts at one moment. It never changes; read
// it from as many goroutines as you like, and change nothing in it.
type Snapshot struct {
	// Known is false until the store has been read. Until then Routes holds
	// only what was changed since the start.
	Known bool `json:"known"`
	// Routes are the routes that were ever touched, by name.
	Routes map[string]RouteState `json:"routes"`
	// Brake, when not nil, keeps every route on the monolith. BrakeVersion is
	// its version, for compare-and-set.
	Brake        *Brake `json:"brake,omitempty"`
	BrakeVersion uint64 `json:"brake_version"`
	// Unsaved are the changes in effect that the store has not taken yet,
	// oldest first.
	Unsaved []Change `json:"unsaved,omitempty"`
	// StoreError is why the store does not answer, since StoreErrorSince;
	// empty when it does.
	StoreError      string    `json:"store_error,omitempty"`
	StoreErrorSince time.Time `json:"store_error_since,omitzero"`
}

// Route answers the state of a route; one never touched has only its name.
func (s *Snapshot) Route(name string) RouteState {
	if state, touched := s.Routes[name]; touched {
		return state
	}
	return RouteState{Route: name}
}

// State answers what a decision needs to know of a route, all but the salt.
func (s *Snapshot) State(route string) routes.State {
	state := routes.State{Known: s.Known, Brake: s.Brake != nil}
	touched, ok := s.Routes[route]
	if !ok {
		return state
	}
	state.Share = touched.Share
	if touched.Hold != nil {
		state.Hold, state.HoldUntil = true, touched.Hold.Until
	}
	return state
}
