package shadow

import (
	"log/slog"
	"sync"
	"time"
)

// twinHealth is whether who is asked a second time in the monolith's name answers:
// without those answers nobody knows how often the monolith differs from itself.
type twinHealth struct {
	mu            sync.Mutex
	asked, failed uint64
	run           int // of failures, since the last answer
	why           string
	silent        time.Time // since when it gives none; zero while it does
}

// mute is after how many failures in a row it counts as silent.
const mute = 3

// unasked tells whether a question was none: what we had no room for was never asked.
func unasked(why string) bool { return why == "busy" || why == "memory" || why == "closed" }

// secondly counts one question, with why it has no answer; empty: it has one.
func (x *Exchange) secondly(why string) {
	m, t := x.mirror, &x.mirror.twin
	now := m.all.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if why == "" {
		t.run = 0
		if !t.silent.IsZero() {
			m.all.log.Info("the monolith's second answers come again", slog.String("route", x.plan.Route),
				slog.String("target", x.plan.twin().name), slog.Duration("after", now.Sub(t.silent)))
		}
		t.silent = time.Time{}
		return
	}
	t.failed++
	t.run++
	t.why = why
	if t.run >= mute && t.silent.IsZero() {
		t.silent = now
		m.all.log.Warn("no second answers of the monolith: how often it differs from itself is not found out", slog.String("route", x.plan.Route),
			slog.String("target", x.plan.twin().name), slog.String("why", why))
	}
}

// status is what an operator sees of it.
func (t *twinHealth) status(target string) Second {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Second{Target: target, Asked: t.asked, Failed: t.failed, Why: t.why, SilentSince: t.silent}
}

// forget is for a route that asks by other settings.
func (t *twinHealth) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked, t.failed, t.run, t.why, t.silent = 0, 0, 0, "", time.Time{}
}
