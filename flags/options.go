package flags

import (
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// Options for New. Only Sources is required.
type Options struct {
	// Sources are asked in this order: the first that has the flag answers, and
	// one that cannot answer ends the search, for it may have the flag.
	Sources []Source
	// Wait is how long a request waits for a provider at the other end of a
	// network. Default 5ms.
	Wait time.Duration
	// Timeout is how long such an evaluation goes on in the background after
	// that. Default 2s.
	Timeout time.Duration
	// Fresh is how long an answer of a provider that tells of no changes (OFREP)
	// is taken as it is; later it is still used, but asked for anew. Default 10s.
	Fresh time.Duration
	// MaxAge is how long the last known answer of a provider that is down goes
	// on being used. Default 5m.
	MaxAge time.Duration
	// Retry is the pause between questions to a provider that fails. Default 1s.
	Retry time.Duration
	// Entries bounds the cache. Default 65,536, for which it takes 2.5 MiB whatever
	// is asked: 40 bytes each.
	Entries int
	// InFlight bounds the evaluations over a network at one time. Default 64.
	InFlight int
	// Meter takes the metrics. Nil: there are none.
	Meter metric.Meter
	// Logger says when a source's state changes. Nil: nobody is told.
	Logger *slog.Logger
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

func (o *Options) defaults() {
	orDefault(&o.Wait, 5*time.Millisecond)
	orDefault(&o.Timeout, 2*time.Second)
	orDefault(&o.Fresh, 10*time.Second)
	orDefault(&o.MaxAge, 5*time.Minute)
	orDefault(&o.Retry, time.Second)
	orDefault(&o.Entries, 65_536)
	orDefault(&o.InFlight, 64)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
