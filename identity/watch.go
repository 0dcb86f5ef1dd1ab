package identity

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// epochs count the changes of sessions that the store told of. Many keys share a
// count; that costs a lookup now and then, and needs no index that grows and
// shrinks with the cache. An entry is over when its count moved since it was made.
type epochs struct {
	seed  maphash.Seed
	slots []atomic.Uint32
}

// slotsPerEntry keep it rare that the change of another session ends an entry.
const slotsPerEntry = 4

// newEpochs makes them for a cache of so many entries, which is a power of two.
func newEpochs(entries int) epochs {
	return epochs{maphash.MakeSeed(), make([]atomic.Uint32, slotsPerEntry*entries)}
}

func (w *epochs) slot(key string) *atomic.Uint32 {
	return &w.slots[maphash.String(w.seed, key)&uint64(len(w.slots)-1)]
}

// WatchState is whether the store tells of sessions that changed or ended.
type WatchState string

// The states. In all but WatchOn the bound alone counts.
const (
	WatchOn          WatchState = "on"
	WatchUnconfirmed WatchState = "unconfirmed" // connected, and nothing shows yet that the store tells
	WatchOff         WatchState = "off"         // the store is not set up to tell
	WatchDown        WatchState = "down"        // it cannot be reached
	WatchConnecting  WatchState = "connecting"  // for the first time
)

// WatchStatus is how the watch is, since when, and why.
type WatchStatus struct {
	State WatchState `json:"state"`
	Since time.Time  `json:"since"`
	// Events are sessions that the store told of, of those that are kept or not.
	Events uint64 `json:"events"`
	// Error says why it is not on; it names the way out where there is one.
	Error string `json:"error,omitempty"`
}

// watch follows the store's events as long as the resolver lives.
type watch struct {
	session.Watch
	epochs epochs
	told   atomic.Uint64
	status atomic.Pointer[WatchStatus]
}

// startWatch begins to follow the store's events, where it has any.
func (r *Resolver) startWatch() {
	if r.options.Watch.Events == nil {
		return
	}
	r.watch = &watch{Watch: r.options.Watch, epochs: newEpochs(r.cache.limit())}
	r.watch.status.Store(&WatchStatus{State: WatchConnecting, Since: r.options.Now()})
	r.followers.Go(func() { r.follow(r.context) })
}

// The pauses between attempts to connect. Each success empties the cache, so a
// connection that does not last is no success.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
	lasting    = time.Minute
)

// follow keeps the connection to the store's events.
func (r *Resolver) follow(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		var since time.Time
		err := r.watch.Events.Follow(ctx, func(doubt error) {
			if since.IsZero() {
				since = r.options.Now()
			}
			r.ForgetAll() // what changed until now was not told
			r.watching(WatchOn, doubt)
		}, r.changed)
		if ctx.Err() != nil {
			return
		}
		if !since.IsZero() && r.options.Now().Sub(since) >= lasting {
			pause = firstPause
		}
		r.watching(WatchDown, err)
		if !sleep(ctx, pause/2+rand.N(pause/2)) {
			return
		}
		pause = min(2*pause, lastPause)
	}
}

func sleep(ctx context.Context, long time.Duration) bool {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// changed drops what is known of a session, and a lookup that is under way.
func (r *Resolver) changed(key string) {
	r.watch.epochs.slot(key).Add(1)
	r.watch.told.Add(1)
	if r.watch.status.Load().State == WatchUnconfirmed {
		r.watching(WatchOn, nil)
	}
}

// watching remembers the state, and tells of news. Only follow's goroutine calls it.
func (r *Resolver) watching(state WatchState, why error) {
	switch {
	case state == WatchOn && why != nil:
		state = WatchUnconfirmed
	case errors.Is(why, session.ErrSilent):
		state = WatchOff
	}
	next := &WatchStatus{State: state, Since: r.options.Now()}
	if why != nil {
		next.Error = why.Error()
	}
	before := r.watch.status.Load()
	if before.State == state {
		next.Since = before.Since
	}
	r.watch.status.Store(next)
	if before.State == state {
		return
	}
	say := r.log.Info
	if state == WatchDown {
		say = r.log.Warn
	}
	say(watchNews[state], slog.String("watch", string(state)), slog.String("error", next.Error))
}

// watchNews is what the log says of a new state.
var watchNews = map[WatchState]string{
	WatchOn:          "the store tells of changed sessions; they count at once",
	WatchUnconfirmed: "it is not known yet whether the store tells of changed sessions; until it does, they count within the bound",
	WatchOff:         "the store does not tell of changed sessions; they count within the bound",
	WatchDown:        "the store cannot tell of changed sessions; they count within the bound",
}

// fresh is an entry for a session. Its count is read before the store is, so that no
// change is between the two.
func (r *Resolver) fresh(key digest, value string) *entry {
	e := &entry{key: key}
	if r.watch == nil {
		return e
	}
	if of, ok := r.watch.Key(value); ok {
		e.changes = r.watch.epochs.slot(of)
		e.epoch = e.changes.Load()
	}
	return e
}

// find is the entry of a session; nil when there is none, or the store told that
// it is over.
func (r *Resolver) find(key *digest) *entry {
	e := r.cache.get(key)
	if e == nil || !e.over() {
		return e
	}
	if r.cache.remove(e) {
		r.evicted.Add(1)
	}
	return nil
}

// watched is how the watch is; nil when the store never tells.
func (r *Resolver) watched() *WatchStatus {
	if r.watch == nil {
		return nil
	}
	status := *r.watch.status.Load()
	status.Events = r.watch.told.Load()
	return &status
}
