package shadow_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/strangler-proxy/strangler/shadow"
)

// The budget is only worth what it counts: all that waits, and nothing else,
// is what a request leaves behind.
func TestWhatWaitsIsWhatIsCounted(t *testing.T) { //nolint:paralleltest // it measures the heap
	b := newBed(t, says(`1`), hung(t), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		o.Queue, s.InFlight, s.Timeout = 4096, 1, time.Hour
	})
	body := []byte(strings.Repeat("x", 300))
	serve := mirrored(b.mirrors.Route("faq"), shadow.Ending{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write(body)
	})
	heap := func() int64 {
		var s runtime.MemStats
		for range 3 { // pools keep what is free for two collections
			runtime.GC()
		}
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	for range 10 {
		serve(&sink{http.Header{}}, benchRequest(t))
	}
	before, counted := heap(), b.status().Bytes
	for range 4000 {
		r := benchRequest(t)
		r.Header.Set("Cookie", strings.Repeat("c", 500)) // each its own
		serve(&sink{http.Header{"Server": {strings.Repeat("s", 50)}}}, r)
	}
	grown, counted := heap()-before, b.status().Bytes-counted
	if grown > counted*11/10 || grown < counted/2 {
		t.Errorf("4000 that wait take %d bytes of the heap, counted are %d", grown, counted)
	}
	t.Logf("each takes %d bytes, counted are %d", grown/4000, counted/4000)
}

// A connection takes much more than the copy of what came by it.
func TestWhatWaitsKeepsNoConnectionAlive(t *testing.T) {
	t.Parallel()
	never := hung(t)
	b := newBed(t, says(`1`), func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or it would not hear of the end
		never(w, r)
	}, func(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.InFlight, s.Timeout = 1, time.Hour })
	m := b.mirrors.Route("faq")
	wait := func() (weak.Pointer[sink], weak.Pointer[http.Request]) {
		w, r := &sink{http.Header{}}, benchRequest(t)
		r.Body = io.NopCloser(strings.NewReader("body"))
		r.ContentLength = 4
		mirrored(m, shadow.Ending{}, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })(w, r)
		return weak.Make(w), weak.Make(r)
	}
	wait() // is under way
	w, r := wait()
	runtime.GC()
	if w.Value() != nil || r.Value() != nil {
		t.Errorf("writer %v, request %v", w.Value(), r.Value())
	}
	if s := b.status(); s.Queued+s.InFlight != 2 {
		t.Errorf("%d wait, %d are under way", s.Queued, s.InFlight)
	}
}
