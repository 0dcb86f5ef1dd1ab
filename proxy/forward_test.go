package proxy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// fallbackCase is a failing service, and what becomes of requests to it.
type fallbackCase struct {
	name    string
	service func(t *testing.T) proxy.Upstream
	kind    proxy.Kind
	status  int  // the client's, without a fallback
	sent    bool // the service may have acted
}

func fallbackCases() []fallbackCase {
	raw := func(kind proxy.Kind, status int, start func(*testing.T) string) func(string) fallbackCase {
		return func(name string) fallbackCase {
			return fallbackCase{name, func(t *testing.T) proxy.Upstream {
				t.Helper()
				return target(t, proxy.Options{}, func(rt *routes.Target) {
					if kind == proxy.KindTimeout {
						rt.Timeouts.FirstByte = 50 * time.Millisecond
					}
				}, start(t))
			}, kind, status, kind != proxy.KindConnect}
		}
	}
	breaking := func(text string) func(*testing.T) string {
		return func(t *testing.T) string { t.Helper(); return upstream.Breaking(t, text).URL }
	}
	return []fallbackCase{
		raw(proxy.KindConnect, 502, func(t *testing.T) string { t.Helper(); return upstream.Refused(t) })("refused"),
		raw(proxy.KindTimeout, 504, func(t *testing.T) string { t.Helper(); return upstream.Hung(t).URL })("hung"),
		raw(proxy.KindError, 502, breaking(""))("reset before the head"),
		raw(proxy.KindError, 502, breaking(upstream.HalfHead))("reset in the head"),
		raw(proxy.KindError, 502, breaking(upstream.Garbage))("garbage"),
		raw(proxy.KindError, 502, breaking(upstream.BadStatus))("no status"),
		raw(proxy.KindError, 502, breaking(upstream.HugeHead(2<<20)))("huge head"),
		raw(proxy.KindStatus, 503, func(t *testing.T) string {
			t.Helper()
			return upstream.Saying(t, "HTTP/1.1 503 Busy\r\nX-From: service\r\nContent-Length: 4\r\n\r\nbusy").URL
		})("503"),
		{"handlers that return an error", func(*testing.T) proxy.Upstream {
			return handlers(func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("X-From", "service")
				return errors.New("no upstreams available")
			})
		}, proxy.KindError, 502, true},
		{"handlers that answer 503", func(*testing.T) proxy.Upstream {
			return handlers(func(w http.ResponseWriter, r *http.Request) error {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("X-From", "service")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, err := io.WriteString(w, "busy")
				_ = http.NewResponseController(w).Flush()
				return err
			})
		}, proxy.KindStatus, 503, true},
		{"handlers that could not dial", func(*testing.T) proxy.Upstream {
			return handlers(func(http.ResponseWriter, *http.Request) error {
				return &proxy.Failure{Kind: proxy.KindConnect, Status: 502, Err: errors.New("refused")}
			})
		}, proxy.KindConnect, 502, false},
	}
}

// handlers is an upstream that is no Target.
type handlers func(w http.ResponseWriter, r *http.Request) error

func (h handlers) Serve(w http.ResponseWriter, r *http.Request, _ *proxy.Call) error { return h(w, r) }

func TestForwardFallsBackWhereItIsSafe(t *testing.T) {
	t.Parallel()
	for _, c := range fallbackCases() {
		for _, request := range []struct{ method, body string }{
			{"GET", ""}, {"HEAD", ""}, {"DELETE", ""}, {"PUT", "replayable"}, {"POST", "unsafe"}, {"POST", ""}, {"PATCH", "unsafe"},
		} {
			t.Run(c.name+" "+request.method+" "+request.body, func(t *testing.T) {
				t.Parallel()
				var seen record
				f := split(t, c.service(t), monolith(t, backend(t, seen.handler).URL), everything)
				res, body := do(t, request.method, f.URL, request.body)
				got := f.result(t)
				if c.sent && (request.method == "POST" || request.method == "PATCH") {
					if res.StatusCode != c.status || seen.count() != 0 {
						t.Errorf("status %d with %d requests at the monolith, want %d and none", res.StatusCode, seen.count(), c.status)
					}
					return
				}
				if res.StatusCode != http.StatusOK || request.method != "HEAD" && body != "recorded" || res.Header.Get("X-From") != "" {
					t.Errorf("answer %d %q %v, want the monolith's", res.StatusCode, body, res.Header)
				}
				if got.Arm != routes.Monolith || got.Fallback != c.kind || got.Status != 200 || got.err != nil {
					t.Errorf("outcome %+v, want the monolith after %s", got, c.kind)
				}
				if _, sent := seen.only(t); sent != request.body {
					t.Errorf("the monolith got the body %q, want %q", sent, request.body)
				}
			})
		}
	}
}

