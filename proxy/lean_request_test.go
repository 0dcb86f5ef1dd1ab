package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func leanRequest(tb testing.TB, address string) *http.Request {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return req
}

// TestLeanWritesWhatHTTPTransportWrites reads both heads as a server does.
func TestLeanWritesWhatHTTPTransportWrites(t *testing.T) {
	t.Parallel()
	req := leanRequest(t, "h:80")
	req.URL.RawPath, req.URL.Path, req.URL.RawQuery, req.Host = "/a%2Fb", "/a/b", "c=%zz&d", "example.com:81"
	req.Header = http.Header{
		"User-Agent": {"a", "b"}, "X-A": {"1", " 2 "}, "Host": {"evil"}, "Content-Length": {"0"}, "X-Empty": {""}, "X_b": nil,
	}
	var want strings.Builder
	if err := req.Write(&want); err != nil {
		t.Fatal(err)
	}
	head, err := appendHead(nil, req)
	if err != nil {
		t.Fatal(err)
	}
	var read [2]*http.Request
	for i, text := range []string{want.String(), string(head)} {
		if read[i], err = http.ReadRequest(bufio.NewReader(strings.NewReader(text))); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read[0].Header, read[1].Header); diff != "" {
		t.Error(diff)
	}
	if read[0].RequestURI != read[1].RequestURI || read[0].Host != read[1].Host {
		t.Errorf("got %s %s, want %s %s", read[1].Host, read[1].RequestURI, read[0].Host, read[0].RequestURI)
	}
}

func TestLeanLeavesTheUnusual(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*http.Request){
		"method":       func(r *http.Request) { r.Method = http.MethodDelete },
		"HEAD":         func(r *http.Request) { r.Method = http.MethodHead },
		"body":         func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("a")) },
		"close":        func(r *http.Request) { r.Close = true },
		"opaque":       func(r *http.Request) { r.URL.Opaque = "a" },
		"query":        func(r *http.Request) { r.URL.RawQuery = "a\r\nX: y" },
		"space":        func(r *http.Request) { r.URL.RawQuery = "a HTTP/1.0" },
		"host":         func(r *http.Request) { r.Host = "a\r\nX: y" },
		"value":        func(r *http.Request) { r.Header["X"] = []string{"a\r\nY: b"} },
		"zero":         func(r *http.Request) { r.Header["X"] = []string{"a\x00"} },
		"name":         func(r *http.Request) { r.Header["X: a\r\nY"] = []string{"b"} },
		"empty name":   func(r *http.Request) { r.Header[""] = []string{"b"} },
		"lower case":   func(r *http.Request) { r.Header["transfer-encoding"] = []string{"chunked"} },
		"upgrade":      func(r *http.Request) { r.Header.Set("Upgrade", "x") },
		"expect":       func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		"trailer":      func(r *http.Request) { r.Trailer = http.Header{"A": nil} },
		"long":         func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", maxLeanHead)) },
		"other scheme": func(r *http.Request) { r.URL = &url.URL{Scheme: "https", Host: "h"} },
	} {
		req := leanRequest(t, "h")
		change(req)
		if _, err := appendHead(nil, req); err == nil && simple(req) {
			t.Errorf("%s: lean takes it", name)
		}
	}
}

// TestLeanAsksOnceMoreWhenStale: the server closes a connection when the second
// request on it has come.
func TestLeanAsksOnceMoreWhenStale(t *testing.T) {
	t.Parallel()
	requests := make(map[net.Conn]int)
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for {
				if _, err := http.ReadRequest(in); err != nil || requests[conn] == 1 {
					break
				}
				requests[conn]++
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
			_ = conn.Close()
		}
	}()
	ours, _ := bothTransports(t, ln.Addr().String())
	for range 3 {
		if h := hear(t, ours, ln.Addr().String()); h.Body != "ok" {
			t.Errorf("got %+v", h)
		}
	}
	ours.CloseIdleConnections()
	_ = ln.Close()
	<-done
	if len(requests) != 3 {
		t.Errorf("%d connections, want 3", len(requests))
	}
}

func TestLeanIsCanceledAtOnce(t *testing.T) {
	t.Parallel()
	errGone := errors.New("gone")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done() // ends only because the connection is closed
	}))
	t.Cleanup(s.Close)
	ours, _ := bothTransports(t, s.Listener.Addr().String())
	for _, query := range []string{"", "body"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		req := leanRequest(t, s.Listener.Addr().String()).WithContext(ctx)
		req.URL.RawQuery = query
		if query == "" {
			go cancel(errGone)
		}
		res, err := ours.RoundTrip(req)
		if query != "" {
			if err != nil {
				t.Fatal(err)
			}
			go cancel(errGone)
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if !errors.Is(err, errGone) {
			t.Errorf("%q: got %v, want the cause", query, err)
		}
		cancel(nil)
	}
	if len(ours.idle) != 0 {
		t.Error("a canceled request's connection was kept")
	}
}

// TestLeanClosesWhatBecomesIdleAfterClose, and what was not read to its end; a
// second Close does nothing to the connection's next user.
func TestLeanClosesWhatBecomesIdleAfterClose(t *testing.T) {
	t.Parallel()
	s := newRawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false)
	ours, _ := bothTransports(t, s.Addr().String())
	for _, c := range []struct {
		closeIdle, read bool
		idle            int
	}{{true, true, 0}, {false, false, 0}, {false, true, 1}} {
		res, err := ours.RoundTrip(leanRequest(t, s.Addr().String()))
		if err != nil {
			t.Fatal(err)
		}
		if c.closeIdle {
			ours.CloseIdleConnections()
		}
		if c.read {
			_, _ = io.ReadAll(res.Body)
		}
		_ = res.Body.Close()
		if len(ours.idle) != c.idle {
			t.Errorf("%+v: %d idle", c, len(ours.idle))
		}
		if _, err := res.Body.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("read after close: %v", err)
		}
	}
}
