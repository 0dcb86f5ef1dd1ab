package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// scheme is a server that speaks one of the protocols of a target.
type scheme struct {
	name, url, proto string
	tls              *tls.Config
}

func schemes(t *testing.T, handler http.HandlerFunc) []scheme {
	t.Helper()
	h1 := backend(t, handler)
	secure := func(h2 bool) (*httptest.Server, *tls.Config) {
		s := httptest.NewUnstartedServer(handler)
		s.EnableHTTP2 = h2
		s.StartTLS()
		t.Cleanup(s.Close)
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		return s, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	tls1, roots1 := secure(false)
	tls2, roots2 := secure(true)
	h2c := httptest.NewUnstartedServer(handler)
	h2c.Config.Protocols = new(http.Protocols)
	h2c.Config.Protocols.SetUnencryptedHTTP2(true)
	h2c.Start()
	t.Cleanup(h2c.Close)
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	unix := httptest.NewUnstartedServer(handler)
	_ = unix.Listener.Close()
	unix.Listener = ln
	unix.Start()
	t.Cleanup(unix.Close)
	return []scheme{
		{"http", h1.URL, "HTTP/1.1", nil},
		{"https", tls1.URL, "HTTP/1.1", roots1},
		{"https h2", tls2.URL, "HTTP/2.0", roots2},
		{"h2c", strings.Replace(h2c.URL, "http:", "h2c:", 1), "HTTP/2.0", nil},
		{"unix", "unix://" + socket, "HTTP/1.1", nil},
	}
}

func TestNewRefusesURLs(t *testing.T) {
	t.Parallel()
	for _, urls := range [][]string{
		{}, {""}, {"127.0.0.1:80"}, {"ftp://h"}, {"http://"}, {"http://h/base"}, {"http://h?q"}, {"http://h#f"}, {"http://u:p@h"},
		{"unix://"}, {"unix://host/path"}, {"http://h:port"}, make([]string, 65),
	} {
		if _, err := proxy.New(&routes.Target{Name: "faq", URLs: urls}, proxy.Options{}); err == nil || !strings.Contains(err.Error(), "faq") {
			t.Errorf("%v: %v", urls, err)
		}
	}
}

func TestTargetTakesTurns(t *testing.T) {
	t.Parallel()
	urls := make([]string, 0, 3)
	for i := range 3 {
		urls = append(urls, answering(t, fmt.Sprint(i)))
	}
	f := before(t, service(t, urls...))
	got := map[string]int{}
	for range 12 {
		_, body := do(t, "GET", f.URL, "")
		got[body]++
	}
	if got["0"] != 4 || got["1"] != 4 || got["2"] != 4 {
		t.Errorf("the URLs got %v of 12 requests", got)
	}
}

func TestTargetFailedDialMovesOn(t *testing.T) {
	t.Parallel()
	var seen record
	s := service(t, upstream.Refused(t), "https"+strings.TrimPrefix(answering(t, ""), "http"), backend(t, seen.handler).URL)
	f := before(t, s)
	want := strings.Repeat("u", 1<<20)
	for range 6 {
		if res, body := do(t, "POST", f.URL, want); res.StatusCode != http.StatusOK || body != "recorded" {
			t.Fatalf("answer %d %q", res.StatusCode, body)
		}
	}
	for _, body := range seen.body {
		if body != want {
			t.Errorf("a body of %d bytes came, want %d", len(body), len(want))
		}
	}
	if u := s.Status().URLs; u[0].Up || u[1].Up || !u[2].Up {
		t.Errorf("urls: %v", u)
	}
}

// dialer is a transport that counts, and cannot dial while down.
type dialer struct {
	down  atomic.Bool
	tries atomic.Int64
}

func (d *dialer) RoundTrip(*http.Request) (*http.Response, error) {
	d.tries.Add(1)
	if d.down.Load() {
		return nil, proxy.DialError(errors.New("refused"))
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}, nil
}

func serve(t *testing.T, up proxy.Upstream, c proxy.Call) error {
	t.Helper()
	return up.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), &c)
}

