// Package eventstest has what tests share that follow a store's events.
package eventstest

import (
	"context"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Follower follows events in the background until the test ends.
type Follower struct {
	// On has the doubts with which it was told that changes are told from then on.
	On chan error
	// Changed has the keys, and is closed at the end.
	Changed chan string
	// End has the error that Follow ended with.
	End chan error
}

// Follow begins. It has ended when the test's clean-up is over.
func Follow(tb testing.TB, events session.Events) Follower {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	f := Follower{make(chan error, 10), make(chan string, 100), make(chan error, 1)}
	go func() {
		f.End <- events.Follow(ctx, func(doubt error) { f.On <- doubt }, func(key string) { f.Changed <- key })
		close(f.Changed)
	}()
	tb.Cleanup(func() {
		cancel()
		for range f.Changed {
		}
	})
	return f
}

// Within is what comes on a channel soon.
func Within[T any](tb testing.TB, from <-chan T) (got T) {
	tb.Helper()
	select {
	case got = <-from:
	case <-time.After(5 * time.Second):
		tb.Fatal("nothing came")
	}
	return got
}
