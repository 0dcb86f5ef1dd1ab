package engine

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
)

// waitingEvents is how many events wait for a hook; a hook that is slower loses
// the rest. The journal has them all.
const waitingEvents = 256

// hookGrace is how long a hook may go on when the engine closes.
const hookGrace = 2 * time.Second

// events hands on what the controller does: to the log at once, then to the
// newest hook.
type events struct {
	log   *slog.Logger
	queue chan rollout.Event

	mu    sync.Mutex
	hooks []*hook
}

// hook is one configuration's wish to be told.
type hook struct {
	fn func(context.Context, rollout.Event)
}

// Emit implements rollout.Events.
func (ev *events) Emit(ctx context.Context, e rollout.Event) {
	level := slog.LevelInfo
	if e.Kind == rollout.EventRolledBack || e.Kind == rollout.EventFrozen {
		level = slog.LevelWarn
	}
	after := e.Change.After
	ev.log.Log(ctx, level, "rollout "+string(e.Kind), "event", e.ID, "route", e.Change.Route,
		"share_ppm", uint32(after.Share), "held", after.Hold != nil, "why", e.Change.Act.Reason)
	select {
	case ev.queue <- e:
	default:
		ev.log.WarnContext(ctx, "an event was not handed on: those who are told are too slow", "event", e.ID, "route", e.Change.Route)
	}
}

// run tells the hooks until ctx ends.
func (ev *events) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-ev.queue:
			if newest := ev.newest(); newest != nil {
				ev.tell(ctx, newest, e)
			}
		}
	}
}

// tell waits for a hook, but when ctx ends no longer than hookGrace: a hook is
// another's code, and must not keep the engine from closing.
func (ev *events) tell(ctx context.Context, h *hook, e rollout.Event) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.fn(ctx, e)
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	grace := time.NewTimer(hookGrace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		ev.log.WarnContext(ctx, "who is told of an event does not return; it is waited for no longer", "event", e.ID, "route", e.Change.Route)
	}
}

func (ev *events) newest() *hook {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	if len(ev.hooks) == 0 {
		return nil
	}
	return ev.hooks[len(ev.hooks)-1]
}

func (ev *events) hook(fn func(context.Context, rollout.Event)) (cancel func()) {
	h := &hook{fn}
	ev.mu.Lock()
	defer ev.mu.Unlock()
	ev.hooks = append(ev.hooks, h)
	return func() {
		ev.mu.Lock()
		defer ev.mu.Unlock()
		ev.hooks = slices.DeleteFunc(ev.hooks, func(other *hook) bool { return other == h })
	}
}