func kindOf(err error) proxy.Kind {
	var f *proxy.Failure
	if errors.As(err, &f) {
		return f.Kind
	}
	return ""
}

func TestTargetAvoidsADeadURLForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := new(dialer)
		s := target(t, proxy.Options{Transport: d}, nil, "http://a", "http://b")
		d.down.Store(true)
		if err := serve(t, s, proxy.Call{}); kindOf(err) != proxy.KindConnect || d.tries.Load() != 2 {
			t.Errorf("%v after %d tries, want connect after 2", err, d.tries.Load())
		}
		if u := s.Status().URLs; u[0].Up || u[1].Up {
			t.Errorf("urls %v, want both down", u)
		}
		time.Sleep(3 * time.Second) //nolint:forbidigo // a bubble's clock
		if u := s.Status().URLs; !u[0].Up || !u[1].Up {
			t.Errorf("urls %v, want another try after 3 s", u)
		}
		d.down.Store(false)
		if err := serve(t, s, proxy.Call{}); err != nil {
			t.Error(err)
		}
	})
}

func TestTargetBulkhead(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	b := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	})
	s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.MaxInFlight = 2 }, b.URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), routes.Fallback{})
	t.Cleanup(free)
	get := func(path string) {
		res, err := f.Client().Get(f.URL + path)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}
	for i := range int64(3) {
		go get("/events")
		eventually(t, "a stream", func() bool { return s.Status().Streams == i+1 && s.Status().InFlight == 0 })
	}
	go get("/")
	go get("/")
	eventually(t, "2 in flight", func() bool { return s.Status().InFlight == 2 })
	_, body := do(t, "POST", f.URL, "x")
	if got := f.result(t); body != "monolith" || got.Fallback != proxy.KindBusy {
		t.Errorf("%q %+v, want the monolith as the service is busy", body, got)
	}
	free()
	eventually(t, "an empty service", func() bool { return s.Status().Streams == 0 && s.Status().InFlight == 0 })
	if got := s.Status().Failures; got != 0 {
		t.Errorf("%d failures", got)
	}
}

func TestTargetTimeouts(t *testing.T) {
	t.Parallel()
	hung := upstream.Hung(t)
	s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.Timeouts.FirstByte = 80 * time.Millisecond }, hung.URL)
	start := time.Now()
	if err := serve(t, s, proxy.Call{Timeout: time.Minute}); kindOf(err) != proxy.KindTimeout {
		t.Errorf("target's: %v", err)
	}
	if took := time.Since(start); took < 80*time.Millisecond || took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	s = service(t, hung.URL)
	if err := serve(t, s, proxy.Call{Timeout: time.Millisecond}); kindOf(err) != proxy.KindTimeout {
		t.Errorf("route's: %v", err)
	}
}

// slow is a transport whose answer's head takes head, and each of its pieces
// takes piece.
type slow struct {
	head, piece time.Duration
	pieces      int
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	case <-time.After(s.head):
	}
	read, write := io.Pipe()
	go func() {
		for range s.pieces {
			select {
			case <-r.Context().Done():
				_ = write.CloseWithError(context.Cause(r.Context()))
				return
			case <-time.After(s.piece):
				_, _ = io.WriteString(write, "piece")
			}
		}
		_ = write.Close()
	}()
	return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: read, Header: http.Header{}}, nil
}

