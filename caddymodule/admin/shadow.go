package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
)

// ShadowRequest is the body for PathShadowReset and PathShadowResume. Reason is
// required.
type ShadowRequest struct {
	Act
	Route string `json:"route"`
}

// ShadowAnswer is the answer: the status of the route after it, with DryRun
// as it is.
type ShadowAnswer struct {
	Route engine.ShadowRoute `json:"route"`
}

func shadowStatus(e *engine.Engine, _ *http.Request) (any, error) { return e.ShadowStatus() }

// shadowReport answers a report.Report, of all routes or of those that ?route= names.
func shadowReport(e *engine.Engine, r *http.Request) (any, error) {
	return e.ShadowReport(r.Context(), r.URL.Query()["route"]...)
}

// MaxShadowSamples is how many samples PathShadowSamples answers at most;
// without a limit it is 100.
const MaxShadowSamples = 1000

const defaultSamples = 100

// shadowSamples answers the report.RouteSamples of ?route=, and of ?signature= and
// ?era= if they are named; ?limit= is how many at most.
func shadowSamples(e *engine.Engine, r *http.Request) (any, error) {
	query, limit := r.URL.Query(), defaultSamples
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxShadowSamples {
			return nil, refuse(http.StatusBadRequest, "limit %q is not 1 to %d", text, MaxShadowSamples)
		}
		limit = n
	}
	if query.Get("route") == "" {
		return nil, refuse(http.StatusBadRequest, "route is required")
	}
	era := uint64(0)
	if text := query.Get("era"); text != "" {
		var err error
		if era, err = strconv.ParseUint(text, 10, 64); err != nil || era == 0 {
			return nil, refuse(http.StatusBadRequest, "era %q is no number from 1", text)
		}
	}
	return e.ShadowSamples(r.Context(), query.Get("route"), query.Get("signature"), era, limit)
}

// shadowVerb does something to the shadow of a route.
func shadowVerb(do func(*engine.Engine, context.Context, string, rollout.Act) (engine.ShadowRoute, error)) func(*engine.Engine, *http.Request) (any, error) {
	return func(e *engine.Engine, r *http.Request) (any, error) {
		var asked ShadowRequest
		if err := decode(r, &asked); err != nil {
			return nil, err
		}
		act, err := asked.act()
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "%w", err)
		}
		route, err := do(e, r.Context(), asked.Route, act)
		return ShadowAnswer{Route: route}, err
	}
}
