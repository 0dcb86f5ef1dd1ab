package flags

import (
	"context"
	"fmt"
	"testing"
)

func BenchmarkDecide(b *testing.B) {
	e := start(b, Options{Sources: []Source{FlagdFile(flagFile(b, targeted))}})
	ctx := context.Background()
	attributes := []Attribute{{"method", "GET"}, {"path", "/v1/tickets/17"}, {"headers.x-beta", "1"}}
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			q := Query{Flag: "tickets", Key: "ann@example.com"}
			e.Decide(ctx, &q)
		}
	})
	b.Run("hit-many", func(b *testing.B) {
		// Thousands of users, so that what is known of each is not in the processor's cache.
		keys := make([]string, 8000)
		for i := range keys {
			keys[i] = fmt.Sprintf("user-%d@example.com", i)
			e.Decide(ctx, &Query{Flag: "tickets", Key: keys[i]})
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			q := Query{Flag: "tickets", Key: keys[i%len(keys)]}
			e.Decide(ctx, &q)
		}
	})
	b.Run("hit-attributes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			q := Query{Flag: "tickets", Key: "ann@example.com", Attributes: attributes}
			e.Decide(ctx, &q)
		}
	})
	b.Run("hit-parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				q := Query{Flag: "tickets", Key: "ann@example.com"}
				e.Decide(ctx, &q)
			}
		})
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			q := Query{Flag: "tickets", Key: fmt.Sprint(i)}
			e.Decide(ctx, &q)
		}
	})
}

func TestHitDoesNotAllocate(t *testing.T) {
	e := start(t, Options{Sources: []Source{FlagdFile(flagFile(t, targeted))}})
	ctx := context.Background()
	q := Query{Flag: "tickets", Key: "ann@example.com", Attributes: []Attribute{{"method", "GET"}}}
	if n := testing.AllocsPerRun(100, func() { e.Decide(ctx, &q) }); n != 0 {
		t.Errorf("%v allocations for a hit", n)
	}
}
