package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

func TestWebSocketEcho(t *testing.T) {
	t.Parallel()
	echo := func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), kind, message); err != nil {
				return
			}
		}
	}
	for _, s := range schemes(t, echo) {
		if s.name == "h2c" {
			continue // prior knowledge: there is no HTTP/1.1 to upgrade
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			up := target(t, proxy.Options{TLS: s.tls}, func(rt *routes.Target) { rt.Timeouts.Idle = 300 * time.Millisecond }, s.url)
			f := split(t, up, monolith(t, answering(t, "monolith")), everything)
			if s.name == "https h2" {
				do(t, "GET", f.URL, "") // an HTTP/2 connection is there, and must not be used
				f.result(t)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c, res, err := websocket.Dial(ctx, f.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != http.StatusSwitchingProtocols {
				t.Errorf("status %d", res.StatusCode)
			}
			for i := range 5 {
				want := strings.Repeat(fmt.Sprint(i), 1000*i)
				if err := c.Write(ctx, websocket.MessageText, []byte(want)); err != nil {
					t.Fatal(err)
				}
				if _, got, err := c.Read(ctx); err != nil || string(got) != want {
					t.Fatalf("echo of %d bytes: %d bytes, %v", len(want), len(got), err)
				}
			}
			<-time.After(400 * time.Millisecond) // longer than Idle
			if got := up.Status(); got.Streams != 1 || got.InFlight != 0 {
				t.Errorf("status %+v, want one stream", got)
			}
			if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil {
				t.Error(err)
			}
			if got := f.result(t); got.err != nil || got.Status != 101 || got.Arm != routes.Service {
				t.Errorf("outcome %+v", got)
			}
		})
	}
}

func TestUpgradeKeepsWhatWasSentEarly(t *testing.T) {
	t.Parallel()
	up := upstream.Start(t, func(c *upstream.Conn) {
		if _, err := c.Request(); err != nil {
			return
		}
		c.Say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello ")
		_, _ = io.CopyN(c, c.Reader, 9)
	})
	f := before(t, monolith(t, up.URL))
	c := dialRaw(t, f.URL).say("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
	if _, err := http.ReadResponse(c.Reader, nil); err != nil {
		t.Fatal(err)
	}
	c.say("late")
	got := make([]byte, 15)
	if _, err := io.ReadFull(c.Reader, got); err != nil || string(got) != "hello earlylate" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRefusedUpgradeIsAnAnswer(t *testing.T) {
	t.Parallel()
	f := before(t, monolith(t, answering(t, "no")))
	if res, body := do(t, "GET", f.URL, "", "Connection", "Upgrade", "Upgrade", "websocket"); res.StatusCode != http.StatusOK || body != "no" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}

func TestEventsArriveAtOnce(t *testing.T) {
	t.Parallel()
	// Each event is sent only after the client has the one before.
	for name, head := range map[string]string{
		"event stream":      "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n",
		"chunked":           "Transfer-Encoding: chunked\r\n",
		"known length":      "Content-Length: 36\r\n",
		"stream of length":  "Content-Type: text/event-stream\r\nContent-Length: 36\r\n",
		"until it is ended": "Content-Type: text/event-stream\r\nConnection: close\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(chan struct{})
			up := upstream.Start(t, func(c *upstream.Conn) {
				if _, err := c.Request(); err != nil {
					return
				}
				c.Say("HTTP/1.1 200 OK\r\n" + head + "\r\n")
				for i := range 4 {
					event := fmt.Sprintf("data: %d\n\n", i)
					if strings.Contains(head, "chunked") {
						event = "9\r\n" + event + "\r\n"
					}
					c.Say(event)
					select {
					case <-got:
					case <-time.After(5 * time.Second):
						return
					}
				}
				if strings.Contains(head, "chunked") {
					c.Say("0\r\n\r\n")
				}
			})
			f := before(t, monolith(t, up.URL))
			res, err := f.Client().Get(f.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			lines := bufio.NewScanner(res.Body)
			for i := range 4 {
				if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) || !lines.Scan() {
					t.Fatalf("event %d: %q, %v", i, lines.Text(), lines.Err())
				}
				got <- struct{}{}
			}
		})
	}
}

func TestUploadIsStreamed(t *testing.T) {
	t.Parallel()
	// The target answers each line of a request before the next one is sent.
	lineByLine := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			_, _ = fmt.Fprintln(w, lines.Text())
			_ = http.NewResponseController(w).Flush()
		}
	}
	for _, s := range schemes(t, lineByLine) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := unstarted(t, func(*http.Request) proxy.Plan {
				return proxy.Plan{Monolith: target(t, proxy.Options{TLS: s.tls, Monolith: true}, nil, s.url)}
			})
			f.EnableHTTP2 = true
			f.StartTLS()
			body, send := io.Pipe()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.WriteString(send, "0\n") }()
			res, err := f.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			for i, lines := 0, bufio.NewScanner(res.Body); i < 5; i++ {
				if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
					t.Fatalf("line %d: %q, %v", i, lines.Text(), lines.Err())
				}
				_, _ = fmt.Fprintln(send, i+1)
			}
			_ = send.Close()
		})
	}
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	t.Parallel()
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
			_, _ = w.Write(body)
		}
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 3<<16) // 3 MiB
	for _, s := range schemes(t, echo) {
		for name, body := range map[string]io.Reader{"length": bytes.NewReader(want), "chunked": io.MultiReader(bytes.NewReader(want))} {
			t.Run(s.name+" "+name, func(t *testing.T) {
				t.Parallel()
				f := before(t, target(t, proxy.Options{TLS: s.tls}, nil, s.url))
				res, err := f.Client().Post(f.URL, "application/octet-stream", body)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = res.Body.Close() }()
				sum := sha256.New()
				if n, err := io.Copy(sum, res.Body); err != nil || n != int64(len(want)) {
					t.Fatalf("%d bytes, %v", n, err)
				}
				if expected := sha256.Sum256(want); !bytes.Equal(sum.Sum(nil), expected[:]) {
					t.Error("other bytes came back")
				}
				if length := map[string]string{"length": fmt.Sprint(len(want)), "chunked": "-1"}[name]; res.Header.Get("X-Length") != length {
					t.Errorf("length %s at the target, want %s", res.Header.Get("X-Length"), length)
				}
			})
		}
	}
}

