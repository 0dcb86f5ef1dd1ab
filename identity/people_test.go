package identity_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity"
)

// Each is looked up once: none is lost when there are more than there was room for, also
// while others are forgotten, and none of those comes back.
func TestTheCacheGrowsAndLosesNobody(t *testing.T) {
	t.Parallel()
	const sessions, askers = 8000, 4
	r := &reader{users: map[string]string{}}
	for i := range sessions {
		r.users[fmt.Sprint("s", i)] = fmt.Sprint(i)
	}
	start := time.Now() // nothing falls due
	resolver := newResolver(t, r, func(o *identity.ResolverOptions) {
		o.Now, o.InFlight, o.Wait = func() time.Time { return start }, sessions, time.Minute
	})
	before := resolver.Status()
	var all sync.WaitGroup
	for asker := range askers {
		all.Go(func() {
			for i := asker; i < sessions; i += askers {
				value := fmt.Sprint("s", i)
				for range 2 {
					if p := resolver.Open(t.Context(), value, start); p.Subject() != fmt.Sprint(i) {
						t.Errorf("%s is %q (%s)", value, p.Subject(), p.Reason)
					}
				}
				if i%2 == 0 && (!resolver.Forget(value) || resolver.Glance(value, start) != nil) {
					t.Errorf("%s was not forgotten", value)
				}
			}
		})
	}
	all.Wait()
	for i := range sessions {
		if known := resolver.Glance(fmt.Sprint("s", i), start) != nil; known != (i%2 == 1) {
			t.Errorf("s%d: known %v", i, known)
		}
	}
	status := resolver.Status()
	if r.lookups.Load() != sessions || status.Sessions != sessions/2 || status.Dropped > 0 || status.Limit != before.Limit {
		t.Errorf("%d lookups, %+v", r.lookups.Load(), status)
	}
	resolver.ForgetAll()
	if n := resolver.Status().Sessions; n != 0 {
		t.Errorf("%d are left", n)
	}
}
