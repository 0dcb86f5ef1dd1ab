package rollout

import (
	"context"
	"maps"
	"slices"
)

// newest answers the newest change of a route, stored or not; nil when it was
// never touched. It also brings the route's unsaved edits up to date with what
// they are laid over. The caller holds the lock.
func (l *Ledger) newest(route string) *Change {
	newest := l.stored(route)
	for _, u := range l.unsaved {
		if u.route == route {
			c, _ := u.on(newest) // an edit in effect refuses nothing
			u.change, newest = c, &c
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

// publish makes a snapshot in which the routes named have changed; the others
// are taken over from the last one. The caller holds the lock.
func (l *Ledger) publish(changed ...string) {
	last := l.snapshot.Load()
	s := &Snapshot{Routes: last.Routes, Brake: last.Brake, BrakeVersion: last.BrakeVersion}
	if len(changed) > 0 {
		s.Routes = maps.Clone(last.Routes)
	}
	for _, route := range changed {
		s.put(route, l.newest(route))
	}
	l.show(s)
}

// publishAll makes a snapshot of everything anew. The caller holds the lock.
func (l *Ledger) publishAll() {
	s := &Snapshot{Routes: make(map[string]RouteState, len(l.base))}
	for route, c := range l.base {
		s.put(route, &c)
	}
	for _, u := range l.unsaved {
		s.put(u.route, l.newest(u.route))
	}
	l.show(s)
}

// put notes the newest change of a route, nil for none, in a snapshot that
// nobody has seen yet.
func (s *Snapshot) put(route string, newest *Change) {
	switch {
	case route == AllRoutes:
		s.Brake, s.BrakeVersion = nil, versionOf(newest)
		if newest != nil && newest.After.Hold != nil {
			hold := newest.After.Hold
			s.Brake = &Brake{By: hold.By, Reason: hold.Reason, Since: hold.Since}
		}
	case newest != nil:
		s.Routes[route] = *newest.After
	}
}

// show completes a snapshot and hands it out. The caller holds the lock.
func (l *Ledger) show(s *Snapshot) {
	s.Known = l.known
	for _, u := range l.unsaved {
		s.Unsaved = append(s.Unsaved, u.change)
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
