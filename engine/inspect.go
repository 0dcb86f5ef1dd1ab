package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/strangler-proxy/strangler/identity"
)

// inspectWait is how long inspecting one session may take: an operator waits, so
// it is longer than a request's.
const inspectWait = 5 * time.Second

// InspectSession judges the session of a cookie as identity.Inspect does, now, by
// the connections that requests are judged by; or, when at is given, as of then.
// Nothing that was remembered of it counts, and nothing is remembered. It is
// refused with ErrNoIdentity.
func (e *Engine) InspectSession(ctx context.Context, cookie string, at time.Time, show bool) (identity.Inspection, error) {
	if e.identity == nil {
		return identity.Inspection{}, ErrNoIdentity
	}
	ctx, cancel := context.WithTimeout(ctx, inspectWait)
	defer cancel()
	if at.IsZero() {
		return e.identity.Resolver.Inspect(ctx, cookie, show), nil
	}
	reader, end, err := e.identity.Open(func() time.Time { return at })
	if err != nil {
		return identity.Inspection{}, fmt.Errorf("opening the sessions: %w", err)
	}
	found := identity.Inspect(ctx, reader, cookie, at, show)
	return found, end()
}
