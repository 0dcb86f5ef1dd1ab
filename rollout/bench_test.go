package rollout_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

// instant is a store that takes everything at no cost.
type instant struct {
	storetest.Memory
	saved rollout.Saved
}

func (s *instant) Load(context.Context) (rollout.Saved, error) { return s.saved, nil }

func (s *instant) Apply(_ context.Context, c rollout.Change) (rollout.Change, error) {
	c.Stored = true
	return c, nil
}

// BenchmarkChange makes a change and publishes it, with that many routes that
// were touched before.
func BenchmarkChange(b *testing.B) {
	for _, touched := range []int{10, 1_000, 100_000} {
		b.Run(fmt.Sprint(touched), func(b *testing.B) {
			s := &instant{saved: rollout.Saved{Newest: map[string]rollout.Change{}}}
			for i := range touched {
				state := rollout.RouteState{Route: fmt.Sprint("route-", i), Share: percent, Version: 1}
				s.saved.Newest[state.Route] = rollout.Change{Route: state.Route, After: &state, Stored: true}
			}
			l, err := rollout.Open(b.Context(), rollout.Options{Store: s, Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = l.Close(context.Background()) }()
			for i := 0; b.Loop(); i++ {
				if _, err := l.Set(b.Context(), "route-0", routes.PPM(i%2), anna); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSnapshotState(b *testing.B) {
	l, err := rollout.Open(b.Context(), rollout.Options{Store: new(storetest.Memory), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close(context.Background()) }()
	if _, err := l.Set(b.Context(), "a", percent, anna); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if state := l.Snapshot().State("a"); state.Share != percent {
			b.Fatal(state)
		}
	}
}
