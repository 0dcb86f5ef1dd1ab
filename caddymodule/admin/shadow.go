package admin

import (
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/engine"
)

// ShadowResetRequest is the body for PathShadowReset.
type ShadowResetRequest struct {
	Route string `json:"route"`
	// By is who, Reason why; both are required and stand in the report.
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// ShadowResetAnswer is its answer: the status of the route after it.
type ShadowResetAnswer struct {
	Route engine.ShadowRoute `json:"route"`
}

func shadowStatus(e *engine.Engine, _ *http.Request) (any, error) { return e.ShadowStatus() }

// shadowReport answers a report.Report, of all routes or of those that ?route= names.
func shadowReport(e *engine.Engine, r *http.Request) (any, error) {
	return e.ShadowReport(r.Context(), r.URL.Query()["route"]...)
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
	route, err := e.ResetShadow(asked.Route, asked.By, asked.Reason)
	return ShadowResetAnswer{Route: route}, err
}
