package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

const script = `
targets:
  monolith: { url: MONOLITH }
  s: { url: SERVICE }
monolith: monolith
routes:
  - { name: user, match: "/user/{id}", service: s, percent: 50, owner: o, fallback: [connect] }
  - { name: user-json, match: "/user/{id}", when: { headers: { Accept: application/json } }, service: s, percent: 30, sticky: ip, owner: o, fallback: [connect] }
  - { name: post, match: "POST /user/{id}", service: s, owner: o, sticky: "cookie:tenant", fallback: [connect] }
  - { name: held, match: "/held/{rest...}", service: s, percent: 100, owner: o, fallback: [connect] }
  - { name: beta, match: /x/beta, when: { query: { beta: { present: true } }, cookies: { tester: "yes" } }, service: s, percent: 100, owner: o, fallback: [connect] }
  - { name: host, match: shop.example.com/, service: s, percent: 70, sticky: "header:X-Tenant", owner: o, fallback: [connect] }
  - { name: plain, match: /plain/, owner: o }
`

// TestExplainNamesWhatTheDataPathTook sends a mixed script and asks for the
// explanation of each request as the client would ask: with the same method,
// address and headers.
func TestExplainNamesWhatTheDataPathTook(t *testing.T) {
	t.Parallel()
	b := newBed(t, script)
	b.results = make(chan Result, 1)
	_, err := b.Hold(context.Background(), "held", time.Time{}, act)
	must(t, err)
	b.set("post", "50")
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	reasons := map[routes.Reason]int{}
	cookie := ""
	for i := range 600 {
		if i == 400 {
			_, err := b.Brake(context.Background(), act)
			must(t, err)
		}
		request, err := http.NewRequest(pick("GET", "GET", "POST", "HEAD", "DELETE"), b.front.URL+pick("/user/1", "/user/a%2fb",
			"/user/2?beta", "/held/x/y", "/x/beta?beta=1", "/x/beta?beta=1&beta=2", "/plain/", "/nowhere", "//plain/", "/plain/../user/1", "/user/1;x"), nil)
		must(t, err)
		request.Host = pick("", "shop.example.com", "SHOP.example.com.:80", "other")
		b.addr = pick("192.0.2.1", "192.0.2.2", "2001:db8::1", "")
		for name, value := range map[string]string{
			"Accept": pick("application/json", "text/html", ""), "X-Tenant": pick("a", "b", "c", ""),
			"X-Strangler-Arm": pick("service", ""), "Cookie": pick("tenant=1; tester=yes", "tenant=2; tester=no", "tester=yes; tester=no", cookie, cookie, ""),
		} {
			if value != "" {
				request.Header.Set(name, value)
			}
		}
		asked := request.Clone(context.Background())
		asked.URL.Scheme, asked.URL.Host = "", "" // as a server reads it
		response, err := b.client.Do(request)
		must(t, err)
		must(t, response.Body.Close())
		took := (<-b.results).Decision
		for _, set := range response.Cookies() { // the ID that was made then is the visitor's
			cookie = set.Name + "=" + set.Value
			asked.Header.Set("Cookie", strings.TrimPrefix(asked.Header.Get("Cookie")+"; "+cookie, "; "))
		}
		client := proxy.Client{IP: b.addr}
		if client.IP == "" {
			client.IP = "127.0.0.1"
		}
		explained, err := b.Explain(asked, client)
		must(t, err)
		if explained.Decision != took {
			t.Fatalf("%s %s %v: explained %+v, took %+v", asked.Method, asked.URL, asked.Header, explained.Decision, took)
		}
		if took.Reason == routes.ReasonSplit && explained.KeySource == "" {
			t.Errorf("%s: no key source", asked.URL)
		}
		reasons[took.Reason]++
	}
	for _, reason := range []routes.Reason{
		routes.ReasonSplit, routes.ReasonHold, routes.ReasonNoKey, routes.ReasonBrake, routes.ReasonNoService,
		routes.ReasonNoRoute, routes.ReasonAmbiguousPath, routes.ReasonAmbiguousCondition, routes.ReasonFull,
	} {
		if reasons[reason] == 0 {
			t.Errorf("the script never came to %s: %v", reason, reasons)
		}
	}
}

func TestExplainSaysWhereTheKeyCameFrom(t *testing.T) {
	t.Parallel()
	b := newBed(t, halves)
	first, _ := b.do(http.MethodGet, "/user", nil)
	value := first.Cookies()[0].Value
	for _, c := range []struct{ path, header, value, source string }{
		{"/user", "Cookie", identity.VisitorCookie + "=" + value, "visitor cookie"},
		{"/user", "Cookie", "x=1", "visitor cookie: a new one"},
		{"/header", "X-Tenant", "secret", "header X-Tenant"},
		{"/cookie", "Cookie", "tenant=secret", "cookie tenant"},
		{"/ip", "Accept", "*/*", "client address"},
	} {
		request, err := http.NewRequest(http.MethodGet, c.path, nil)
		must(t, err)
		request.Header.Set(c.header, c.value)
		explained, err := b.Explain(request, proxy.Client{IP: "192.0.2.1"})
		must(t, err)
		equal(t, c.path+" source", explained.KeySource, c.source)
		equal(t, c.path+" reason", explained.Decision.Reason, routes.ReasonSplit)
		if strings.Contains(fmt.Sprintf("%+v", explained), "secret") {
			t.Errorf("%s: the key is shown: %+v", c.path, explained)
		}
	}
}
