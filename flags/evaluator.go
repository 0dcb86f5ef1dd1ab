package flags

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
)

// Evaluator answers what flags say. Its methods may be called concurrently.
type Evaluator struct {
	options Options
	now     func() time.Time
	api     *openfeature.EvaluationAPI // ours alone: two engines never share a provider
	sources []*source
	remote  int // index of the first source that is not local
	hook    openfeature.Hook

	// version counts the changes of any source's configuration, and changed is
	// when the answers of the version before were last right, Unix nanoseconds.
	version atomic.Uint64
	changed atomic.Int64
	began   time.Time // what the cache's times count from
	cache   *cache
	flights flights
	counts  [stripes]stripe
	slots   chan struct{} // one for each evaluation over a network

	background context.Context
	finish     []func()
	mu         sync.Mutex // guards closed, and done against being added to then
	closed     bool
	done       sync.WaitGroup
}

// New starts the sources. A file that cannot be read or is bad is an error; a
// provider that does not answer is none: until it does, its flags mean the
// monolith.
func New(o Options) (*Evaluator, error) {
	o.defaults()
	if len(o.Sources) == 0 {
		return nil, errors.New("flags: a source is required")
	}
	e := &Evaluator{
		options: o, now: o.Now, api: isolated.NewAPI(), began: o.Now(), cache: newCache(o.Entries), flights: flights{now: map[uint64]*flight{}},
		slots: make(chan struct{}, o.InFlight), remote: len(o.Sources),
	}
	var cancel context.CancelFunc
	e.background, cancel = context.WithCancel(context.Background())
	e.finish = append(e.finish, cancel)
	if err := e.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("flags: %w", err), e.Close())
	}
	return e, nil
}

func (e *Evaluator) start() error {
	if err := e.watchEvaluations(); err != nil {
		return err
	}
	names := map[string]bool{}
	for i, description := range e.options.Sources {
		if names[description.Name] {
			return fmt.Errorf("%s: the source is there twice", description.Name)
		}
		names[description.Name] = true
		s := &source{Source: description, owner: e}
		if !s.traits.local && e.remote > i {
			e.remote = i
		}
		if err := s.start(e.background, e.api); err != nil {
			return err
		}
		e.sources = append(e.sources, s)
	}
	return e.measure()
}

// closeTimeout is how long providers may take to end.
const closeTimeout = 5 * time.Second

// Close ends the sources and what they are being asked. Decide then answers
// from what is known.
func (e *Evaluator) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	for _, end := range e.finish {
		end()
	}
	e.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := e.api.Shutdown(ctx); err != nil {
		return fmt.Errorf("flags: %w", err)
	}
	return nil
}

// outdate makes every answer one of the version before; those were right until
// then.
func (e *Evaluator) outdate(until time.Time) {
	e.changed.Store(until.UnixNano())
	e.version.Add(1)
}

// spawn runs a part of the evaluator beside the requests, unless it is closed.
func (e *Evaluator) spawn(run func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.done.Go(run)
	return true
}

// Decide answers a question. It waits for Options.Wait at the longest, and not
// longer than ctx. A hit takes no lock and allocates nothing.
func (e *Evaluator) Decide(ctx context.Context, q *Query) Answer {
	a, tally := e.decide(ctx, q, e.options.Wait)
	e.count(tally, &a)
	return a
}

// Known is Decide without waiting: what a source at the other end of a network
// has not said yet is an error, and asked for in the background. It is not
// counted as an answer, for it decides nothing.
func (e *Evaluator) Known(ctx context.Context, q *Query) Answer {
	a, _ := e.decide(ctx, q, 0)
	return a
}

// Everybody is what a flag says whoever asks, and whether it says that: a flag
// without rules, or one that is switched off, as its source's reason tells; or one
// that is not there or no boolean. It waits for no network and needs no key; the
// answer is one entry of the cache for all.
func (e *Evaluator) Everybody(ctx context.Context, flag string) (Answer, bool) {
	a, tally := e.decide(ctx, &Query{Flag: flag}, 0)
	if !a.forAll() {
		return Answer{}, false
	}
	e.count(tally, &a)
	return a, true
}

// decide answers a question, and says how to count it.
func (e *Evaluator) decide(ctx context.Context, q *Query, wait time.Duration) (Answer, tally) {
	if q.size() > maxQuery {
		a := failed(ErrInvalidContext)
		return a, tally{outcome: a.outcome()}
	}
	hash := q.hash(e.cache.seed)
	k := e.cache.get(hash)
	if k.answer != nil && k.version == e.version.Load() && e.confirmed(&k) {
		return k.answer.Answer, tally{hash: hash, outcome: k.answer.outcome}
	}
	a, asked := e.ask(ctx, q, hash, &k, wait)
	return a, tally{hash: hash, outcome: a.outcome(), asked: asked}
}

// confirmed reports whether an answer needs no look at the clock: every source
// that was asked for it is well and would have told of a change.
func (e *Evaluator) confirmed(k *known) bool {
	if k.answer.Err != "" && !k.answer.Err.settled() {
		return false
	}
	for _, s := range e.sources[:k.reach] {
		if !s.traits.tells || s.state.Load().State != openfeature.ReadyState {
			return false
		}
	}
	return true
}
