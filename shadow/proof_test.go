package shadow_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
)

// careful is a service that knows the dry run: probes and requests are counted,
// and acknowledged as long as the two say so.
type careful struct {
	probes, requests     atomic.Int64
	ackProbe, ackRequest atomic.Bool
}

func (c *careful) serve(w http.ResponseWriter, r *http.Request) {
	n, ack := &c.requests, &c.ackRequest
	if r.Method == http.MethodOptions {
		n, ack = &c.probes, &c.ackProbe
	}
	n.Add(1)
	if ack.Load() && shadow.Marked(r.Header) {
		w.Header().Set(shadow.DryRunHeader, shadow.DryRunAck)
	}
	says(`1`)(w, r)
}

func newCareful(probe, request bool) *careful {
	c := new(careful)
	c.ackProbe.Store(probe)
	c.ackRequest.Store(request)
	return c
}

// post sends one and waits for its record.
func (b *bed) post(tb testing.TB, n int) shadow.Record {
	tb.Helper()
	b.do(tb, http.MethodPost, "/v1/faq", strings.NewReader(`{"question":1}`))
	all := b.records.wait(tb, n)
	return all[n-1]
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	clock, service := newClock(), newCareful(true, true)
	b := newBed(t, says(`1`), service.serve, dryRun, withClock(clock), func(o *shadow.Options, _ *shadow.Settings, _ *bed) { o.Now = clock.now })
	for n := range 3 {
		if rec := b.post(t, n+1); rec.Bucket != shadow.Equal || string(rec.Request.Body) != `{"question":1}` {
			t.Errorf("%s %s, body %q", rec.Bucket, rec.Why, rec.Request.Body)
		}
	}
	if service.probes.Load() != 1 || service.requests.Load() != 3 || b.status().Proof.State != shadow.ProofGiven {
		t.Errorf("%d probes, %d requests, %+v", service.probes.Load(), service.requests.Load(), b.status().Proof)
	}
	clock.forward(6 * time.Minute)
	if b.post(t, 4); service.probes.Load() != 2 {
		t.Errorf("%d probes after six minutes", service.probes.Load())
	}
}

// A shadow that does not know the dry run gets no request that changes anything.
func TestNoProofNoRequest(t *testing.T) {
	t.Parallel()
	clock, service := newClock(), newCareful(false, true)
	b := newBed(t, says(`1`), service.serve, dryRun, withClock(clock), func(o *shadow.Options, _ *shadow.Settings, _ *bed) { o.Now = clock.now })
	for n := range 3 {
		if rec := b.post(t, n+1); rec.Bucket != shadow.SkippedUnsafe || rec.Why != "no_proof" {
			t.Errorf("%s %s", rec.Bucket, rec.Why)
		}
	}
	p := b.status().Proof
	if service.probes.Load() != 1 || service.requests.Load() != 0 || p.State != shadow.ProofRefused || p.Reason == "" {
		t.Errorf("%d probes, %d requests, %+v", service.probes.Load(), service.requests.Load(), p)
	}
	service.ackProbe.Store(true)
	clock.forward(time.Minute)
	if rec := b.post(t, 4); rec.Bucket != shadow.Equal {
		t.Errorf("deployed since: %s %s", rec.Bucket, rec.Why)
	}
}

// stops are Stops that outlive their mirrors, as a store does.
type stops struct {
	mu  sync.Mutex
	all map[string]string
}

func (s *stops) Stopped(route string) (reason string, since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason, ok = s.all[route]
	return reason, time.Time{}, ok
}

func (s *stops) Stop(route, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[route] = reason
}

func (s *stops) resume(route string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, route)
}

// One that knows the probe only gets one request, not more: not after a while, not
// after other settings, and not after a restart. When somebody says that it is mended
// it has to prove it anew, and gets one again.
func TestABrokenPromiseStopsIt(t *testing.T) {
	t.Parallel()
	clock, service, kept := newClock(), newCareful(true, false), &stops{all: map[string]string{}}
	change := func(o *shadow.Options, _ *shadow.Settings, _ *bed) { o.Now, o.Stops = clock.now, kept }
	b := newBed(t, says(`1`), service.serve, dryRun, withClock(clock), change)
	post := func(bed *bed, n int, want string) {
		t.Helper()
		before := service.requests.Load()
		done := make(chan struct{})
		for range 10 {
			go func() {
				defer func() { done <- struct{}{} }()
				bed.do(t, http.MethodPost, "/v1/faq", strings.NewReader(`{}`))
			}()
		}
		for range 10 {
			<-done
		}
		got := buckets(bed.records.wait(t, n+10)[n:])
		if said := fmt.Sprintf("%d requests, %v", service.requests.Load()-before, got); said != want {
			t.Errorf("%s, want %s", said, want)
		}
	}
	const none = "0 requests, map[skipped_unsafe no_proof:10]"
	post(b, 0, "1 requests, map[shadow_error no_ack:1 skipped_unsafe no_proof:9]")
	clock.forward(time.Hour)
	post(b, 10, none)
	if p := b.status().Proof; p.State != shadow.ProofBroken || !strings.Contains(p.Reason, "a mirrored POST request was answered without") {
		t.Errorf("%+v", p)
	}
	if rec := func() shadow.Record { b.get(t, "/"); return b.records.wait(t, 21)[20] }(); rec.Bucket != shadow.Equal {
		t.Errorf("a GET is compared all the same: %s %s", rec.Bucket, rec.Why)
	}
	b.settings.Body = 4096
	if err := b.mirrors.Apply([]shadow.Settings{b.settings}); err != nil {
		t.Fatal(err)
	}
	post(b, 21, none)

	again := newBed(t, says(`1`), service.serve, dryRun, withClock(clock), change)
	post(again, 0, none)
	kept.resume("faq")
	post(again, 10, "1 requests, map[shadow_error no_ack:1 skipped_unsafe no_proof:9]")
	kept.resume("faq")
	service.ackRequest.Store(true)
	for n := range 3 {
		if rec := again.post(t, 21+n); rec.Bucket != shadow.Equal {
			t.Errorf("mended and resumed: %s %s", rec.Bucket, rec.Why)
		}
	}
}

// After an error the shadow has to prove it anew.
func TestAnErrorIsADoubt(t *testing.T) {
	t.Parallel()
	service := newCareful(true, true)
	var broken atomic.Bool
	b := newBed(t, says(`1`), func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() && r.Method == http.MethodPost {
			panic(http.ErrAbortHandler)
		}
		service.serve(w, r)
	}, dryRun)
	b.post(t, 1)
	broken.Store(true)
	if rec := b.post(t, 2); rec.Bucket != shadow.ShadowError {
		t.Errorf("%s %s", rec.Bucket, rec.Why)
	}
	broken.Store(false)
	if b.post(t, 3); service.probes.Load() != 2 {
		t.Errorf("%d probes", service.probes.Load())
	}
}
