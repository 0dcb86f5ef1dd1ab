package rollout

import (
	"context"
	"maps"
	"slices"
)

// newest answers the newest change of a route, stored or not; nil when it was
// never touched. The caller holds the lock.
func (l *Ledger) newest(route string) *Change {
	newest := l.stored(route)
	for _, u := range l.unsaved {
		if u.route == route {
			c, _ := u.on(newest) // an edit in effect refuses nothing
			newest = &c
		}
	}
	return newest
}

// stored answers the newest stored change of a route. The caller holds the
// lock.
func (l *Ledger) stored(route string) *Change {
	if c, ok := l.base[route]; ok {
		return &c
	}
	return nil
}

// install takes over a record that the store has taken. The caller holds the
// lock.
func (l *Ledger) install(stored Change) {
	if stored.After.Version > versionOf(l.stored(stored.Route)) {
		l.base[stored.Route] = stored
	}
}

// publish makes a snapshot of the state: what is stored, with what is not laid
// over it. The caller holds the lock.
func (l *Ledger) publish() {
	s := &Snapshot{Known: l.known, Routes: make(map[string]RouteState, len(l.base))}
	newest := l.base
	if len(l.unsaved) > 0 {
		newest = maps.Clone(l.base)
		if newest == nil {
			newest = map[string]Change{}
		}
	}
	for _, u := range l.unsaved {
		var on *Change
		if before, ok := newest[u.route]; ok {
			on = &before
		}
		c, _ := u.on(on)
		newest[u.route] = c
		s.Unsaved = append(s.Unsaved, c)
	}
	for route, c := range newest {
		s.Routes[route] = *c.After
	}
	if brake, ok := s.Routes[AllRoutes]; ok {
		delete(s.Routes, AllRoutes)
		s.BrakeVersion = brake.Version
		if brake.Hold != nil {
			s.Brake = &Brake{By: brake.Hold.By, Reason: brake.Hold.Reason, Since: brake.Hold.Since}
		}
	}
	if l.storeErr != nil {
		s.StoreError, s.StoreErrorSince = l.storeErr.Error(), l.storeErrAt
	}
	l.snapshot.Store(s)
	for _, fn := range slices.Clone(l.subscribers) {
		(*fn)(s)
	}
}

// log writes a change to the log.
func (l *Ledger) log(ctx context.Context, c Change) {
	l.options.Logger.InfoContext(ctx, "rollout changed", "route", c.Route, "verb", c.Verb,
		"share_ppm", uint32(c.After.Share), "held", c.After.Hold != nil, "version", c.After.Version,
		"by", c.Act.By, "reason", c.Act.Reason, "source", c.Act.Source, "stored", c.Stored)
}
