package engine

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/proxy"
)

// What a request takes along is its service's: the monolith that answers in its
// place gets what the client sent, and never reads that the service was chosen.
func TestWhatTravelsToAServiceStaysThere(t *testing.T) {
	t.Parallel()
	const table = `
targets: { monolith: { url: MONOLITH }, s: { url: SERVICE }, block: {} }
monolith: monolith
routes:
  - { name: one, match: /one, service: s, owner: o, fallback: [503], sticky: ip, flag: chosen, identity: { token: required } }
  - { name: listed, match: /listed, service: s, owner: o, fallback: [503], sticky: ip, flag: chosen, baggage: [other], identity: { token: required } }
  - { name: block, match: /block, service: block, owner: o, fallback: [503], sticky: ip, flag: chosen, identity: { token: required } }
`
	memory := new(flags.Memory)
	memory.Set(map[string]bool{"chosen": true, "other": false})
	b := newBed(t, table, withFlags(t, memory), withDesk(new(desk)))
	b.service.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	b.site = Site{"block": refusing{b.service}}
	sent := signedIn("alice", "Authorization", "Basic mine", "Baggage", "a=1")
	for path, want := range map[string]string{
		"/one":    "a=1|strangler.flag.chosen=true",
		"/listed": "a=1|strangler.flag.chosen=true,strangler.flag.other=false",
		"/block":  "a=1|strangler.flag.chosen=true",
	} {
		answer, _ := b.do(http.MethodGet, path, sent)
		equal(t, path+": who answers", answer.Header.Get("X-Served-By"), "monolith")
		got := b.service.seen()
		equal(t, path+": the service's baggage", strings.Join(got["Baggage"], "|"), want)
		if !strings.HasPrefix(got.Get("Authorization"), "Bearer ") || strings.Contains(got.Get("Cookie"), "sessionid") {
			t.Errorf("%s: the service got %v", path, got)
		}
		for name := range sent {
			equal(t, path+": the monolith's "+name, strings.Join(b.monolith.seen()[name], "|"), strings.Join(sent[name], "|"))
		}
	}
	b.do(http.MethodGet, "/one", signedIn("alice"))
	equal(t, "the service's baggage alone", strings.Join(b.service.seen()["Baggage"], "|"), "strangler.flag.chosen=true")
	equal(t, "the monolith's", len(b.monolith.seen()["Baggage"]), 0)
}

func TestCookiesWithoutTheMonoliths(t *testing.T) {
	t.Parallel()
	p := &papers{strip: []string{"sessionid", "csrftoken"}}
	for sent, want := range map[string]string{
		"sessionid=a":                              "",
		" ; sessionid=a;\t;":                       "",
		"a=1;sessionid=a; b=2;; csrftoken ;c":      "a=1; b=2; c",
		"sessionid=a|a=1|b=2;sessionid":            "a=1; b=2",
		"=sessionid; \x00sessionid\x7f=b; a=\tb\t": "=sessionid; a=\tb",
		"a=1;b=2 ;; xsessionid=3; a=sessionid|;":   "as it was",
		"":                                         "as it was",
	} {
		var pass passport
		p.cookies(&http.Request{Header: http.Header{"Cookie": strings.Split(sent, "|")}}, &pass)
		got := "as it was"
		if pass.n > 0 {
			got = strings.Join(pass.fields()[0].Values, "|")
		}
		equal(t, sent, got, want)
	}
}

// A client that sends a great many cookies, which HTTP/2 packs into few bytes, costs no
// more memory than a few times what they are.
func TestManyCookiesTakeLittleMemory(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	sent := strings.Repeat("a;", 500_000) + "sessionid=a"
	p, r := &papers{strip: []string{"sessionid"}}, &http.Request{Header: http.Header{"Cookie": {sent}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var pass passport
	p.cookies(r, &pass)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; pass.n == 0 || took > uint64(16*len(sent)) {
		t.Errorf("%d bytes for %d of cookies", took, len(sent))
	}
}

// refusing is a target block whose service does not answer.
type refusing struct{ service *backend }

// Serve implements proxy.Upstream.
func (u refusing) Serve(_ http.ResponseWriter, r *http.Request, _ *proxy.Call) error {
	u.service.mu.Lock()
	defer u.service.mu.Unlock()
	u.service.last = r
	return &proxy.Failure{Kind: proxy.KindStatus, Status: http.StatusServiceUnavailable, Err: ErrNoTarget}
}
