package admin

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/strangler-proxy/strangler/engine"
)

// ShadowResetRequest is the body for PathShadowReset.
type ShadowResetRequest struct {
	Route string `json:"route"`
	// By is who, Reason why; both are required and stand in the report.
	By     string `json:"by"`
	Reason string `json:"reason"`
	// DryRun asks what it would be refused for; nothing is changed.
	DryRun bool `json:"dry_run,omitempty"`
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

// shadowSamples answers a list of report.Kept of ?route=, and ?signature= if it is
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

// wouldReset is the route as it is, if its evidence can begin anew.
func wouldReset(e *engine.Engine, r *http.Request, name string) (any, error) {
	if _, err := e.ShadowReport(r.Context(), name); err != nil {
		return nil, err
	}
	status, err := e.ShadowStatus()
	if err != nil {
		return nil, err
	}
	answer := ShadowResetAnswer{}
	answer.Route.Route = name // that is in the table no more
	for i := range status.Routes {
		if status.Routes[i].Route == name {
			answer.Route = status.Routes[i]
		}
	}
	return answer, nil
}

func shadowReset(e *engine.Engine, r *http.Request) (any, error) {
	var asked ShadowResetRequest
	if err := decode(r, &asked); err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"route": asked.Route, "by": asked.By, "reason": asked.Reason} {
		if strings.TrimSpace(value) == "" {
			return nil, refuse(http.StatusBadRequest, "%s is required", name)
		}
	}
	if asked.DryRun {
		return wouldReset(e, r, asked.Route)
	}
	route, err := e.ResetShadow(asked.Route, asked.By, asked.Reason)
	return ShadowResetAnswer{Route: route}, err
}