func TestTrailersBothWays(t *testing.T) {
	t.Parallel()
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-Check"))
		w.Header().Set(http.TrailerPrefix+"X-Unannounced", "too")
	}
	for _, s := range schemes(t, handler) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := split(t, target(t, proxy.Options{TLS: s.tls}, nil, s.url), monolith(t, answering(t, "monolith")), everything)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.URL, io.MultiReader(strings.NewReader("body")))
			if err != nil {
				t.Fatal(err)
			}
			r.Trailer = http.Header{"X-Check": nil}
			r.Body = io.NopCloser(io.MultiReader(r.Body, atEOF(func() { r.Trailer.Set("X-Check", "sum") })))
			res, err := f.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			want := http.Header{"X-Sum": {"got sum"}, "X-Unannounced": {"too"}}
			if diff := cmp.Diff(want, res.Trailer); diff != "" || string(body) != "body" || err != nil {
				t.Errorf("%q, %v %s", body, err, diff)
			}
		})
	}
}

// atEOF runs when everything before was read.
type atEOF func()

func (f atEOF) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

func TestInformationalAnswers(t *testing.T) {
	t.Parallel()
	up := upstream.Saying(t, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n"+
		"HTTP/1.1 200 OK\r\nX-Final: 1\r\nContent-Length: 2\r\n\r\nok")
	f := unstarted(t, func(*http.Request) proxy.Plan { return proxy.Plan{Monolith: monolith(t, up.URL)} })
	inner := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "visitor=1") // as the engine does, before it forwards
		inner.ServeHTTP(w, r)
	})
	f.Start()
	var early []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		early = append(early, fmt.Sprint(code, h))
		return nil
	}}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, f.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if diff := cmp.Diff([]string{"103 map[Link:[</a.css>]]", "103 map[Link:[</b.css>]]"}, early); diff != "" {
		t.Error(diff)
	}
	if res.Header.Get("Set-Cookie") != "visitor=1" || res.Header.Get("X-Final") != "1" || res.Header.Get("Link") != "" {
		t.Errorf("final header %v", res.Header)
	}
	res, _ = dialRaw(t, f.URL).say("GET / HTTP/1.0\r\n\r\n").answer("GET")
	if res.StatusCode != http.StatusOK {
		t.Errorf("an HTTP/1.0 client got %d first", res.StatusCode)
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	const head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
	t.Run("wanted", func(t *testing.T) {
		t.Parallel()
		var seen record
		f := split(t, service(t, backend(t, seen.handler).URL), monolith(t, answering(t, "")), everything)
		c := dialRaw(t, f.URL).say(head)
		if line, err := c.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := c.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		res, body := c.say("body").answer("PUT")
		if _, sent := seen.only(t); res.StatusCode != http.StatusOK || body != "recorded" || sent != "body" {
			t.Errorf("%d %q, sent %q", res.StatusCode, body, sent)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		up := upstream.Start(t, func(c *upstream.Conn) {
			if r, err := c.Request(); err == nil && r.Header.Get("Expect") == "100-continue" {
				c.Say("HTTP/1.1 401 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
				c.WaitClosed()
			}
		})
		f := split(t, service(t, up.URL), monolith(t, answering(t, "")), everything)
		c := dialRaw(t, f.URL).say(head)
		if res, body := c.answer("PUT"); res.StatusCode != http.StatusUnauthorized || body != "no" || !res.Close {
			t.Errorf("%d %q, close %v", res.StatusCode, body, res.Close)
		}
		c.closed()
	})
}

func TestServePassesOnAPanicThatIsNotTheReverseProxys(t *testing.T) {
	t.Parallel()
	s := service(t, answering(t, "x"))
	defer func() {
		if got := recover(); got != "bug" {
			t.Errorf("recovered %v", got)
		}
		if s.Status().InFlight != 0 {
			t.Error("still in flight")
		}
	}()
	_ = s.Serve(panicking{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/", nil), new(proxy.Call))
}

type panicking struct{ http.ResponseWriter }

func (panicking) WriteHeader(int) { panic("bug") }

func TestClientThatStopsReadingIsCanceled(t *testing.T) {
	t.Parallel()
	stopped := make(chan struct{})
	b := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(stopped)
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	s := service(t, b.URL)
	f := before(t, s)
	c := dialRaw(t, f.URL).say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if _, err := http.ReadResponse(c.Reader, nil); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	select {
	case <-stopped:
	case <-time.After(2 * time.Second):
		t.Error("the target was not told within 2 s")
	}
	if got := f.result(t); got.err == nil || got.err.Kind != proxy.KindCanceled || !got.err.Started || s.Status().Failures != 0 {
		t.Errorf("outcome %+v %v, want canceled", got.Outcome, errors.Unwrap(errOf(got)))
	}
}
