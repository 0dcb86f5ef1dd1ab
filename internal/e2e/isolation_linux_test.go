package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// isolated is a proxy with a route for each shadow, and one without.
func isolated(t *testing.T, urls map[string]string, app ...string) *testbed.Strangler {
	t.Helper()
	targets, table := "", ""
	for name, url := range urls {
		targets += fmt.Sprintf("  %s: { url: %q }\n", name, url)
		table += fmt.Sprintf("  - { name: %[1]s, match: \"GET /%[1]s/{rest...}\", owner: o, shadow: { target: %[1]s, timeout: 500ms } }\n", name)
	}
	return testbed.StartStrangler(t, func(address, admin string) (string, string) {
		text := testbed.Caddyfile(address, admin)
		if app != nil {
			text = strings.Replace(text, "store sqlite strangler.db", app[0], 1)
		}
		return text, "targets:\n  monolith: { url: " + strconv.Quote(pageServer(t)) + " }\n" + targets +
			"monolith: monolith\nroutes:\n  - { name: plain, match: \"GET /plain/{rest...}\", owner: o }\n" + table
	})
}

// seenBy is what a client sees of an answer, without what differs in each.
func seenBy(t *testing.T, client *http.Client, url string) (seen string, took time.Duration) {
	t.Helper()
	start := time.Now()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	took = time.Since(start)
	response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	response.Header.Del("Date")
	response.Header.Del("X-Request-Id")
	return fmt.Sprintf("%d %v %v %x", response.StatusCode, response.Header, response.TransferEncoding, sha256.Sum256(body)), took
}

// pairs asks both routes in turn, and holds bytes and times of the second against
// the first's. The bounds are wide, as other tests run beside; whoever waited for
// a shadow would break them many times over.
func pairs(t *testing.T, proxy *testbed.Strangler, client *http.Client, route string, n int) {
	t.Helper()
	plain, shadowed := make([]time.Duration, 0, n), make([]time.Duration, 0, n)
	for i := range n {
		want, took := seenBy(t, client, proxy.URL(fmt.Sprintf("/plain/%d", i)))
		plain = append(plain, took)
		got, took := seenBy(t, client, proxy.URL(fmt.Sprintf("/%s/%d", route, i)))
		shadowed = append(shadowed, took)
		if got != want {
			t.Fatalf("with a shadow that is %s the client sees\n%s\nwithout\n%s", route, got, want)
		}
	}
	slices.Sort(plain)
	slices.Sort(shadowed)
	half, most := n/2, n*99/100
	t.Logf("%-9s p50 %v, without %v; p99 %v, without %v", route, shadowed[half], plain[half], shadowed[most], plain[most])
	if shadowed[half] > 2*plain[half]+2*time.Millisecond || shadowed[most] > 3*plain[most]+100*time.Millisecond {
		t.Errorf("with a shadow that is %s the client waits: p50 %v, without %v; p99 %v, without %v",
			route, shadowed[half], plain[half], shadowed[most], plain[most])
	}
}

var goroutines = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

func countGoroutines(t *testing.T, proxy *testbed.Strangler) int {
	t.Helper()
	_, metrics := proxy.Ask(t, "/metrics")
	found := goroutines.FindStringSubmatch(metrics)
	if found == nil {
		t.Fatalf("no go_goroutines in the metrics")
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// memory is a line of the process' status, in MiB.
func memory(t *testing.T, proxy *testbed.Strangler, line string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", proxy.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), line+":")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// No client sees or feels a shadow, whatever it does: not in status, headers, bytes
// and time. Every request ends where it should, and nothing stays behind.
func TestNoClientFeelsItsShadow(t *testing.T) {
	urls, ends := misbehaving(t)
	proxy := isolated(t, urls)
	client := &http.Client{Transport: &http.Transport{}}
	before := countGoroutines(t, proxy)
	const n = 100
	for route := range urls {
		pairs(t, proxy, client, route, n)
	}
	for route, end := range ends {
		if one := shadowed(t, proxy, route, n); one.Buckets[end]+one.Buckets["dropped_queue_full"] != n || one.Buckets[end] == 0 {
			t.Errorf("%s: %v, want %d %s, or dropped for having waited too long", route, one.Buckets, n, end)
		}
	}
	client.CloseIdleConnections()
	after := 0
	testbed.WaitFor(t, "the goroutines to end", func() bool { after = countGoroutines(t, proxy); return after <= before+20 })
	t.Logf("%d goroutines before, %d after", before, after)
}

// A flood of requests to a shadow that hangs fills queue and memory to their
// limits, and no further; when it answers again, all is compared or was counted.
func TestAFloodIsBounded(t *testing.T) {
	release := make(chan struct{})
	shadow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
			page(w, r)
		case <-r.Context().Done():
		}
	}))
	defer shadow.Close()
	proxy := isolated(t, map[string]string{"flood": shadow.URL})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	warm := func(path string, n int) {
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for i := range n / 16 {
					seenBy(t, client, proxy.URL(fmt.Sprintf("%s%d", path, i)))
				}
			})
		}
		all.Wait()
	}
	warm("/plain/", 1600)
	base := memory(t, proxy, "VmHWM")
	const asked = 4000
	warm("/flood/", asked)
	pairs(t, proxy, client, "flood", 100)
	peak := memory(t, proxy, "VmHWM")
	status := proxy.Shadow(t).Routes[0]
	t.Logf("peak %d MiB before, %d MiB with %d requests flooding; %d MiB of %d held, %d queued", base, peak, asked, status.Bytes>>20, status.Budget>>20, status.Queued)
	if status.Bytes > status.Budget || status.Queued > 1024 {
		t.Errorf("%d of %d bytes, %d queued", status.Bytes, status.Budget, status.Queued)
	}
	// Go's heap may be twice what lives in it.
	if most := base + 2*int(status.Budget>>20) + 32; peak > most && !testbed.Race {
		t.Errorf("the peak is %d MiB, want at most %d", peak, most)
	}
	close(release)
	over := shadowed(t, proxy, "flood", asked+100)
	t.Logf("%v", over.Buckets)
	if over.Buckets["dropped_queue_full"] == 0 || over.Buckets["equal"] == 0 || over.Bytes != 0 {
		t.Errorf("%+v", over)
	}
}
