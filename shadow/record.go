package shadow

import (
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// A Record is how one sampled request ended. It holds what the client and the
// targets said in clear: a [Recorder] keeps of it what is redacted, and nothing
// of the record itself.
type Record struct {
	// ID is the comparison's, which X-Strangler-Shadow told the shadow.
	ID string
	// Route names the route.
	Route string
	// RequestID and TraceID are the client's request's.
	RequestID, TraceID string
	// At is when the client's request came.
	At time.Time
	// Bucket is where it ended, Why the detail in one word of a closed set
	// (connect, timeout, truncated, no_proof), maybe empty.
	Bucket Bucket
	Why    string
	// Reverse is true when the service served and the monolith was the shadow.
	Reverse bool
	// Request is what was asked.
	Request Request
	// Monolith and Service are the two sides, whichever of them was the shadow.
	// The zero Side was not asked.
	Monolith, Service Side
	// Result is the service's answer held against the monolith's; its verdict is
	// empty when they were not compared.
	Result diff.Result
	// Rules is the fingerprint of what the answers were compared by
	// ([diff.Comparer.Fingerprint]): evidence is of one set of rules.
	Rules string
	// Sides names what was held against what ([Settings.Sides]): evidence is of
	// these targets.
	Sides string
	// Rare is true when the request was not taken by the hash of its ID but since
	// its kind is rare: it shows what differs, and counts in no rate.
	Rare bool
	// Chosen is true when the request was chosen for a second answer of the
	// monolith before anything was compared, so that the choice says nothing of how
	// that ends. Only such requests count as pairs (package stats).
	Chosen bool
	// Unasked is true when there was no room to ask for the second answer, or to take it
	// (busy, memory), or the server stopped: that says nothing of who was to be asked.
	Unasked bool
	// Again is that second answer of the monolith held against its first; nil when
	// there is none.
	Again *diff.Result
	// Crossed is the service's answer held against the monolith's second one; nil
	// when nobody asked.
	Crossed *diff.Result
	// Repeated is the service's second answer held against the monolith's second;
	// nil when the service was not asked again.
	Repeated *diff.Result
}

// Hollow tells whether the comparison proves nothing: two errors may well be the
// same, and so are two bodies that nobody wrote where one belongs.
func (r *Record) Hollow() bool {
	if r.Bucket != Equal && r.Bucket != EqualByRule {
		return false
	}
	status := r.Monolith.Answer.Status
	return status >= http.StatusBadRequest ||
		status == http.StatusOK && r.Request.Method != http.MethodHead && r.Result.Format == "empty"
}

// Request is what a sampled request asked.
type Request struct {
	Method string
	Host   string
	// Target is the path and query, as they were sent.
	Target string
	Header http.Header
	Body   []byte
}

// Side is one answer and how it came.
type Side struct {
	// Build is what the answer names its build, empty when it does not.
	Build  string
	Answer diff.Answer
	// Took is from the request sent to the end of the answer, without any wait in
	// a queue.
	Took time.Duration
	// Cold is true for the first use of a connection, which takes longer.
	Cold bool
}

// A Recorder takes records. Record may be called by several goroutines at once.
// It must not wait for a store, and keeps no part of the record after it has
// returned.
type Recorder interface {
	Record(r *Record)
}
