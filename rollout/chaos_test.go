package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

// TestAnyFaultAtAnyTime throws verbs and faults at a ledger at random, and
// then holds it against its words: what was acknowledged is recorded, what was
// refused is not in effect, and the journal has no gap.
func TestAnyFaultAtAnyTime(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) {
				t.Helper()
				told := chaos(t, rand.New(rand.NewPCG(seed, 0)), s, l)
				settled(t, s, l)
				checkStory(t, l, told)
			})
		})
	}
}

// told is what the callers of the verbs were told, by the reason they gave.
type told struct {
	mu       sync.Mutex
	made     map[string]rollout.Change
	refused  map[string]bool
	conflict int
}

func chaos(t *testing.T, random *rand.Rand, s *storetest.Faulty, l *rollout.Ledger) *told {
	t.Helper()
	heard := &told{made: map[string]rollout.Change{}, refused: map[string]bool{}}
	var all sync.WaitGroup
	for operator := range 4 {
		random := rand.New(rand.NewPCG(random.Uint64(), 0))
		all.Go(func() {
			for i := range 40 {
				time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond) //nolint:forbidigo // fake time
				reason := fmt.Sprint(operator, "-", i)
				c, err := anyVerb(t.Context(), random, l, reason)
				heard.note(t, reason, c, err)
			}
		})
	}
	released := make(chan struct{})
	for range 15 {
		s.Set([]storetest.Fault{nil, nil, storetest.Broken(errDown), storetest.Hung(), storetest.Lost(errDown), storetest.Deaf(released)}[random.IntN(6)])
		time.Sleep(time.Duration(random.IntN(4000)) * time.Millisecond) //nolint:forbidigo // fake time
		close(released)
		released = make(chan struct{})
	}
	s.Set(nil)
	all.Wait()
	return heard
}

func anyVerb(ctx context.Context, random *rand.Rand, l *rollout.Ledger, reason string) (rollout.Change, error) {
	act := rollout.Act{By: "someone", Reason: reason, Source: rollout.SourceAPI}
	route := []string{"a", "b"}[random.IntN(2)]
	if random.IntN(3) == 0 {
		act.IfVersion = l.Snapshot().Route(route).Version
	}
	switch random.IntN(6) {
	case 0:
		return l.Hold(ctx, route, time.Time{}, act)
	case 1:
		return l.Release(ctx, route, act)
	case 2:
		act.IfVersion = 0
		return l.Brake(ctx, act)
	case 3:
		act.IfVersion = 0
		return l.ReleaseBrake(ctx, act)
	}
	return l.Set(ctx, route, routes.PPM(random.IntN(10))*10*percent, act)
}

func (h *told) note(t *testing.T, reason string, c rollout.Change, err error) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var conflict *rollout.Conflict
	switch {
	case err == nil:
		h.made[reason] = c
	case errors.Is(err, rollout.ErrNotStored):
		h.refused[reason] = true
	case errors.As(err, &conflict):
		h.conflict++
	case !errors.Is(err, rollout.ErrNotHeld) && !errors.Is(err, rollout.ErrNoBrake):
		t.Errorf("%s: %v", reason, err)
	}
}

func checkStory(t *testing.T, l *rollout.Ledger, told *told) {
	t.Helper()
	found, err := l.History(t.Context(), rollout.Query{})
	if err != nil || len(found) == rollout.MaxHistory {
		t.Fatalf("%d records, %v", len(found), err)
	}
	next, recorded := map[string]rollout.Change{}, map[string]rollout.Change{}
	for _, c := range found { // newest first
		later, ok := next[c.Route]
		if ok && cmp.Diff(c.After, later.Before) != "" {
			t.Errorf("record %d does not start where %d ended", later.Seq, c.Seq)
		}
		next[c.Route] = c
		recorded[c.ID] = c
		if !told.refused[c.Act.Reason] {
			continue
		}
		if !ok || later.Verb != rollout.VerbWithdraw || later.After.Share != shareBefore(c) || (later.After.Hold == nil) != (c.Before == nil || c.Before.Hold == nil) {
			t.Errorf("refused, but recorded and not taken back: %+v, then %+v", c, later)
		}
	}
	for route, first := range next {
		if first.Before != nil {
			t.Errorf("the first record of %s starts from %+v", route, first.Before)
		}
	}
	for reason, c := range told.made {
		if c.ID == "" {
			continue // it would have changed nothing
		}
		got, ok := recorded[c.ID]
		if !ok {
			t.Errorf("%s was acknowledged and is not recorded: %+v", reason, c)
		} else if c.Stored {
			same(t, "the acknowledged record", got, c)
		}
	}
	t.Logf("%d made, %d refused, %d conflicts, %d records", len(told.made), len(told.refused), told.conflict, len(found))
}

func shareBefore(c rollout.Change) routes.PPM {
	if c.Before == nil {
		return 0
	}
	return c.Before.Share
}
