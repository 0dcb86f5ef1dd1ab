package proxy_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// attempt asks without minding how it ends, and reads the answer.
func attempt(t *testing.T, method, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Error(err)
		return
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if res, err := client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}

// A service whose every answer breaks off is down, although the heads come.
func TestBrokenBodiesOpenTheBreaker(t *testing.T) {
	t.Parallel()
	breaking := func(text string) func(*testing.T) string {
		return func(t *testing.T) string { t.Helper(); return upstream.Breaking(t, text).URL }
	}
	aborting := func(t *testing.T) []scheme {
		t.Helper()
		return schemes(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	}(t)
	for name, start := range map[string]func(*testing.T) string{
		"length": breaking(upstream.HalfBody), "chunked": breaking(upstream.HalfChunk),
		"h2c":            func(*testing.T) string { return aborting[3].url },
		"unix":           func(*testing.T) string { return aborting[4].url },
		"503 and broken": breaking("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nhalf"),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} { // lean and not
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.Breaker.OpenFor = time.Hour }, start(t))
				f := split(t, s, monolith(t, answering(t, "monolith")), routes.Fallback{})
				for i := range 5 {
					if got := s.Status().Breaker; got != proxy.BreakerClosed {
						t.Fatalf("%s after %d", got, i)
					}
					attempt(t, method, f.URL)
					f.result(t)
				}
				if got := s.Status(); got.Breaker != proxy.BreakerOpen {
					t.Errorf("after 5 answers that broke off: %+v", got)
				}
				if _, text := do(t, http.MethodPost, f.URL, "x"); text != "monolith" {
					t.Errorf("%q answered", text)
				}
			})
		}
	}
}

// A client that leaves in the middle of an answer says nothing about the
// service: neither against it, nor for it.
func TestClientThatLeavesIsNoVerdict(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	b := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "service")
		if r.URL.Path == "/long" {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})
	s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.Breaker.OpenFor = 200 * time.Millisecond }, b.URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), routes.Fallback{})
	for range 5 {
		do(t, http.MethodGet, f.URL, "")
		f.result(t)
	}
	well.Store(true)
	eventually(t, "half open", func() bool { return s.Status().Breaker == proxy.BreakerHalfOpen })
	c := dialRaw(t, f.URL).say("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(c.Reader, nil); err != nil {
		t.Fatal(err)
	}
	if got := s.Status().Breaker; got != proxy.BreakerHalfOpen {
		t.Errorf("%s by the head of an answer", got)
	}
	_ = c.Close()
	f.result(t)
	if got := s.Status(); got.Breaker != proxy.BreakerHalfOpen || got.Failures != 5 {
		t.Errorf("after the client left: %+v", got)
	}
	if _, text := do(t, http.MethodGet, f.URL, ""); text != "service" || s.Status().Breaker != proxy.BreakerClosed {
		t.Errorf("the next trial: %q, %s", text, s.Status().Breaker)
	}
}

// trial is a service that was down and whose one trial is under way at path.
func trial(t *testing.T, path string, handler http.HandlerFunc) (*proxy.Target, *front) {
	t.Helper()
	var well atomic.Bool
	b := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.URL.Path == path {
			handler(w, r)
		}
		_, _ = io.WriteString(w, "service")
	})
	s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.Breaker.OpenFor = time.Second }, b.URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), routes.Fallback{})
	for range 5 {
		do(t, http.MethodGet, f.URL, "")
	}
	well.Store(true)
	eventually(t, "half open", func() bool { return s.Status().Breaker == proxy.BreakerHalfOpen })
	go attempt(t, http.MethodGet, f.URL+path)
	return s, f
}

// asked waits until a request is a trial, or is refused as there is one.
func asked(t *testing.T, s *proxy.Target) {
	t.Helper()
	eventually(t, "the trial", func() bool { return s.Status().InFlight+s.Status().Streams == 1 })
}

// A trial that takes long does not keep the service from everybody else.
func TestLongTrials(t *testing.T) {
	t.Parallel()
	flush := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	for name, c := range map[string]struct {
		during  func(w http.ResponseWriter, end <-chan struct{})
		meant   string // who serves others as long as the trial is all there is
		closing bool   // the trial itself closes the breaker
	}{
		"no head": {func(_ http.ResponseWriter, end <-chan struct{}) { <-end }, "monolith", false},
		"a body that comes": {func(w http.ResponseWriter, end <-chan struct{}) {
			for {
				select {
				case <-end:
					return
				case <-time.After(10 * time.Millisecond):
					_, _ = io.WriteString(w, "some")
					flush(w)
				}
			}
		}, "monolith", true},
		"events": {func(w http.ResponseWriter, end <-chan struct{}) {
			w.Header().Set("Content-Type", "text/event-stream")
			flush(w)
			<-end
		}, "service", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := make(chan struct{})
			s, f := trial(t, "/long", func(w http.ResponseWriter, _ *http.Request) { c.during(w, end) })
			defer close(end)
			asked(t, s)
			if c.meant == "service" {
				eventually(t, "a closed breaker", func() bool { return s.Status().Breaker == proxy.BreakerClosed })
			}
			if _, text := do(t, http.MethodGet, f.URL, ""); text != c.meant {
				t.Errorf("%q answered beside the trial, want the %s", text, c.meant)
			}
			if c.closing {
				eventually(t, "a closed breaker", func() bool { return s.Status().Breaker == proxy.BreakerClosed })
			}
			eventually(t, "the service to be asked again", func() bool {
				_, text := do(t, http.MethodGet, f.URL, "")
				return text == "service"
			})
			if got := s.Status(); got.Breaker != proxy.BreakerClosed || got.InFlight+got.Streams != 1 {
				t.Errorf("%+v; want closed, with the first trial still under way", got)
			}
		})
	}
}

// A trial that was given back as undecided and fails then opens the breaker.
func TestLateFailureOfATrialCounts(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	s, _ := trial(t, "/long", func(http.ResponseWriter, *http.Request) {
		<-end
		panic(http.ErrAbortHandler)
	})
	asked(t, s)
	<-time.After(1200 * time.Millisecond) // longer than the trial is waited for
	if got := s.Status().Breaker; got != proxy.BreakerHalfOpen {
		t.Errorf("%s", got)
	}
	close(end)
	eventually(t, "an open breaker", func() bool { return s.Status().Breaker == proxy.BreakerOpen })
}
