package identity_test

import (
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/store/sqlite"
)

func TestAnEvictedSessionIsLookedUpAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7", "b": "7", "c": "8"}}
		resolver := newResolver(t, r)
		for _, value := range []string{"a", "b", "c"} {
			ask(t, resolver, value)
		}
		r.set(func() { clear(r.users) })
		if !resolver.Forget("a") {
			t.Error("the session was not there")
		}
		expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
		expectPerson(t, ask(t, resolver, "b"), "7", "")
		resolver.ForgetSubject("7")
		expectPerson(t, ask(t, resolver, "b"), "", session.NoSession)
		expectPerson(t, ask(t, resolver, "c"), "8", "")
		resolver.ForgetAll()
		expectPerson(t, ask(t, resolver, "c"), "", session.NoSession)
	})
}

// What is known of a session is asked for anew every few seconds; its token need not be
// minted anew, unless it would say something else or the session was over.
func TestATokenOutlivesALookupButNoLogout(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "strangler.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	ring, err := token.NewRing(token.Options{Issuer: "https://www.example.com", Store: store})
	if err == nil { // synctest's clock begins there
		err = ring.Refresh(t.Context(), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}}
		resolver := newResolver(t, r)
		service, err := ring.Service(token.ServiceOptions{Audience: "faq", Claims: map[string]token.Claim{"mail": {Attribute: "email"}}})
		if err != nil {
			t.Fatal(err)
		}
		minter := token.NewMinter(ring)
		text := func() string {
			minted, err := minter.Token(service, ask(t, resolver, "a").Prepared, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return minted.Text()
		}
		first, lookups := text(), r.lookups.Load()
		<-time.After(6 * time.Second)
		if text() != first || r.lookups.Load() == lookups {
			t.Errorf("after %d lookups there is another token", r.lookups.Load())
		}
		resolver.Forget("a")
		second := text()
		if second == first {
			t.Error("the token of a session that was forgotten")
		}
		r.set(func() { r.users["a"] = "8" })
		<-time.After(6 * time.Second)
		if text() == second {
			t.Error("the token of another user")
		}
	})
}

// A lookup that began before the logout must not bring the session back.
func TestALookupFromBeforeTheEvictionIsNotKept(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*identity.Resolver){
		"value":   func(r *identity.Resolver) { r.Forget("a") },
		"subject": func(r *identity.Resolver) { r.ForgetSubject("7") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &reader{users: map[string]string{"a": "7"}, takes: 100 * time.Millisecond}
				resolver := newResolver(t, r)
				var early sync.WaitGroup
				early.Go(func() { expectPerson(t, ask(t, resolver, "a"), "7", "") })
				synctest.Wait() // the store has been read, its answer is on its way
				r.set(func() { delete(r.users, "a") })
				forget(resolver)
				expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
				early.Wait()
				expectPerson(t, ask(t, resolver, "a"), "", session.NoSession)
			})
		})
	}
}
