package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// bound is how long what is known of a session counts in these tests.
const bound = time.Second

// monolith is an application with sessions, and how they end.
type monolith struct {
	*testbed.Program
	// sessions is the block of the Caddyfile.
	sessions string
	// page has the form that is sent to action, filled by fill for alice or bob;
	// out is where to sign out, by a POST unless outGet.
	page, action, out string
	outGet            bool
	fill              func(name string) url.Values
	// kept is what the documentation says of a cookie that was kept over a logout,
	// in a format where it stays good; empty: a logout ends the session.
	kept   saying
	ending []ending
}

// ending is something that ends sessions without the proxy being told.
type ending struct {
	what, who string
	// before happens before the login, end after it. The session is over at the
	// time that end answers, or with zero: when it returns.
	before func(t *testing.T, s *site)
	end    func(t *testing.T, thief *person, login time.Time) time.Time
	// unseen is what the documentation says where nobody can see it.
	unseen saying
}

// saying is a sentence of a document.
type saying struct{ file, text string }

func (s saying) hold(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", s.file))
	if err != nil || !strings.Contains(string(text), s.text) {
		t.Errorf("docs/%s does not say: %s (%v)", s.file, s.text, err)
	}
}

// site is a monolith with a proxy in front and two services that believe its tokens.
type site struct {
	*monolith
	proxy *testbed.Strangler
}

// startSite starts what is in front of a monolith: /me is the Go service's, /rest
// the REST service's.
func startSite(t *testing.T, m *monolith, rest *testbed.Program) *site {
	t.Helper()
	service := newKnowing(t)
	s := &site{monolith: m}
	s.proxy = testbed.StartStrangler(t, func(address, admin string) (string, string) {
		service.proxy = address
		return s.caddyfile(address, admin, m.sessions), `
targets: { monolith: { url: "http://` + m.Address + `" }, s: { url: "` + service.URL + `" }, rest: { url: "http://` + rest.Address + `" } }
monolith: monolith
routes:
  - { name: me, match: /me, service: s, percent: 100, owner: o, fallback: [connect], identity: { audience: desk } }
  - { name: rest, match: "/rest/{rest...}", service: rest, percent: 100, owner: o, fallback: [connect], identity: { audience: rest } }
`
	})
	return s
}

func (s *site) caddyfile(address, admin, sessions string) string {
	return testbed.Caddyfile(address, admin, fmt.Sprintf("identity {\n issuer http://%s\n bound %s\n wait 2s\n %s\n}", address, bound, sessions))
}

// shorten has the proxy take a session's age from a shorter setting.
func (s *site) shorten(t *testing.T, word string, to time.Duration) {
	t.Helper()
	sessions := strings.TrimSuffix(strings.TrimSpace(s.sessions), "}") + word + " " + to.String() + "\n}"
	if err := s.proxy.Reload(t, s.caddyfile(s.proxy.Address, s.proxy.Admin, sessions)); err != nil {
		t.Fatal(err)
	}
}

// signIn answers a browser in which somebody signed in through the proxy.
func (s *site) signIn(t *testing.T, name string) *person {
	t.Helper()
	p := newPerson(t, "http://"+s.proxy.Address)
	p.send(s.page, s.action, s.fill(name))
	return p
}

// signOut signs out at a base: the proxy, or the monolith behind its back.
func (s *site) signOut(t *testing.T, p *person, base string) {
	t.Helper()
	var response *http.Response
	var err error
	if s.outGet {
		response, err = p.client.Get(base + s.out)
	} else {
		response, err = p.client.PostForm(base+s.out, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s: %s %v", s.out, response.Status, err)
	}
}

// thief has a copy of all cookies.
func (p *person) thief() *person {
	p.t.Helper()
	other := newPerson(p.t, p.base)
	at, err := url.Parse(p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	other.client.Jar.SetCookies(at, p.client.Jar.Cookies(at))
	return other
}

// TestSessionsOfRealFrameworks signs in by each framework's own form, through the
// proxy, and has a Go service and one of Django REST framework say who that is;
// then the session ends in all ways there are.
func TestSessionsOfRealFrameworks(t *testing.T) {
	t.Parallel()
	rest := testbed.REST(t)
	for name, start := range monoliths {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, start(t), rest)
			s.knowsItsUsers(t)
			s.readsOddCookies(t)
			s.seesLogouts(t)
			for _, e := range s.ending {
				s.ends(t, e)
			}
		})
	}
}

