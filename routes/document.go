package routes

import "time"

// Document is a route table as the operator wrote it, after Parse has checked
// it: every name resolves and every value is in range.
type Document struct {
	// Hash names the bucket algorithm, so that a change of it is a visible
	// migration. The only value is "fractional-v2", which is also the default.
	Hash string
	// Monolith names the target that served everything before.
	Monolith string
	// Targets are the named upstreams, by name.
	Targets map[string]*Target
	// Routes are in the order of the document.
	Routes []*Route
}

// Target is a named upstream: the monolith or a service.
type Target struct {
	Name string
	// URLs are where the target listens; several are tried in turn when a dial
	// fails. Schemes: http, https, h2c, unix. Empty: a `target NAME { … }`
	// block in the site serves it.
	URLs []string
	// Owner is the team that answers for the target, Docs where its
	// documentation is.
	Owner, Docs string
	// Timeouts bound how long the target may stay silent.
	Timeouts Timeouts
	// MaxInFlight is how many requests may be under way at the target at once;
	// 0 means the default (no limit for the monolith, see DefaultMaxInFlight
	// for services).
	MaxInFlight int
	// Breaker says when a dead target is no longer asked.
	Breaker Breaker
}

// Timeouts bound how long a target may stay silent. Zero means the default.
type Timeouts struct {
	// Dial is the time for one TCP or TLS connection. Default 2s.
	Dial time.Duration
	// FirstByte is the time from the request sent to the answer's head.
	// Default 60s. A route's timeout, when shorter, wins.
	FirstByte time.Duration
	// Idle is the longest silence inside an answer's body; event streams and
	// upgraded connections are exempt. Default 5m.
	Idle time.Duration
}

// Breaker says when a dead target is no longer asked. Zero means the default.
type Breaker struct {
	// Failures is how many failures in a row open the breaker. Default 5, at
	// most 10.
	Failures int
	// OpenFor is how long it then stays open before one request tries again.
	// Default 5s.
	OpenFor time.Duration
}

// Route is a named slice of the URL space with an owner and, maybe, a service.
type Route struct {
	Name string
	// Match is a net/http ServeMux pattern: [METHOD ][HOST]/path/{name}/{rest...}.
	Match string
	// Methods limits the route to these methods; not together with a method in
	// Match. GET includes HEAD, as in ServeMux.
	Methods []string
	// When holds conditions beyond the pattern; all must be true.
	When When
	// Owner is the team that answers for the route, Docs where it is described.
	Owner, Docs string
	// Service is the target the route moves to; empty: the monolith keeps it.
	Service string
	// Sticky says what the rollout is sticky by. Default StickyUser.
	Sticky Sticky
	// Percent, when declared, fixes the share of the service; the verbs then
	// refuse to change it.
	Percent *PPM
	// Cohort names the salt that several routes share, so that they move
	// together. Default: the route's own name.
	Cohort string
	// Rewrite is the path the service is asked for, with the pattern's
	// wildcards: /questions/{id}. Empty: unchanged. The monolith always gets
	// the original path.
	Rewrite string
	// Timeout is how long the service may take to the answer's head; 0: the
	// target's own.
	Timeout time.Duration
	// Fallback says which failures of the service the monolith answers instead.
	Fallback Fallback
	// Writes are the names of the data the route writes; one owner each.
	Writes []string
	// Line is where the route starts in the document, 1-based.
	Line int
	// PercentLine is where a declared percent stands, 0 when none.
	PercentLine int
}

// When holds a route's conditions beyond its pattern, by the name of header,
// query parameter or cookie. Header names are in canonical form.
type When struct {
	Headers, Query, Cookies map[string]Condition
}

// Count is the number of conditions: among routes of one pattern the one with
// more conditions is asked first.
func (w When) Count() int { return len(w.Headers) + len(w.Query) + len(w.Cookies) }

// Condition is one test of a value; exactly one kind is set.
type Condition struct {
	Kind ConditionKind
	// Text is the exact text, the prefix, or the regular expression.
	Text string
}

// ConditionKind is how a Condition tests a value.
type ConditionKind uint8

// The kinds of condition.
const (
	Exact   ConditionKind = iota // the value is Text
	Prefix                       // the value starts with Text
	Regexp                       // Text (RE2 syntax, unanchored) matches the value
	Present                      // there is a value
	Absent                       // there is no value
)

// Fallback is the set of a service's failures that the monolith answers
// instead, as far as that is safe.
type Fallback struct {
	// Declared is false when the document is silent; then Connect alone is on.
	Declared bool
	// Connect: nothing was sent (refused dial, open breaker, full bulkhead);
	// safe for every method.
	Connect bool
	// Error: the connection broke before the answer's head. Timeout: no head
	// in time. Both only for idempotent methods with a replayable body.
	Error, Timeout bool
	// Status are the answers to replace, 500 to 599; only for idempotent
	// methods with a replayable body.
	Status []int
}
