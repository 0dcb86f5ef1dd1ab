package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// reader is a transport that reads requests' bodies, then answers.
type reader struct{ pause time.Duration }

func (r reader) RoundTrip(req *http.Request) (*http.Response, error) {
	piece := make([]byte, 10_000)
	for {
		n, err := req.Body.Read(piece)
		if n > 0 {
			<-time.After(r.pause)
		}
		if err == io.EOF {
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// pipeWriter is the writer of a request whose body is a pipe.
type pipeWriter struct {
	*httptest.ResponseRecorder
	body *io.PipeReader
}

func (w pipeWriter) SetReadDeadline(time.Time) error {
	return w.body.CloseWithError(os.ErrDeadlineExceeded)
}

func TestSlowBodyIsCutExactlyWhenItsGraceIsOver(t *testing.T) {
	t.Parallel()
	const second = time.Second
	for _, c := range []struct {
		name   string
		target time.Duration // what it takes to read 10,000 bytes
		size   int           // bytes of a piece
		every  time.Duration
		pieces int
		kind   proxy.Kind
		after  time.Duration
	}{
		{"at once", 0, 100, 0, 3, "", 0},
		{"silent", 0, 1, 0, 0, proxy.KindClient, 20 * second},
		{"silent for less", 0, 1, 19 * second, 1, "", 19 * second},
		{"at the least rate", 0, 500, second, 1000, "", 1000 * second},
		{"in large pieces", 0, 9000, 18 * second, 100, "", 1800 * second},
		{"a byte a second", 0, 1, second, 1000, proxy.KindClient, 20 * second},
		{"below the rate", 0, 300, second, 1000, proxy.KindClient, 48 * second},
		{"silent after a quick start", 0, 1_000_000, 0, 1, proxy.KindClient, 20 * second},
		{"a target that reads slowly", 59 * second, 10_000, 0, 5, "", 5 * 59 * second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := target(t, proxy.Options{Transport: reader{c.target}}, nil, "http://a")
				for i := range 3 { // from the second time on with the first one's alarm
					body, send := io.Pipe()
					var sender sync.WaitGroup
					sender.Go(func() {
						for range c.pieces {
							<-time.After(c.every)
							if _, err := send.Write(make([]byte, c.size)); err != nil {
								return
							}
						}
						if !strings.HasPrefix(c.name, "silent") || c.kind == "" {
							_ = send.Close()
						}
					})
					start := time.Now()
					r := httptest.NewRequest(http.MethodPost, "/", body)
					w := pipeWriter{httptest.NewRecorder(), body}
					var err error
					if i < 2 {
						err = s.Serve(w, r, new(proxy.Call))
					} else { // read ahead
						r.ContentLength = int64(max(c.size*c.pieces, 1))
						_, err = proxy.Forward(w, r, proxy.Plan{Arm: routes.Service, Service: s, Monolith: s})
					}
					if took := time.Since(start); kindOf(err) != c.kind || took < c.after || took > c.after+second {
						t.Errorf("%v after %v, want %q after %v", err, took, c.kind, c.after)
					}
					_ = body.Close()
					sender.Wait()
				}
				if got := s.Status(); got.Failures != 0 || got.InFlight != 0 || proxy.Uploads(s) != 0 {
					t.Errorf("%+v, %d uploads", got, proxy.Uploads(s))
				}
			})
		})
	}
}

