package caddymodule

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/strangler-proxy/strangler/engine"
)

const withoutApp = "{\n\tadmin ADMIN\n\tdefault_bind 127.0.0.1\n\tpersist_config off\n}\nhttp://SITE {\n\tstrangler\n}\n"

// refusals are configurations that Caddy refuses, each at another point of its
// way, with a word of what it then says.
func refusals(r *rig) map[string]struct {
	config []byte
	says   string
} {
	with := func(replace, by string) []byte {
		return r.json(strings.Replace(plainCaddyfile, replace, by, 1))
	}
	app := func(step string) []byte {
		config := string(r.json(plainCaddyfile))
		return []byte(strings.Replace(config, `"apps":{`, `"apps":{"refusing":{"at":"`+step+`"},`, 1))
	}
	return map[string]struct {
		config []byte
		says   string
	}{
		"bad JSON":            {[]byte(`{"apps":`), "unexpected end"},
		"unknown field":       {[]byte(strings.Replace(string(r.json(plainCaddyfile)), `"routes":"`+r.dir, `"rotes":"`+r.dir, 1)), "rotes"},
		"no table":            {with("routes DIR/routes.yaml", "routes DIR/other.yaml"), "other.yaml"},
		"bad table":           {with("routes DIR/routes.yaml", "routes DIR/bad.yaml"), "bad.yaml:5:"},
		"bad store":           {with("state.db", "routes.yaml"), "not a database"},
		"store in use":        {with("store sqlite DIR/state.db", "store sqlite DIR"), "store"},
		"other app provision": {app("provision"), "refused at provision"},
		"other app validate":  {app("validate"), "refused at validate"},
		"other app start":     {app("start"), "refused at start"},
		"handler without app": {r.json(withoutApp), "global option"},
		"table needs a block": {with("routes DIR/routes.yaml", "routes DIR/blocks.yaml"), "no site has a block for it"},
	}
}

func TestRefusedReloadChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("bad.yaml", "targets:\n  monolith: { url: \"MONOLITH\" }\nmonolith: monolith\nroutes:\n  - nam: x\n    match: /x\n")
	r.write("blocks.yaml", strings.Replace(plainRoutes, `faq: { url: "SERVICE", owner: kb }`, "faq: { owner: kb }", 1))
	r.start(plainCaddyfile)
	r.must("/strangler/rollout/set", m{"route": "faq-read", "percent": 100, "by": "anna"}, nil)
	var before engine.Status
	r.must("/strangler/status", nil, &before)

	stop, load := r.keepAsking()
	for name, refusal := range refusals(r) {
		// Caddy starts apps in the order of a map: try both.
		for range 4 {
			err := r.load(refusal.config)
			if err == nil || !strings.Contains(err.Error(), refusal.says) {
				t.Fatalf("%s: got %v, want something with %q", name, err, refusal.says)
			}
			r.mustBeAsBefore(name, &before, load)
		}
	}
	if err := r.load(r.json(strings.Replace(plainCaddyfile, "grace_period 5s", "grace_period 6s", 1))); err != nil {
		t.Fatal(err)
	}
	r.mustBeAsBefore("a good one at the end", &before, load)
	if failed := stop(); failed != "" {
		t.Error(failed)
	}
}

// write makes a file in the rig's folder.
func (r *rig) write(name, text string) {
	r.t.Helper()
	writeFile(r.t, r.dir, name, r.fill(text))
}

// mustBeAsBefore checks decisions, counters, the admin API and that verbs act
// on the engine that serves.
func (r *rig) mustBeAsBefore(after string, before *engine.Status, load *atomic.Int64) {
	r.t.Helper()
	if a := r.get("/v1/faq/7"); a.body != "faq GET /v1/faq/7" {
		r.t.Fatalf("after %s: %+v", after, a)
	}
	var now engine.Status
	r.must("/strangler/status", nil, &now)
	if now.Table == nil || now.Table.Version != before.Table.Version || !now.Table.LoadedAt.Equal(before.Table.LoadedAt) {
		r.t.Fatalf("after %s: the table is %+v, was %+v", after, now.Table, before.Table)
	}
	done := load.Load()
	if counted := r.counted(); counted < done {
		r.t.Fatalf("after %s: the counter says %d after %d requests", after, counted, done)
	}
	r.must("/strangler/brake/on", m{"reason": "test", "by": "anna"}, nil)
	if a := r.get("/v1/faq/7"); a.header.Get("X-Arm") != "monolith brake" {
		r.t.Fatalf("after %s: the brake acts on something else: %+v", after, a)
	}
	r.must("/strangler/brake/release", m{"by": "anna"}, nil)
}

var counter = regexp.MustCompile(`(?m)^strangler_requests_total\{[^}]*\} ([0-9.e+]+)$`)

// counted is the number of requests that the metrics have seen.
func (r *rig) counted() (sum int64) {
	r.t.Helper()
	for _, found := range counter.FindAllStringSubmatch(r.call("/metrics", nil).body, -1) {
		n, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			r.t.Fatal(err)
		}
		sum += int64(n)
	}
	return sum
}

