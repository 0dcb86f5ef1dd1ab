package identity_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Who can make the lookup of one session fail stops nobody else's.
func TestASessionThatFailsAloneRestsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7", "b": "8", "mine": "breaks"}}
		resolver := newResolver(t, r)
		for range 100 {
			if p := ask(t, resolver, "mine"); p.State != session.Unavailable {
				t.Fatal(p.State, p.Reason)
			}
		}
		if n := r.lookups.Load(); n != 5 {
			t.Errorf("it was looked up %d times", n)
		}
		if status := resolver.Status(); status.Store == "resting" {
			t.Errorf("%+v", status)
		}
		expectPerson(t, ask(t, resolver, "a"), "7", "")
		expectPerson(t, ask(t, resolver, "b"), "8", "")
		<-time.After(time.Second)
		r.set(func() { r.users["mine"] = "9" })
		expectPerson(t, ask(t, resolver, "mine"), "9", "")
	})
}

// Who has many of them does not either, as long as others' lookups succeed.
func TestManySessionsThatFailDoNotRestAStoreThatWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{}}
		for i := range 1000 {
			r.users[fmt.Sprint("mine", i)], r.users[fmt.Sprint("user", i)] = "breaks", "7"
		}
		resolver := newResolver(t, r)
		expectPerson(t, ask(t, resolver, "user0"), "7", "")
		for i := range 1000 {
			if i%100 == 0 {
				expectPerson(t, ask(t, resolver, fmt.Sprint("user", i)), "7", "")
			}
			expectPerson(t, ask(t, resolver, fmt.Sprint("mine", i)), "", session.StoreFailed)
			<-time.After(9 * time.Millisecond)
		}
		if n := resolver.Status().Lookups["resting"]; n != 0 {
			t.Errorf("%d lookups were not made", n)
		}
		r.set(func() { r.fails = errors.New("refused") })
		<-time.After(time.Second)
		for i := range 20 {
			ask(t, resolver, fmt.Sprint("user", 100+i))
		}
		if status := resolver.Status(); status.Store != "resting" {
			t.Errorf("a store that is down: %+v", status)
		}
	})
}
