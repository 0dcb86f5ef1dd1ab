package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// askers are many sessions whose users ask all the time who they are.
type askers struct {
	t      *testing.T
	proxy  *testbed.Strangler
	client *http.Client
	people []member

	known, monolith atomic.Int64
	slowest         atomic.Int64 // nanoseconds
}

type member struct{ cookies, subject string }

// signInAt signs in at the application itself, whose page says who that is.
func signInAt(t *testing.T, m *monolith, name string) member {
	t.Helper()
	p := newPerson(t, "http://"+m.Address)
	p.send(m.page, m.action, m.fill(name))
	var who struct{ User any }
	if _, _, text := p.get("/who"); json.Unmarshal([]byte(text), &who) != nil || who.User == nil {
		t.Fatalf("%s did not sign in: %s", name, text)
	}
	at, err := url.Parse(p.base)
	if err != nil {
		t.Fatal(err)
	}
	pairs := make([]string, 0, 2)
	for _, cookie := range p.client.Jar.Cookies(at) {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return member{strings.Join(pairs, "; "), fmt.Sprint(who.User)}
}

// startAskers starts a proxy that reads the sessions of an application, in front of
// a monolith that outlives whatever is done to their store.
func startAskers(t *testing.T, m *monolith, names []string) *askers {
	t.Helper()
	outlives := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "monolith") }))
	t.Cleanup(outlives.Close)
	service := newKnowing(t)
	c := &askers{t: t, client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}}
	for _, name := range names {
		c.people = append(c.people, signInAt(t, m, name))
	}
	c.proxy = testbed.StartStrangler(t, func(address, admin string) (string, string) {
		service.proxy = address
		return askersCaddyfile(address, admin, m, time.Minute, 5*time.Second), `
targets: { monolith: { url: "` + outlives.URL + `" }, s: { url: "` + service.URL + `" } }
monolith: monolith
routes:
  - { name: me, match: /me, service: s, percent: 100, owner: o, fallback: [], identity: { audience: desk } }
`
	})
	return c
}

func askersCaddyfile(address, admin string, m *monolith, bound, wait time.Duration) string {
	return testbed.Caddyfile(address, admin, fmt.Sprintf("identity {\n issuer http://%s\n bound %s\n wait %s\n %s\n}", address, bound, wait, m.sessions))
}

// ask holds an answer: it is the monolith's, or the service's that knows this very
// user.
func (c *askers) ask(m member) (known bool) {
	began := time.Now()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, c.proxy.URL("/me"), nil)
	if err != nil {
		c.t.Error(err)
		return false
	}
	r.Header.Set("Cookie", m.cookies)
	response, err := c.client.Do(r)
	if err != nil {
		c.t.Error(err)
		return false
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		c.t.Errorf("%s %v: %s", response.Status, err, text)
		return false
	}
	for took, most := int64(time.Since(began)), c.slowest.Load(); took > most && !c.slowest.CompareAndSwap(most, took); {
		most = c.slowest.Load()
	}
	if string(text) == "monolith" {
		c.monolith.Add(1)
		return false
	}
	var claims struct{ Sub string }
	if err := json.Unmarshal(text, &claims); err != nil || claims.Sub != m.subject {
		c.t.Errorf("a request of %s is %s: %v", m.subject, text, err)
	}
	c.known.Add(1)
	return true
}

// asking lets all of them ask until end is called.
func (c *askers) asking() (end func()) {
	const workers = 4
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
					c.ask(c.people[n%len(c.people)])
				}
			}
		})
	}
	return func() { close(stop); all.Wait() }
}

// round is how many of all of them are known.
func (c *askers) round() (known int) {
	for _, m := range c.people {
		if c.ask(m) {
			known++
		}
	}
	return known
}

// storeFault is something that happens to a store, and how it is over.
type storeFault struct {
	what       string
	begin, end func()
}