// keepAsking sends requests until stop is called, which says what failed.
func (r *rig) keepAsking() (stop func() (failed string), done *atomic.Int64) {
	done = new(atomic.Int64)
	var all sync.WaitGroup
	var failed atomic.Pointer[string]
	end := make(chan struct{})
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				a, err := r.do("http://"+r.site+"/v1/faq/1", http.MethodGet, nil, nil)
				if err != nil || a.status != http.StatusOK || !strings.HasSuffix(a.body, "GET /v1/faq/1") {
					text := fmt.Sprintf("request %d failed: %v %+v", done.Load(), err, a)
					failed.Store(&text)
					return
				}
				done.Add(1)
			}
		})
	}
	return func() string {
		close(end)
		all.Wait()
		if text := failed.Load(); text != nil {
			return *text
		}
		return ""
	}, done
}

func TestReloadToAnotherTableKeepsTheState(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("second.yaml", strings.Replace(plainRoutes, "/v1/faq/{id}", "/v2/faq/{id}", 1))
	r.start(plainCaddyfile)
	r.must("/strangler/rollout/set", m{"route": "faq-read", "percent": 100, "by": "anna"}, nil)
	stop, _ := r.keepAsking()
	for range 5 {
		if err := r.load(r.json(strings.Replace(plainCaddyfile, "DIR/routes.yaml", "DIR/second.yaml", 1))); err != nil {
			t.Fatal(err)
		}
		if one, two := r.get("/v1/faq/7").body, r.get("/v2/faq/7").body; one != "monolith GET /v1/faq/7" || two != "faq GET /v2/faq/7" {
			t.Fatalf("second table: %q, %q", one, two)
		}
		if err := r.load(r.json(plainCaddyfile)); err != nil {
			t.Fatal(err)
		}
		if one, two := r.get("/v1/faq/7").body, r.get("/v2/faq/7").body; one != "faq GET /v1/faq/7" || two != "monolith GET /v2/faq/7" {
			t.Fatalf("first table: %q, %q", one, two)
		}
	}
	if failed := stop(); failed != "" {
		t.Error(failed)
	}
}

func TestTableIsEditedWithoutAReload(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(plainCaddyfile)
	r.must("/strangler/rollout/set", m{"route": "faq-read", "percent": 100, "by": "anna"}, nil)

	r.routes(strings.Replace(plainRoutes, "/v1/faq/{id}", "/v3/faq/{id}", 1))
	eventually(t, "the edit is live", func() bool { return r.get("/v3/faq/7").body == "faq GET /v3/faq/7" })

	r.routes(strings.Replace(plainRoutes, "sticky:", "stiky:", 1))
	var status engine.Status
	eventually(t, "the typo is refused", func() bool {
		r.must("/strangler/status", nil, &status)
		return status.Refused != nil
	})
	if text := status.Refused.Problems[0].String(); !strings.Contains(text, "routes.yaml:11:5: error") || !strings.Contains(text, "sticky") {
		t.Errorf("the refusal says: %s", text)
	}
	if a := r.get("/v3/faq/7"); a.body != "faq GET /v3/faq/7" {
		t.Errorf("after the typo: %+v", a)
	}
	// A reload while the file is bad keeps the table that runs.
	if err := r.load(r.json(plainCaddyfile)); err != nil {
		t.Error(err)
	}
	if a := r.get("/v3/faq/7"); a.body != "faq GET /v3/faq/7" {
		t.Errorf("after the reload: %+v", a)
	}
}

// TestEvidenceIsJudgedByTheTableInForce: a configuration with another table that
// is refused in the end, over the same store, changes no gate; one that starts does.
func TestEvidenceIsJudgedByTheTableInForce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	gated := func(n int) string {
		return plainRoutes + fmt.Sprintf("    shadow: {}\n    rollout: { gates: { compared: %d } }\n", n)
	}
	r.routes(gated(111))
	r.write("second.yaml", gated(222))
	r.start(plainCaddyfile)
	gate := func() uint64 { return r.shadow().Verdict.Gate.Compared }
	if got := gate(); got != 111 {
		t.Fatalf("the first table's gate: %d", got)
	}
	second := string(r.json(strings.Replace(plainCaddyfile, "DIR/routes.yaml", "DIR/second.yaml", 1)))
	refused := strings.Replace(second, `"apps":{`, `"apps":{"refusing":{"at":"start"},`, 1)
	for range 5 { // Caddy starts its apps in any order
		if err := r.load([]byte(refused)); err == nil {
			t.Fatal("not refused")
		}
		if got := gate(); got != 111 {
			t.Fatalf("after a refused configuration: %d", got)
		}
	}
	if err := r.load([]byte(second)); err != nil {
		t.Fatal(err)
	}
	if got := gate(); got != 222 {
		t.Errorf("the second table's gate: %d", got)
	}
}
