package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
)

// events are what a store tells, as a test says.
type events struct {
	connects atomic.Int64
	changed  chan string
	lost     chan error
	emptied  chan struct{}
	doubt    error
	refuses  atomic.Pointer[error] // to connect
}

func newEvents() *events {
	return &events{changed: make(chan string), lost: make(chan error), emptied: make(chan struct{})}
}

func (e *events) Follow(ctx context.Context, on func(error), changed func(string)) error {
	e.connects.Add(1)
	if err := e.refuses.Load(); err != nil {
		return *err
	}
	on(e.doubt)
	for {
		select {
		case key := <-e.changed:
			changed(key)
		case <-e.emptied:
			on(e.doubt)
		case err := <-e.lost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watched is a change of the options: values are in the store as key:VALUE.
func watched(e *events) func(*identity.ResolverOptions) {
	return func(o *identity.ResolverOptions) {
		o.Bound = time.Minute
		o.Watch = session.Watch{Events: e, Key: func(value string) (string, bool) { return "key:" + strings.ToLower(value), value != "forged" }}
	}
}

func expectWatch(t *testing.T, r *identity.Resolver, state identity.WatchState, told uint64) {
	t.Helper()
	if w := r.Status().Watch; w == nil || w.State != state || w.Events != told || w.Since.IsZero() {
		t.Errorf("%+v; want %s after %d events", w, state, told)
	}
}

func TestWhatTheStoreTellsCountsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, e := &reader{users: map[string]string{"a": "7", "A": "7", "b": "8"}}, newEvents()
		resolver := newResolver(t, r, watched(e))
		synctest.Wait()
		expectWatch(t, resolver, identity.WatchOn, 0)
		expectPerson(t, ask(t, resolver, "a"), "7", "")
		expectPerson(t, ask(t, resolver, "A"), "7", "") // another spelling
		expectPerson(t, ask(t, resolver, "b"), "8", "")
		r.set(func() { clear(r.users) })
		expectPerson(t, ask(t, resolver, "a"), "7", "")
		e.changed <- "key:a"
		e.changed <- "key:nobody's"
		synctest.Wait()
		if p := resolver.Glance("a", time.Now()); p != nil {
			t.Error("a glance knows who left")
		}
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
		expectPerson(t, ask(t, resolver, "A"), "", session.NoSession)
		expectPerson(t, ask(t, resolver, "b"), "8", "")
		// A login counts at once, too.
		r.set(func() { r.users["a"] = "9" })
		e.changed <- "key:a"
		synctest.Wait()
		expectPerson(t, ask(t, resolver, "a"), "9", "")
		expectWatch(t, resolver, identity.WatchOn, 3)
		if s := resolver.Status(); s.Sessions != 3 || s.Evicted != 3 {
			t.Errorf("%d sessions, %d evicted", s.Sessions, s.Evicted)
		}
	})
}

// The store was read before it told of the end: that answer must not stay.
func TestALookupFromBeforeTheEventIsNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, e := &reader{users: map[string]string{"a": "7"}, takes: 100 * time.Millisecond}, newEvents()
		resolver := newResolver(t, r, watched(e))
		synctest.Wait()
		var early sync.WaitGroup
		early.Go(func() { expectPerson(t, ask(t, resolver, "a"), "7", "") })
		synctest.Wait()
		r.set(func() { delete(r.users, "a") })
		e.changed <- "key:a"
		synctest.Wait()
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
		early.Wait()
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
	})
}

func TestWhatWasMissedIsForgottenWhenTheStoreIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, e := &reader{users: map[string]string{"a": "7"}}, newEvents()
		resolver := newResolver(t, r, watched(e))
		synctest.Wait()
		ask(t, resolver, "a")
		refused := errors.New("refused")
		e.refuses.Store(&refused)
		e.lost <- errors.New("reset by peer")
		began := time.Now()
		synctest.Wait()
		r.set(func() { delete(r.users, "a") }) // and nobody hears of it
		expectWatch(t, resolver, identity.WatchDown, 0)
		<-time.After(30 * time.Second)
		if w := resolver.Status().Watch; w.State != identity.WatchDown || w.Error != "refused" || !w.Since.Equal(began) {
			t.Errorf("%+v", w)
		}
		expectPerson(t, ask(t, resolver, "a"), "7", "") // within the bound
		e.refuses.Store(nil)
		<-time.After(10 * time.Second)
		expectWatch(t, resolver, identity.WatchOn, 0)
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession) // before the bound
	})
}

func TestAStoreThatWasEmptiedIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, e := &reader{users: map[string]string{"a": "7", "b": "8"}}, newEvents()
		resolver := newResolver(t, r, watched(e))
		synctest.Wait()
		ask(t, resolver, "a")
		since := resolver.Status().Watch.Since
		<-time.After(time.Second)
		r.set(func() { delete(r.users, "a") })
		e.emptied <- struct{}{}
		synctest.Wait()
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
		expectPerson(t, ask(t, resolver, "b"), "8", "")
		if w := resolver.Status().Watch; w.State != identity.WatchOn || !w.Since.Equal(since) {
			t.Errorf("%+v", w)
		}
	})
}

func TestAnInspectionSaysHowSoonAnEndCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signedIn := opener(func(string) session.Outcome { return session.Is(session.Principal{Subject: "7"}) })
		e := newEvents()
		resolver, err := identity.NewResolver(identity.ResolverOptions{
			Reader: signedIn, Secret: make([]byte, 32), Now: time.Now, Watch: session.Watch{Events: e, Key: func(value string) (string, bool) { return value, true }},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer resolver.Close()
		synctest.Wait()
		if got := resolver.Inspect(t.Context(), "a", false).EndCounts; got != "at once" {
			t.Errorf("watched: %s", got)
		}
		silent := session.ErrSilent
		e.refuses.Store(&silent)
		e.lost <- errors.New("reset by peer")
		<-time.After(time.Second)
		if got := resolver.Inspect(t.Context(), "a", false).EndCounts; got != "within 5s" {
			t.Errorf("not watched: %s", got)
		}
	})
}

func TestAConnectionThatFlapsDoesNotEmptyTheCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, e := &reader{users: map[string]string{"a": "7"}}, newEvents()
		newResolver(t, r, watched(e))
		for start := time.Now(); time.Since(start) < 10*time.Minute; {
			e.lost <- errors.New("reset by peer")
		}
		if n := e.connects.Load(); n < 60 || n > 140 {
			t.Errorf("%d connections in ten minutes", n)
		}
		<-time.After(2 * time.Minute) // now it lasts
		before := time.Now()
		e.lost <- errors.New("reset by peer")
		e.changed <- "key:a"
		if took := time.Since(before); took > 10*time.Second {
			t.Errorf("back after %s", took)
		}
	})
}

func TestTheWatchSaysHowItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, e := &reader{}, newEvents()
		e.doubt = errors.New("it may not be asked")
		resolver := newResolver(t, r, watched(e))
		synctest.Wait()
		expectWatch(t, resolver, identity.WatchUnconfirmed, 0)
		e.changed <- "key:a"
		synctest.Wait()
		expectWatch(t, resolver, identity.WatchOn, 1)
		silent := fmt.Errorf("%w: write this", session.ErrSilent)
		e.refuses.Store(&silent)
		e.lost <- errors.New("reset by peer")
		<-time.After(time.Second)
		expectWatch(t, resolver, identity.WatchOff, 1)
		if got := newResolver(t, r).Status().Watch; got != nil {
			t.Errorf("without events: %+v", got)
		}
	})
}
