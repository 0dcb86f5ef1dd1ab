package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/shadow"
)

// app starts a server and answers where it listens.
func app(t *testing.T, serve http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return server.URL
}

func loops(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"path":%q}`, r.URL.Path)
}

// loopTable mirrors one route to a target.
func loopTable(monolith, shadow string) string {
	return "targets:\n  monolith: { url: \"" + monolith + "\" }\n  loop: { url: \"" + shadow + "\" }\nmonolith: monolith\nroutes:\n" +
		"  - { name: loop, match: \"GET /api/loop/{id}\", owner: kb, shadow: { target: loop } }\n"
}

// asks sends n requests, and wants each answer to be the monolith's, without a word of ours
// about mirroring.
func asks(t *testing.T, proxy *testbed.Strangler, n int) {
	t.Helper()
	for i := range n {
		response, err := http.Get(proxy.URL(fmt.Sprintf("/api/loop/%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Header.Get(shadow.NotMirroredHeader) != "" {
			t.Fatalf("%s %v", response.Status, response.Header)
		}
	}
}

// blind wants the route to be it for being a loop, wherever an operator looks.
func blind(t *testing.T, proxy *testbed.Strangler, sampled uint64) {
	t.Helper()
	one := shadowed(t, proxy, "loop", sampled)
	if one.Buckets["not_comparable"] != sampled || one.Verdict.Compared != 0 {
		t.Errorf("%v, %+v", one.Buckets, one.Verdict)
	}
	testbed.WaitFor(t, "the alarm", func() bool { return proxy.Shadow(t).Routes[0].Alarm != "" })
	const why, hint = "the shadow loop is a Strangler that compares this route itself", "write the service's own address as the url of target loop"
	said := proxy.MustCommand(t, "shadow", "status")
	if !regexp.MustCompile(`(?m)^loop +loop +blind +0 +0 `).MatchString(said) || !strings.Contains(said, why) || !strings.Contains(said, hint) {
		t.Error(said)
	}
	_, err := proxy.Command("shadow", "report", "--route", "loop", "--fail-on-gate")
	if failed := (*testbed.CommandError)(nil); !errors.As(err, &failed) || !strings.Contains(failed.Output, "the gate is not met: loop (blind)") ||
		!strings.Contains(failed.Output, hint) || !strings.Contains(failed.Output, "(looped ") {
		t.Error(err)
	}
	if _, metrics := proxy.Ask(t, "/metrics"); !strings.Contains(metrics, `strangler_shadow_alarm{route="loop"} 1`) {
		t.Error("no alarm in the metrics")
	}
}

// A shadow that is this server is no evidence, and says so.
func TestAServerIsNoShadowOfItself(t *testing.T) {
	t.Parallel()
	monolith := app(t, loops)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), loopTable(monolith, "http://"+address)
	})
	asks(t, proxy, 60)
	blind(t, proxy, 60)
	// The service's own address ends it.
	proxy.EditRoutes(t, loopTable(monolith, app(t, loops)))
	testbed.WaitFor(t, "the other table", func() bool { return proxy.Shadow(t).Routes[0].Alarm == "" })
	asks(t, proxy, 60)
	testbed.WaitFor(t, "comparisons", func() bool { return proxy.Shadow(t).Routes[0].Verdict.Compared == 60 })
}

// Two servers that are each other's shadow are none either, though only one of them has
// clients; a Strangler before another application is a service like any.
func TestTwoServersAreNoEvidenceOfEachOther(t *testing.T) {
	t.Parallel()
	monolith := app(t, loops)
	var one string
	second := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), loopTable(monolith, "http://127.0.0.1:1")
	})
	first := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		one = address
		return testbed.Caddyfile(address, admin), loopTable(monolith, "http://"+second.Address)
	})
	second.EditRoutes(t, loopTable(monolith, "http://"+one))
	asks(t, first, 60)
	blind(t, first, 60)

	// It stands before an application of its own, and moves another route of that.
	other := strings.ReplaceAll(loopTable(app(t, loops), "http://127.0.0.1:1"), "/api/loop/", "/other/")
	second.EditRoutes(t, other)
	testbed.WaitFor(t, "the other table", func() bool { return strings.Contains(second.MustCommand(t, "routes", "list"), "/other/") })
	asks(t, first, 1)
	testbed.WaitFor(t, "a comparison", func() bool { return first.Shadow(t).Routes[0].Verdict.Compared == 1 })
}

// A control that is down is told by status, report, log and metrics.
func TestAControlThatIsDownIsTold(t *testing.T) {
	t.Parallel()
	monolith, service := app(t, loops), app(t, loops)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), strings.Replace(strings.Replace(loopTable(monolith, service), "target: loop }", "target: loop, control: down, again: 100 }", 1),
			"targets:\n", "targets:\n  down: { url: \"http://127.0.0.1:1\" }\n", 1)
	})
	asks(t, proxy, 40)
	shadowed(t, proxy, "loop", 40)
	if said := proxy.MustCommand(t, "shadow", "status"); !strings.Contains(said, "loop: down: 40 of 40 gave no answer (the last: connect), none since ") {
		t.Error(said)
	}
	if said := proxy.MustCommand(t, "rollout", "status"); !strings.Contains(said, "loop: down: 40 of 40 gave no answer (the last: connect), none since ") ||
		!strings.Contains(said, "; see that down runs") {
		t.Error(said)
	}
	if said := proxy.MustCommand(t, "rollout", "status", "loop", "--json"); !strings.Contains(said, `"silent_since": "20`) {
		t.Error(said)
	}
	if said := proxy.MustCommand(t, "shadow", "report"); !strings.Contains(said, "down: 40 of 40 gave no answer when asked a second time in the monolith's name") {
		t.Error(said)
	}
	if said := proxy.Log(); strings.Count(said, "no second answers of the monolith") != 1 {
		t.Error(said)
	}
	if _, metrics := proxy.Ask(t, "/metrics"); !strings.Contains(metrics, `strangler_shadow_second_answers_missing_total{route="loop"} 40`) {
		t.Error("nothing in the metrics")
	}
}