func TestTargetWaitsExactlyAsLongAsItMay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		slow  slow
		route time.Duration
		kind  proxy.Kind
		after time.Duration
	}{
		{"quick", slow{time.Second, time.Second, 3}, 0, "", 4 * time.Second},
		{"slow head", slow{59 * time.Second, 0, 1}, 0, "", 59 * time.Second},
		{"no head", slow{61 * time.Second, 0, 1}, 0, proxy.KindTimeout, 60 * time.Second},
		{"no head for the route", slow{61 * time.Second, 0, 1}, 3 * time.Second, proxy.KindTimeout, 3 * time.Second},
		{"the route may not wait longer", slow{61 * time.Second, 0, 1}, time.Hour, proxy.KindTimeout, 60 * time.Second},
		{"slow body", slow{0, 99 * time.Second, 5}, 0, "", 495 * time.Second},
		{"silent body", slow{50 * time.Second, 101 * time.Second, 5}, 0, proxy.KindBroken, 150 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := target(t, proxy.Options{Transport: c.slow}, func(rt *routes.Target) { rt.Timeouts.Idle = 100 * time.Second }, "http://a")
				for range 3 { // the second time with the first one's alarm
					start := time.Now()
					err := serve(t, s, proxy.Call{Timeout: c.route})
					if took := time.Since(start); kindOf(err) != c.kind || took != c.after {
						t.Errorf("%v after %v, want %q after %v", err, took, c.kind, c.after)
					}
				}
			})
		})
	}
}

func TestTargetDialTimeout(t *testing.T) {
	t.Parallel()
	// A server that accepts but never shakes hands.
	silent := upstream.Start(t, func(c *upstream.Conn) { c.WaitClosed() })
	s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.Timeouts.Dial = 50 * time.Millisecond },
		strings.Replace(silent.URL, "http:", "https:", 1))
	if err := serve(t, s, proxy.Call{}); kindOf(err) != proxy.KindConnect {
		t.Errorf("got %v, want connect", err)
	}
}

func TestTargetIdleBody(t *testing.T) {
	t.Parallel()
	for kind, broken := range map[string]bool{
		"text/html": true, "": true, "text/event-stream": false, "Text/Event-Stream; charset=utf-8": false, "application/grpc+proto": false,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			up := upstream.Start(t, func(c *upstream.Conn) {
				if _, err := c.Request(); err != nil {
					return
				}
				c.Say("HTTP/1.1 200 OK\r\nContent-Type: " + kind + "\r\nContent-Length: 8\r\n\r\nhalf")
				if broken {
					c.WaitClosed()
					return
				}
				<-time.After(300 * time.Millisecond)
				c.Say("half")
			})
			s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.Timeouts.Idle = 50 * time.Millisecond }, up.URL)
			f := before(t, s)
			res, err := f.Client().Get(f.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			if got := f.result(t); broken != (err != nil) || broken != (kindOf(errOf(got)) == proxy.KindBroken) {
				t.Errorf("body %q, %v; %v", body, err, got.err)
			}
		})
	}
}

func errOf(r result) error {
	if r.err == nil {
		return nil
	}
	return r.err
}

func TestTargetSlowClientIsNotIdle(t *testing.T) {
	t.Parallel()
	// Neither a slow upload nor a slow download is the target's silence.
	size := 8 << 20
	b := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(make([]byte, size))
	})
	s := target(t, proxy.Options{}, func(rt *routes.Target) {
		rt.Timeouts = routes.Timeouts{FirstByte: 300 * time.Millisecond, Idle: 300 * time.Millisecond}
	}, b.URL)
	f := before(t, s)
	c := dialRaw(t, f.URL).say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n")
	for range 4 {
		<-time.After(200 * time.Millisecond)
		c.say("x")
	}
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Second) // the client's buffers are full long since
	if n, err := io.Copy(io.Discard, res.Body); n != int64(size) || err != nil {
		t.Errorf("%d bytes, %v; want %d", n, err, size)
	}
	if got := f.result(t); got.err != nil {
		t.Error(got.err)
	}
}

func TestStatusJSON(t *testing.T) {
	t.Parallel()
	s := service(t, "http://127.0.0.1:1")
	status := s.Status()
	if status.Since.IsZero() || status.Since.After(time.Now()) {
		t.Errorf("since %s", status.Since)
	}
	status.Since = time.Unix(0, 0).UTC()
	got, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"faq","urls":[{"url":"http://127.0.0.1:1","up":true}],"breaker":"closed","in_flight":0,"streams":0,"max_in_flight":1024,"failures":0,"since":"1970-01-01T00:00:00Z"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
