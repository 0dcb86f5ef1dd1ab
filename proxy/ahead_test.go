package proxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// Clients that send the beginning of a body slowly take no slot: everybody
// else's requests with bodies reach the service.
func TestSlowBeginningsTakeNoSlot(t *testing.T) { //nolint:paralleltest // it takes the machine for itself
	if testing.Short() {
		t.Skip("hundreds of connections")
	}
	for _, c := range []struct{ limit, slow, length int }{{1024, 600, 100_000}, {60, 60, 10}, {60, 60, 100_000}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			var seen record
			s := target(t, proxy.Options{}, func(rt *routes.Target) { rt.MaxInFlight = c.limit }, backend(t, seen.handler).URL)
			f := unstarted(t, func(*http.Request) proxy.Plan {
				return proxy.Plan{Arm: routes.Service, Service: s, Fallback: routes.Fallback{Declared: true}}
			})
			f.results = make(chan result, c.slow+300)
			f.Start()
			for range c.slow {
				dialRaw(t, f.URL).say(fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\na", c.length))
			}
			eventually(t, "all wait", func() bool { return proxy.AheadTaken() == int64(c.slow)*4096 })
			for i := range 300 {
				body := strings.Repeat("b", []int{10, 3_000, 20_000}[i%3])
				if res, text := do(t, http.MethodPost, f.URL, body); res.StatusCode != http.StatusOK || text != "recorded" {
					t.Fatalf("POST of %d bytes: %d %q", len(body), res.StatusCode, text)
				}
			}
			if n, slots := proxy.AheadTaken(), s.Status().InFlight; n < int64(c.slow)*4096 || slots > 1 { // 1: about to end
				t.Errorf("the slow ones did not wait all the time: %d bytes, %d in flight", n, slots)
			}
			for range 300 {
				f.result(t)
			}
			f.CloseClientConnections()
			for range c.slow {
				if got := f.result(t); kindOf(errOf(got)) != proxy.KindCanceled {
					t.Fatalf("%+v", got)
				}
			}
			eventually(t, "nothing left", func() bool { return s.Status().InFlight == 0 && proxy.AheadTaken() == 0 })
			if got := s.Status(); got.Failures != 0 || seen.count() != 300 {
				t.Errorf("%+v, %d requests", got, seen.count())
			}
		})
	}
}

// Without room for more a request is sent on as its body comes.
func TestNoRoomToReadAhead(t *testing.T) { //nolint:paralleltest // the room is everybody's
	proxy.FillAhead(t.Cleanup)
	var seen record
	s := service(t, backend(t, seen.handler).URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), everything)
	slow := dialRaw(t, f.URL).say("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo")
	eventually(t, "a sender", func() bool { return proxy.Uploads(s) == 1 })
	if res, text := slow.say("dy").answer("PUT"); text != "recorded" || res.Close {
		t.Errorf("%q, close %v", text, res.Close)
	}
	if _, sent := seen.only(t); sent != "body" {
		t.Errorf("sent %q", sent)
	}
}

// pieces is a body that comes in pieces.
type pieces struct{ rest []byte }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+rand.IntN(9000))], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Bodies of all sizes arrive as they were sent, many at once, also those that the
// monolith gets after the service.
func TestBodiesReadAheadArriveWhole(t *testing.T) {
	t.Parallel()
	echo := func(status int) string {
		return backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}).URL
	}
	limited := func(rt *routes.Target) { rt.MaxInFlight = 1000 }
	well, m := service(t, echo(200)), monolith(t, echo(201))
	sick := target(t, proxy.Options{Monolith: true}, limited, echo(503)) // without a breaker
	f := unstarted(t, func(r *http.Request) proxy.Plan {
		p := proxy.Plan{Arm: routes.Service, Service: well, Monolith: m, Fallback: everything}
		if r.Method == http.MethodPut {
			p.Service = sick
		}
		return p
	})
	f.results = make(chan result, 5000)
	f.EnableHTTP2 = true
	f.StartTLS()
	plain := f.Client().Transport.(*http.Transport).Clone()
	plain.ForceAttemptHTTP2, plain.TLSClientConfig.NextProtos = false, []string{"http/1.1"}
	t.Cleanup(plain.CloseIdleConnections)
	clients := []*http.Client{f.Client(), {Transport: plain}}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i, size := range []int{1, 10, 4095, 4096, 4097, 16<<10 - 1, 16 << 10, 16<<10 + 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
				method := []string{http.MethodPost, http.MethodPut}[worker%2]
				want := bytes.Repeat([]byte{byte(worker*16 + i)}, size)
				status, got, err := send(t, clients[worker/2%2], method, f.URL, want)
				expected := http.StatusOK
				switch {
				case method == http.MethodPut && size > 64<<10:
					expected = http.StatusServiceUnavailable // too large to be sent again
				case method == http.MethodPut:
					expected = http.StatusCreated
				}
				if err != nil || status != expected || !bytes.Equal(got, want) {
					t.Errorf("%s of %d: %d, %d bytes, %v", method, size, status, len(got), err)
				}
			}
		})
	}
	all.Wait()
}

// send sends body in pieces.
func send(t *testing.T, client *http.Client, method, url string, body []byte) (status int, got []byte, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, &pieces{body})
	if err != nil {
		return 0, nil, err
	}
	r.ContentLength = int64(len(body))
	res, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	got, err = io.ReadAll(res.Body)
	return res.StatusCode, got, errors.Join(err, res.Body.Close())
}

// A client whose whole body has come keeps its connection, even when the
// service answers without having read it.
func TestEarlyAnswerAfterAWholeBody(t *testing.T) {
	t.Parallel()
	up := upstream.Start(t, func(c *upstream.Conn) {
		if _, err := c.Request(); err == nil {
			c.Say("HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		}
	})
	f := split(t, service(t, up.URL), monolith(t, answering(t, "monolith")), routes.Fallback{})
	conn := dialRaw(t, f.URL)
	for range 3 {
		res, text := conn.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody").answer("POST")
		if res.StatusCode != http.StatusForbidden || text != "no" || res.Close {
			t.Errorf("%d %q, close %v", res.StatusCode, text, res.Close)
		}
	}
}

// An answer that takes long keeps nothing of the request, which nobody sends again.
func TestNothingIsKeptDuringTheAnswer(t *testing.T) { //nolint:paralleltest // the room is everybody's
	release := make(chan struct{})
	s := service(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
		_ = http.NewResponseController(w).Flush()
		<-release
	}).URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), everything)
	conn := dialRaw(t, f.URL).say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody")
	eventually(t, "kept for the monolith", func() bool { return proxy.AheadTaken() == 4096 })
	release <- struct{}{}
	eventually(t, "nothing kept", func() bool { return proxy.AheadTaken() == 0 })
	close(release)
	if res, _ := conn.answer("PUT"); res.StatusCode != http.StatusOK {
		t.Error(res.Status)
	}
}

// What a panic leaves behind is given back, too.
func TestPanicGivesBackWhatWasReadAhead(t *testing.T) { //nolint:paralleltest // the room is everybody's
	up := service(t, answering(t, "x"))
	defer func() {
		if recover() == nil || proxy.AheadTaken() != 0 || up.Status().InFlight != 0 {
			t.Errorf("%d bytes, %+v", proxy.AheadTaken(), up.Status())
		}
	}()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("body"))
	_, _ = proxy.Forward(panicking{httptest.NewRecorder()}, r, proxy.Plan{Arm: routes.Service, Service: up, Monolith: up})
}
