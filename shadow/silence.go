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
	looped atomic.Int64 // when an answer last said that the shadow has one itself; 0: none did
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
	if last := m.quiet.looped.Load(); last != 0 && m.all.now().UnixNano()-last > int64(loopTime) {
		m.quiet.looped.CompareAndSwap(last, 0)
	}
}

// look raises the alarm, or ends it.
func (m *Mirror) look(now time.Time) {
	route, reason, raised := m.last.Load().Route, m.worry(now), m.quiet.alarm.Load()
	switch {
	case reason != "" && (raised == nil || raised.reason != reason):
		a := &alarm{reason: reason, since: now}
		if raised != nil {
			a.since = raised.since
		}
		m.quiet.alarm.Store(a)
		m.all.log.Warn("shadow proves nothing", slog.String("route", route), slog.String("reason", reason))
		m.all.alarmed(route, reason)
	case reason == "" && raised != nil:
		m.quiet.alarm.Store(nil)
		m.all.log.Info("shadow is compared again", slog.String("route", route))
		m.all.alarmed(route, "")
	}
}

// worry is why the alarm is to be raised now; empty when all is well.
func (m *Mirror) worry(now time.Time) string {
	p, since := m.plan.Load(), m.quiet.since.Load()
	if p == nil {
		return ""
	}
	window := int64(p.Silence)
	silent := since != 0 && now.UnixNano()-since >= window && m.quiet.latest.Load()-since >= window/2
	switch {
	case m.quiet.looped.Load() != 0:
		return loopReason(p.shadow().name)
	case silent && m.quiet.hollow.Load() > 0:
		return "all that was compared were two empty bodies or two errors"
	case silent:
		return "requests are sampled, nothing was compared"
	}
	return ""
}

func (m *Mirrors) alarmed(route, reason string) {
	if m.options.Alarm != nil {
		m.options.Alarm(route, reason)
	}
}
