package proxy

import (
	"maps"
	"net/http"
	"slices"

	"github.com/strangler-proxy/strangler/routes"
)

// defaultReplayLimit is how much of a request's body is kept for the monolith.
const defaultReplayLimit = 64 << 10

// Plan is how one request is to be served.
type Plan struct {
	// Arm is the side that is asked first.
	Arm routes.Arm
	// Service may be nil when Arm is the monolith; Monolith never is.
	Service, Monolith Upstream
	// Fallback says which failures of the service the monolith answers instead.
	// A failure counts when its kind is named, and also when the status that the
	// client would get for it is: [502] covers a broken connection.
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
	// Cause is that failure; nil when there was none.
	Cause *Failure
	// Status of the answer, or of the failure when no answer was begun.
	Status int
}

// Forward serves r as p says: at the service and, when that fails before the
// first byte of its answer, at the monolith, if p.Fallback has the failure and
// asking twice is safe:
//
//   - nothing was sent (connect, busy, open, and not Sent before): safe for every
//     method;
//   - anything else: safe for idempotent methods (RFC 9110, 9.2.2) whose body,
//     if any, is still there from its first byte.
//
// The error, if any, is a *Failure: the caller answers with its Status (with
// Retry-After for 502 and 503), or, when it is Started, aborts the connection
// with panic(http.ErrAbortHandler).
func Forward(w http.ResponseWriter, r *http.Request, p Plan) (Outcome, error) {
	if r.Method == http.MethodConnect {
		// Also HTTP/2's extended CONNECT, and before any upstream sees it.
		return Outcome{Arm: p.Arm, Status: http.StatusMethodNotAllowed}, clientFailure(http.StatusMethodNotAllowed, errConnect)
	}
	body := newUpload(r, p.keeps(r))
	defer body.finish()
	out := Outcome{Arm: p.Arm}
	var f *Failure
	if p.Arm == routes.Service {
		if idempotent(r.Method) {
			p.ServiceCall.replace, p.ServiceCall.body = p.Fallback.Status, body
		}
		out.Status, f = ask(w, body.next(r), p.Service, &p.ServiceCall)
		if p.fallsBack(f, r, body) {
			out.Arm, out.Fallback, out.Cause = routes.Monolith, f.Kind, f
			if p.ServiceCall.Heads != nil {
				p.ServiceCall.Heads.FellBack()
			}
		}
	}
	if out.Arm == routes.Monolith {
		out.Status, f = ask(w, body.next(r), p.Monolith, &p.MonolithCall)
	}
	body.leaveClean(w, r)
	if f == nil {
		return out, nil
	}
	if !f.Started {
		out.Status = f.Status
	}
	return out, f
}

// ask lets one upstream serve r.
func ask(w http.ResponseWriter, r *http.Request, up Upstream, c *Call) (int, *Failure) {
	if t, ok := up.(*Target); ok {
		f := t.serve(w, r, c)
		return c.status, f
	}
	own := new(Call) // so that the plan of a target's call need not live on the heap
	*own = *c
	before := w.Header().Clone()
	a := &answer{ResponseWriter: w, call: own}
	f := a.failure(up.Serve(a, own.applied(r), own))
	if f != nil && !f.Started {
		clear(w.Header())
		maps.Copy(w.Header(), before)
	}
	return a.status, f
}

// keeps is how many bytes of r's body to keep: none when no failure after
// they were sent could lead to the monolith. A body with trailers is not kept:
// net/http writes them into a map of r's when the body ends, which may be while
// the monolith is being asked.
func (p *Plan) keeps(r *http.Request) int {
	fb := &p.Fallback
	if p.Arm != routes.Service || !idempotent(r.Method) || len(r.Trailer) != 0 ||
		!fb.Error && !fb.Timeout && len(fb.Status) == 0 {
		return 0
	}
	limit := p.ReplayLimit
	if limit == 0 {
		limit = defaultReplayLimit
	}
	if r.ContentLength > int64(limit) {
		return 0
	}
	return limit
}

// fallsBack reports whether the monolith is to answer instead of failing with f.
func (p *Plan) fallsBack(f *Failure, r *http.Request, body *upload) bool {
	if f == nil || f.Started || r.Context().Err() != nil || !body.replayable() {
		return false
	}
	named, safe := false, idempotent(r.Method)
	switch f.Kind {
	case KindConnect, KindBusy, KindOpen:
		named, safe = p.Fallback.Connect || !p.Fallback.Declared, safe || !f.Sent
	case KindError:
		named = p.Fallback.Error
	case KindTimeout:
		named = p.Fallback.Timeout
	case KindStatus:
	default:
		return false
	}
	return safe && (named || slices.Contains(p.Fallback.Status, f.Status))
}
