package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target makes a service at urls; change may set more.
func target(tb testing.TB, o proxy.Options, change func(*routes.Target), urls ...string) *proxy.Target {
	tb.Helper()
	rt := &routes.Target{Name: "faq", URLs: urls}
	if change != nil {
		change(rt)
	}
	made, err := proxy.New(rt, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(made.Close)
	return made
}

func service(tb testing.TB, urls ...string) *proxy.Target {
	tb.Helper()
	return target(tb, proxy.Options{}, nil, urls...)
}

func monolith(tb testing.TB, urls ...string) *proxy.Target {
	tb.Helper()
	return target(tb, proxy.Options{Monolith: true}, nil, urls...)
}

// backend is a well-behaved server.
func backend(tb testing.TB, handler http.HandlerFunc) *httptest.Server {
	tb.Helper()
	s := httptest.NewServer(handler)
	tb.Cleanup(s.Close)
	return s
}

// answering is a backend that always answers text.
func answering(tb testing.TB, text string) string {
	tb.Helper()
	return backend(tb, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }).URL
}

// result is what Forward said of one request.
type result struct {
	proxy.Outcome
	err *proxy.Failure
}

// front is a server in which Forward serves every request.
type front struct {
	*httptest.Server
	results chan result
}

// result waits for the next request to end.
func (f *front) result(tb testing.TB) result {
	tb.Helper()
	select {
	case r := <-f.results:
		return r
	case <-time.After(10 * time.Second):
		tb.Fatal("the request did not end")
		return result{}
	}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request, p proxy.Plan) {
	var res result
	outcome, err := proxy.Forward(w, r, p)
	res.Outcome = outcome
	if errors.As(err, &res.err) && !res.err.Started {
		w.WriteHeader(res.err.Status)
	}
	f.results <- res
	if res.err != nil && res.err.Started {
		panic(http.ErrAbortHandler)
	}
}

// unstarted is a front that is not listening yet.
func unstarted(tb testing.TB, plan func(*http.Request) proxy.Plan) *front {
	tb.Helper()
	f := &front{results: make(chan result, 1000)}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.ServeHTTP(w, r, plan(r))
	}))
	tb.Cleanup(f.Close)
	return f
}

// before is a front before one upstream, as the client at 192.0.2.7 sees it.
func before(tb testing.TB, up proxy.Upstream) *front {
	tb.Helper()
	f := unstarted(tb, func(*http.Request) proxy.Plan {
		return proxy.Plan{Arm: routes.Monolith, Monolith: up, MonolithCall: proxy.Call{Client: proxy.Client{RemoteIP: "192.0.2.7"}}}
	})
	f.Start()
	return f
}

// split is a front before a service with a monolith to fall back to.
func split(tb testing.TB, service, monolith proxy.Upstream, fallback routes.Fallback) *front {
	tb.Helper()
	f := unstarted(tb, func(*http.Request) proxy.Plan {
		return proxy.Plan{Arm: routes.Service, Service: service, Monolith: monolith, Fallback: fallback}
	})
	f.Start()
	return f
}

// everything falls back on all that can be declared.
var everything = routes.Fallback{Declared: true, Connect: true, Error: true, Timeout: true, Status: []int{500, 502, 503, 504}}

// do sends a request and reads the answer to its end.
func do(tb testing.TB, method, url, body string, header ...string) (*http.Response, string) {
	tb.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(tb.Context(), method, url, in)
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return res, string(got)
}

// rawConn is a client that says what it wants.
type rawConn struct {
	tb testing.TB
	net.Conn
	*bufio.Reader
}

func dialRaw(tb testing.TB, url string) *rawConn {
	tb.Helper()
	var d net.Dialer
	conn, err := d.DialContext(context.WithoutCancel(tb.Context()), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	return &rawConn{tb, conn, bufio.NewReader(conn)}
}

func (c *rawConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (c *rawConn) say(text string) *rawConn {
	c.tb.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.tb.Fatal(err)
	}
	return c
}

// answer reads one answer with its body.
func (c *rawConn) answer(method string) (*http.Response, string) {
	c.tb.Helper()
	res, err := http.ReadResponse(c.Reader, &http.Request{Method: method})
	if err != nil {
		c.tb.Fatalf("reading an answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.tb.Fatalf("reading an answer's body: %v", err)
	}
	return res, string(body)
}

// closed waits for the server to close the connection.
func (c *rawConn) closed() {
	c.tb.Helper()
	rest, err := io.ReadAll(c.Reader)
	if len(rest) != 0 {
		c.tb.Errorf("after the answer the server said %q", rest)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.tb.Error("the server did not close the connection")
	}
}

// eventually waits for a condition.
func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			tb.Fatalf("never true: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// record keeps the requests that a backend got.
type record struct {
	mu   sync.Mutex
	seen []*http.Request
	body []string
}

func (r *record) handler(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // a request that was cut off does not count
	}
	r.mu.Lock()
	r.seen = append(r.seen, req)
	r.body = append(r.body, string(body))
	r.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "recorded")
}

func (r *record) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// only returns the one request that came.
func (r *record) only(tb testing.TB) (*http.Request, string) {
	tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) != 1 {
		tb.Fatalf("%d requests came, want 1", len(r.seen))
	}
	return r.seen[0], r.body[0]
}
