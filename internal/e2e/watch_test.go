package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// soon is what "at once" means here: far below the bound of a minute, and far
// above what it takes.
const soon = 2 * time.Second

// watching waits until the proxy says that its store's events are in a state.
func (c *askers) watching(state identity.WatchState) *identity.WatchStatus {
	c.t.Helper()
	var got *identity.WatchStatus
	testbed.WaitFor(c.t, "the watch to be "+string(state), func() bool {
		got = c.proxy.Status(c.t).Identity.Sessions.Watch
		return got != nil && got.State == state
	})
	metric := "strangler_session_watched 0"
	if state == identity.WatchOn {
		metric = "strangler_session_watched 1"
	}
	if _, metrics := c.proxy.Ask(c.t, "/metrics"); !strings.Contains(metrics, "\n"+metric+"\n") {
		c.t.Errorf("the watch is %s, and the metrics have not %s", state, metric)
	}
	return got
}

// endsAtOnce ends one session after the other, and holds that each has the
// monolith at once while all others are still known.
func (c *askers) endsAtOnce(end func(member)) {
	c.t.Helper()
	testbed.WaitFor(c.t, "everybody is known", func() bool { return c.round() == len(c.people) })
	took := make([]time.Duration, 0, len(c.people))
	for i, m := range c.people {
		end(m)
		began := time.Now()
		for c.ask(m) {
			if time.Since(began) > soon {
				c.t.Fatalf("%s after the end of %s it is still known", soon, m.subject)
			}
		}
		took = append(took, time.Since(began))
		if known := c.round(); known != len(c.people)-i-1 {
			c.t.Errorf("%d are known; %d should be", known, len(c.people)-i-1)
		}
	}
	slices.Sort(took)
	c.t.Logf("ended sessions were seen after %s (median), %s (slowest) of a bound of a minute", took[len(took)/2], took[len(took)-1])
}

// delete deletes a member's session in Redis, whose key ends with the ID.
func (m member) delete(t *testing.T, client *redis.Client) {
	t.Helper()
	const idLength = 32 // of Express and of Django
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if len(key) > idLength && strings.Contains(m.cookies, key[len(key)-idLength:]) {
			if err := client.Del(t.Context(), key).Err(); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%s has no session among %d keys", m.subject, len(keys))
}

func expressOn(t *testing.T, store *testbed.Program) *monolith {
	t.Helper()
	return &monolith{
		Program: testbed.Express(t, store.Address), page: "/login", action: "/login", fill: nameOnly,
		sessions: "sessions express {\n secret " + testbed.AppSecret + "\n redis redis://" + store.Address + "\n}",
	}
}

// TestASessionThatEndsInRedisEndsAtOnce has a Redis that tells of changes, and one
// that loses all while nobody hears of it.
func TestASessionThatEndsInRedisEndsAtOnce(t *testing.T) {
	t.Parallel()
	store := testbed.StartRedis(t, "--notify-keyspace-events", "Kg$xe")
	m := expressOn(t, store)
	c := startAskers(t, m, []string{"anna", "bao", "chloe", "dov"})
	client := redis.NewClient(&redis.Options{Addr: store.Address})
	defer client.Close()
	c.watching(identity.WatchOn)
	c.endsAtOnce(func(m member) { m.delete(t, client) })

	c.people = []member{signInAt(t, m, "elif"), signInAt(t, m, "femi")}
	testbed.WaitFor(t, "everybody is known", func() bool { return c.round() == len(c.people) })
	store.Kill()
	c.watching(identity.WatchDown)
	if known := c.round(); known != len(c.people) {
		t.Errorf("without Redis, %d are known within the bound", known)
	}
	store.Start() // empty
	began := time.Now()
	testbed.WaitFor(t, "the sessions that were lost are not known", func() bool { return c.round() == 0 })
	t.Logf("what was missed was forgotten %s after the restart", time.Since(began))
	c.watching(identity.WatchOn)
}

// TestASessionThatEndsInDjangosCacheEndsAtOnce is the same of the engine cache.
func TestASessionThatEndsInDjangosCacheEndsAtOnce(t *testing.T) {
	t.Parallel()
	store := testbed.StartRedis(t, "--notify-keyspace-events", "KEA")
	c := startAskers(t, djangoCacheOn(t, store), []string{"alice", "bob", "carol"})
	client := redis.NewClient(&redis.Options{Addr: store.Address, DB: 1})
	defer client.Close()
	c.watching(identity.WatchOn)
	c.endsAtOnce(func(m member) { m.delete(t, client) })
}

// TestARedisThatDoesNotTell leaves the bound, says so, and what it says helps.
func TestARedisThatDoesNotTell(t *testing.T) {
	t.Parallel()
	store := testbed.StartRedis(t)
	c := startAskers(t, expressOn(t, store), []string{"anna", "bao"})
	client := redis.NewClient(&redis.Options{Addr: store.Address})
	defer client.Close()
	status := c.watching(identity.WatchOff)
	command := "CONFIG SET notify-keyspace-events 'Kg$xe'"
	if !strings.Contains(status.Error, command) || !strings.Contains(c.proxy.Log(), command) {
		t.Errorf("status: %s; log: %s", status.Error, c.proxy.Log())
	}
	testbed.WaitFor(t, "everybody is known", func() bool { return c.round() == len(c.people) })
	c.people[0].delete(t, client)
	if known := c.round(); known != len(c.people) {
		t.Errorf("%d are known", known)
	}
	if err := client.ConfigSet(t.Context(), "notify-keyspace-events", "Kg$xe").Err(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	c.watching(identity.WatchOn)
	t.Logf("heard %s after the command", time.Since(began))
	if c.ask(c.people[0]) || !c.ask(c.people[1]) {
		t.Error("what was missed counts still, or what was not missed does not")
	}
}
