package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

type member struct {
	cookies, subject string
	browser          *person // where they signed in
}

// signInAt signs in at the application itself, whose page says who that is.
func signInAt(t *testing.T, m *monolith, name string) member {
	t.Helper()
	p := newPerson(t, "http://"+m.Address)
	p.send(m.page, m.action, m.fill(name))
	var who struct{ User any }
	_, _, text := p.get("/who")
	if err := json.Unmarshal([]byte(text), &who); err != nil { // the ID as text
		who.User = text
	}
	if who.User == nil || who.User == "" {
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
	return member{strings.Join(pairs, "; "), fmt.Sprint(who.User), p}
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
