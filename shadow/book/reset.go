package book

import (
	"errors"
	"fmt"
)

// ErrUnknownRoute says that nothing is known of the route.
var ErrUnknownRoute = errors.New("nothing was sampled on this route")

// Knows says whether anything was sampled on the route, or the table has it.
func (b *Book) Knows(name string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.routes[name] != nil
}

// Reset begins a new era of a route by hand; actor and reason stand in its cause.
func (b *Book) Reset(name, actor, reason string) error {
	b.mu.RLock()
	rt := b.routes[name]
	b.mu.RUnlock()
	if rt == nil {
		return fmt.Errorf("%s: %w", name, ErrUnknownRoute)
	}
	now := b.now()
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.drain(now)
	cause := fmt.Sprintf("reset by %s: %s", printable(actor, maxBuild), printable(reason, 500))
	rt.begin(rt.present(now).Builds, cause, now)
	b.age(rt)
	return nil
}
