package shadow

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Apply makes the mirrored routes those of the settings. A route that was mirrored
// before keeps its counts and, unless its settings have changed, its queue and its
// proof. What waits or is under way by settings that are gone ends at once. On an
// error, which names the route, nothing has changed.
func (m *Mirrors) Apply(all []Settings) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	plans, clients := make(map[string]*plan, len(all)), map[string]*client{}
	for _, s := range all {
		p, err := m.compile(s.withDefaults(), clients)
		if err != nil {
			return fmt.Errorf("shadow of route %s: %w", s.Route, err)
		}
		plans[s.Route] = p
	}
	for name, old := range m.clients {
		if clients[name] == nil {
			old.idle()
			m.retired = append(m.retired, old)
		}
	}
	m.clients = clients
	for name, p := range plans {
		if m.routes[name] == nil {
			m.routes[name] = newMirror(m, name)
		}
		m.routes[name].adopt(p)
	}
	for name, mirror := range m.routes {
		if plans[name] == nil {
			mirror.plan.Store(nil)
			mirror.end(mirror.last.Load())
		}
	}
	switch {
	case len(plans) == 0:
		m.reserve = nil
	case m.options.Reserve && m.reserve == nil:
		m.reserve = newReserve(m.options.Bytes)
	}
	return nil
}

// compile makes a plan. What it needs of the clients is put into those.
func (m *Mirrors) compile(s Settings, clients map[string]*client) (*plan, error) {
	p := &plan{Settings: s, arm: routes.Monolith}
	if s.Reverse {
		p.arm = routes.Service
	}
	var err error
	if old := m.routes[s.Route]; old != nil && old.last.Load() != nil && reflect.DeepEqual(old.last.Load().Compare, s.Compare) {
		p.comparer = old.last.Load().comparer
	} else if p.comparer, err = diff.New(s.Compare); err != nil {
		return nil, err
	}
	for _, one := range []struct {
		of       *side
		target   Target
		monolith bool
	}{{&p.monolith, s.Monolith, true}, {&p.service, s.Service, false}, {&p.control, s.Control, true}} {
		*one.of = side{build: one.target.Build, monolith: one.monolith}
		if len(one.target.URLs) == 0 {
			continue
		}
		key := one.target.key()
		if clients[key] == nil {
			if clients[key] = m.clients[key]; clients[key] == nil {
				if clients[key], err = newClient(one.target, m.options.Connect); err != nil {
					return nil, err
				}
			}
		}
		one.of.client = clients[key]
	}
	if !p.shadow().known() {
		return nil, errors.New("the shadow has no url: write one, a target block cannot be a shadow")
	}
	return p, nil
}

// adopt makes p the mirror's plan.
func (m *Mirror) adopt(p *plan) {
	old := m.last.Load()
	m.live(p, old) // first: what the old one still finds out is no proof of the new one's
	if old != nil && !sameSettings(old.Settings, p.Settings) {
		m.proof.forget()
		m.quiet.looped.Store(0)
		m.twin.forget()
	}
	m.last.Store(p)
	m.plan.Store(p)
}

// sameSettings compares all but the functions, which each table makes anew.
func sameSettings(a, b Settings) bool {
	a.Rewrite, b.Rewrite, a.Token, b.Token = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}
