package engine

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/coder/websocket"

	"github.com/strangler-proxy/strangler/routes"
)

// generation is a table of which every part names its number: the target, the
// path that the service is asked for, and whether the second route has moved.
func generation(n int) string {
	second := "percent: 0"
	if n%2 == 1 {
		second = "percent: 100"
	}
	return fmt.Sprintf(`
targets:
  monolith: { url: MONOLITH }
  s%[1]d: { url: SERVICE, owner: o }
monolith: monolith
routes:
  - { name: moved, match: "/moved/{id}", service: s%[1]d, percent: 100, rewrite: "/g%[1]d/{id}", fallback: [] }
  - { name: odd, match: "/odd/{id}", service: s%[1]d, %[2]s, rewrite: "/g%[1]d/{id}", fallback: [] }
`, n, second)
}

func TestNothingFailsAndNothingMixesDuringReloads(t *testing.T) {
	t.Parallel()
	b := newBed(t, generation(0), func(_ *bed, o *Options) { o.Quiet = time.Millisecond })
	requests, reloads := 10_000, 50
	if testing.Short() {
		requests, reloads = 1000, 10
	}
	var sent atomic.Int64
	var ended atomic.Bool // the reloads have
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for n := sent.Add(1); n <= int64(requests) || !ended.Load(); n = sent.Add(1) {
				b.wholeAnswer(n)
			}
		})
	}
	good, bad := 0, 0
	for n := 1; n <= reloads; n++ {
		if n%3 == 0 {
			must(t, os.WriteFile(b.path, []byte("routes: [half"), 0o600))
			bad++
			b.refuses("syntax")
			continue
		}
		b.write(generation(n))
		good++
		eventually(t, fmt.Sprint("generation ", n), func() bool {
			_, have := b.Table().Document().Targets[fmt.Sprint("s", n)]
			return have
		})
	}
	ended.Store(true)
	clients.Wait()
	t.Logf("%d requests during %d reloads, %d of them refused", sent.Load(), good+bad, bad)
}

// wholeAnswer sends one request and checks that all of its answer comes from
// one generation.
func (b *bed) wholeAnswer(n int64) {
	path := []string{"/moved/", "/odd/"}[n%2] + fmt.Sprint(n)
	w := newAnswer()
	request, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		b.t.Error(err)
		return
	}
	var result Result
	request.Host = "www.example.com"
	request.RequestURI = path
	if err := b.Engine.ServeHTTP(w, request, clientForTest, nil, &result); err != nil {
		b.t.Errorf("%s: %v", path, err)
		return
	}
	body := w.body.String()
	if result.Decision.Arm == routes.Monolith {
		if !strings.HasPrefix(path, "/odd") || body != "monolith GET "+path {
			b.t.Errorf("%s: decision %+v, body %q", path, result.Decision, body)
		}
		return
	}
	number, err := strconv.Atoi(strings.TrimPrefix(result.Target, "s"))
	if err != nil || body != fmt.Sprintf("service GET /g%d/%d", number, n) {
		b.t.Errorf("%s: target %s, body %q", path, result.Target, body)
	}
	if strings.HasPrefix(path, "/odd") && number%2 == 0 {
		b.t.Errorf("%s moved in the even generation %d", path, number)
	}
}

const streams = `
targets:
  monolith: { url: MONOLITH }
  s: { url: SERVICE%s }
monolith: monolith
routes:
  - { name: streams, match: "/stream/{kind}", service: s, owner: o, fallback: [] }
`

