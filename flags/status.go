package flags

import (
	"sync/atomic"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

// Status is how the flags are, at one moment.
type Status struct {
	// Sources are in the order in which they are asked.
	Sources []SourceStatus `json:"sources"`
	Cache   CacheStatus    `json:"cache"`
	// InFlight is how many evaluations over a network are under way.
	InFlight int `json:"in_flight"`
	// Answers counts by OpenFeature's reason (TARGETING_MATCH, SPLIT, STATIC,
	// DEFAULT, DISABLED, …), Errors by why there was no value. Those that never
	// happened are left out.
	Answers map[string]uint64 `json:"answers"`
	Errors  map[string]uint64 `json:"errors"`
	// Stale is how many of the answers were last known ones.
	Stale uint64 `json:"stale"`
}

// SourceStatus is how one source is.
type SourceStatus struct {
	Name string `json:"name"`
	// State is OpenFeature's: READY, NOT_READY, STALE, ERROR or FATAL; since
	// Since, because of Error.
	State string    `json:"state"`
	Since time.Time `json:"since"`
	Error string    `json:"error,omitempty"`
	// Lost is when it was last known to be well; absent while it is.
	Lost time.Time `json:"lost,omitzero"`
	// Refused is a configuration that was not put in force, at RefusedAt; the one
	// before it stays.
	Refused   string    `json:"refused,omitempty"`
	RefusedAt time.Time `json:"refused_at,omitzero"`
}

// CacheStatus is how much of what was asked was known already.
type CacheStatus struct {
	Entries   int    `json:"entries"`
	Capacity  int    `json:"capacity"`
	Hits      uint64 `json:"hits"`
	Misses    uint64 `json:"misses"`
	Evictions uint64 `json:"evictions"`
}

// Status says how the flags are.
func (e *Evaluator) Status() Status {
	status := Status{InFlight: len(e.slots), Answers: map[string]uint64{}, Errors: map[string]uint64{}}
	var all uint64
	for i := range len(reasons) + len(errorKinds) {
		n := e.sum(func(s *stripe) *atomic.Uint64 { return &s.answers[i] })
		all += n
		switch {
		case n == 0:
		case i < len(reasons):
			status.Answers[string(reasons[i])] = n
		default:
			status.Errors[string(errorKinds[i-len(reasons)])] = n
		}
	}
	status.Stale = e.sum(func(s *stripe) *atomic.Uint64 { return &s.stale })
	misses := e.sum(func(s *stripe) *atomic.Uint64 { return &s.misses })
	status.Cache = CacheStatus{
		Entries: int(e.cache.entries.Load()), Capacity: e.cache.capacity(),
		Hits: all - min(misses, all), Misses: misses, Evictions: e.cache.evictions.Load(),
	}
	for _, s := range e.sources {
		status.Sources = append(status.Sources, s.status())
	}
	return status
}

func (s *source) status() SourceStatus {
	st := s.state.Load()
	status := SourceStatus{Name: s.Name, State: string(st.State), Since: st.since, Error: st.err, Lost: st.lost}
	if refused := s.report.Load(); refused != nil {
		status.Refused, status.RefusedAt = refused.err, refused.at
	}
	return status
}

// Ready reports whether every source is READY.
func (e *Evaluator) Ready() bool {
	for _, s := range e.sources {
		if s.state.Load().State != openfeature.ReadyState {
			return false
		}
	}
	return true
}
