package proxy_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

func TestTargetBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := new(dialer)
		s := target(t, proxy.Options{Transport: d}, func(rt *routes.Target) { rt.Breaker.Failures = 100 }, "http://a")
		d.down.Store(true)
		for i := range 10 {
			if got := s.Status().Breaker; got != proxy.BreakerClosed {
				t.Fatalf("%s after %d failures", got, i)
			}
			_ = serve(t, s, proxy.Call{})
		}
		if got := s.Status(); got.Breaker != proxy.BreakerOpen || got.Failures != 10 || got.LastError != "connect: refused" {
			t.Errorf("after 10 failures: %+v", got)
		}
		if err := serve(t, s, proxy.Call{}); kindOf(err) != proxy.KindOpen || d.tries.Load() != 10 {
			t.Errorf("%v, want open and nothing tried", err)
		}
		time.Sleep(5*time.Second + 1) //nolint:forbidigo // a bubble's clock
		if got := s.Status().Breaker; got != proxy.BreakerHalfOpen {
			t.Errorf("%s after 5 s", got)
		}
		d.down.Store(false)
		if err := serve(t, s, proxy.Call{}); err != nil || s.Status().Breaker != proxy.BreakerClosed {
			t.Errorf("%v, %s; want it back", err, s.Status().Breaker)
		}
		d.down.Store(true)
		m := target(t, proxy.Options{Transport: d, Monolith: true}, nil, "http://a")
		for range 50 {
			if err := serve(t, m, proxy.Call{}); kindOf(err) != proxy.KindConnect {
				t.Fatalf("monolith: %v, want connect every time", err)
			}
		}
		if got := m.Status().Breaker; got != proxy.BreakerNone {
			t.Errorf("monolith: %s", got)
		}
	})
}

func TestTargetBreakerCountsOnlyWhatIsTheServicesFault(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{500: proxy.BreakerClosed, 404: proxy.BreakerClosed, 502: proxy.BreakerOpen, 503: proxy.BreakerOpen, 504: proxy.BreakerOpen} {
		s := service(t, backend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }).URL)
		for range 5 {
			if err := serve(t, s, proxy.Call{}); err != nil {
				t.Error(err)
			}
		}
		if got := s.Status().Breaker; got != want {
			t.Errorf("after answers %d: %s, want %s", status, got, want)
		}
	}
}

// logLines takes what a logger writes, a line at a time.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// A success that was asked for before the breaker opened does not let requests
// through again: a POST would reach the dead service instead of the monolith.
func TestLateSuccessLeavesTheBreakerOpen(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan bool), make(chan bool)
	var dead atomic.Int32
	b := backend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			close(arrived)
			<-release
		case "/dead":
			dead.Add(1)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	logged := make(logLines, 16)
	s := target(t, proxy.Options{Logger: slog.New(slog.NewTextHandler(logged, nil))},
		func(rt *routes.Target) { rt.Breaker.OpenFor = time.Hour }, b.URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), routes.Fallback{})
	do(t, http.MethodGet, f.URL, "") // from now on the breaker is asked
	slow := make(chan bool)
	go func() {
		defer close(slow)
		do(t, http.MethodGet, f.URL+"/slow", "")
	}()
	<-arrived
	for range 6 {
		do(t, http.MethodGet, f.URL, "")
	}
	if line := <-logged; !strings.Contains(line, "state=open") || !strings.Contains(line, "status:") {
		t.Errorf("logged: %s", line)
	}
	close(release)
	<-slow
	if _, text := do(t, http.MethodPost, f.URL+"/dead", "x"); text != "monolith" || dead.Load() != 0 {
		t.Errorf("breaker %s: %q answered, the service was asked %d times", s.Status().Breaker, text, dead.Load())
	}
}

// A client that sends its body slowly cannot keep a service that is well again
// from everybody else.
func TestSlowBodyIsNotTheTrialOfAService(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	b := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "service")
	})
	// Half open lasts as long as open did before a body may be the trial.
	s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.Breaker.OpenFor = 2 * time.Second }, b.URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), routes.Fallback{})
	for range 6 {
		do(t, http.MethodGet, f.URL, "")
	}
	well.Store(true)
	eventually(t, "half open", func() bool { return s.Status().Breaker == proxy.BreakerHalfOpen })
	slow := dialRaw(t, f.URL).say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\na")
	defer slow.Close()
	if _, text := do(t, http.MethodPost, f.URL, "body"); text != "monolith" {
		t.Errorf("a body was the trial: %q", text)
	}
	if _, text := do(t, http.MethodGet, f.URL, ""); text != "service" {
		t.Errorf("the trial: %q, breaker %s", text, s.Status().Breaker)
	}
}
