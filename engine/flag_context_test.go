package engine

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

const targeting = `
targets:
  monolith: { url: MONOLITH }
  s: { url: SERVICE }
monolith: monolith
routes:
  - { name: context, match: "/context/{id}", service: s, owner: o, fallback: [], sticky: ip, flag: by-context,
      flag_attributes: [method, path, host, ip, headers.X-Beta] }
  - { name: same, match: "/same", service: s, owner: o, fallback: [], sticky: visitor, flag: same }
  - { name: by-key, match: "/by-key", service: s, owner: o, fallback: [], sticky: visitor, flag: by-key }
  - { name: full, match: "/full", service: s, owner: o, fallback: [], sticky: visitor, percent: 100, baggage: [same, "off", none, number] }
  - { name: full-key, match: "/full-key", service: s, owner: o, fallback: [], sticky: visitor, percent: 100, baggage: [by-key, same] }
  - { name: several, match: "/several", service: s, owner: o, fallback: [], sticky: "header:X-User", flag: by-key, baggage: ["off", same] }
`

const targetingFlags = `{"flags": {
  "same": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"},
  "off": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"},
  "number": {"state": "ENABLED", "variants": {"one": 1}, "defaultVariant": "one"},
  "by-key": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
    "targeting": {"if": [{"!!": [{"var": "targetingKey"}]}, "on", "off"]}},
  "by-context": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
    "targeting": {"if": [{"and": [
      {"==": [{"var": "method"}, "GET"]}, {"starts_with": [{"var": "path"}, "/context/a"]},
      {"==": [{"var": "host"}, "shop.example.com"]}, {"==": [{"var": "ip"}, "192.0.2.7"]},
      {"==": [{"var": "headers.X-Beta"}, "yes"]}]}, "on", "off"]}}
}}`

func targetingBed(t *testing.T) *bed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flags.json")
	must(t, os.WriteFile(path, []byte(targetingFlags), 0o600))
	evaluator, err := flags.New(flags.Options{Sources: []flags.Source{flags.FlagdFile(path)}})
	must(t, err)
	t.Cleanup(func() { must(t, evaluator.Close()) })
	b := newBed(t, targeting, func(_ *bed, o *Options) { o.Flags = evaluator })
	b.results = make(chan Result, 1)
	return b
}

// Rules see exactly the attributes that the route lists, one value of each.
func TestAttributesReachTheFlag(t *testing.T) {
	t.Parallel()
	b := targetingBed(t)
	ask := func(what, method, path, host, ip string, beta ...string) routes.Arm {
		t.Helper()
		request, err := http.NewRequest(method, b.front.URL+path, nil)
		must(t, err)
		request.Host, request.Header["X-Beta"] = host, beta
		b.addr = ip
		answer, err := http.DefaultClient.Do(request)
		must(t, err)
		must(t, answer.Body.Close())
		result := <-b.results
		request.URL.Scheme, request.URL.Host = "", ""
		explained, err := b.Explain(request, proxy.Client{IP: ip})
		must(t, err)
		if explained.Decision != result.Decision || result.Decision.Reason != routes.ReasonFlag {
			t.Errorf("%s: explained as %+v, was %+v", what, explained.Decision, result.Decision)
		}
		return result.Decision.Arm
	}
	const host, ip = "SHOP.example.com:8443", "192.0.2.7"
	equal(t, "all as the rule wants", ask("all", "GET", "/context/a%20b?c=d", host, ip, "yes"), routes.Service)
	equal(t, "the same twice", ask("twice", "GET", "/context/a", host, ip, "yes", "yes"), routes.Service)
	for what, arm := range map[string]routes.Arm{
		"method":     ask("method", "POST", "/context/a", host, ip, "yes"),
		"path":       ask("path", "GET", "/context/b", host, ip, "yes"),
		"host":       ask("host", "GET", "/context/a", "other", ip, "yes"),
		"ip":         ask("ip", "GET", "/context/a", host, "192.0.2.8", "yes"),
		"header":     ask("header", "GET", "/context/a", host, ip, "no"),
		"no header":  ask("no header", "GET", "/context/a", host, ip),
		"two values": ask("two values", "GET", "/context/a", host, ip, "yes", "no"),
		"too long":   ask("too long", "GET", "/context/a", host, ip, strings.Repeat("y", maxAttribute+1)),
	} {
		equal(t, "another "+what, arm, routes.Monolith)
	}
}

// A visitor gets a cookie only when a flag's rules may need one.
func TestVisitorsOfAFlagWithoutRulesGetNoCookie(t *testing.T) {
	t.Parallel()
	b := targetingBed(t)
	for path, want := range map[string]bool{"/same": false, "/by-key": true, "/full": false, "/full-key": true} {
		answer, _ := b.do(http.MethodGet, path, nil)
		if d := (<-b.results).Decision; d.Arm != routes.Service {
			t.Errorf("%s: %+v", path, d)
		}
		if got := answer.Header.Get("Set-Cookie") != ""; got != want {
			t.Errorf("%s: a cookie %t, want %t", path, got, want)
		}
		request, err := http.NewRequest(http.MethodGet, path, nil)
		must(t, err)
		explained, err := b.Explain(request, proxy.Client{})
		must(t, err)
		if got := explained.KeySource != ""; got != (path == "/by-key") {
			t.Errorf("%s: key from %q", path, explained.KeySource)
		}
	}
}

// The flags that a route lists travel beside the one that decided; one without
// a value does not.
func TestListedFlagsTravel(t *testing.T) {
	t.Parallel()
	b := targetingBed(t)
	for path, want := range map[string]string{
		"/full":     "strangler.flag.same=true,strangler.flag.off=false",
		"/full-key": "strangler.flag.by-key=true,strangler.flag.same=true",
		"/several":  "strangler.flag.by-key=true,strangler.flag.off=false,strangler.flag.same=true",
		"/by-key":   "strangler.flag.by-key=true",
	} {
		b.do(http.MethodGet, path, http.Header{"X-User": {"ann"}, "Baggage": {"strangler.flag.none=true"}})
		<-b.results
		equal(t, path, strings.Join(b.service.seen()["Baggage"], "|"), want)
	}
}

// Asking a flag whose answer is known allocates nothing, attributes or not.
func TestAKnownFlagAllocatesNothing(t *testing.T) {
	b := targetingBed(t)
	r := httptest.NewRequest(http.MethodGet, "/context/a", nil)
	r.Header.Set("X-Beta", "yes")
	client := proxy.Client{IP: "192.0.2.7"}
	for _, name := range []string{"context", "same"} {
		route := b.view.Load().table.Entry(name).Route
		if n := testing.AllocsPerRun(100, func() { b.askFlag(asker{request: r, client: &client, route: route}) }); n != 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
