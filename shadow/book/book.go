package book

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
)

// Options are what a book needs.
type Options struct {
	// Store keeps the evidence. Nil: memory alone, see [NewMemory].
	Store Store
	// Now is the clock. Required.
	Now func() time.Time
	// Logger is told when the store fails and works again. Nil: nobody.
	Logger *slog.Logger
	// Key hashes what is redacted; hashes compare only under one key. At least 32
	// bytes; empty: a random one, so that hashes do not outlive the process. Keep
	// it apart from the evidence: who has both can try values.
	Key []byte
	// Every is how often changes are written; default 5 s. It is what a kill -9
	// loses at most.
	Every time.Duration
	// Limits bound memory and file; its zero fields have defaults.
	Limits Limits
	// Notice is what an operator must know of the store, if anything.
	Notice string
}

// Limits bound what a book keeps.
type Limits struct {
	Routes          int           // default 10,000
	Signatures      int           // of a route's era; default 1,000
	TotalSignatures int           // of all routes and eras; default 20,000
	Samples         int           // of a signature; default 20
	SampleTTL       time.Duration // default 7 days
	RouteTTL        time.Duration // of a route that the table has no more; default 30 days
	SampleBytes     int64         // of all samples; default 64 MiB
	PendingBytes    int64         // of samples that are not yet stored; default 8 MiB
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&l.Routes, 10_000)
	set(&l.Signatures, 1_000)
	set(&l.TotalSignatures, 20_000)
	set(&l.Samples, 20)
	if l.SampleTTL <= 0 {
		l.SampleTTL = 7 * 24 * time.Hour
	}
	if l.RouteTTL <= 0 {
		l.RouteTTL = 30 * 24 * time.Hour
	}
	if l.SampleBytes <= 0 {
		l.SampleBytes = 64 << 20
	}
	if l.PendingBytes <= 0 {
		l.PendingBytes = 8 << 20
	}
	return l
}

const (
	defaultEvery    = 5 * time.Second
	defaultSilence  = 15 * time.Minute
	defaultCompared = 3000
	defaultBelow    = 0.001
	keySize         = 32
)

// Book is a [shadow.Recorder]. Any number of goroutines may use it.
type Book struct {
	store  Store
	now    func() time.Time
	log    *slog.Logger
	key    []byte
	every  time.Duration
	limits Limits

	mu     sync.RWMutex
	routes map[string]*route

	signatures  atomic.Int64 // of all routes and eras
	sampleBytes atomic.Int64 // of all samples
	outbox      outbox
	flushing    sync.Mutex
	status      atomic.Pointer[Status]
	configured  atomic.Bool // a table is known
	unrecorded  atomic.Uint64
	lost        atomic.Uint64
}

var _ shadow.Recorder = (*Book)(nil)

// Open makes a book with what the store has. When that cannot be read the book
// begins empty, says so in its status, and writes nothing to that store: evidence
// is no reason not to start. The error is one of the options.
func Open(ctx context.Context, o Options) (*Book, error) {
	if o.Now == nil {
		return nil, errors.New("opening the book of comparisons: a clock is required")
	}
	if len(o.Key) > 0 && len(o.Key) < keySize {
		return nil, fmt.Errorf("opening the book of comparisons: the key has %d bytes, it needs %d", len(o.Key), keySize)
	}
	if len(o.Key) == 0 {
		o.Key = make([]byte, keySize)
		_, _ = rand.Read(o.Key) // never fails
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	b := &Book{
		store: o.Store, now: o.Now, log: o.Logger, key: o.Key, every: o.Every,
		limits: o.Limits.withDefaults(), routes: map[string]*route{},
	}
	status := Status{Notice: o.Notice}
	if b.store == nil {
		b.store = NewMemory()
	}
	if err := b.load(ctx); err != nil {
		b.store = NewMemory()
		status.Notice = fmt.Sprintf("the evidence of comparisons cannot be read, so it begins anew and is kept in memory alone: %v", err)
		b.log.Error(status.Notice)
	}
	b.status.Store(&status)
	return b, nil
}

// Configure says what the table has. A route that is not named keeps its
// evidence for Limits.RouteTTL, without an alarm when it goes silent.
func (b *Book) Configure(table []Route) {
	b.configured.Store(true)
	now := b.now()
	named := make(map[string]bool, len(table))
	for i := range table {
		c := table[i]
		named[c.Name] = true
		if rt := b.route(c.Name); rt != nil {
			rt.configure(&c, now)
		}
	}
	b.each(func(name string, rt *route) {
		if !named[name] {
			rt.mu.Lock()
			rt.config = Route{}
			rt.mu.Unlock()
		}
	})
}

func (rt *route) configure(c *Route, now time.Time) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.config.Name == "" {
		rt.since = now
	}
	rt.config = *c
	if c.Silence <= 0 {
		rt.config.Silence = defaultSilence
	}
}

// Alarm says that a route's mirror has raised its alarm, and why, or with an empty
// reason that it is over ([shadow.Options].Alarm): while it lasts the route is blind.
func (b *Book) Alarm(name, reason string) {
	if rt := b.route(name); rt != nil {
		rt.mu.Lock()
		rt.alarm = reason
		rt.mu.Unlock()
	}
}

// route is the route of a name, made when it is new; nil when there are too many.
func (b *Book) route(name string) *route {
	b.mu.RLock()
	rt := b.routes[name]
	b.mu.RUnlock()
	if rt != nil {
		return rt
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if rt := b.routes[name]; rt != nil || len(b.routes) >= b.limits.Routes {
		return rt
	}
	rt = &route{missed: map[miss]uint64{}, totals: Totals{Route: name}}
	b.routes[name] = rt
	return rt
}

func (b *Book) each(fn func(name string, rt *route)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for name, rt := range b.routes {
		fn(name, rt)
	}
}

// Counts are a route's comparisons and mismatches over all eras, without those
// taken for being rare. Over restarts they are what they were, but for what a
// kill -9 loses; mismatches become fewer when some are found to be noise.
func (b *Book) Counts(name string) (compared, mismatched uint64) {
	b.mu.RLock()
	rt := b.routes[name]
	b.mu.RUnlock()
	if rt == nil {
		return 0, 0
	}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.totals.Compared, rt.totals.Mismatched
}
