package storetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/strangler-proxy/strangler/rollout"
)

// Memory is a rollout.Store that forgets everything with the process. Its zero
// value is empty and ready.
type Memory struct {
	mu      sync.Mutex
	journal []rollout.Change
	salts   map[string]string
}

// Load implements rollout.Store.
func (m *Memory) Load(ctx context.Context) (rollout.Saved, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	saved := rollout.Saved{Newest: map[string]rollout.Change{}}
	for _, c := range m.journal {
		saved.Newest[c.Route] = copied(c)
	}
	return saved, ctx.Err()
}

// Apply implements rollout.Store.
func (m *Memory) Apply(ctx context.Context, c rollout.Change) (rollout.Change, error) {
	if err := ctx.Err(); err != nil {
		return rollout.Change{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var version uint64
	for _, old := range m.journal {
		if old.ID == c.ID {
			return copied(old), nil
		}
		if old.Route == c.Route {
			version = old.After.Version
		}
	}
	if version+1 != c.After.Version {
		return rollout.Change{}, fmt.Errorf("%w: %s is at version %d", rollout.ErrStale, c.Route, version)
	}
	c = copied(c)
	c.Seq, c.Stored = uint64(len(m.journal)+1), true
	m.journal = append(m.journal, c)
	return copied(c), nil
}

// History implements rollout.Store.
func (m *Memory) History(ctx context.Context, q rollout.Query) ([]rollout.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q.Limit <= 0 || q.Limit > rollout.MaxHistory {
		q.Limit = rollout.MaxHistory
	}
	var found []rollout.Change
	for i := range m.journal {
		c := m.journal[len(m.journal)-1-i]
		if q.OldestFirst {
			c = m.journal[i]
		}
		if len(found) < q.Limit && selects(q, c) {
			found = append(found, copied(c))
		}
	}
	return found, ctx.Err()
}

// selects says whether a query, but for its limit, selects a record.
func selects(q rollout.Query, c rollout.Change) bool {
	switch {
	case q.Route != "" && q.Route != c.Route,
		q.Actor != "" && q.Actor != c.Act.By,
		q.Source != "" && q.Source != c.Act.Source,
		q.Verb != "" && q.Verb != c.Verb,
		!q.Since.IsZero() && c.At.Before(q.Since),
		!q.Until.IsZero() && !c.At.Before(q.Until),
		q.Before > 0 && c.Seq >= q.Before,
		c.Seq <= q.After:
		return false
	}
	return true
}

// Salts implements rollout.Store.
func (m *Memory) Salts(ctx context.Context, cohorts []string, fresh func() string) (map[string]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.salts == nil {
		m.salts = map[string]string{}
	}
	asked := make(map[string]string, len(cohorts))
	for _, cohort := range cohorts {
		if m.salts[cohort] == "" {
			m.salts[cohort] = fresh()
		}
		asked[cohort] = m.salts[cohort]
	}
	return asked, nil
}

// copied shares nothing with c, as a record that went through a file.
func copied(c rollout.Change) rollout.Change {
	c.Before, c.After = copiedState(c.Before), copiedState(c.After)
	return c
}

func copiedState(s *rollout.RouteState) *rollout.RouteState {
	if s == nil {
		return nil
	}
	state := *s
	if s.Hold != nil {
		hold := *s.Hold
		state.Hold = &hold
	}
	if s.Rollout != nil {
		progress := *s.Rollout
		state.Rollout = &progress
	}
	return &state
}
