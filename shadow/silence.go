package shadow

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// silence watches that what is sampled is also compared: a shadow that gets
// nothing, or whose every comparison proves nothing, must not look like
// one that is always right.
type silence struct {
	since  atomic.Int64 // when the first request since the last comparison was sampled; 0: none was
	latest atomic.Int64 // when the latest was
	hollow atomic.Uint64
	alarm  atomic.Pointer[alarm]
}

type alarm struct {
	reason string
	since  time.Time
}

// expecting says that a request was sampled.
func (m *Mirror) expecting(at time.Time) {
	now := at.UnixNano()
	if m.quiet.since.Load() == 0 {
		m.quiet.since.CompareAndSwap(0, now)
	}
	// Once a second will do: cores that all write it would wait for each other.
	if now-m.quiet.latest.Load() > int64(time.Second) {
		m.quiet.latest.Store(now)
	}
}

// compared says that two answers were; hollow, that it proves nothing ([Record.Hollow]).
func (m *Mirror) compared(hollow bool) {
	if hollow {
		m.quiet.hollow.Add(1)
		return
	}
	m.quiet.hollow.Store(0)
	m.quiet.since.Store(0)
}

// look raises the alarm, or ends it.
func (m *Mirror) look(now time.Time) {
	p := m.plan.Load()
	since := m.quiet.since.Load()
	raised := m.quiet.alarm.Load()
	window := int64(0)
	if p != nil {
		window = int64(p.Silence)
	}
	silent := p != nil && since != 0 && now.UnixNano()-since >= window && m.quiet.latest.Load()-since >= window/2
	switch {
	case silent && raised == nil:
		a := &alarm{reason: "requests are sampled, nothing was compared", since: now}
		if m.quiet.hollow.Load() > 0 {
			a.reason = "all that was compared were two empty bodies or two errors"
		}
		m.quiet.alarm.Store(a)
		m.all.log.Warn("shadow is silent", slog.String("route", p.Route), slog.String("reason", a.reason),
			slog.Duration("for", time.Duration(now.UnixNano()-since)))
		m.all.alarmed(p.Route, a.reason)
	case raised != nil && !silent:
		m.quiet.alarm.Store(nil)
		route := m.last.Load().Route
		m.all.log.Info("shadow is compared again", slog.String("route", route))
		m.all.alarmed(route, "")
	}
}

func (m *Mirrors) alarmed(route, reason string) {
	if m.options.Alarm != nil {
		m.options.Alarm(route, reason)
	}
}