func TestForwardFallsBackOnlyOnWhatIsDeclared(t *testing.T) {
	t.Parallel()
	for _, c := range fallbackCases() {
		for name, fb := range map[string]routes.Fallback{
			"silent":     {},
			"none":       {Declared: true},
			"other":      {Declared: true, Status: []int{500}},
			"its status": {Declared: true, Status: []int{c.status}},
		} {
			t.Run(c.name+" "+name, func(t *testing.T) {
				t.Parallel()
				f := split(t, c.service(t), monolith(t, answering(t, "monolith")), fb)
				res, body := do(t, "GET", f.URL, "")
				got := f.result(t)
				if name == "its status" || name == "silent" && c.kind == proxy.KindConnect {
					if body != "monolith" || got.Fallback != c.kind {
						t.Errorf("%q, outcome %+v; want the monolith", body, got)
					}
					return
				}
				if res.StatusCode != c.status || got.Arm != routes.Service || got.Status != c.status || got.Fallback != "" {
					t.Errorf("status %d, outcome %+v; want the service's %d", res.StatusCode, got, c.status)
				}
			})
		}
	}
}

func TestForwardWithTheMonolithDown(t *testing.T) {
	t.Parallel()
	f := split(t, service(t, upstream.Refused(t)), monolith(t, upstream.Refused(t)), everything)
	res, _ := do(t, "GET", f.URL, "")
	got := f.result(t)
	if res.StatusCode != http.StatusBadGateway || got.Arm != routes.Monolith || got.Fallback != proxy.KindConnect || got.err.Kind != proxy.KindConnect {
		t.Errorf("status %d, outcome %+v; want 502 from the monolith", res.StatusCode, got)
	}
}

func TestForwardKeepsABoundedCopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		size    int
		chunked bool
		again   bool
	}{
		{"small", 1000, false, true},
		{"small chunked", 1000, true, true},
		{"as large as may be", 64 << 10, false, true},
		{"larger", 64<<10 + 1, false, false},
		{"larger chunked", 200 << 10, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sick := upstream.Saying(t, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")
			var seen record
			f := split(t, service(t, sick.URL), monolith(t, backend(t, seen.handler).URL), everything)
			want := strings.Repeat("b", c.size)
			var body io.Reader = strings.NewReader(want)
			if c.chunked {
				body = io.MultiReader(body)
			}
			r := httptest.NewRequest(http.MethodPut, "/", body).WithContext(t.Context())
			w := httptest.NewRecorder()
			f.Config.Handler.ServeHTTP(w, r)
			f.result(t)
			if !c.again {
				if w.Code != http.StatusServiceUnavailable || w.Body.String() != "busy" || seen.count() != 0 {
					t.Errorf("answer %d %q, want the service's own", w.Code, w.Body)
				}
				return
			}
			if _, got := seen.only(t); w.Code != http.StatusOK || got != want {
				t.Errorf("answer %d, %d bytes sent again; want 200 and %d", w.Code, len(got), len(want))
			}
		})
	}
}

func TestForwardReadsAnUnreadBodyLater(t *testing.T) {
	t.Parallel()
	// Nothing was sent, so that even an unsafe body of any size goes elsewhere.
	var seen record
	f := split(t, service(t, upstream.Refused(t)), monolith(t, backend(t, seen.handler).URL), routes.Fallback{})
	want := strings.Repeat("u", 1<<20)
	res, _ := do(t, "POST", f.URL, want)
	if _, got := seen.only(t); res.StatusCode != http.StatusOK || got != want {
		t.Errorf("status %d, %d bytes; want 200 and %d", res.StatusCode, len(got), len(want))
	}
}

func TestForwardNeverSendsAnUnsafeRequestTwice(t *testing.T) {
	t.Parallel()
	// Not even when a client says that it may be: http.Transport would.
	flaky := upstream.Start(t, func(c *upstream.Conn) {
		if _, err := c.Request(); err != nil {
			return
		}
		c.Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		if _, err := c.Request(); err == nil {
			c.Reset() // a second request on the connection is lost
		}
	})
	f := split(t, service(t, flaky.URL), monolith(t, answering(t, "")), everything)
	for i := range 2 {
		res, _ := do(t, "POST", f.URL, "", "Idempotency-Key", "abc", "X-Idempotency-Key", "abc")
		if want := []int{200, 502}[i]; res.StatusCode != want {
			t.Errorf("request %d: status %d, want %d", i, res.StatusCode, want)
		}
	}
	if n := flaky.Requests(); n != 2 {
		t.Errorf("the service got %d requests, want 2", n)
	}
}

