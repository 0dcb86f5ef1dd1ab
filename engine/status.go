package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/telemetry"
)

// Status is how the engine is, at one moment.
type Status struct {
	// Table is the running table; nil before the first one.
	Table *TableStatus `json:"table"`
	// Refused is what the table's file holds instead, as long as it is bad.
	Refused *Refusal `json:"refused,omitempty"`
	// Brake, when not nil, keeps every route on the monolith.
	Brake *rollout.Brake `json:"brake,omitempty"`
	// Held is how many of the table's routes are held.
	Held int `json:"held"`
	// Store is how the rollout state is kept.
	Store StoreStatus `json:"store"`
	// Targets are those that have a url and are used, by name.
	Targets []proxy.Status `json:"targets"`
	// Blocks are the targets that a site's block must serve.
	Blocks []string `json:"blocks,omitempty"`
	// Orphans are states of routes that the table does not have, by name: kept
	// for when the route comes back, as after a rename that is undone.
	Orphans []rollout.RouteState `json:"orphans,omitempty"`
}

// TableStatus is the running route table.
type TableStatus struct {
	Path     string    `json:"path"`
	Version  string    `json:"version"`
	LoadedAt time.Time `json:"loaded_at"`
	Routes   int       `json:"routes"`
	// Findings is how many warnings the table came with; routes lint lists them.
	Findings int `json:"findings"`
}

// StoreStatus is how the rollout state is kept.
type StoreStatus struct {
	// Known is false until the state has been read once: then every route is on
	// the monolith.
	Known bool `json:"known"`
	// Error is why the store does not answer, since Since; empty when it does.
	Error string    `json:"error,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Unsaved is how many changes in effect the store has not taken yet.
	Unsaved int `json:"unsaved"`
	// Salts is how many routes with a service wait for their salt.
	Salts int `json:"salts_missing"`
	// Visitors is false while the key of visitor cookies is not known.
	Visitors bool `json:"visitors"`
}

// Status says how the engine is.
func (e *Engine) Status() Status {
	snapshot := e.ledger.Snapshot()
	s := Status{
		Refused: e.refusal(), Brake: snapshot.Brake, Targets: []proxy.Status{},
		Store: StoreStatus{
			Known: snapshot.Known, Error: snapshot.StoreError, Since: snapshot.StoreErrorSince,
			Unsaved: len(snapshot.Unsaved), Visitors: e.visitors.Load() != nil,
		},
	}
	v := e.view.Load()
	if v == nil {
		return s
	}
	s.Table = &TableStatus{
		Path: v.path, Version: v.table.Version(), LoadedAt: v.loadedAt,
		Routes: len(v.states), Findings: v.findings,
	}
	s.Held, s.Store.Salts = v.count(e.now())
	s.Targets = v.targetStatus()
	for name := range blocks(v.table) {
		s.Blocks = append(s.Blocks, name)
	}
	slices.Sort(s.Blocks)
	for name, state := range snapshot.Routes {
		if v.table.Entry(name) == nil && name != rollout.AllRoutes && (state.Share > 0 || state.Hold != nil) {
			s.Orphans = append(s.Orphans, state)
		}
	}
	slices.SortFunc(s.Orphans, func(a, b rollout.RouteState) int { return cmp.Compare(a.Route, b.Route) })
	return s
}

// count is how many routes are held and how many wait for their salt.
func (v *view) count(now time.Time) (held, saltless int) {
	for name, state := range v.snapshot.Routes {
		if state.Hold.Active(now) && v.table.Entry(name) != nil {
			held++
		}
	}
	for i, entry := range v.table.Routes() {
		if entry.Route.Service != "" && v.states[i].Salt == "" {
			saltless++
		}
	}
	return held, saltless
}

func (v *view) targetStatus() []proxy.Status {
	all := make([]proxy.Status, 0, len(v.targets))
	for _, target := range v.targets {
		all = append(all, target.Status())
	}
	slices.SortFunc(all, func(a, b proxy.Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// gauges is what the metrics show.
func (e *Engine) gauges() telemetry.State {
	state := telemetry.State{Brake: e.ledger.Snapshot().Brake != nil, Refused: e.refusal() != nil}
	v := e.view.Load()
	if v == nil {
		return state
	}
	state.TableVersion, state.Routes = v.table.Version(), len(v.states)
	state.Holds, _ = v.count(e.now())
	for _, target := range v.targetStatus() {
		state.Targets = append(state.Targets, telemetry.TargetState{
			Name: target.Name, Breaker: target.Breaker, InFlight: target.InFlight,
		})
	}
	return state
}

// RolloutStatus is how much of every route goes to its service now.
type RolloutStatus struct {
	// Table is the running table's version.
	Table string `json:"table"`
	// Brake, when not nil, keeps every route on the monolith.
	Brake *rollout.Brake `json:"brake,omitempty"`
	// BrakeVersion is the brake's, for Act.IfVersion.
	BrakeVersion uint64 `json:"brake_version"`
	// Routes are the table's, in its order.
	Routes []RouteStatus `json:"routes"`
}

// RouteStatus is one route's rollout.
type RouteStatus struct {
	Route string `json:"route"`
	// Service is the target the route moves to; empty: it has none yet.
	Service string `json:"service,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Sticky  string `json:"sticky"`
	// Cohort and Salt make the buckets; the salt is empty while not known.
	Cohort string `json:"cohort"`
	Salt   string `json:"salt,omitempty"`
	// Share is the service's part in parts per million and Percent the same in
	// percent: what the table declares, else what the ledger says. A hold and
	// the brake leave it as it is.
	Share   routes.PPM `json:"share_ppm"`
	Percent float64    `json:"percent"`
	// Declared is where the table fixes the share; nil when verbs decide.
	Declared *Declared `json:"declared,omitempty"`
	// Effective is the part that goes to the service now, after hold, brake and
	// what is not known, in parts per million.
	Effective routes.PPM `json:"effective_ppm"`
	// Hold is the hold in force; nil when there is none.
	Hold *rollout.Hold `json:"hold,omitempty"`
	// Version, By, Reason, Source and Since tell of the last change.
	Version uint64    `json:"version"`
	By      string    `json:"by,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Source  string    `json:"source,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	// Unsaved is true while the store has not taken the last change.
	Unsaved bool `json:"unsaved,omitempty"`
	// Known is false while the state or the salt has not been read.
	Known bool `json:"known"`
	// Breaker is the state of the service's breaker; empty for a target block.
	Breaker string `json:"breaker,omitempty"`
}

