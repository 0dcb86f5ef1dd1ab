package shadow_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
)

// What other mirrors are known to get wrong.

// Skipper, nginx: the shadow shares the primary's stream. Traefik, nginx,
// caddy-mirror: the body is read whole before the primary starts.
func TestThePrimaryStartsBeforeTheBodyHasCome(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	b := newBed(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 1))
		close(started)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	}, says(`1`), dryRun)
	body, feed := io.Pipe()
	go func() {
		_, _ = io.WriteString(feed, "a")
		<-started // or the primary waits for ever
		_, _ = io.WriteString(feed, "b")
		_ = feed.Close()
	}()
	if got := b.do(t, http.MethodPost, "/", body); got.body != "ok" {
		t.Errorf("%+v", got)
	}
}

// Traefik: the largest body is allocated for every request.
func TestASmallBodyTakesLittle(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), hung(t), func(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.Timeout = 10 * time.Second })
	for range 100 {
		b.get(t, "/")
	}
	if held := b.status().Bytes; held > 100*8<<10 {
		t.Errorf("100 small requests hold %d bytes", held)
	}
}

// caddy-mirror: buffers are pooled and freed when the primary ends, so slow
// shadows read nothing, or another user's body.
func TestSlowShadowsReadTheirOwnBody(t *testing.T) {
	t.Parallel()
	var wrong atomic.Int64
	slow := make(chan struct{})
	b := newBed(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(body)
	}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(shadow.DryRunHeader, shadow.DryRunAck)
		if r.Method == http.MethodOptions {
			return
		}
		<-slow
		body, _ := io.ReadAll(r.Body)
		if want := strings.Repeat(r.Header.Get("X-User")+",", 3000); string(body) != want {
			wrong.Add(1)
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(body)
	}, dryRun)
	const n = 30
	send := func(i int) {
		user := fmt.Sprintf("user%d", i)
		b.do(t, http.MethodPost, "/", strings.NewReader(strings.Repeat(user+",", 3000)), "X-User", user)
	}
	send(0)
	select {
	case slow <- struct{}{}:
	case <-time.After(10 * time.Second):
		t.Fatalf("the shadow was not asked: %+v", b.status())
	}
	b.records.wait(t, 1) // acknowledged: now they go at the same time
	for i := range n {
		send(i + 1)
	}
	close(slow)
	for _, rec := range b.records.wait(t, n+1) {
		if rec.Bucket != shadow.Equal {
			t.Errorf("%s %s: %+v", rec.Bucket, rec.Why, rec.Result.Differences)
		}
	}
	if wrong.Load() > 0 {
		t.Errorf("%d shadows read another body", wrong.Load())
	}
}

// Traefik: what was cancelled or has failed is silently not mirrored.
func TestCancelledAndFailedRequestsAreCounted(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hangs" {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}, says(`1`), func(_ *shadow.Options, _ *shadow.Settings, b *bed) { b.ended = make(chan struct{}, 9) })
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL+"/hangs", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	<-b.ended
	b.failure = func(*http.Request) string { return "connect" }
	b.get(t, "/fails")
	got := buckets(b.records.wait(t, 2))
	if got["not_comparable canceled"] != 1 || got["monolith_error failed"] != 1 {
		t.Errorf("%v", got)
	}
}

// Skipper: the main request is marked as a shadow's too. Everybody: loops.
func TestNoLoopAndNoMarkOnTheMainRequest(t *testing.T) {
	t.Parallel()
	var marked atomic.Int64
	var b *bed
	b = newBed(t, func(w http.ResponseWriter, r *http.Request) {
		if shadow.Marked(r.Header) {
			marked.Add(1)
		}
		says(`1`)(w, r)
	}, nil, func(_ *shadow.Options, _ *shadow.Settings, made *bed) {
		made.service.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// The shadow asks the front again, with the mark, as a proxy would.
			again, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, b.URL+r.URL.Path, nil)
			again.Header = r.Header
			response, err := b.Client().Do(again)
			if err != nil {
				return
			}
			defer func() { _ = response.Body.Close() }()
			w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
			_, _ = io.Copy(w, response.Body)
		})
	})
	b.get(t, "/")
	if rec := b.records.one(t); rec.Bucket != shadow.Equal {
		t.Errorf("%s %s", rec.Bucket, rec.Why)
	}
	if s := b.status(); s.Seen != 1 || marked.Load() != 0 {
		t.Errorf("%d sampled of one and its shadow's; the main request was marked %d times", s.Seen, marked.Load())
	}
}

// Diffy: an unsafe method gets an empty 200 and the primary is never called.
func TestUnsafeMethodsReachThePrimaryOnly(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	b := newBed(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) },
		func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "PURGE", http.MethodTrace} {
		if got := b.do(t, method, "/", strings.NewReader("body")); got.body != "body" {
			t.Errorf("%s: %+v", method, got)
		}
	}
	got := buckets(b.records.wait(t, 6))
	if got["skipped_unsafe method"] != 6 || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", got, asked.Load())
	}
}

// LinkedIn: a shadow that gets nothing, or whose answers are as empty as the
// primary's, looks like success.
func TestSilenceIsAnAlarm(t *testing.T) {
	t.Parallel()
	empty := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") }
	for name, test := range map[string]struct {
		monolith, service http.HandlerFunc
		reason            string
	}{
		"dead":  {says(`1`), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "requests are sampled, nothing was compared"},
		"empty": {empty, empty, "all that was compared were two empty bodies or two errors"},
		"lost":  {http.NotFound, http.NotFound, "all that was compared were two empty bodies or two errors"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := make(chan string, 10)
			clock := newClock()
			var mended atomic.Bool
			until := func(broken http.HandlerFunc) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					if mended.Load() {
						says(`1`)(w, r)
						return
					}
					broken(w, r)
				}
			}
			b := newBed(t, until(test.monolith), until(test.service), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
				s.Silence = time.Minute
				o.Now = clock.now
				o.Alarm = func(route, reason string) { told <- route + ": " + reason }
			}, withClock(clock))
			for range 3 {
				b.get(t, "/")
				clock.forward(40 * time.Second)
			}
			if got := <-told; got != "faq: "+test.reason || b.status().Alarm != test.reason {
				t.Errorf("%q", got)
			}
			mended.Store(true)
			b.get(t, "/")
			if got := <-told; got != "faq: " || b.status().Alarm != "" {
				t.Errorf("not over: %q", got)
			}
		})
	}
}

// clock is one that a test turns.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func withClock(c *clock) change {
	return func(_ *shadow.Options, _ *shadow.Settings, b *bed) { b.now = c.now }
}

func dryRun(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.DryRun = true }

// A copy that no worker will ever have is not made.
func TestAFullQueueCostsNoCopy(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), hung(t), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		o.Queue, s.InFlight, s.Timeout = 2, 1, time.Hour
	})
	for range 20 {
		b.get(t, "/")
	}
	m := b.mirrors.Route("faq")
	if x := m.Sample(benchRequest(t), &shadow.Arrival{RequestID: "1", At: b.now()}); x != nil {
		t.Error("a request is copied though the queue is full")
	}
	s := b.status()
	if n := s.Buckets["dropped_queue_full"]; s.Sampled != 21 || n < 17 || n > 18 || s.Open != 0 {
		t.Errorf("%d sampled, %d dropped, %d open", s.Sampled, n, s.Open)
	}
}
