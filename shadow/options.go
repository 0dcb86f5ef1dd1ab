package shadow

import (
	"log/slog"
	"net/http"
	"time"
)

// MarkHeader marks a mirrored request; its value is the comparison's ID.
const MarkHeader = "X-Strangler-Shadow"

// Marked tells whether a request came as a shadow's. Ask before anything
// removes headers that a client could forge.
func Marked(h http.Header) bool { return len(h[MarkHeader]) != 0 }

// Options are what all routes of an engine have in common.
type Options struct {
	// Recorder takes what comes of it. Required.
	Recorder Recorder
	// Connect makes the connections to a URL of a target. Required.
	Connect func(url string) (Connections, error)
	// Logger gets alarms and proofs. Nil: nobody is told.
	Logger *slog.Logger
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Key is the secret of the hash that samples, so that no client can choose an
	// ID that is sampled, or one that is not. Processes with the same key sample the same
	// requests. Nil: a random one.
	Key []byte
	// Bytes bounds all copies of requests and answers together. Default: 64 MiB.
	Bytes int64
	// Reserve spares clients some of the garbage collector: while there are mirrored
	// routes, the heap has room of Bytes more before it runs, at the price of that much
	// memory at most. Default: no.
	Reserve bool
	// Queue is how many requests of one route may wait. Default: 1024.
	Queue int
	// Outgoing makes the header of a forwarded request from a client's: without what
	// is for one connection and what the client may not claim, with what says who
	// it is. It may keep the values, not change them. Nil: without what is for one connection.
	Outgoing func(method, host string, h http.Header, c Client) http.Header
	// AgainPerSecond and AgainShare bound, for each route, how often a monolith is
	// asked again: per second, and as a share (0 to 1) of the requests that pass.
	// Default: 5, and 0.05.
	AgainPerSecond, AgainShare float64
	// Learned tells where the monolith of a record's route is known to differ from
	// itself: places ([diff.Difference.Place]) that nobody changes any more. What
	// differs there alone is noise without being asked again. It must not wait. May be nil.
	Learned func(r *Record) map[string]bool
	// ExtraPerSecond bounds, for each route that samples less than everything, how
	// many requests are compared because requests like them are rare, and how many
	// common ones are copied to see whether their answer is. Negative: none. Default: 1.
	ExtraPerSecond float64
	// Worked is told how long a worker had a request that it compared or tried to.
	// It must not wait. May be nil.
	Worked func(route string, took time.Duration)
	// Stops keeps which routes' requests that may change something are not mirrored
	// any more. Nil: they are forgotten with the process.
	Stops Stops
	// Alarm is told when the alarm of a route is raised, and with an empty reason
	// when it is over. It must not wait. May be nil.
	Alarm func(route, reason string)
}

// Client is what the server knows of the peer that sent a request.
type Client struct {
	// IP is the client's address as computed from what trusted proxies say,
	// RemoteIP that of the peer itself, without port.
	IP, RemoteIP string
	// Trusted: the peer is a proxy whose forwarded headers are believed.
	Trusted bool
	// Secure: the peer's connection is TLS.
	Secure bool
}