func TestForwardBrokenAnswerLooksBroken(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"length": upstream.HalfBody, "chunked": upstream.HalfChunk} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := service(t, upstream.Breaking(t, text).URL)
			var seen record
			f := split(t, s, monolith(t, backend(t, seen.handler).URL), everything)
			res, err := f.Client().Get(f.URL)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				_ = res.Body.Close()
			}
			if err == nil {
				t.Error("the client saw a complete answer")
			}
			got := f.result(t)
			if got.err == nil || got.err.Kind != proxy.KindBroken || !got.err.Started || seen.count() != 0 {
				t.Errorf("outcome %+v %v, want broken and no fallback", got.Outcome, got.err)
			}
			if s.Status().Failures != 1 {
				t.Errorf("failures: %d, want 1", s.Status().Failures)
			}
		})
	}
}

func TestForwardErrorsOfHandlersAfterTheFirstByte(t *testing.T) {
	t.Parallel()
	s := handlers(func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		return errors.New("broke off")
	})
	f := split(t, s, monolith(t, answering(t, "monolith")), everything)
	res, err := f.Client().Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, err := io.ReadAll(res.Body); err == nil || string(body) != "begun" {
		t.Errorf("the client saw %q, %v; want an answer that breaks off", body, err)
	}
	if got := f.result(t); got.err == nil || got.err.Kind != proxy.KindBroken || got.Status != 200 {
		t.Errorf("outcome %+v, want broken", got)
	}
}

func TestForwardHandlersKeepTheWriter(t *testing.T) {
	t.Parallel()
	s := handlers(func(w http.ResponseWriter, _ *http.Request) error {
		if _, ok := w.(io.ReaderFrom); !ok {
			return errors.New("no ReadFrom")
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhijacked")
		return buffered.Flush()
	})
	f := split(t, s, monolith(t, answering(t, "monolith")), everything)
	if _, body := do(t, "GET", f.URL, ""); body != "hijacked" {
		t.Errorf("got %q", body)
	}
	if got := f.result(t); got.err != nil || got.Arm != routes.Service {
		t.Errorf("outcome %+v", got)
	}
}

func TestForwardHandlersGetWhatTheCallSays(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	s := handlers(func(_ http.ResponseWriter, r *http.Request) error {
		got <- r.Clone(context.WithoutCancel(r.Context()))
		r.URL.Path = "/changed"
		r.Header.Set("X-Changed", "1")
		return &proxy.Failure{Kind: proxy.KindConnect, Status: 502, Err: errors.New("refused")}
	})
	var seen record
	m := monolith(t, backend(t, seen.handler).URL)
	f := unstarted(t, func(*http.Request) proxy.Plan {
		return proxy.Plan{Arm: routes.Service, Service: s, Monolith: m, ServiceCall: proxy.Call{
			RequestID: "our-id", Path: "/q/a/b", RawPath: "/q/a%2Fb", Fields: []proxy.Field{{Name: "Authorization", Values: []string{"ours"}}, {Name: "Cookie"}},
		}}
	})
	f.Start()
	res, _ := do(t, "GET", f.URL+"/faq/a%2Fb?x=1", "", "Connection", "x-request-id, x-hop,authorization", "Cookie", "a=b", "Authorization", "theirs")
	r := <-got
	if r.URL.RequestURI() != "/q/a%2Fb?x=1" || r.RequestURI != "/q/a%2Fb?x=1" {
		t.Errorf("target %s, %s", r.URL.RequestURI(), r.RequestURI)
	}
	for name, want := range map[string]string{"X-Request-Id": "our-id", "Authorization": "ours", "Cookie": "", "Connection": " x-hop|close"} {
		if got := strings.Join(r.Header[name], "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	after, _ := seen.only(t)
	if res.StatusCode != http.StatusOK || after.RequestURI != "/faq/a%2Fb?x=1" || after.Header.Get("X-Changed") != "" || after.Header.Get("Cookie") != "a=b" {
		t.Errorf("the monolith got %s %v", after.RequestURI, after.Header)
	}
}

func TestForwardClientLeft(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	hung := upstream.Start(t, func(c *upstream.Conn) {
		if _, err := c.Request(); err == nil {
			c.WaitClosed()
			close(left)
		}
	})
	s := service(t, hung.URL)
	var seen record
	f := split(t, s, monolith(t, backend(t, seen.handler).URL), everything)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for hung.Requests() == 0 {
			<-time.After(time.Millisecond)
		}
		cancel()
	}()
	if res, err := f.Client().Do(r); err == nil {
		_ = res.Body.Close()
		t.Fatal("an answer came")
	}
	select {
	case <-left:
	case <-time.After(2 * time.Second):
		t.Error("the service was not told within 2 s")
	}
	got := f.result(t)
	if got.err == nil || got.err.Kind != proxy.KindCanceled || got.Status != proxy.StatusClientClosedRequest || seen.count() != 0 {
		t.Errorf("outcome %+v, want canceled", got)
	}
	if s.Status().Failures != 0 {
		t.Error("it was held against the service")
	}
}
