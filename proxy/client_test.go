package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

func TestConnectIsRefused(t *testing.T) {
	t.Parallel()
	var seen record
	b := backend(t, seen.handler)
	f := unstarted(t, func(*http.Request) proxy.Plan {
		return proxy.Plan{Arm: routes.Service, Service: service(t, b.URL), Monolith: monolith(t, b.URL), Fallback: everything}
	})
	f.EnableHTTP2 = true
	f.StartTLS()
	plain := before(t, monolith(t, b.URL))
	for _, line := range []string{"CONNECT h:80 HTTP/1.1", "CONNECT / HTTP/1.1", "CONNECT http://h/ HTTP/1.1"} {
		res, _ := dialRaw(t, plain.URL).say(line + "\r\nHost: h:80\r\n\r\n").answer("GET")
		if res.StatusCode != http.StatusMethodNotAllowed && res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", line, res.StatusCode)
		}
	}
	if status := h2Status(t, f, ":method", "CONNECT", ":authority", "h:80"); status != "405" {
		t.Errorf("HTTP/2: %s", status)
	}
	err := monolith(t, b.URL).Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodConnect, "/", nil), new(proxy.Call))
	var refused *proxy.Failure
	if !errors.As(err, &refused) || refused.Status != 405 {
		t.Errorf("Serve: %v", err)
	}
	if seen.count() != 0 {
		t.Error("it was forwarded")
	}
}

// h2Status sends one HTTP/2 request made of any fields, and returns :status.
func h2Status(t *testing.T, f *front, fields ...string) string {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	conn, err := d.DialContext(t.Context(), "tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, bufio.NewReader(conn))
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	err = errors.Join(framer.WriteSettings(), framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: true,
	}))
	if err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			return frame.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return frame.ErrCode.String()
		}
	}
}

// TestHTTP2ClientsCannotWriteRequestLines: what HTTP/2 lets through must not be
// forwarded where it would mean something else, nor look like the target's fault.
func TestHTTP2ClientsCannotWriteRequestLines(t *testing.T) {
	t.Parallel()
	var seen record
	s := service(t, backend(t, seen.handler).URL)
	f := unstarted(t, func(*http.Request) proxy.Plan {
		return proxy.Plan{Arm: routes.Service, Service: s, Monolith: s}
	})
	f.EnableHTTP2 = true
	f.StartTLS()
	ok := []string{":method", "GET", ":scheme", "https", ":authority", "h", ":path", "/"}
	if status := h2Status(t, f, ok...); status != "200" {
		t.Fatalf("a good request: %s", status)
	}
	for i, bad := range map[int]string{1: "GE T", 5: "h h", 7: "/a b HTTP/1.1"} {
		fields := append([]string(nil), ok...)
		fields[i] = bad
		if status := h2Status(t, f, fields...); status != "400" && status != "PROTOCOL_ERROR" {
			t.Errorf("%s %q: %s", fields[i-1], bad, status)
		}
	}
	for _, more := range [][]string{{":path", "/?q HTTP/1.1"}, {":path", "*"}, {"trailer", "a b"}, {"trailer", "x\x80"}} {
		fields := append(append([]string(nil), ok[:6]...), more...)
		if more[0] != ":path" {
			fields = append(append([]string(nil), ok...), more...)
		}
		if status := h2Status(t, f, fields...); status == "200" && more[1] != "*" && more[1] != "x\x80" || status == "502" {
			t.Errorf("%q: %s", more, status)
		}
	}
	if got := s.Status(); got.Failures != 0 {
		t.Errorf("held against the service: %+v", got)
	}
}

func TestGarbageFromTheClientIsItsOwnFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, request string
		leaves        bool
		kind          proxy.Kind
		status        int
	}{
		{"bad chunk size", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nzz\r\n", false, proxy.KindClient, 400},
		{"bad chunk end", "Transfer-Encoding: chunked\r\n\r\n4\r\nbodyzz", false, proxy.KindClient, 400},
		{"huge chunk size", "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n", false, proxy.KindClient, 400},
		{"cut chunks", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n4\r\nbo", true, proxy.KindCanceled, 499},
		{"cut length", "Content-Length: 100\r\n\r\nbody", true, proxy.KindCanceled, 499},
	} {
		for _, method := range []string{"POST", "PUT"} {
			t.Run(c.name+" "+method, func(t *testing.T) {
				t.Parallel()
				var atService, atMonolith record
				s := service(t, backend(t, atService.handler).URL)
				f := split(t, s, monolith(t, backend(t, atMonolith.handler).URL), everything)
				for range 10 { // more than open a breaker
					conn := dialRaw(t, f.URL).say(method + " / HTTP/1.1\r\nHost: h\r\n" + c.request)
					if c.leaves {
						_ = conn.Conn.(*net.TCPConn).CloseWrite()
					}
					if res, err := http.ReadResponse(conn.Reader, nil); err != nil || res.StatusCode != c.status || !res.Close {
						t.Fatalf("%v, %v; want %d and close", res, err, c.status)
					}
					conn.closed()
					if got := f.result(t); got.err == nil || got.err.Kind != c.kind || got.Arm != routes.Service {
						t.Fatalf("outcome %+v %v, want %s", got.Outcome, got.err, c.kind)
					}
				}
				if got := s.Status(); got.Failures != 0 || got.Breaker != proxy.BreakerClosed {
					t.Errorf("held against the service: %+v", got)
				}
				if n := atService.count() + atMonolith.count(); n != 0 {
					t.Errorf("%d requests arrived whole", n)
				}
			})
		}
	}
}

func TestBodyLimitsOfTheServer(t *testing.T) {
	t.Parallel()
	s := service(t, backend(t, new(record).handler).URL)
	f := unstarted(t, func(*http.Request) proxy.Plan {
		return proxy.Plan{Arm: routes.Service, Service: s, Monolith: s, Fallback: everything}
	})
	inner := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limited := r.WithContext(r.Context())
		limited.Body = http.MaxBytesReader(w, r.Body, 10)
		inner.ServeHTTP(w, limited)
	})
	f.Config.ReadTimeout = 300 * time.Millisecond
	f.Start()
	if res, _ := do(t, "POST", f.URL, strings.Repeat("x", 100)); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", res.StatusCode)
	}
	c := dialRaw(t, f.URL).say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n1")
	if res, err := http.ReadResponse(c.Reader, nil); err != nil || res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%v, %v; want 408", res, err)
	}
	if got := s.Status().Failures; got != 0 {
		t.Errorf("%d failures held against the service", got)
	}
}

