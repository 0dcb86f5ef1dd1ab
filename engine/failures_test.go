package engine

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
)

// What failed is in the log, once a second for each target, with what the
// records between left out.
func TestFailuresAreLogged(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	b := newBed(t, mixed, func(_ *bed, o *Options) {
		o.Now = func() time.Time { return time.Unix(0, now.Load()) }
	})
	b.service.Close()
	response, _ := b.do(http.MethodGet, "/full/1", nil)
	records := func() []string { return b.logs.lines("forwarding failed") }
	eventually(t, "a record", func() bool { return len(records()) == 1 })
	for _, want := range []string{
		"level=WARN", "target=faq", "route=full", "kind=connect", "status=502", "fallback=true", "left_out=0",
		"connection refused", "request_id=" + response.Header.Get("X-Request-ID"),
	} {
		if !strings.Contains(records()[0], want) {
			t.Errorf("no %s in %s", want, records()[0])
		}
	}
	for range 3 {
		b.do(http.MethodGet, "/full/1", nil)
	}
	// Another target has records of its own; here it is nobody's fallback.
	b.monolith.Close()
	b.do(http.MethodGet, "/plain", nil)
	eventually(t, "a record of the monolith", func() bool { return len(records()) == 2 })
	if got := records()[1]; !strings.Contains(got, "target=monolith route=plain kind=connect") || !strings.Contains(got, "fallback=false") {
		t.Errorf("%s", got)
	}
	now.Add(int64(time.Second))
	b.do(http.MethodGet, "/full/1", nil) // the service fails, then the monolith
	eventually(t, "two records more", func() bool { return len(records()) == 4 })
	if got := strings.Join(records()[2:], ""); !strings.Contains(got, "left_out=3") || !strings.Contains(got, "left_out=0") {
		t.Errorf("%s", got)
	}
}

// stuck is a log that nobody reads.
type stuck struct{ asked, release chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	s.asked <- struct{}{}
	<-s.release
	return len(p), nil
}

func TestStuckLogStopsNobody(t *testing.T) {
	t.Parallel()
	s := stuck{make(chan struct{}, 100), make(chan struct{})}
	l := &failureLog{target: "faq"}
	e := &Engine{log: slog.New(slog.NewTextHandler(s, nil))}
	now := time.Unix(0, 0)
	e.now = func() time.Time { now = now.Add(time.Minute); return now }
	for range 10 {
		e.tell(l, new(Result), &proxy.Failure{Kind: proxy.KindError, Status: 502, Err: http.ErrNotSupported}, false)
	}
	<-s.asked
	if n := len(s.asked); n != 0 || l.left.Load() != 9 {
		t.Errorf("%d records wait, %d were left out; want one and 9", n+1, l.left.Load())
	}
	close(s.release)
	eventually(t, "the end of the record", func() bool { return !l.writing.Load() })
}
