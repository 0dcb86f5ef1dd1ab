package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/notify"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
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
	// Webhooks are those that are told of changes.
	Webhooks []notify.Status `json:"webhooks,omitempty"`
	// Pins are who stays on the monolith after a failure of the service.
	Pins PinStatus `json:"pins"`
	// Flags is how the sources of flags are; nil when the configuration names none.
	Flags *flags.Status `json:"flags,omitempty"`
	// Identity is how sessions are read and tokens are made; nil when the
	// configuration has none.
	Identity *IdentityStatus `json:"identity,omitempty"`
	// Targets are those that have a url and are used, by name.
	Targets []proxy.Status `json:"targets"`
	// Blocks are the targets that a site's block must serve.
	Blocks []string `json:"blocks,omitempty"`
	// Shadows are the routes whose answers are compared, in the table's order.
	Shadows []ShadowSummary `json:"shadows,omitempty"`
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
	// Taken, when set, is when an earlier process read this table, the last good
	// one: what the file held when this process started was refused.
	Taken time.Time `json:"taken,omitzero"`
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
	// Notice is what an operator must know of the store's file: that it was
	// damaged or not there, what took its place, and what is lost.
	Notice string `json:"notice,omitempty"`
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
		Refused: e.refusal(), Brake: snapshot.Brake, Pins: e.pins.status(e.now()), Targets: []proxy.Status{},
		Store: StoreStatus{
			Known: snapshot.Known, Error: snapshot.StoreError, Since: snapshot.StoreErrorSince,
			Unsaved: len(snapshot.Unsaved), Visitors: e.visitors.Load() != nil,
		},
	}
	if e.options.StoreNotice != nil {
		s.Store.Notice = e.options.StoreNotice()
	}
	if e.options.Webhooks != nil {
		s.Webhooks = e.options.Webhooks()
	}
	s.Identity = e.identity.status(e.now())
	if e.options.Flags != nil {
		status := e.options.Flags.Status()
		s.Flags = &status
	}
	v := e.view.Load()
	if v == nil {
		return s
	}
	s.Table = &TableStatus{
		Path: v.path, Version: v.table.Version(), LoadedAt: v.loadedAt, Taken: v.taken,
		Routes: len(v.states), Findings: v.findings,
	}
	s.Held, s.Store.Salts = v.count(e.now())
	s.Targets = v.targetStatus()
	s.Shadows = e.shadowSummaries(v)
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
	state := telemetry.State{Brake: e.ledger.Snapshot().Brake != nil, Refused: e.refusal() != nil, Identity: e.identity.gauges(e.now())}
	if e.options.Webhooks != nil {
		for _, hook := range e.options.Webhooks() {
			state.Webhooks = append(state.Webhooks, telemetry.WebhookState{
				Name: hook.Name, Delivered: hook.Delivered, Failed: hook.Failed, Skipped: hook.Skipped, Behind: hook.Behind,
			})
		}
	}
	v := e.view.Load()
	if v == nil {
		return state
	}
	state.TableVersion, state.Routes = v.table.Version(), len(v.states)
	state.Holds, _ = v.count(e.now())
	state.Shadows = e.shadowGauges(v)
	for _, target := range v.targetStatus() {
		state.Targets = append(state.Targets, telemetry.TargetState{
			Name: target.Name, Breaker: target.Breaker, InFlight: target.InFlight,
		})
	}
	return state
}
