package engine

import (
	"slices"
	"strconv"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

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
	// Effective is the part that goes to the service now, in parts per million:
	// 0 when Decides is stronger than the share, and with a flag.
	Effective routes.PPM `json:"effective_ppm"`
	// Decides is what decides about the route's requests now.
	Decides Decides `json:"decides"`
	// Hold is the hold in force; nil when there is none. HoldEnded is one that
	// came to its end and was not released.
	Hold      *rollout.Hold `json:"hold,omitempty"`
	HoldEnded *rollout.Hold `json:"hold_ended,omitempty"`
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
	// Flag is the key of the flag that decides, when Declared says where.
	Flag string `json:"flag,omitempty"`
	// Rollout is where the rollout is that the table gives the route; nil when
	// it gives none.
	Rollout *ControllerStatus `json:"rollout,omitempty"`
}

// Decides is what decides about a route's requests.
type Decides string

// What decides, strongest first.
const (
	DecidesNoService Decides = "no_service"        // there is none: the monolith
	DecidesBrake     Decides = "brake"             // the monolith
	DecidesHold      Decides = "hold"              // the monolith
	DecidesUnknown   Decides = "unknown"           // state or salt was not read yet: the monolith
	DecidesBreaker   Decides = "breaker_open"      // the service is not asked
	DecidesTrial     Decides = "breaker_half_open" // one request at a time tries whether the service is back
	DecidesFlag      Decides = "flag"              // the flag that the route table names, request by request
	DecidesTable     Decides = "declared"          // the share in the route table
	DecidesShare     Decides = "share"             // the share in the rollout state
)

// Declared is where a route table fixes a percentage.
type Declared struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// String is FILE:LINE.
func (d Declared) String() string { return d.File + ":" + strconv.Itoa(d.Line) }

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
	now, progress := e.now(), e.ControllerStatus()
	for _, entry := range v.table.Routes() {
		route := v.routeStatus(entry, now)
		route.Unsaved = unsaved[route.Route]
		if p, planned := progress[route.Route]; planned {
			route.Rollout = &p
		}
		status.Routes = append(status.Routes, route)
	}
	return status, nil
}

// RolloutStatusOf is RolloutStatus of one route. It is refused with ErrNoTable or
// ErrUnknownRoute.
func (e *Engine) RolloutStatusOf(route string) (RolloutStatus, error) {
	v := e.view.Load()
	if v == nil {
		return RolloutStatus{}, ErrNoTable
	}
	entry := v.table.Entry(route)
	if entry == nil {
		return RolloutStatus{}, unknownRoute(route, v.table)
	}
	now := v.routeStatus(entry, e.now())
	now.Unsaved = slices.ContainsFunc(v.snapshot.Unsaved, func(c rollout.Change) bool { return c.Route == route })
	if p, planned := e.ControllerStatus()[route]; planned {
		now.Rollout = &p
	}
	return RolloutStatus{
		Table: v.table.Version(), Brake: v.snapshot.Brake, BrakeVersion: v.snapshot.BrakeVersion,
		Routes: []RouteStatus{now},
	}, nil
}

// Made is what a verb did, and what is in force now.
type Made struct {
	rollout.Change
	// Now is the route after the change; nil for the brake's, and for a route
	// that the table does not have.
	Now *RouteStatus `json:"now,omitempty"`
	// Brake is the one that is on now.
	Brake *rollout.Brake `json:"brake,omitempty"`
}

// Made says what is in force after a change.
func (e *Engine) Made(c rollout.Change) Made {
	made := Made{Change: c, Brake: e.ledger.Snapshot().Brake}
	if v := e.view.Load(); v != nil {
		if entry := v.table.Entry(c.Route); entry != nil {
			now := v.routeStatus(entry, e.now())
			now.Unsaved = !c.Stored && !c.Act.DryRun
			if p, planned := e.ControllerStatus()[c.Route]; planned {
				now.Rollout = &p
			}
			made.Now = &now
		}
	}
	return made
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
	if r.Flag != "" {
		s.Flag, s.Declared = r.Flag, &Declared{File: v.path, Line: r.FlagLine}
	}
	s.Percent = s.Share.Percent()
	if target := v.laneOf(entry).service.target; target != nil {
		s.Breaker = target.Status().Breaker
	}
	if state.Hold.Active(now) {
		s.Hold = state.Hold
	} else {
		s.HoldEnded = state.Hold
	}
	s.Decides = s.decides(v.snapshot.Brake != nil)
	if s.Decides == DecidesTable || s.Decides == DecidesShare {
		s.Effective = s.Share
	}
	return s
}

func (s *RouteStatus) decides(brake bool) Decides {
	switch {
	case s.Service == "":
		return DecidesNoService
	case brake:
		return DecidesBrake
	case s.Hold != nil:
		return DecidesHold
	case !s.Known:
		return DecidesUnknown
	case (s.Share > 0 || s.Flag != "") && s.Breaker == proxy.BreakerOpen:
		return DecidesBreaker
	case (s.Share > 0 || s.Flag != "") && s.Breaker == proxy.BreakerHalfOpen:
		return DecidesTrial
	case s.Flag != "":
		return DecidesFlag
	case s.Declared != nil:
		return DecidesTable
	}
	return DecidesShare
}
