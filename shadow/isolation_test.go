package shadow_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
)

// hung waits until the client leaves, or the test is over.
func hung(tb testing.TB) http.HandlerFunc {
	tb.Helper()
	over := make(chan struct{})
	tb.Cleanup(func() { close(over) })
	return func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}
}

// drip sends a byte a second after the head.
func drip(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		_, _ = io.WriteString(w, " ")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

// closesEarly promises more than it sends.
func closesEarly(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, _ := http.NewResponseController(w).Hijack()
	_, _ = io.WriteString(buffered, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
	_ = buffered.Flush()
	_ = conn.Close()
}

func huge(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// The client's answer is the same, and as fast, whatever the shadow does.
func TestClientsNoticeNothing(t *testing.T) {
	t.Parallel()
	page := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2; Path=/")
		w.Header().Set("Date", "Mon, 02 Nov 2026 08:00:00 GMT")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"path":"`+r.URL.Path+`",`)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, `"big":"`+strings.Repeat("y", 70<<10)+`"}`)
	}
	for name, test := range map[string]struct {
		service http.HandlerFunc
		want    shadow.Bucket
		why     string
		adapt   change
	}{
		"hung":         {service: nil, want: shadow.ShadowTimeout, why: "timeout"},
		"slow":         {service: drip, want: shadow.ShadowTimeout, why: "timeout"},
		"panics":       {service: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: shadow.ShadowError, why: "broken"},
		"huge":         {service: huge, want: shadow.Different, why: ""},
		"redirects":    {service: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, want: shadow.Different},
		"closes early": {service: closesEarly, want: shadow.ShadowError, why: "broken"},
		"equal":        {service: page, want: shadow.Equal},
		"sets cookies": {service: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Set-Cookie", "stolen=1")
			w.Header().Add("Set-Cookie", "b=9; Path=/")
			page(w, r)
		}, want: shadow.Different},
		"down": {service: page, want: shadow.ShadowError, why: "connect", adapt: func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
			s.Service.URLs = []string{"http://" + unused(t)}
		}},
		"no HTTP": {service: page, want: shadow.ShadowError, why: "broken", adapt: func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
			s.Service.URLs = []string{"http://" + gibberish(t)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := test.service
			if service == nil {
				service = hung(t)
			}
			adapt := test.adapt
			if adapt == nil {
				adapt = func(*shadow.Options, *shadow.Settings, *bed) {}
			}
			b := newBed(t, page, service, adapt, func(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.Timeout = time.Second })
			plain := httptest.NewServer(http.HandlerFunc(page))
			defer plain.Close()
			want := (&bed{Server: plain}).get(t, "/v1/faq")
			got := b.get(t, "/v1/faq")
			if got.status != want.status || got.body != want.body || fmt.Sprint(got.header) != fmt.Sprint(want.header) {
				t.Errorf("got %d %v, want %d %v; body equal: %v", got.status, got.header, want.status, want.header, got.body == want.body)
			}
			if got.took > 900*time.Millisecond {
				t.Errorf("the client waited %s", got.took)
			}
			rec := b.records.one(t)
			if rec.Bucket != test.want || rec.Why != test.why {
				t.Errorf("%s %q, want %s %q: %+v", rec.Bucket, rec.Why, test.want, test.why, rec.Result.Differences)
			}
			if name == "huge" && (!rec.Service.Answer.Truncated || len(rec.Service.Answer.Body) != 1<<20) {
				t.Errorf("kept %d bytes", len(rec.Service.Answer.Body))
			}
		})
	}
}

// unused is an address where nobody listens.
func unused(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_ = l.Close()
	return l.Addr().String()
}

// gibberish is a server that does not speak HTTP.
func gibberish(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, "\x00\xff nonsense\r\n\r\n")
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// A hung shadow takes its workers and its queue, and nothing else.
//
// It is not parallel: it counts goroutines.
func TestHungShadowIsBounded(t *testing.T) {
	b := newBed(t, says(`1`), hung(t), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		o.Queue, s.InFlight, s.Timeout = 8, 4, 10*time.Second
	})
	before := runtime.NumGoroutine()
	const n = 200
	var slowest time.Duration
	for range n {
		slowest = max(slowest, b.get(t, "/").took)
	}
	s := b.status()
	if s.InFlight != 4 || s.Queued != 8 || s.Buckets["dropped_queue_full"] != n-12 {
		t.Errorf("%+v", s)
	}
	// Each of the four asks has two goroutines of a transport, two of a server.
	if grown := runtime.NumGoroutine() - before; grown > 60 {
		t.Errorf("%d goroutines more", grown)
	}
	if slowest > time.Second {
		t.Errorf("a client waited %s", slowest)
	}
	b.mirrors.Close()
	got := buckets(b.records.wait(t, n))
	if got["dropped_queue_full queue"] != n-12 || got["dropped_queue_full closed"] != 12 {
		t.Errorf("%v", got)
	}
	if held := b.status().Bytes; held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	big := says(`"` + strings.Repeat("z", 100<<10) + `"`)
	b := newBed(t, big, hung(t), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		o.Bytes, s.InFlight, s.Timeout = 1<<20, 2, 10*time.Second
	})
	const n = 50
	for range n {
		if a := b.get(t, "/"); len(a.body) != 100<<10+2 {
			t.Fatalf("%d bytes", len(a.body))
		}
		if s := b.status(); s.Bytes > s.Budget {
			t.Fatalf("%d bytes held of %d", s.Bytes, s.Budget)
		}
	}
	if s := b.status(); s.Buckets["dropped_queue_full"] < n-8 {
		t.Errorf("%+v", s)
	}
	b.mirrors.Close()
	if got := buckets(b.records.wait(t, n)); got["dropped_queue_full memory"] < n-8 {
		t.Errorf("%v", got)
	}
	if held := b.status().Bytes; held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

// A panic of what takes records must not end the process, nor the worker.
func TestPanicsAreCaught(t *testing.T) {
	t.Parallel()
	first := true
	b := newBed(t, says(`1`), says(`1`), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		s.InFlight = 1
		o.Outgoing = func(_, _ string, h http.Header, _ shadow.Client) http.Header {
			if first {
				first = false
				panic("a defect")
			}
			return h
		}
	})
	b.get(t, "/1")
	b.records.wait(t, 1)
	b.get(t, "/2")
	got := buckets(b.records.wait(t, 2))
	if got["not_comparable panic"] != 1 || got["equal "] != 1 || b.status().Panics != 1 {
		t.Errorf("%v %+v", got, b.status())
	}
}
