package engine

import (
	"errors"
	"runtime/debug"
	"slices"
	"time"

	"github.com/strangler-proxy/strangler/engine/recent"
	"github.com/strangler-proxy/strangler/routes"
)

// ErrNotRemembered is why there is no preview: the configuration says that no
// requests are remembered.
var ErrNotRemembered = errors.New("no requests are remembered; take `recent 0` out of the Caddyfile")

// MaxExamples is how many examples a preview gives at most.
const MaxExamples = 10_000

// Preview says what a draft would have done with the last requests: what the
// running table with the state of now does with them is compared with what the
// draft would do. Nothing is changed.
type Preview struct {
	// Table is the running table's version, Draft the draft's; empty when the
	// draft is another share.
	Table string `json:"table"`
	Draft string `json:"draft,omitempty"`
	// Route and Share are the draft when it is another share.
	Route string      `json:"route,omitempty"`
	Share *routes.PPM `json:"share_ppm,omitempty"`
	// Considered is how many requests were looked at, of at most Limit that are
	// remembered. They came from Since to Until.
	Considered int       `json:"considered"`
	Limit      int       `json:"limit"`
	Since      time.Time `json:"since,omitzero"`
	Until      time.Time `json:"until,omitzero"`
	// Changed is how many would change: ToService and ToMonolith their arm,
	// ToRoute their route, on whichever arm.
	Changed    int `json:"changed"`
	ToService  int `json:"to_service"`
	ToMonolith int `json:"to_monolith"`
	ToRoute    int `json:"to_route"`
	// Unknown is how many cannot be judged, and Why.
	Unknown int        `json:"unknown"`
	Why     []Unjudged `json:"why,omitempty"`
	// Moved is how many get another arm now than they did when they came, as
	// shares, holds or the table have changed since.
	Moved int `json:"moved_since"`
	// Routes are the requests by route, those with the most changes first; only
	// routes that lose, gain or change requests, or have some of unknown.
	Routes []PreviewRoute `json:"routes"`
	// Examples are requests that would change arm or route, the newest first;
	// as many as were asked for.
	Examples []Example `json:"examples"`
	// Brake and Held say that the brake is on, or that Route is held: until they
	// end, the draft changes nothing.
	Brake bool `json:"brake,omitempty"`
	Held  bool `json:"held,omitempty"`
}

// Unjudged is why some requests cannot be judged.
type Unjudged struct {
	Why   string `json:"why"`
	Count int    `json:"count"`
	// OnService is how many of them the draft's shares would put on the service,
	// when no more than their buckets is unknown.
	OnService int `json:"on_service_by_share,omitempty"`
}

// PreviewRoute is what a draft does with one route's requests.
type PreviewRoute struct {
	// Route is empty for the requests that no route matches.
	Route string `json:"route"`
	// Now and Then are how many requests it has, now and by the draft; of them
	// ServiceNow and ServiceThen are on the service.
	Now         int `json:"now"`
	Then        int `json:"then"`
	ServiceNow  int `json:"service_now"`
	ServiceThen int `json:"service_then"`
	// ToService and ToMonolith are those it would have that change arm.
	ToService  int `json:"to_service"`
	ToMonolith int `json:"to_monolith"`
	// Unknown are those of now that cannot be judged; the others do not count
	// them.
	Unknown int `json:"unknown"`
}

// Example is one request that would change.
type Example struct {
	At     time.Time       `json:"at"`
	Method string          `json:"method"`
	Host   string          `json:"host"`
	Path   string          `json:"path"`
	From   routes.Decision `json:"from"`
	To     routes.Decision `json:"to"`
}

// PreviewShare says what it would do to give that share of the route to its
// service. It is refused as Set is: with ErrNoTable, ErrUnknownRoute,
// ErrNoService or ErrDeclared; and with ErrNotRemembered.
func (e *Engine) PreviewShare(route string, share routes.PPM, examples int) (Preview, error) {
	entry, err := e.undeclared(route)
	if err != nil {
		return Preview{}, err
	}
	e.previewing.Lock()
	defer e.previewing.Unlock()
	v := e.view.Load()
	p := Preview{Table: v.table.Version(), Route: route, Share: &share}
	p.Held = v.snapshot.Route(route).Hold.Active(e.now())
	then := side{table: v.table, stateOf: func(of *routes.Entry) routes.State {
		state := v.stateOf(of)
		if of.Route.Name == entry.Route.Name {
			state.Share = share
		}
		return state
	}}
	return p, e.preview(&p, v, then, examples)
}

// PreviewTable says what it would do to put a draft of the route table in force,
// with the state of now. The error is a *RefusedError when the draft would be
// refused; file is its name there. The others are ErrNoTable and
// ErrNotRemembered.
func (e *Engine) PreviewTable(file string, draft []byte, examples int) (Preview, error) {
	v := e.view.Load()
	if v == nil {
		return Preview{}, ErrNoTable
	}
	e.previewing.Lock()
	defer e.previewing.Unlock()
	table, problems := LoadTable(file, draft, e.now())
	if len(draft) >= largeTable {
		defer debug.FreeOSMemory()
	}
	if table != nil {
		problems = append(problems, e.unoffered(file, table)...)
	}
	if problems.Err() != nil {
		return Preview{}, &RefusedError{Problems: problems}
	}
	p := Preview{Table: v.table.Version(), Draft: table.Version()}
	return p, e.preview(&p, v, side{table: table, stateOf: e.statesOf(v, table)}, examples)
}

// saltToCome stands for a salt that is made when a draft comes into force.
const saltToCome = "to come"

// statesOf is the state that the routes of a draft would have.
func (e *Engine) statesOf(v *view, draft *routes.Table) func(*routes.Entry) routes.State {
	salts := make([]string, len(draft.Routes()))
	e.mu.Lock()
	for i, entry := range draft.Routes() {
		if salts[i] = e.salts[cohort(entry.Route)]; salts[i] == "" {
			salts[i] = saltToCome
		}
	}
	e.mu.Unlock()
	return func(of *routes.Entry) routes.State {
		state := v.snapshot.State(of.Route.Name)
		state.Salt = salts[of.Index]
		return state
	}
}

// preview compares what is now with what would be then, for all that is
// remembered.
func (e *Engine) preview(p *Preview, v *view, then side, examples int) error {
	ring := e.recent.Load()
	if ring == nil {
		return ErrNotRemembered
	}
	p.Limit, p.Brake = ring.Len(), v.snapshot.Brake != nil
	p.Routes, p.Examples = []PreviewRoute{}, []Example{}
	c := comparison{
		Preview: p, examples: min(examples, MaxExamples), time: e.now(),
		now: side{table: v.table, stateOf: v.stateOf}, then: then,
		routes: map[string]*PreviewRoute{}, why: map[string]*unjudged{},
	}
	ring.Last(&e.layouts, func(r *recent.Record) bool {
		c.add(r)
		return true
	})
	c.finish()
	return nil
}

// finish sorts what was counted.
func (c *comparison) finish() {
	for _, r := range c.routes {
		if r.ToService+r.ToMonolith+r.Unknown > 0 || r.Now != r.Then {
			c.Routes = append(c.Routes, *r)
		}
	}
	slices.SortFunc(c.Routes, PreviewRoute.compare)
	for why, u := range c.why {
		c.Why = append(c.Why, Unjudged{Why: why, Count: u.count, OnService: int((u.shares + uint64(routes.One)/2) / uint64(routes.One))})
	}
	slices.SortFunc(c.Why, Unjudged.compare)
}
