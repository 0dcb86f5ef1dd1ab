package engine

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/shadow"
)

// stops are the shadows that broke their word, as the ledger has them: they outlive
// the process, and every engine that shares the ledger.
type stops struct {
	ledger *rollout.Ledger
	log    *slog.Logger
}

// Stopped implements shadow.Stops. While nobody knows what the store has, requests
// that may change something are not mirrored.
func (s *stops) Stopped(route string) (reason string, since time.Time, ok bool) {
	snapshot := s.ledger.Snapshot()
	if stop := snapshot.Routes[route].ShadowStop; stop != nil {
		return stop.Reason, stop.Since, true
	}
	if !snapshot.Known {
		return "the store was not read yet, so it is not known whether they were stopped", time.Time{}, true
	}
	return "", time.Time{}, false
}

// byStrangler is who does what nobody asked for.
const byStrangler = "strangler"

// Stop implements shadow.Stops.
func (s *stops) Stop(route, reason string) {
	act := rollout.Act{By: byStrangler, Reason: reason, Source: rollout.SourceGuard}
	if _, err := s.ledger.StopShadow(context.Background(), route, act); err != nil {
		s.log.Error("a shadow that broke its word is not stopped", slog.String("route", route), slog.Any("error", err))
	}
}

// ResumeShadow lets the requests of a route that may change something be mirrored
// again, after a shadow that broke its word was mended: it has to prove itself anew.
// With Act.DryRun nothing happens. The answer is the route after it. It is refused with
// ErrNoShadowing, and as rollout.Ledger.ResumeShadow is.
func (e *Engine) ResumeShadow(ctx context.Context, route string, a rollout.Act) (ShadowRoute, error) {
	if e.mirrors == nil {
		return ShadowRoute{}, ErrNoShadowing
	}
	if _, err := e.ledger.ResumeShadow(ctx, route, a); err != nil {
		return ShadowRoute{}, fmt.Errorf("%s: %w", route, err)
	}
	return e.shadowRoute(route)
}

// shadowRoute is how comparing one route goes; of one that the table does not have
// only the name.
func (e *Engine) shadowRoute(route string) (ShadowRoute, error) {
	status, err := e.ShadowStatus()
	if err != nil {
		return ShadowRoute{}, err
	}
	for i := range status.Routes {
		if status.Routes[i].Route == route {
			return status.Routes[i], nil
		}
	}
	return ShadowRoute{Status: shadow.Status{Route: route}}, nil
}
