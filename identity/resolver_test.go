package identity_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
)

// reader answers from a map of sessions to users; it counts lookups, and can be
// made to fail, to hang, or to end only when let go.
type reader struct {
	mu      sync.Mutex
	users   map[string]string
	expires time.Time
	keep    time.Duration
	fails   error
	hangs   chan struct{} // ignores the context
	takes   time.Duration
	lookups atomic.Int64
}

func (r *reader) Names() []string { return []string{"sessionid"} }

func (r *reader) Cookie(header http.Header) (string, session.Outcome, bool) {
	switch values := header["Cookie"]; len(values) {
	case 0:
		return "", session.Nobody(session.NoCookie), false
	case 1:
		return strings.TrimPrefix(values[0], "sessionid="), session.Outcome{}, true
	}
	return "", session.Unknown(session.AmbiguousCookie, nil), false
}

func (r *reader) set(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

func (r *reader) Open(ctx context.Context, value string) session.Outcome {
	r.lookups.Add(1)
	r.mu.Lock()
	user, fails, hangs, takes, expires, keep := r.users[value], r.fails, r.hangs, r.takes, r.expires, r.keep
	r.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return session.Unknown(session.TimedOut, ctx.Err())
		}
	}
	switch {
	case fails != nil:
		if user == "forged" {
			return session.Nobody(session.BadSignature) // that needs no store
		}
		return session.Unknown(session.StoreFailed, fails)
	case user == "breaks":
		return session.Unknown(session.StoreFailed, errors.New("it breaks"))
	case user == "forged":
		return session.Nobody(session.BadSignature)
	case user == "panic":
		panic(value)
	case user == "":
		return session.Nobody(session.NoSession)
	}
	out := session.Is(session.Principal{Subject: user, Expires: expires, User: map[string]any{"email": user + "@example.com", "is_staff": true}})
	out.Keep = keep
	return out
}

func cookie(value string) http.Header { return http.Header{"Cookie": {"sessionid=" + value}} }

func newResolver(tb testing.TB, r *reader, change ...func(*identity.ResolverOptions)) *identity.Resolver {
	tb.Helper()
	o := identity.ResolverOptions{Reader: r, Secret: make([]byte, 32), Now: time.Now}
	for _, c := range change {
		c(&o)
	}
	made, err := identity.NewResolver(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(made.Close)
	return made
}

func ask(tb testing.TB, r *identity.Resolver, value string) *identity.Person {
	tb.Helper()
	return r.Resolve(tb.Context(), cookie(value), time.Now())
}

func expectPerson(tb testing.TB, p *identity.Person, subject string, reason session.Reason) {
	tb.Helper()
	if p.Subject() != subject || p.Reason != reason || (p.Prepared != nil) != (subject != "") {
		tb.Fatalf("%s %q %q, expected %q %q", p.State, p.Subject(), p.Reason, subject, reason)
	}
}

func TestRequestsThatComeTogetherMakeOneLookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}, takes: 100 * time.Millisecond}
		resolver := newResolver(t, r)
		gone, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		first := make(chan *identity.Person, 1)
		all.Go(func() { first <- resolver.Resolve(gone, cookie("a"), time.Now()) })
		synctest.Wait() // it leads
		var known atomic.Int64
		for range 1000 {
			all.Go(func() {
				if ask(t, resolver, "a").Subject() == "7" {
					known.Add(1)
				}
			})
		}
		synctest.Wait()
		cancel() // the leader's client leaves
		all.Wait()
		if p := <-first; p.State != session.Unavailable || p.Reason != session.TimedOut {
			t.Errorf("who left has %s %s", p.State, p.Reason)
		}
		if known.Load() != 1000 || r.lookups.Load() != 1 {
			t.Errorf("%d of 1000 know, by %d lookups", known.Load(), r.lookups.Load())
		}
	})
}

func TestNoAnswerIsOlderThanTheBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}}
		resolver := newResolver(t, r)
		expectPerson(t, ask(t, resolver, "a"), "7", "")
		r.set(func() { delete(r.users, "a") })
		ended := time.Now()
		for time.Since(ended) < identity.DefaultBound {
			ask(t, resolver, "a")
			<-time.After(500 * time.Millisecond)
		}
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
	})
}

func TestNobodyWaitsForASessionThatIsAskedForOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}, takes: 50 * time.Millisecond}
		resolver := newResolver(t, r)
		ask(t, resolver, "a")
		start := time.Now()
		for range 600 { // a minute
			before := time.Now()
			expectPerson(t, ask(t, resolver, "a"), "7", "")
			if took := time.Since(before); took > 0 {
				t.Fatalf("after %s a request waited %s", time.Since(start), took)
			}
			<-time.After(100 * time.Millisecond)
		}
		if n := r.lookups.Load(); n < 12 || n > 30 {
			t.Errorf("%d lookups in a minute", n)
		}
	})
}

func TestASessionThatEndsIsNotUsedAfterItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}, expires: time.Now().Add(2 * time.Second)}
		resolver := newResolver(t, r)
		ask(t, resolver, "a")
		r.set(func() { delete(r.users, "a") })
		<-time.After(2 * time.Second)
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
	})
}

func TestWhatTheSourceSaysOfKeepingIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}, keep: -1}
		resolver := newResolver(t, r)
		ask(t, resolver, "a")
		ask(t, resolver, "a")
		if n := r.lookups.Load(); n != 2 {
			t.Errorf("no-store: %d lookups of two requests", n)
		}
		r.set(func() { r.keep = 300 * time.Millisecond })
		ask(t, resolver, "a")
		<-time.After(300 * time.Millisecond)
		r.set(func() { delete(r.users, "a") })
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
	})
}

// "store down read as logged out" is a mistake of others.
func TestAStoreThatIsDownMakesNobodyAnonymous(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7", "forged": "forged"}}
		resolver := newResolver(t, r)
		ask(t, resolver, "a")
		r.set(func() { r.fails = errors.New("refused") })
		expectPerson(t, ask(t, resolver, "a"), "7", "") // within the bound
		<-time.After(identity.DefaultBound)
		for i := range 100 {
			if p := ask(t, resolver, string(rune('a'+i%7))); p.State != session.Unavailable {
				t.Fatalf("%s %s", p.State, p.Reason)
			}
			ask(t, resolver, "forged")
		}
		if n := r.lookups.Load(); n > 9 {
			t.Errorf("a store that fails was asked %d times by 100 requests", n)
		}
		status := resolver.Status()
		if status.Store != "resting" || status.Error != "refused" || status.Lookups["store_failed"] < 5 {
			t.Errorf("%+v", status)
		}
		r.set(func() { r.fails = nil })
		<-time.After(1100 * time.Millisecond)
		expectPerson(t, ask(t, resolver, "a"), "7", "")
		if status := resolver.Status(); status.Store != "ok" || status.Error != "" {
			t.Errorf("%+v", status)
		}
	})
}

func TestAStoreThatHangsCostsLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}, hangs: make(chan struct{})}
		resolver := newResolver(t, r)
		waited := time.Duration(0)
		for i := range 200 {
			before := time.Now()
			if p := ask(t, resolver, fmt.Sprint(i)); p.State != session.Unavailable {
				t.Fatalf("%s %s", p.State, p.Reason)
			}
			took := time.Since(before)
			if took > identity.DefaultWait {
				t.Fatalf("request %d waited %s", i, took)
			}
			waited += took
		}
		if waited > 6*identity.DefaultWait {
			t.Errorf("200 requests in a row waited %s in all", waited)
		}
		close(r.hangs)
		r.set(func() { r.hangs = nil })
		<-time.After(2 * time.Second)
		expectPerson(t, ask(t, resolver, "a"), "7", "")
	})
}

func TestLookupsAreBoundedAtOneTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{}, hangs: make(chan struct{})}
		resolver := newResolver(t, r, func(o *identity.ResolverOptions) { o.InFlight = 3 })
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() { ask(t, resolver, fmt.Sprint(i)) })
		}
		synctest.Wait()
		if n := r.lookups.Load(); n != 3 {
			t.Errorf("%d lookups at once", n)
		}
		all.Wait()
		synctest.Wait() // their lookups end at that moment, too
		if n := resolver.Status().Lookups["busy"]; n != 97 {
			t.Errorf("%d were busy: %v", n, resolver.Status().Lookups)
		}
		close(r.hangs)
	})
}

func TestAReaderThatPanicsIsUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		resolver := newResolver(t, &reader{users: map[string]string{"secret": "panic"}})
		p := ask(t, resolver, "secret")
		expectPerson(t, p, "", session.Undecodable)
		if p.State != session.Unavailable || strings.Contains(fmt.Sprint(p.Err), "secret") {
			t.Errorf("%s %v", p.State, p.Err)
		}
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}}
		resolver := newResolver(t, r, func(o *identity.ResolverOptions) { o.Sessions = 64 })
		for i := range 1000 {
			ask(t, resolver, "a") // used all the time: it stays
			ask(t, resolver, fmt.Sprint("other", i))
		}
		status := resolver.Status()
		if status.Sessions > status.Limit || status.Limit != 64 || status.Dropped < 900 {
			t.Errorf("%+v", status)
		}
		if n := r.lookups.Load() - 1000; n > 3 {
			t.Errorf("a session in use was looked up %d times", n)
		}
	})
}

func TestWithoutOrWithTwoCookiesNothingIsLookedUp(t *testing.T) {
	t.Parallel()
	r := &reader{}
	resolver := newResolver(t, r)
	expectPerson(t, resolver.Resolve(t.Context(), http.Header{}, time.Now()), "", session.NoCookie)
	two := http.Header{"Cookie": {"sessionid=a", "sessionid=b"}}
	p := resolver.Resolve(t.Context(), two, time.Now())
	expectPerson(t, p, "", session.AmbiguousCookie)
	if p.State != session.Unavailable || r.lookups.Load() != 0 {
		t.Errorf("%s, %d lookups", p.State, r.lookups.Load())
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	resolver := newResolver(t, &reader{users: map[string]string{"a": "7"}})
	header, now := cookie("a"), time.Now()
	resolver.Resolve(t.Context(), header, now)
	if n := testing.AllocsPerRun(100, func() { resolver.Resolve(t.Context(), header, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkResolve(b *testing.B) {
	resolver := newResolver(b, &reader{users: map[string]string{"abcdefghijklmnopqrstuvwxyz012345": "7"}})
	header, now := cookie("abcdefghijklmnopqrstuvwxyz012345"), time.Now()
	resolver.Resolve(b.Context(), header, now)
	b.ReportAllocs()
	for b.Loop() {
		resolver.Resolve(b.Context(), header, now)
	}
}
