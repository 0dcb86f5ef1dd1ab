package engine

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// reportEvery is the least time between two records about one target.
const reportEvery = time.Second

// failureLog says why requests to one target failed. When everything fails,
// it says so once in a while only; and it never lets a request wait for a log
// that is stuck.
type failureLog struct {
	target  string
	last    atomic.Int64 // when the last record was written, in Unix nanoseconds
	writing atomic.Bool
	left    atomic.Uint64 // failures since then
}

// due reports whether a record may be written, and how many were left out before.
func (l *failureLog) due(now time.Time) (left uint64, due bool) {
	last, nanos := l.last.Load(), now.UnixNano()
	soon := nanos >= last && nanos-last < int64(reportEvery) // a clock may be set back
	if soon || l.writing.Load() || !l.last.CompareAndSwap(last, nanos) {
		l.left.Add(1)
		return 0, false
	}
	l.writing.Store(true)
	return l.left.Swap(0), true
}

// report logs what failed on a request's way, which may be the service and then
// the monolith too. What the client did is nobody's failure.
func (e *Engine) report(w *way, result *Result, err error) {
	if cause := result.Outcome.Cause; cause != nil {
		e.tell(w.failures[routes.Service], result, cause, true)
	}
	var failure *proxy.Failure
	if errors.As(err, &failure) && failure.Kind != proxy.KindClient && failure.Kind != proxy.KindCanceled {
		e.tell(w.failures[result.Outcome.Arm], result, failure, false)
	}
}

func (e *Engine) tell(l *failureLog, result *Result, f *proxy.Failure, fallback bool) {
	left, due := l.due(e.now())
	if !due {
		return
	}
	attributes := [...]slog.Attr{
		slog.String("target", l.target), slog.String("route", result.Decision.Route), slog.String("kind", string(f.Kind)),
		slog.Int("status", f.Status), slog.String("cause", f.Cause()), slog.Bool("fallback", fallback),
		slog.String("request_id", result.RequestID), slog.Uint64("left_out", left),
	}
	go func() {
		defer l.writing.Store(false)
		// Not the request's context: its values are the request's goroutine's alone.
		e.log.LogAttrs(e.background, slog.LevelWarn, "forwarding failed", attributes[:]...)
	}()
}
