package shadow

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Mirrors are the mirrors of an engine's routes. It is made once and outlives
// route tables. Its methods may be called concurrently.
type Mirrors struct{}

// New makes Mirrors without routes.
func New(o Options) (*Mirrors, error) {
	if o.Recorder == nil {
		return nil, errors.New("shadow: a recorder is required")
	}
	return &Mirrors{}, nil
}

// Apply makes the mirrored routes those of the settings. A route that was mirrored
// before keeps its queue, its counts and, unless who it asks has changed, its
// proof. What waits of a route that is gone is still compared. On an error, which
// names the route, nothing has changed.
func (m *Mirrors) Apply([]Settings) error { return nil }

// Route is the mirror of a route, nil when it is not mirrored. It stays good
// until Apply leaves the route out; after that it samples nothing.
func (m *Mirrors) Route(string) *Mirror { return nil }

// Status is that of all routes, by name.
func (m *Mirrors) Status() []Status { return nil }

// Close ends it all: what waits is counted as dropped, what is under way is
// cancelled. No goroutine is left when it returns.
func (m *Mirrors) Close() {}

// Mirror samples the requests of one route. A nil Mirror samples none.
type Mirror struct{}

// Arrival is what is known of a request beside the request itself.
type Arrival struct {
	// RequestID and TraceID correlate; the sample is a hash of RequestID.
	RequestID, TraceID string
	// At is when the request came.
	At time.Time
	// Arm is the side that will serve it.
	Arm routes.Arm
	// Marked: it came as a shadow's, see [Marked].
	Marked bool
	// Client is who sent it.
	Client Client
	// Principal is what Settings.Token gets; may be nil.
	Principal any
}

// Sample decides whether the request is mirrored; nil when not. The request's
// header must be as it will be forwarded, but for what Options.Outgoing does.
func (m *Mirror) Sample(*http.Request, *Arrival) *Exchange { return nil }

// Exchange copies one request and its answer as they pass. It belongs to one
// request; it must be ended. All methods of a nil Exchange do nothing and give back what
// they got.
type Exchange struct{}

// Body copies the request's body as it is read. nil and http.NoBody come back
// as they are.
func (x *Exchange) Body(b io.ReadCloser) io.ReadCloser { return b }

// Writer copies the answer as it is written. What is in w's header already is
// no part of the answer.
func (x *Exchange) Writer(w http.ResponseWriter) http.ResponseWriter { return w }

// Ending is how a request ended, as its client saw it.
type Ending struct {
	// Arm is the side that answered.
	Arm routes.Arm
	// Failure is empty when the client has got a whole answer of that side, else
	// what went wrong in a word of a closed set: "canceled" when the client left.
	Failure string
}

// End says that the request is over. It never waits.
func (x *Exchange) End(Ending) {}
