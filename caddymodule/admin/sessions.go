package admin

import (
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/engine"
)

// InspectRequest is the body for PathInspect; the answer is identity.Inspection.
type InspectRequest struct {
	// Cookie is a whole Cookie header, or the value of the session's cookie. It is
	// in no log and in no answer.
	Cookie string `json:"cookie"`
	// At is when to judge it; left out: now.
	At time.Time `json:"at,omitzero"`
	// Show leaves the values of the user's attributes readable.
	Show bool `json:"show,omitempty"`
}

func inspectSession(e *engine.Engine, r *http.Request) (any, error) {
	var body InspectRequest
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if body.Cookie == "" {
		return nil, refuse(http.StatusBadRequest, "the cookie is missing")
	}
	return e.InspectSession(r.Context(), body.Cookie, body.At, body.Show)
}
