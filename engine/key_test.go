package engine

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

const halves = `
targets:
  monolith: { url: MONOLITH }
  s: { url: SERVICE }
monolith: monolith
routes:
  - { name: ip, match: /ip, service: s, percent: 50, sticky: ip, fallback: [connect] }
  - { name: header, match: /header, service: s, percent: 50, sticky: "header:x-tenant", fallback: [connect] }
  - { name: cookie, match: /cookie, service: s, percent: 50, sticky: "cookie:tenant", fallback: [connect] }
  - { name: user, match: /user, service: s, percent: 50, cohort: people, fallback: [connect] }
  - { name: visitor, match: /visitor, service: s, percent: 50, sticky: visitor, cohort: people, fallback: [connect] }
`

func TestKeysAreFoundOrNot(t *testing.T) {
	t.Parallel()
	b := newBed(t, halves)
	for _, c := range []struct {
		path   string
		header http.Header
		ip     string
		key    string
	}{
		{"/ip", nil, "192.0.2.1", "192.0.2.1"},
		{"/ip", nil, "", ""},
		{"/header", http.Header{"X-Tenant": {"a"}}, "", "a"},
		{"/header", http.Header{"X-Tenant": {"a", "a"}}, "", "a"},
		{"/header", http.Header{"X-Tenant": {"a", "b"}}, "", ""},
		{"/header", http.Header{"X-Tenant": {""}}, "", ""},
		{"/header", nil, "", ""},
		{"/cookie", http.Header{"Cookie": {"x=1; tenant=a; y=2"}}, "", "a"},
		{"/cookie", http.Header{"Cookie": {"tenant=a", "tenant=a; z=1"}}, "", "a"},
		{"/cookie", http.Header{"Cookie": {"tenant=a; tenant=b"}}, "", ""},
		{"/cookie", http.Header{"Cookie": {"tenant=a", "tenant=b"}}, "", ""},
		{"/cookie", http.Header{"Cookie": {"tenant=; tenant=b"}}, "", ""},
		{"/cookie", http.Header{"Cookie": {"Tenant=a; xtenant=b; tenant"}}, "", ""},
		{"/cookie", http.Header{"Cookie": {"tenant=a=b"}}, "", "a=b"},
		{"/cookie", http.Header{"Cookie": {"tenant; tenant=a"}}, "", ""},
		{"/cookie", http.Header{"Cookie": {" tenant = a ;x"}}, "", "a"},
		{"/cookie", http.Header{"Cookie": {`tenant="a b"`}}, "", `"a b"`},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.Header = c.header.Clone()
		if r.Header == nil {
			r.Header = http.Header{}
		}
		d, entry, key := b.decide(b.view.Load(), r, &proxy.Client{IP: c.ip}, b.now())
		name := fmt.Sprint(c.path, c.header, c.ip)
		equal(t, name+" key", key.text, c.key)
		equal(t, name+" route", "/"+entry.Route.Name, c.path)
		reason := routes.ReasonSplit
		if c.key == "" {
			reason = routes.ReasonNoKey
		}
		equal(t, name+" reason", d.Reason, reason)
		if c.key == "" && d.Arm != routes.Monolith {
			t.Errorf("%s: without a key at the service", name)
		}
	}
}

func TestVisitorStaysOnOneSideFromTheFirstRequestOn(t *testing.T) {
	t.Parallel()
	b := newBed(t, halves)
	sides := map[string]int{}
	for range 60 {
		first, _ := b.do(http.MethodGet, "/user", nil)
		cookies := first.Cookies()
		if len(cookies) != 1 || cookies[0].Name != identity.VisitorCookie {
			t.Fatalf("cookies %v", cookies)
		}
		side := first.Header.Get("X-Served-By")
		sides[side]++
		header := http.Header{"Cookie": {cookies[0].Name + "=" + cookies[0].Value}}
		for _, path := range []string{"/user", "/visitor", "/user"} { // one cohort
			again, _ := b.do(http.MethodGet, path, header)
			equal(t, "side", again.Header.Get("X-Served-By"), side)
			equal(t, "new cookies", len(again.Cookies()), 0)
		}
	}
	if sides["service"] < 10 || sides["monolith"] < 10 {
		t.Errorf("sides %v", sides)
	}
}

