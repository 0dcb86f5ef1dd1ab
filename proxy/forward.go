package proxy

import (
	"net/http"

	"github.com/strangler-proxy/strangler/routes"
)

// Plan is how one request is to be served.
type Plan struct {
	// Arm is the side that is asked first.
	Arm routes.Arm
	// Service may be nil when Arm is the monolith; Monolith never is.
	Service, Monolith Upstream
	// Fallback says which failures of the service the monolith answers instead.
	Fallback routes.Fallback
	// ServiceCall and MonolithCall are what each side is asked.
	ServiceCall, MonolithCall Call
	// ReplayLimit bounds, in bytes, the copy of a request's body that is kept
	// in case the monolith has to answer too; 0: 64 KiB.
	ReplayLimit int
}

// Outcome is how a request ended.
type Outcome struct {
	// Arm is the side that answered, or that failed last.
	Arm routes.Arm
	// Fallback is the service's failure that made the monolith answer instead;
	// empty when there was none.
	Fallback Kind
	// Status of the answer, or of the failure.
	Status int
}

// Forward serves r as p says. The error, if any, is a *Failure: the caller
// answers with its Status, or, when it is Started, aborts the connection with
// panic(http.ErrAbortHandler).
func Forward(w http.ResponseWriter, r *http.Request, p Plan) (Outcome, error) {
	up, c := p.Monolith, &p.MonolithCall
	if p.Arm == routes.Service {
		up, c = p.Service, &p.ServiceCall
	}
	return Outcome{Arm: p.Arm, Status: http.StatusOK}, up.Serve(w, r, c)
}