// knowsItsUsers holds what services see to what the monolith says.
func (s *site) knowsItsUsers(t *testing.T) {
	t.Helper()
	if p := newPerson(t, "http://"+s.proxy.Address); p.me() != nil || p.known("/rest/me") != nil {
		t.Error("somebody is signed in")
	}
	subjects := map[string]string{}
	for _, name := range []string{"alice", "bob"} {
		p := s.signIn(t, name)
		_, _, who := p.get("/who")
		for path, audience := range map[string]string{"/me": "desk", "/rest/me": "rest"} {
			me := p.known(path)
			sub, _ := me["sub"].(string)
			if sub == "" || me["aud"] != audience || !strings.Contains(who, sub) {
				t.Fatalf("%s sees %v; the monolith: %s", path, me, who)
			}
			subjects[name] = sub
		}
		s.inspected(t, p, subjects[name])
	}
	if subjects["alice"] == subjects["bob"] {
		t.Errorf("two users are one: %v", subjects)
	}
}

// inspected holds that `strangler sessions inspect` says the same, and what no
// logout ends.
func (s *site) inspected(t *testing.T, p *person, subject string) {
	t.Helper()
	text, err := json.Marshal(admin.InspectRequest{Cookie: p.cookies()})
	if err != nil {
		t.Fatal(err)
	}
	var found identity.Inspection
	if err := json.Unmarshal(s.proxy.Verb(t, "sessions/inspect", string(text)), &found); err != nil {
		t.Fatal(err)
	}
	if found.Outcome != identity.OutcomePrincipal || found.Subject != subject || (found.Irrevocable != "") != (s.kept.file != "") {
		t.Errorf("the inspection of %s: %+v", subject, found)
	}
}

// seesLogouts signs out here, which counts at once, also for who kept the cookie,
// and behind the proxy's back.
func (s *site) seesLogouts(t *testing.T) {
	t.Helper()
	p := s.signIn(t, "alice")
	thief := p.thief()
	if thief.me() == nil {
		t.Fatal("a copy of the cookie is not good")
	}
	s.signOut(t, p, p.base)
	if me := p.me(); me != nil {
		t.Errorf("after the logout the service sees %v", me)
	}
	if s.kept.file != "" {
		s.kept.hold(t)
		thief.stays(t, "a logout")
		return
	}
	if me := thief.me(); me != nil {
		t.Errorf("after the logout a kept cookie is %v", me)
	}
	s.ends(t, ending{what: "a logout elsewhere", end: func(t *testing.T, thief *person, _ time.Time) time.Time {
		t.Helper()
		s.signOut(t, thief.thief(), "http://"+s.Address)
		return time.Time{}
	}})
}

// ends holds that no request that was sent later than the bound after a session's
// end was its user's, or that nothing ends where the documentation says so.
func (s *site) ends(t *testing.T, e ending) {
	t.Helper()
	if e.before != nil {
		e.before(t, s)
	}
	if e.who == "" {
		e.who = "alice"
	}
	p := s.signIn(t, e.who)
	login := time.Now()
	if p.me() == nil {
		t.Fatalf("nobody is known before %s: %+v", e.what, s.proxy.Status(t).Identity)
	}
	end := e.end(t, p, login)
	if end.IsZero() {
		end = time.Now()
	}
	if e.unseen.file != "" {
		e.unseen.hold(t)
		p.stays(t, e.what)
		return
	}
	var last time.Time
	testbed.WaitFor(t, e.what+" is noticed", func() bool {
		sent := time.Now()
		if p.me() == nil {
			return true
		}
		last = sent
		return false
	})
	took := max(0, last.Sub(end))
	t.Logf("%s: the last request of the user's was sent %s after", e.what, took.Round(time.Millisecond))
	if took > bound {
		t.Errorf("%s counted after %s, with a bound of %s", e.what, took, bound)
	}
}

// stays holds that a session is good for longer than anything is remembered.
func (p *person) stays(t *testing.T, after string) {
	t.Helper()
	over := time.Now().Add(bound + bound/2)
	testbed.WaitFor(t, "the bound to pass", func() bool { return time.Now().After(over) })
	if p.me() == nil {
		t.Errorf("%s is seen, and the documentation says it is not", after)
	}
}