// Declared is where a route table fixes a percentage.
type Declared struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// RolloutStatus says how much of each route goes to its service. The only
// error is ErrNoTable.
func (e *Engine) RolloutStatus() (RolloutStatus, error) {
	v := e.view.Load()
	if v == nil {
		return RolloutStatus{}, ErrNoTable
	}
	status := RolloutStatus{
		Table: v.table.Version(), Brake: v.snapshot.Brake, BrakeVersion: v.snapshot.BrakeVersion,
		Routes: make([]RouteStatus, 0, len(v.states)),
	}
	unsaved := map[string]bool{}
	for _, change := range v.snapshot.Unsaved {
		unsaved[change.Route] = true
	}
	breakers := map[string]string{}
	for _, target := range v.targetStatus() {
		breakers[target.Name] = target.Breaker
	}
	now := e.now()
	for _, entry := range v.table.Routes() {
		route := v.routeStatus(entry, now)
		route.Unsaved = unsaved[route.Route]
		route.Breaker = breakers[route.Service]
		status.Routes = append(status.Routes, route)
	}
	return status, nil
}

func (v *view) routeStatus(entry *routes.Entry, now time.Time) RouteStatus {
	r, state, live := entry.Route, v.snapshot.Route(entry.Route.Name), v.stateOf(entry)
	s := RouteStatus{
		Route: r.Name, Service: r.Service, Owner: r.Owner, Sticky: r.Sticky.String(),
		Cohort: cohort(r), Salt: live.Salt, Known: live.Known,
		Share: state.Share, Version: state.Version,
		By: state.By, Reason: state.Reason, Source: state.Source, Since: state.Since,
	}
	if r.Percent != nil {
		s.Share, s.Declared = *r.Percent, &Declared{File: v.path, Line: r.PercentLine}
	}
	s.Percent = s.Share.Percent()
	if state.Hold.Active(now) {
		s.Hold = state.Hold
	}
	if s.Known && s.Hold == nil && v.snapshot.Brake == nil && r.Service != "" {
		s.Effective = s.Share
	}
	return s
}