// Clients that send their bodies slowly, and could not be read ahead, neither keep a service from the others
// nor stay for ever, and are not held against it.
func TestManySlowBodies(t *testing.T) { //nolint:paralleltest // it takes the machine for itself
	if testing.Short() {
		t.Skip("thousands of connections")
	}
	read := func(text string) string {
		return backend(t, func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				_, _ = io.WriteString(w, text)
			}
		}).URL
	}
	s, m := service(t, read("service")), monolith(t, read("monolith"))
	const grace = 8 * time.Second // longer than it takes to connect all
	proxy.SetBodyGrace(s, grace)
	proxy.SetBodyGrace(m, grace)
	f := unstarted(t, func(*http.Request) proxy.Plan {
		return proxy.Plan{Arm: routes.Service, Service: s, Monolith: m}
	})
	f.results = make(chan result, 5000)
	f.Start()
	const slow = 1100
	var answers sync.WaitGroup
	for range slow {
		c := dialRaw(t, f.URL)
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		c.say("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
		answers.Go(func() {
			res, err := http.ReadResponse(c.Reader, nil)
			if err != nil || res.StatusCode != http.StatusRequestTimeout || !res.Close {
				t.Errorf("%v, %v; want 408 and close", res, err)
			}
		})
	}
	eventually(t, "half of the service taken", func() bool {
		return proxy.Uploads(s) == proxy.DefaultMaxInFlight/2 && m.Status().InFlight == slow-proxy.DefaultMaxInFlight/2
	})
	for range 100 {
		if _, text := do(t, http.MethodGet, f.URL, ""); text != "service" {
			t.Fatalf("GET: %q", text)
		}
	}
	if _, text := do(t, http.MethodPost, f.URL, "body"); text != "service" {
		t.Errorf("POST: %q", text)
	}
	if _, text := do(t, http.MethodPost, f.URL, strings.Repeat("b", 1<<20)); text != "monolith" {
		t.Errorf("POST of 1 MiB: %q", text)
	}
	answers.Wait()
	eventually(t, "an empty service", func() bool { return s.Status().InFlight == 0 && proxy.Uploads(s) == 0 })
	if _, text := do(t, http.MethodPost, f.URL, "body"); text != "service" {
		t.Errorf("POST afterwards: %q", text)
	}
	for _, up := range []*proxy.Target{s, m} {
		if got := up.Status(); got.Failures != 0 {
			t.Errorf("held against %+v", got)
		}
	}
	for range slow {
		if got := f.result(t); got.err != nil && got.err.Kind != proxy.KindClient {
			t.Fatalf("outcome %+v %v", got.Outcome, got.err)
		}
	}
}

// Whoever has the head of the answer already may send what it likes, when it
// likes.
func TestStreamIsNoSlowBody(t *testing.T) {
	t.Parallel()
	echo := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_ = http.NewResponseController(w).Flush()
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			_, _ = fmt.Fprintln(w, lines.Text())
			_ = http.NewResponseController(w).Flush()
		}
	}
	for _, s := range schemes(t, echo) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			up := target(t, proxy.Options{TLS: s.tls}, nil, s.url)
			proxy.SetBodyGrace(up, 500*time.Millisecond)
			f := unstarted(t, func(*http.Request) proxy.Plan { return proxy.Plan{Monolith: up} })
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
			for i, lines := 0, bufio.NewScanner(res.Body); i < 3; i++ {
				if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
					t.Fatalf("line %d: %q, %v", i, lines.Text(), lines.Err())
				}
				<-time.After(700 * time.Millisecond)
				_, _ = fmt.Fprintln(send, i+1)
			}
			_ = send.Close()
		})
	}
}

// An HTTP/2 client hears 408 too, and its other streams go on.
func TestSlowBodyOverHTTP2(t *testing.T) {
	t.Parallel()
	for _, s := range schemes(t, new(record).handler) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			up := target(t, proxy.Options{TLS: s.tls}, nil, s.url)
			proxy.SetBodyGrace(up, 100*time.Millisecond)
			f := unstarted(t, func(*http.Request) proxy.Plan {
				return proxy.Plan{Arm: routes.Service, Service: up, Monolith: up, Fallback: everything}
			})
			f.EnableHTTP2 = true
			f.StartTLS()
			for _, length := range []int64{-1, -1, 10, 100_000, 10} {
				body, send := io.Pipe()
				ctx, cancel := context.WithCancel(t.Context())
				r, err := http.NewRequestWithContext(ctx, http.MethodPut, f.URL, body)
				if err != nil {
					t.Fatal(err)
				}
				r.ContentLength = length
				res, err := f.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				_ = send.Close()
				cancel()
				if got := f.result(t); res.StatusCode != http.StatusRequestTimeout || kindOf(errOf(got)) != proxy.KindClient || res.ProtoMajor != 2 {
					t.Errorf("%s %s %q, %+v", res.Proto, res.Status, text, got)
				}
			}
			if got := up.Status(); got.Failures != 0 || got.InFlight != 0 || proxy.Uploads(up) != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}