const writingTable = `targets:
  monolith: { url: "MONOLITH" }
  faq: { url: "SERVICE" }
monolith: monolith
routes:
  - { name: post, match: "POST /v1/faq", owner: kb, shadow: { target: faq, unsafe: dry_run } }
`

// liar answers the probe of a dry run with its ack, and writes all the same.
type liar struct {
	writes atomic.Int64
	mended atomic.Bool
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodOptions || l.mended.Load():
		w.Header().Set(shadow.DryRunHeader, shadow.DryRunAck)
	default:
		l.writes.Add(1)
	}
	loops(w, r)
}

// One real write stops the mirroring of writes for good: not a restart, a kill, other
// settings nor a reset lets the next one through, until somebody resumes it.
func TestAStoppedDryRunStaysStoppedUntilItIsResumed(t *testing.T) {
	t.Parallel()
	service := new(liar)
	monolith, address := app(t, loops), app(t, service.ServeHTTP)
	table := strings.NewReplacer("MONOLITH", monolith, "SERVICE", address).Replace(writingTable)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) { return testbed.Caddyfile(address, admin), table })
	sampled := uint64(0)
	post := func() map[string]uint64 {
		t.Helper()
		for range 3 {
			response, err := http.Post(proxy.URL("/v1/faq"), "application/json", strings.NewReader(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			sampled++
			shadowed(t, proxy, "post", sampled)
		}
		return shadowed(t, proxy, "post", sampled).Buckets
	}
	if got := post(); got["shadow_error"] != 1 || got["skipped_unsafe"] != 2 || service.writes.Load() != 1 {
		t.Fatalf("%v, %d writes", got, service.writes.Load())
	}
	for _, status := range []string{"shadow", "rollout"} {
		said := proxy.MustCommand(t, status, "status")
		for _, want := range []string{"post: unsafe requests are not mirrored (stopped since 20", "a mirrored POST request was answered without X-Strangler-Dry-Run: ack",
			`see what it changed at faq; when that is mended: strangler shadow resume --route post --reason "…"`} {
			if !strings.Contains(said, want) {
				t.Errorf("%s status: %q is missing: %s", status, want, said)
			}
		}
	}
	if said := proxy.MustCommand(t, "rollout", "status", "--json"); !strings.Contains(said, `"state": "stopped"`) {
		t.Error(said)
	}
	for name, then := range map[string]func(){
		"a restart":      func() { proxy.Stop(); proxy.Start(); sampled = 0 },
		"a kill":         func() { proxy.Kill(); proxy.Start(); sampled = 0 },
		"a reset":        func() { proxy.MustCommand(t, "shadow", "reset", "--route", "post", "--reason", "test") },
		"an undo":        func() { _, _ = proxy.Command("rollout", "undo", "post", "--reason", "test") },
		"other settings": func() { proxy.EditRoutes(t, strings.Replace(table, "unsafe:", "timeout: 9s, unsafe:", 1)) },
	} {
		then()
		if post(); service.writes.Load() != 1 {
			t.Errorf("%s: %d writes", name, service.writes.Load())
		}
	}

	service.mended.Store(true)
	const resume = "shadow resume --route post --by anna --reason"
	said := proxy.MustCommand(t, append(strings.Fields(resume), "build 7", "--dry-run")...)
	if state := proxy.Shadow(t).Routes[0].Proof.State; state != shadow.ProofBroken || !strings.Contains(said, "would be mirrored again") {
		t.Error(state, said)
	}
	before := shadowed(t, proxy, "post", sampled).Buckets["equal"]
	proxy.MustCommand(t, append(strings.Fields(resume), "build 7")...)
	if said := proxy.MustCommand(t, "rollout", "status"); strings.Contains(said, "not mirrored") {
		t.Error(said)
	}
	if got := post(); got["equal"] != before+3 || service.writes.Load() != 1 {
		t.Errorf("resumed: %v, %d writes", got, service.writes.Load())
	}
	if _, err := proxy.Command(append(strings.Fields(resume), "again")...); err == nil || !strings.Contains(err.Error(), "is not stopped") {
		t.Error(err)
	}
	said = proxy.MustCommand(t, "rollout", "history", "post")
	if !regexp.MustCompile(`shadow_stop .*strangler +guard`).MatchString(said) || !regexp.MustCompile(`shadow_resume .*anna +cli +build 7`).MatchString(said) {
		t.Error(said)
	}
	// The service lies again, and a kill finds it stopped.
	service.mended.Store(false)
	if post(); service.writes.Load() != 2 {
		t.Errorf("%d writes", service.writes.Load())
	}
	proxy.Kill()
	proxy.Start()
	sampled = 0
	if post(); service.writes.Load() != 2 {
		t.Errorf("after a kill: %d writes", service.writes.Load())
	}
}

// What media type each side answered with stands in clear, so that the case tells
// right from wrong; and what was found of a build is there after the next one.
func TestSamplesSayTheTypeAndOutliveABuild(t *testing.T) {
	t.Parallel()
	var build atomic.Int64
	typed := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("X-Build", fmt.Sprint(build.Load()))
			_, _ = io.WriteString(w, "text")
		}
	}
	monolith, wrong, right := app(t, typed("text/x-right; charset=utf-8")), app(t, typed("text/plain; charset=utf-8")), app(t, typed("text/x-right; charset=utf-8"))
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), strings.Replace(loopTable(monolith, wrong), wrong+`"`, wrong+`", build: X-Build`, 1)
	})
	asks(t, proxy, 3)
	shadowed(t, proxy, "loop", 3)
	said := proxy.MustCommand(t, "shadow", "samples", "--route", "loop")
	if !strings.Contains(said, `"text/x-right"`) || !strings.Contains(said, `"text/plain"`) {
		t.Error(said)
	}
	build.Store(1)
	asks(t, proxy, 1)
	shadowed(t, proxy, "loop", 4)
	cases := filepath.Join(proxy.Dir, "cases")
	proxy.MustCommand(t, "shadow", "export", "--route", "loop", "--era", "1", "--output", cases)
	for target, want := range map[string]int{wrong: 3, right: 0} {
		if said, code := replayed(t, cases, strings.TrimPrefix(target, "http://"), "--value", "id=1"); code != want {
			t.Errorf("%d, want %d: %s", code, want, said)
		}
	}
	proxy.MustCommand(t, "shadow", "reset", "--route", "loop", "--reason", "an era without samples")
	said = proxy.MustCommand(t, "shadow", "samples", "--route", "loop")
	if !strings.Contains(said, "no sample is kept") || !strings.Contains(said, "has 3: strangler shadow samples --route loop --era 1") {
		t.Error(said)
	}
	if said = proxy.MustCommand(t, "shadow", "report", "--route", "loop"); !strings.Contains(said, "; strangler shadow samples --route loop --era 1 has 3") {
		t.Error(said)
	}
	if said = proxy.MustCommand(t, "shadow", "samples", "--route", "loop", "--era", "1"); strings.Count(said, `"text/plain"`) != 3 {
		t.Error(said)
	}
	if _, err := proxy.Command("shadow", "samples", "--route", "loop", "--era", "9"); err == nil || !strings.Contains(err.Error(), "nothing is kept of such an era") {
		t.Error(err)
	}
}
