package shadow

import (
	"sync"
	"time"
)

// Stops are the routes whose shadow broke its word: a request that may change
// something was mirrored to it and came back without its ack, so that no other one is,
// until somebody who has seen to it says so. They are to outlive the process. Any number
// of goroutines may use them.
type Stops interface {
	// Stopped is why and since when such requests of a route are not mirrored; ok is
	// false while they may be. It is asked on the requests' way and must not wait.
	Stopped(route string) (reason string, since time.Time, ok bool)
	// Stop stops them, in effect when it returns. It may wait for a store, briefly.
	Stop(route, reason string)
}

// forgetful are Stops that end with the process.
type forgetful struct {
	now func() time.Time
	all sync.Map // of a route: known
}

// Stopped implements Stops.
func (f *forgetful) Stopped(route string) (reason string, since time.Time, ok bool) {
	one, ok := f.all.Load(route)
	if !ok {
		return "", time.Time{}, false
	}
	k, _ := one.(known)
	return k.reason, k.at, true
}

// Stop implements Stops.
func (f *forgetful) Stop(route, reason string) {
	f.all.Store(route, known{state: ProofBroken, reason: reason, at: f.now()})
}