func TestStreamsOutliveChangesOfTableAndRollout(t *testing.T) {
	t.Parallel()
	b := newBed(t, fmt.Sprintf(streams, ""), func(_ *bed, o *Options) { o.Quiet = time.Millisecond })
	b.set("streams", "100")
	next := make(chan string)
	b.service.answers(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "socket") {
			echo(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for line := range next {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", line)
			_ = http.NewResponseController(w).Flush()
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	socket, _, err := websocket.Dial(ctx, b.front.URL+"/stream/socket", nil)
	must(t, err)
	defer func() { _ = socket.CloseNow() }()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.front.URL+"/stream/events", nil)
	must(t, err)
	alive := func(text string) {
		t.Helper()
		must(t, socket.Write(ctx, websocket.MessageText, []byte(text)))
		_, have, err := socket.Read(ctx)
		must(t, err)
		equal(t, "echo", string(have), text)
	}
	go func() { next <- "0" }() // the answer's head comes with the first event
	response, err := b.client.Do(request)
	must(t, err)
	defer response.Body.Close()
	events := bufio.NewScanner(response.Body)
	event := func(text string) {
		t.Helper()
		for events.Scan() && events.Text() == "" {
			continue
		}
		equal(t, "event", events.Text(), "data: "+text)
	}
	event("0")
	for i := range 50 {
		b.write(fmt.Sprintf(streams, fmt.Sprintf(", max_in_flight: %d", i+1))) // replaces the target
		must(t, b.Reload())
		if i%2 == 0 {
			_, err = b.Hold(ctx, "streams", time.Time{}, act)
		} else {
			_, err = b.Release(ctx, "streams", act)
		}
		must(t, err)
		alive(fmt.Sprint("m", i))
		next <- fmt.Sprint("e", i)
		event(fmt.Sprint("e", i))
	}
	close(next)
}

// TestStreamDoesNotKeepAnOldTable: one event stream per version of a large
// table must not add up to all versions in memory.
func TestStreamDoesNotKeepAnOldTable(t *testing.T) {
	t.Parallel()
	b := newBed(t, fmt.Sprintf(streams, ""))
	b.set("streams", "100")
	arrived, leave := make(chan struct{}), make(chan struct{})
	b.service.answers(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-leave
	})
	old, route := weak.Make(b.Table()), weak.Make(b.Table().Entry("streams").Route)
	ended := make(chan string)
	go func() { ended <- b.servedBy("/stream/x", nil) }()
	<-arrived
	b.write(fmt.Sprintf(streams, ", owner: o"))
	must(t, b.Reload())
	eventually(t, "the old table is gone", func() bool { runtime.GC(); return old.Value() == nil && route.Value() == nil })
	close(leave)
	equal(t, "served by", <-ended, "service")
}

func echo(w http.ResponseWriter, r *http.Request) {
	socket, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = socket.CloseNow() }()
	for {
		kind, data, err := socket.Read(r.Context())
		if err != nil || socket.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}

// many is a table of n routes.
func many(n int) string {
	var table strings.Builder
	table.WriteString("targets:\n  monolith: { url: MONOLITH }\n  s: { url: SERVICE }\nmonolith: monolith\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&table, "  - { name: r%d, match: \"/api/r%d/{id}\", service: s, owner: o, sticky: \"header:X-Tenant\", fallback: [connect] }\n", i, i)
	}
	return table.String()
}

func TestHoldIsInForceAtOnceInALargeTable(t *testing.T) {
	routes := 100_000
	if testing.Short() || raceEnabled {
		routes = 2000
	}
	b := newBed(t, "")
	b.write(many(routes))
	start := time.Now()
	must(t, b.Watch(b.path))
	loaded := time.Since(start)
	eventually(t, "all salts are known", func() bool { return b.Status().Store.Salts == 0 })
	b.set("r77", "100")
	best, worst := time.Hour, time.Duration(0)
	for range 10 {
		equal(t, "before", b.servedBy("/api/r77/1", nil), "service")
		held := make(chan error, 1)
		start = time.Now()
		go func() { // returns when it is stored; it must be in force before
			_, err := b.Hold(context.Background(), "r77", time.Time{}, act)
			held <- err
		}()
		eventually(t, "held", func() bool { return b.servedBy("/api/r77/1", nil) == "monolith" })
		best, worst = min(best, time.Since(start)), max(worst, time.Since(start))
		must(t, <-held)
		_, err := b.Release(context.Background(), "r77", act)
		must(t, err)
	}
	t.Logf("%d routes: loaded in %v; a hold answered a request from the monolith within %v to %v", routes, loaded, best, worst)
	if best > 100*time.Millisecond { // the worst depends on what else the machine does
		t.Errorf("a hold took %v", best)
	}
}