// TestEarlyAnswers: a target answers, or fails, before it has read the request.
// The client gets that at once although it still owes bytes, and what it sends
// afterwards is never taken for a request.
func TestEarlyAnswers(t *testing.T) {
	t.Parallel()
	early := func(text string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			return upstream.Start(t, func(c *upstream.Conn) {
				if _, err := c.Request(); err == nil {
					c.Say(text)
					c.WaitClosed()
				}
			}).URL
		}
	}
	reset := func(t *testing.T) string {
		t.Helper()
		return upstream.Start(t, func(c *upstream.Conn) {
			if _, err := c.Request(); err == nil {
				c.Reset()
			}
		}).URL
	}
	for _, c := range []struct {
		name, head string
		start      func(*testing.T) string
		status     int
	}{
		{"413 of known length", "Content-Length: 100000", early("HTTP/1.1 413 Large\r\nContent-Length: 5\r\n\r\nlarge"), 413},
		{"413 to chunks", "Transfer-Encoding: chunked", early("HTTP/1.1 413 Large\r\nContent-Length: 5\r\n\r\nlarge"), 413},
		{"chunked 200", "Content-Length: 100000", early("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlarge\r\n0\r\n\r\n"), 200},
		{"204", "Content-Length: 100000", early("HTTP/1.1 204 No\r\n\r\n"), 204},
		{"refused", "Content-Length: 100000", func(t *testing.T) string { t.Helper(); return upstream.Refused(t) }, 502},
		{"reset", "Content-Length: 100000", reset, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var smuggled record
			f := unstarted(t, func(r *http.Request) proxy.Plan {
				if r.URL.Path == "/smuggled" {
					return proxy.Plan{Monolith: monolith(t, backend(t, smuggled.handler).URL)}
				}
				return proxy.Plan{Monolith: monolith(t, c.start(t))}
			})
			f.Start()
			conn := dialRaw(t, f.URL).say("POST / HTTP/1.1\r\nHost: h\r\n" + c.head + "\r\n\r\n")
			if c.name == "reset" {
				// http.Transport tells only when the client has sent more.
				answered := make(chan struct{})
				defer close(answered)
				go conn.trickle(answered)
			}
			res, err := http.ReadResponse(conn.Reader, &http.Request{Method: http.MethodPost})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(res.Body); err != nil || res.StatusCode != c.status || !res.Close {
				t.Errorf("%d, close %v, %v; want %d and close", res.StatusCode, res.Close, err, c.status)
			}
			f.result(t)
			_, _ = io.WriteString(conn.Conn, "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
			_ = conn.Conn.(*net.TCPConn).CloseWrite()
			conn.closed()
			if smuggled.count() != 0 {
				t.Error("the body was taken for a request")
			}
		})
	}
}

// trickle sends a byte now and then.
func (c *rawConn) trickle(until <-chan struct{}) {
	for {
		select {
		case <-until:
			return
		case <-time.After(time.Millisecond):
			_, _ = io.WriteString(c.Conn, "x")
		}
	}
}

// TestEarlyAnswerToASilentClient: the connection does not wait for ever for the
// rest of a request that was answered.
func TestEarlyAnswerToASilentClient(t *testing.T) {
	t.Parallel()
	up := upstream.Start(t, func(c *upstream.Conn) {
		if _, err := c.Request(); err == nil {
			c.Say("HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n")
			c.WaitClosed()
		}
	})
	f := before(t, monolith(t, up.URL))
	conn := dialRaw(t, f.URL).say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nx")
	if res, _ := conn.answer("POST"); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", res.StatusCode)
	}
	conn.closed()
}

// TestKeepAliveAfterACompleteRequest: the care for early answers must not cost
// every upload its connection.
func TestKeepAliveAfterACompleteRequest(t *testing.T) {
	t.Parallel()
	f := before(t, monolith(t, backend(t, new(record).handler).URL))
	conn := dialRaw(t, f.URL)
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		if res, body := conn.say(request).answer("POST"); res.Close || body != "recorded" {
			t.Errorf("%.20q: close %v, %q", request, res.Close, body)
		}
	}
}

// TestUploadAbortedByTheTargetEndsForTheClient: bytes that the client still
// sends are read by nobody but must not block anybody.
func TestUploadAbortedByTheTargetEndsForTheClient(t *testing.T) {
	t.Parallel()
	up := upstream.Start(t, func(c *upstream.Conn) {
		r, err := c.Request()
		if err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, r.Body, 100_000) // or the close would be a reset
		c.Say("HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
	})
	s := service(t, up.URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), everything)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	endless, end := io.Pipe()
	defer func() { _ = end.Close() }()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, f.URL, io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), endless))
	if err != nil {
		t.Fatal(err)
	}
	res, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "no" || res.StatusCode != http.StatusForbidden {
		t.Errorf("%d %q %v", res.StatusCode, body, err)
	}
	f.result(t)
	eventually(t, "no request in flight", func() bool { return s.Status().InFlight == 0 })
}
