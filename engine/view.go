package engine

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/engine/recent"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/telemetry"
)

// view is everything that requests are decided and served by, of one version.
// It is immutable; a new one replaces it when the table or the ledger changes.
type view struct {
	*plan
	snapshot *rollout.Snapshot
	// states are by Entry.Index, but for what all of them share: the brake, and
	// whether the ledger is known. A route that was never touched has its base.
	states []*routes.State
}

// plan is what is made of a route table once, however often the ledger changes.
type plan struct {
	table    *routes.Table
	path     string
	loadedAt time.Time
	taken    time.Time // by an earlier process, whose last good table it is; zero: read from its file
	findings int       // warnings that did not keep the table from running

	monolith upstream
	lanes    []lane // by Entry.Index
	// unmatched takes the requests that no route matches.
	unmatched lane
	targets   map[string]*proxy.Target // those with a url that something uses
	rollouts  map[string]rollout.Plan  // of the routes that have one
	layout    *recent.Layout           // what is remembered of requests
	guard     *guard                   // headers that no client may send; nil without an identity
	known     []book.Route             // what the book must know of those that have a shadow
}

// lane is the way of one route's requests.
type lane struct {
	service  upstream // without a name when the route has none
	recorder *telemetry.Route
	counts   *counts        // nil when the table gives the route no rollout
	papers   *papers        // nil without an identity, or a service
	mirror   *shadow.Mirror // nil when nothing is compared
	marked   *atomic.Uint64 // requests that said they were a shadow's
	baggage  string         // what a service hears of the flag that chose it; empty without one
	// route and sticky are how the route and its key are remembered.
	route, sticky uint64
}

// upstream is a target as the table names it.
type upstream struct {
	name string
	// target serves it; nil when a site's block does.
	target *proxy.Target
	// failures is the target's own, whatever serves it.
	failures *failureLog
}

// in is what serves the target in a site, nil when nothing does.
func (u upstream) in(site Site) proxy.Upstream {
	if u.target != nil {
		return u.target
	}
	return site[u.name] // a nil interface when it has none
}

func (p *plan) laneOf(entry *routes.Entry) *lane {
	if entry == nil {
		return &p.unmatched
	}
	return &p.lanes[entry.Index]
}

// close closes all targets; what is under way goes on.
func (p *plan) close() {
	for _, target := range p.targets {
		target.Close()
	}
}

func (v *view) stateOf(entry *routes.Entry) routes.State {
	state := *v.states[entry.Index]
	state.Known = state.Known && v.snapshot.Known
	state.Brake = v.snapshot.Brake != nil
	return state
}

// publish makes a view of what is known now. It is called on every change of
// the ledger, so it copies and looks up only what the ledger has touched.
func (e *Engine) publish() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.publishLocked()
}

func (e *Engine) publishLocked() {
	if e.plan == nil {
		return
	}
	// Asked for here, not taken from the caller: the last view to be published
	// then has the last snapshot, whoever came first.
	snapshot := e.ledger.Snapshot()
	states := slices.Clone(e.base)
	touched := make([]routes.State, 0, len(snapshot.Routes))
	for name := range snapshot.Routes {
		entry := e.plan.table.Entry(name)
		if entry == nil {
			continue
		}
		state, base := snapshot.State(name), states[entry.Index]
		state.Salt, state.Known = base.Salt, base.Known
		touched = append(touched, state)
		states[entry.Index] = &touched[len(touched)-1]
	}
	e.view.Store(&view{plan: e.plan, snapshot: snapshot, states: states})
}

// saltLocked makes the states that publish starts from: only their salts.
func (e *Engine) saltLocked() {
	entries := e.plan.table.Routes()
	all := make([]routes.State, len(entries))
	e.base = make([]*routes.State, len(entries))
	for i, entry := range entries {
		salt := e.salts[cohort(entry.Route)]
		all[i] = routes.State{Known: salt != "", Salt: salt}
		e.base[i] = &all[i]
	}
}

// cohort is the name under which a route's salt is kept.
func cohort(r *routes.Route) string {
	if r.Cohort != "" {
		return r.Cohort
	}
	return r.Name
}
