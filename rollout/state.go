package rollout

import (
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// AllRoutes is the name under which the brake is kept and journaled. No route
// can have it.
const AllRoutes = "*"

// AllKeys is the name under which changes of the keys that sign tokens are
// journaled. No route can have it.
const AllKeys = "*keys"

// RouteState is how much of one route goes to its service, and since which
// change. The zero value of everything but Route is a route that was never
// touched: 0 %, not held.
type RouteState struct {
	Route string `json:"route"`
	// Share is the service's part, 0 to routes.One. A hold leaves it as it is.
	Share routes.PPM `json:"share_ppm"`
	// Hold, when not nil, keeps the route on the monolith.
	Hold *Hold `json:"hold,omitempty"`
	// Rollout, when not nil, is where the route's rollout is.
	Rollout *Progress `json:"rollout,omitempty"`
	// ShadowStop, when not nil, is why no requests of the route that may change
	// something are mirrored to its shadow. An undo leaves it as it is.
	ShadowStop *ShadowStop `json:"shadow_stop,omitempty"`
	// Key is the ID of the key that was changed, under AllKeys only; never a secret.
	Key string `json:"key,omitempty"`
	// Version counts the route's changes, for compare-and-set; 0 is a route
	// that was never touched.
	Version uint64 `json:"version"`
	// By, Reason, Source and Since tell of the change that led here; notes are none.
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Source string    `json:"source,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// ShadowStop ends the mirroring of requests that may change something until it is
// resumed.
type ShadowStop struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// Hold keeps a route on the monolith until it is released.
type Hold struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Until ends the hold by itself; zero: it lasts until released.
	Until time.Time `json:"until,omitzero"`
}

// Active says whether the hold is in force at now. A nil hold is not.
func (h *Hold) Active(now time.Time) bool {
	return h != nil && (h.Until.IsZero() || now.Before(h.Until))
}

// outlasts says whether h keeps the monolith at least as long as other does.
func (h *Hold) outlasts(other *Hold) bool {
	switch {
	case other == nil:
		return true
	case h == nil:
		return false
	case h.Until.IsZero():
		return true
	}
	return !other.Until.IsZero() && !h.Until.Before(other.Until)
}

// Brake keeps every route on the monolith.
type Brake struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// towardMonolith says whether going from s to next can only move requests to
// the monolith, never away from it, now or by a rollout that goes on.
func (s RouteState) towardMonolith(next RouteState) bool {
	return next.Share <= s.Share && next.Hold.outlasts(s.Hold) && !s.opens(next)
}
