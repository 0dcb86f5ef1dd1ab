package admin

import (
	"net/http"
	"strconv"

	"github.com/strangler-proxy/strangler/engine"
)

// ShadowResetRequest is the body for PathShadowReset. Reason is required.
type ShadowResetRequest struct {
	Act
	Route string `json:"route"`
}

// ShadowResetAnswer is its answer: the status of the route after it, with DryRun
// as it is.
type ShadowResetAnswer struct {
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

// shadowSamples answers the report.RouteSamples of ?route=, and ?signature= if it is
// named; ?limit= is how many at most.
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
	return e.ShadowSamples(r.Context(), query.Get("route"), query.Get("signature"), limit)
}

func shadowReset(e *engine.Engine, r *http.Request) (any, error) {
	var asked ShadowResetRequest
	if err := decode(r, &asked); err != nil {
		return nil, err
	}
	act, err := asked.act()
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%w", err)
	}
	route, err := e.ResetShadow(r.Context(), asked.Route, act)
	return ShadowResetAnswer{Route: route}, err
}