func TestShareGrowsAndMovesNobodyBack(t *testing.T) {
	t.Parallel()
	b := newBed(t, strings.ReplaceAll(halves, "percent: 50, ", ""))
	const people = 2000
	at := func() map[string]bool {
		moved := map[string]bool{}
		for i := range people {
			r := httptest.NewRequest(http.MethodGet, "/header", nil)
			r.Header.Set("X-Tenant", fmt.Sprint("tenant-", i))
			if d, _, _ := b.decide(b.view.Load(), r, &proxy.Client{}, b.now()); d.Arm == routes.Service {
				moved[r.Header.Get("X-Tenant")] = true
			}
		}
		return moved
	}
	before := at()
	equal(t, "moved at 0 %", len(before), 0)
	for _, percent := range []string{"1", "25", "50", "100"} {
		b.set("header", percent)
		now := at()
		for tenant := range before {
			if !now[tenant] {
				t.Fatalf("%s went back at %s %%", tenant, percent)
			}
		}
		share, err := routes.ParsePercent(percent)
		must(t, err)
		want := float64(people) * share.Percent() / 100
		if have := float64(len(now)); have < want-5*22 || have > want+5*22 || percent == "100" && have != people {
			t.Errorf("%v moved at %s %%, want about %v", have, percent, want)
		}
		before = now
	}
}

func TestVisitorCookieIsMadeOnlyWhenItDecides(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	for _, path := range []string{"/faq/1", "/full/1", "/off", "/plain", "/nowhere", "/half/1"} {
		if response, _ := b.do(http.MethodGet, path, nil); len(response.Cookies()) != 0 {
			t.Errorf("%s set %v", path, response.Cookies())
		}
	}
}

func TestForgedAndDoubtfulVisitorCookies(t *testing.T) {
	t.Parallel()
	b := newBed(t, halves)
	b.results = make(chan Result, 1)
	first, _ := b.do(http.MethodGet, "/user", nil)
	<-b.results
	value := first.Cookies()[0].Value
	ask := func(cookie string) (*http.Response, Result) {
		response, _ := b.do(http.MethodGet, "/user", http.Header{"Cookie": {cookie}})
		return response, <-b.results
	}
	name := identity.VisitorCookie
	swapped := value[:2] + string(value[3]) + string(value[2]) + value[4:] // another ID, the same signature
	if swapped == value {
		swapped = value[:2] + "__" + value[4:]
	}
	response, result := ask(name + "=" + swapped + "; x=1")
	equal(t, "forged: reason", result.Decision.Reason, routes.ReasonSplit)
	equal(t, "forged: a new one is set", len(response.Cookies()), 1)
	// Two of them: a neighbour's site may have put one there. A new cookie
	// would not help, and a new ID with each request would toss each time.
	response, result = ask(name + "=" + value + "; " + name + "=other")
	equal(t, "twice: reason", result.Decision.Reason, routes.ReasonNoKey)
	equal(t, "twice: no new one", len(response.Cookies()), 0)
	_, result = ask(name + "=" + value + "; " + name + "=" + value)
	equal(t, "the same twice: reason", result.Decision.Reason, routes.ReasonSplit)
}

func TestVisitorCookieIsSecureWhenTheClientsConnectionIs(t *testing.T) {
	t.Parallel()
	b := newBed(t, halves)
	for _, c := range []struct {
		client proxy.Client
		proto  string
		want   bool
	}{
		{proxy.Client{}, "", false},
		{proxy.Client{Secure: true}, "", true},
		{proxy.Client{}, "https", false},
		{proxy.Client{Trusted: true}, "https", true},
		{proxy.Client{Trusted: true}, "HTTPS, http", true},
		{proxy.Client{Trusted: true}, "http", false},
		{proxy.Client{Trusted: true}, "", false},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/user", nil)
		r.TLS = &tls.ConnectionState{} // the adapter's word counts, not this
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		var result Result
		must(t, b.Engine.ServeHTTP(w, r, c.client, nil, &result))
		cookies := w.Result().Cookies()
		if len(cookies) != 1 || cookies[0].Secure != c.want || !cookies[0].HttpOnly {
			t.Errorf("%+v, X-Forwarded-Proto %q: cookies %v", c.client, c.proto, cookies)
		}
	}
}

// FuzzCookie holds our reading against net/http's: where that sees two
// different values there is no key, and where it sees one that is the key.
func FuzzCookie(f *testing.F) {
	for _, line := range []string{"t=a", "t=a; t=b", "t=a;t=a", `x=1; t="a"`, "t", "t; t=a", " t = a ", "t=a=b", ";;t=a,b", "T=a; tt=b", "t=\x00"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if !httpguts.ValidHeaderFieldValue(line) {
			t.Skip("never in a header")
		}
		have, there, agree := cookie([]string{line}, "t")
		if !agree && have != "" {
			t.Fatalf("%q: a key in doubt", line)
		}
		for _, theirs := range (&http.Request{Header: http.Header{"Cookie": {line}}}).CookiesNamed("t") {
			value := strings.Trim(theirs.Value, " \t") // net/http keeps blanks around it
			if theirs.Quoted {
				value = `"` + value + `"`
			}
			if !there || agree && have != value {
				t.Fatalf("%q: %q, net/http reads %q", line, have, value)
			}
		}
	})
}
