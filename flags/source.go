package flags

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

// Source is a place where flags come from. FlagdFile, Flagd, FlagdRPC, OFREP,
// Environment, InMemory and Provider make them. A Source is a description: each
// Evaluator makes a provider of its own from it.
type Source struct {
	// Name is shown in answers, status, metrics and logs.
	Name string

	traits traits
	// make returns the provider. report is for what went wrong without an effect
	// on the state, such as an edit that was refused; nil: all is well again.
	make func(ctx context.Context, report func(error)) (openfeature.FeatureProvider, error)
}

// traits are how a source's provider behaves.
type traits struct {
	// local: it evaluates in this process, and is asked in the request's
	// goroutine.
	local bool
	// tells: it tells of every change by an event, so that an answer holds as
	// long as none comes.
	tells bool
	// waits: it is ready only when something else answers, and New does not wait
	// for that.
	waits bool
}

// state is how a source is.
type state struct {
	openfeature.State
	since time.Time
	// lost is when it was last known to be READY; zero while it is, or when it
	// never was.
	lost time.Time
	err  string
}

// source is a Source at work: a provider in an OpenFeature domain of its own.
type source struct {
	Source
	owner  *Evaluator
	client *openfeature.Client
	state  atomic.Pointer[state]
	report atomic.Pointer[report] // nil when nothing was refused

	failures atomic.Int32 // in a row
	probe    atomic.Int64 // when a failing source may be asked next, Unix nanoseconds

	mu sync.Mutex // one change of state at a time
}

// report is what a source refused.
type report struct {
	at  time.Time
	err string
}

// gaveUp is how many failures in a row make a source without events count as
// down; it is then asked once per Options.Retry only.
const gaveUp = 3

// start makes the provider and sets it to work. It waits for no network.
func (s *source) start(ctx context.Context, api *openfeature.EvaluationAPI) error {
	s.state.Store(&state{State: openfeature.NotReadyState, since: s.owner.now()})
	s.client = api.NewClient(openfeature.WithDomain(s.Name))
	if s.owner.hook != nil {
		s.client.AddHooks(s.owner.hook)
	}
	changed := func(openfeature.EventDetails) { s.owner.outdate(s.owner.now()) }
	s.client.AddHandler(openfeature.ProviderConfigChange, &changed)
	for _, event := range []openfeature.EventType{openfeature.ProviderReady, openfeature.ProviderStale, openfeature.ProviderError} {
		moved := func(d openfeature.EventDetails) { s.look(d.Message) }
		s.client.AddHandler(event, &moved)
	}
	provider, err := s.make(ctx, s.refused)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	domain := openfeature.WithDomain(s.Name)
	if s.traits.waits {
		err = api.SetProvider(ctx, provider, domain)
	} else if err = api.SetProviderAndWait(ctx, provider, domain); err == nil {
		s.look("")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

// refused notes an error that leaves the source as it is, or that it is over.
func (s *source) refused(err error) {
	if err != nil && s.missing(err) {
		return
	}
	before := s.report.Load()
	if err == nil {
		if s.report.Swap(nil) != nil {
			s.owner.options.Logger.Info("flags are read again", slog.String("source", s.Name))
		}
		return
	}
	if before != nil && before.err == err.Error() {
		return
	}
	s.report.Store(&report{at: s.owner.now(), err: err.Error()})
	s.owner.options.Logger.Error("flags refused, the old ones stay", slog.String("source", s.Name), slog.Any("error", err))
}

// missing notes why a source has no flags yet, and whether that is so.
func (s *source) missing(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := *s.state.Load()
	if now.State != openfeature.NotReadyState {
		return false
	}
	if now.err != err.Error() {
		now.err = err.Error()
		s.state.Store(&now)
		s.owner.options.Logger.Warn("flag source is not there yet", slog.String("source", s.Name), slog.Any("error", err))
	}
	return true
}

// look takes over the state that the SDK keeps. Events are told by goroutines
// of their own, in any order, so what an event says is not trusted for it.
func (s *source) look(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enter(s.client.State(), message)
}

// enter is called with mu held.
func (s *source) enter(next openfeature.State, message string) {
	before, now := s.state.Load(), s.owner.now()
	if before.State == next {
		return
	}
	after := &state{State: next, since: now, lost: before.lost, err: message}
	switch {
	case next == openfeature.ReadyState:
		after.lost, after.err = time.Time{}, ""
		if before.lost.IsZero() {
			s.owner.outdate(now)
		} else {
			s.owner.outdate(before.lost) // who knows what changed meanwhile
		}
	case before.State == openfeature.ReadyState:
		after.lost = now
	}
	s.state.Store(after)
	name, word := slog.String("source", s.Name), slog.String("state", string(next))
	if next == openfeature.ReadyState {
		s.owner.options.Logger.Info("flag source", name, word)
		return
	}
	s.owner.options.Logger.Warn("flag source", name, word, slog.String("error", message))
}

// observe draws the state of a source without events from its answers.
func (s *source) observe(kind ErrorKind, message string) {
	if s.traits.tells || s.traits.local {
		return
	}
	if kind == "" || kind.settled() {
		if s.failures.Swap(0) < gaveUp {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.enter(openfeature.ReadyState, "")
		return
	}
	s.probe.Store(s.owner.now().Add(s.owner.options.Retry).UnixNano())
	if s.failures.Add(1) == gaveUp {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.enter(openfeature.ErrorState, message)
	}
}

// mayAsk reports whether a source is worth a question: one that is down gets one
// per Options.Retry, from whoever comes first.
func (s *source) mayAsk() bool {
	if s.failures.Load() < gaveUp {
		return true
	}
	now, next := s.owner.now(), s.probe.Load()
	return now.UnixNano() >= next && s.probe.CompareAndSwap(next, now.Add(s.owner.options.Retry).UnixNano())
}