// survives holds that during a fault everybody has the monolith, and after it, by
// itself, the service.
func (c *askers) survives(faults ...storeFault) {
	c.t.Helper()
	defer c.asking()()
	for _, f := range faults {
		testbed.WaitFor(c.t, "everybody is known before the store "+f.what, func() bool { return c.round() == len(c.people) })
		c.slowest.Store(0)
		f.begin()
		began := time.Now()
		testbed.WaitFor(c.t, "the store "+f.what, func() bool { return c.round() == 0 })
		noticed, slowest := time.Since(began), time.Duration(c.slowest.Load())
		f.end()
		began = time.Now()
		testbed.WaitFor(c.t, "everybody is known after the store "+f.what, func() bool { return c.round() == len(c.people) })
		c.t.Logf("the store %s: the monolith had all after %s, the slowest answer took %s, the service again after %s",
			f.what, noticed.Round(time.Millisecond), slowest.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	}
	c.t.Logf("%d answers of the service and %d of the monolith, each to the right user", c.known.Load(), c.monolith.Load())
}

var lookedUp = regexp.MustCompile(`cmdstat_getrange:calls=(\d+)`)

// lookups is how often a Redis was asked for a session.
func lookups(t *testing.T, client *redis.Client) int {
	t.Helper()
	text, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	found := lookedUp.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestARedisOfSessionsThatFails hangs, stops and fails over under load; before
// that, 1,000 first requests of one session come at once.
func TestARedisOfSessionsThatFails(t *testing.T) {
	t.Parallel()
	primary, replica := testbed.StartRedis(t), testbed.StartRedis(t)
	app := testbed.Express(t, primary.Address)
	m := &monolith{
		Program: app, page: "/login", action: "/login", fill: nameOnly,
		sessions: "sessions express {\n secret " + testbed.AppSecret + "\n redis redis://" + primary.Address + "\n}",
	}
	c := startAskers(t, m, []string{"anna", "bao", "chloe", "dov", "elif", "femi", "gita", "hugo"})
	stats, second := redis.NewClient(&redis.Options{Addr: primary.Address}), redis.NewClient(&redis.Options{Addr: replica.Address, PoolSize: 1})
	defer stats.Close()
	defer second.Close()
	c.rush(t, stats)

	if err := c.proxy.Reload(t, askersCaddyfile(c.proxy.Address, c.proxy.Admin, m, 500*time.Millisecond, 250*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(primary.Address, ":")
	if err := second.ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	testbed.WaitFor(t, "the replica has all", func() bool {
		text, err := second.Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(text, "master_link_status:up")
	})
	c.survives(
		storeFault{"hangs", primary.Freeze, primary.Thaw},
		storeFault{"fails over", primary.Kill, func() {
			// The replica takes the name of what it replaces: the port.
			if err := second.ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
				t.Error(err)
			}
			if err := second.ConfigSet(t.Context(), "port", port).Err(); err != nil {
				t.Error(err)
			}
		}},
	)
	if got := c.proxy.Status(t).Identity.Sessions.Lookups; got["no_session"] > 0 {
		t.Errorf("somebody was taken for signed out: %v", got)
	}
}

// rush sends 1,000 requests of one session that nobody has asked for yet.
func (c *askers) rush(t *testing.T, stats *redis.Client) {
	t.Helper()
	const requests = 1000
	before := lookups(t, stats)
	start := make(chan struct{})
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			<-start
			c.ask(c.people[0])
		})
	}
	close(start)
	all.Wait()
	if known, n := c.known.Load(), lookups(t, stats)-before; known != requests || n != 1 {
		t.Errorf("%d of %d are known, by %d lookups", known, requests, n)
	}
}

// TestADatabaseOfSessionsThatFails is the same of PostgreSQL.
func TestADatabaseOfSessionsThatFails(t *testing.T) {
	t.Parallel()
	primary := testbed.StartPostgres(t)
	m := djangoOn(t, primary)
	c := startAskers(t, m, []string{"alice", "bob", "carol"})
	if err := c.proxy.Reload(t, askersCaddyfile(c.proxy.Address, c.proxy.Admin, m, 500*time.Millisecond, 250*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	standby := testbed.PostgresStandby(t, primary)
	db, err := sql.Open("pgx", "postgres://postgres@"+primary.Address+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var lock *sql.Tx
	c.survives(
		storeFault{"hangs", func() {
			lock, err = db.BeginTx(t.Context(), nil)
			if err == nil {
				_, err = lock.ExecContext(t.Context(), "lock table django_session in access exclusive mode")
			}
			if err != nil {
				t.Error(err)
			}
		}, func() {
			if err := lock.Rollback(); err != nil {
				t.Error(err)
			}
		}},
		storeFault{"crashes", primary.Kill, primary.Start},
		storeFault{"fails over", primary.Kill, standby.Start},
	)
	if got := c.proxy.Status(t).Identity.Sessions.Lookups; got["no_session"] > 0 {
		t.Errorf("somebody was taken for signed out: %v", got)
	}
}
