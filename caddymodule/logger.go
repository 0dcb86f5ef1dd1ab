package caddymodule

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// generationLog lets what outlives generations log: records go to the logger
// of the newest running generation. The logger of a generation that is gone
// may write to a file that is closed.
type generationLog struct {
	newest atomic.Pointer[slog.Handler]

	mu      sync.Mutex
	running []*generation
}

// generation is one use of the log.
type generation struct{ handler slog.Handler }

// begin makes a generation the newest, until end.
func (l *generationLog) begin(logger *slog.Logger) (end func()) {
	g := &generation{logger.Handler()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = append(l.running, g)
	l.newest.Store(&g.handler)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running = slices.DeleteFunc(l.running, func(other *generation) bool { return other == g })
		if n := len(l.running); n > 0 {
			l.newest.Store(&l.running[n-1].handler)
		}
	}
}

// logger is a logger that follows the generations.
func (l *generationLog) logger() *slog.Logger { return slog.New(following{log: l}) }

// following is a slog.Handler that asks for the newest generation's handler at
// each record, and repeats on it what was done to itself.
type following struct {
	log  *generationLog
	with []func(slog.Handler) slog.Handler
}

func (f following) handler() slog.Handler {
	newest := f.log.newest.Load()
	if newest == nil {
		return slog.DiscardHandler
	}
	h := *newest
	for _, with := range f.with {
		h = with(h)
	}
	return h
}

// Enabled implements slog.Handler.
func (f following) Enabled(ctx context.Context, level slog.Level) bool {
	newest := f.log.newest.Load()
	return newest != nil && (*newest).Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (f following) Handle(ctx context.Context, record slog.Record) error {
	return f.handler().Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (f following) WithAttrs(attrs []slog.Attr) slog.Handler {
	return f.and(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (f following) WithGroup(name string) slog.Handler {
	return f.and(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (f following) and(with func(slog.Handler) slog.Handler) slog.Handler {
	return following{log: f.log, with: append(slices.Clip(f.with), with)}
}
