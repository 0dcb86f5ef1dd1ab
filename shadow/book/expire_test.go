package book_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
)

// A route that has left the table keeps its evidence for a month, one that is
// silent in the table keeps it for good, and nothing goes before a table is known.
func TestRoutesThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const days = 24 * time.Hour
		store := book.NewMemory()
		b, err := book.Open(t.Context(), book.Options{Store: store, Now: time.Now, Every: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { b.Run(ctx) })
		c := &clock{at: time.Now()}
		for _, route := range []string{"gone", "silent"} {
			many(t, b, c, 5, `{"a":2}`, func(r *shadow.Record) { r.Route = route })
		}
		kept := func(want ...string) {
			t.Helper()
			time.Sleep(5 * time.Minute) //nolint:forbidigo // synctest
			has, err := store.Load(t.Context())
			if err != nil || len(has.Routes) != len(want) || len(has.Eras) != len(want) || len(has.Signatures) != len(want) || b.Status().Signatures != int64(len(want)) {
				t.Errorf("%+v, %v; want %v", has, err, want)
			}
		}
		time.Sleep(40 * days) //nolint:forbidigo // synctest
		kept("gone", "silent")
		b.Configure([]book.Route{{Name: "gone"}, {Name: "silent"}})
		kept("gone", "silent")
		b.Configure([]book.Route{{Name: "silent"}})
		kept("silent")
		if _, err := b.Report(t.Context(), "gone"); !errors.Is(err, book.ErrUnknownRoute) {
			t.Error(err)
		}
		many(t, b, &clock{at: time.Now()}, 5, `{"a":2}`, func(r *shadow.Record) { r.Route = "gone" })
		time.Sleep(29 * days) //nolint:forbidigo // synctest
		kept("silent", "gone")
		time.Sleep(days) //nolint:forbidigo // synctest
		kept("silent")
		stop()
		done.Wait()
	})
}
