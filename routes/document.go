package routes

import "time"

// The types of a document. Parse decodes YAML right into them, and schema.json
// is generated from them: the yaml tag is a field's name, the is tag the kind of
// text that it, its entries or its keys are made of, the comment what editors
// show. What has no yaml tag is not in the document.

// Document is a route table as the operator wrote it, after Parse has checked
// it: every name resolves and every value is in range.
type Document struct {
	// Hash names the bucket algorithm, so that a change of it is a visible
	// migration. Default: fractional-v2, the only one.
	Hash string `yaml:"hash,omitempty" jsonschema:"enum=fractional-v2"`
	// Monolith names the target that served everything before. What no route
	// claims, and what is in doubt, goes there.
	Monolith string `yaml:"monolith" is:"name"`
	// Targets has the named upstreams, the monolith and the services, by name.
	Targets map[string]*Target `yaml:"targets" is:"name"`
	// Routes has the named slices of the URL space. The most specific pattern
	// wins, whatever the order; routes of one pattern are asked by number of
	// conditions, then in this order.
	Routes []*Route `yaml:"routes"`
}

// Target is a named upstream: the monolith or a service.
type Target struct {
	Name string `yaml:"-"`
	// URLs is where the target listens: one, or a list that is tried in turn
	// when a dial fails. http://HOST:PORT, https://…, h2c://… (HTTP/2 without
	// TLS) or unix:///PATH, all of one scheme, without a path. Without any, a
	// `target NAME { … }` block in the site serves it.
	URLs []string `yaml:"url,omitempty" is:"url"`
	// Owner is the team that answers for the target.
	Owner string `yaml:"owner,omitempty" is:"line"`
	// Docs is the web address of its documentation.
	Docs string `yaml:"docs,omitempty" is:"web"`
	// Timeouts says how long the target may stay silent.
	Timeouts Timeouts `yaml:"timeouts,omitempty"`
	// MaxInFlight is how many requests may be under way at the target at once.
	// Those whose client is still sending the body after its first 64 KiB take at
	// most half of it. A service that is full falls back to the monolith. Default:
	// no limit for the monolith, 1024 for a service.
	MaxInFlight int `yaml:"max_in_flight,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	// Breaker says when a dead service is no longer asked.
	Breaker Breaker `yaml:"breaker,omitempty"`
	// Build is the header in which the target's answers name its build. Another
	// build starts the evidence of a rollout's step anew. Default: none.
	Build string `yaml:"build,omitempty" is:"token"`
	// Line is where the target starts in the document, from 1.
	Line int `yaml:"-"`

	column int32
}

// Timeouts bound how long a target may stay silent. Zero means the default.
type Timeouts struct {
	// Dial is the time for one TCP or TLS connection. Default: 2s.
	Dial time.Duration `yaml:"dial,omitempty"`
	// FirstByte is the time from the request sent to the answer's head. A
	// route's timeout, when shorter, wins. Default: 60s.
	FirstByte time.Duration `yaml:"first_byte,omitempty"`
	// Idle is the longest silence inside an answer's body; event streams and
	// upgraded connections are exempt. Default: 5m.
	Idle time.Duration `yaml:"idle,omitempty"`
}

// Breaker says when a dead target is no longer asked. Zero means the default.
type Breaker struct {
	// Failures is how many failures in a row open the breaker. Default: 5.
	Failures int `yaml:"failures,omitempty" jsonschema:"minimum=1,maximum=10"`
	// OpenFor is how long it then stays open before one request tries again.
	// Default: 5s.
	OpenFor time.Duration `yaml:"open_for,omitempty"`
}

// Route is a named slice of the URL space with an owner and, maybe, a service.
type Route struct {
	// Name is the route's name in commands, logs and metrics: lower-case
	// letters, digits, - and _, at most 63.
	Name string `yaml:"name" is:"name"`
	// Match is a net/http ServeMux pattern: [METHOD ][HOST]/path/{name}/{rest...}.
	// A path that ends in / matches everything below it, one that ends in /{$}
	// only itself.
	Match string `yaml:"match" is:"pattern"`
	// Methods limits the route to these methods; not together with a method in
	// match. GET includes HEAD.
	Methods []string `yaml:"methods,omitempty" is:"method" jsonschema:"minItems=1"`
	// When holds conditions beyond the pattern; all must be true.
	When When `yaml:"when,omitempty"`
	// Owner is the team that answers for the route.
	Owner string `yaml:"owner,omitempty" is:"line"`
	// Docs is the web address where the route is described.
	Docs string `yaml:"docs,omitempty" is:"web"`
	// Service names the target the route moves to. Without it the monolith
	// keeps the route.
	Service string `yaml:"service,omitempty" is:"name"`
	// Sticky says what the rollout is sticky by: user, visitor, ip, cookie:NAME
	// or header:NAME. Default: user.
	Sticky Sticky `yaml:"sticky,omitempty"`
	// Percent fixes the share of the service, 0 to 100 with at most four
	// decimals; `strangler rollout` then refuses to change it. Without it the
	// rollout state decides, which starts at 0.
	Percent *PPM `yaml:"percent,omitempty"`
	// Rollout is how the share rises step by step, and what stops it. It waits
	// for `strangler rollout start`. Not together with percent or flag.
	Rollout *Rollout `yaml:"rollout,omitempty"`
	// Flag is the key of an OpenFeature boolean that decides instead of a share:
	// true is the service. Not together with percent or rollout.
	Flag string `yaml:"flag,omitempty" is:"flag"`
	// FlagAttributes are what the flag's source gets to know of a request beside
	// the sticky key, at most 8 of: method, path, host, ip, headers.NAME, user (who is
	// signed in) and claims.NAME (a column of the user, or session.KEY). Rules
	// read them under these names. What is missing, longer than 256 bytes or there
	// twice with different values is left out; headers that hold secrets, such as
	// Cookie and Authorization, are refused. Default: none.
	FlagAttributes []FlagAttribute `yaml:"flag_attributes,omitempty" jsonschema:"uniqueItems=true,maxItems=8"`
	// Baggage names further flags, at most 16, whose values the service is told
	// in the baggage header; the flag that decided always is. One whose value is
	// not known at once is left out.
	Baggage []string `yaml:"baggage,omitempty" is:"flag" jsonschema:"maxItems=16"`
	// PinAfterFailure is how long who met a failure of the service stays on the
	// monolith, so that what they are in the middle of does not bounce: 5m.
	// Default: not at all.
	PinAfterFailure time.Duration `yaml:"pin_after_failure,omitempty"`
	// Cohort names what several routes share so that they move together: a user
	// who is on the service for one is so for all at the same share. Default:
	// the route's own name.
	Cohort string `yaml:"cohort,omitempty" is:"name"`
	// Rewrite is the path the service is asked for, with wildcards of the
	// pattern: /questions/{id}. The monolith always gets the original path.
	// Default: unchanged.
	Rewrite string `yaml:"rewrite,omitempty" is:"path"`
	// Timeout is how long the service may take to the answer's head. Default:
	// the target's own.
	Timeout time.Duration `yaml:"timeout,omitempty"`
	// Fallback lists the service's failures that the monolith answers instead:
	// connect (nothing was sent; safe for every method), error (the connection
	// broke), timeout, and statuses 500 to 599; all but connect only for
	// idempotent requests. Default: connect.
	Fallback Fallback `yaml:"fallback,omitempty"`
	// Shadow compares the service's answers with the monolith's, before and while
	// the route moves. No client gets what a shadow says. Default: not at all.
	Shadow *Shadow `yaml:"shadow,omitempty"`
	// Identity is what the service gets to know of who a request is from: a token,
	// with what it says, and what becomes of who is anonymous. Needs the identity
	// block of the Caddyfile. Default: nothing, and no session cookie either.
	Identity *Identity `yaml:"identity,omitempty"`
	// Writes names the data the route writes; each has one writer only.
	Writes []string `yaml:"writes,omitempty" is:"data"`

	// Line is where the route starts in the document, from 1; 0 when it was not
	// parsed.
	Line int `yaml:"-"`
	// PercentLine is where a declared percent stands, 0 when none does; FlagLine
	// is the same of the flag.
	PercentLine int `yaml:"-"`
	FlagLine    int `yaml:"-"`

	at routePositions
}

// routePositions are where the parts of a route stand that problems found after
// parsing point at; zero for those the document does not have.
type routePositions struct{ start, name, match, service, writes position }

// When holds a route's conditions beyond its pattern, by the name of what is
// tested.
type When struct {
	// Headers has conditions on request headers; a name's case does not matter,
	// and Parse makes it canonical.
	Headers map[string]Condition `yaml:"headers,omitempty" is:"token"`
	// Query has conditions on query parameters.
	Query map[string]Condition `yaml:"query,omitempty" is:"text"`
	// Cookies has conditions on cookies.
	Cookies map[string]Condition `yaml:"cookies,omitempty" is:"token"`
}

// Count is the number of conditions: among routes of one pattern the one with
// more conditions is asked first.
func (w When) Count() int { return len(w.Headers) + len(w.Query) + len(w.Cookies) }

// Condition is one test of a value. The document has the exact text, or one of
// { exact: TEXT }, { prefix: TEXT }, { regexp: RE2, unanchored } and
// { present: true or false }.
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
	// Status are the answers to replace, 500 to 599, ascending; only for
	// idempotent methods with a replayable body.
	Status []int
}
