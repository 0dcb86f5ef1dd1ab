package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// course is how one exchange goes: its client sends upload pieces of a body,
// the answer's head comes, then its pieces.
type course struct {
	upload           int
	sent, head, gap  time.Duration
	pieces           int
	kind             proxy.Kind
	after            time.Duration
	firstByte, grace time.Duration
	leave            bool // the transport returns while it still reads
}

// ended is a pipeWriter whose request must be left alone when it has ended.
type ended struct {
	pipeWriter
	over  atomic.Bool
	after atomic.Int64
}

func (w *ended) SetReadDeadline(at time.Time) error {
	if w.over.Load() {
		w.after.Add(1)
	}
	return w.pipeWriter.SetReadDeadline(at)
}

type courseKey struct{}

// courses is a transport that does as a request's course says.
type courses struct{}

func (courses) RoundTrip(r *http.Request) (*http.Response, error) {
	c := r.Context().Value(courseKey{}).(*course)
	if c.leave {
		go func() { _, _ = io.Copy(io.Discard, r.Body) }()
		<-time.After(time.Millisecond)
		return nil, errors.New("left in the middle of a body")
	}
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return slow{c.head, c.gap, c.pieces}.RoundTrip(r)
}

// plan makes up a course that stays clear of ties, and says how it must end.
func (c *course) plan(idle time.Duration) {
	const tick = time.Millisecond
	c.upload, c.pieces = rand.IntN(4), rand.IntN(4)
	c.sent = tick * time.Duration(1+rand.IntN(30_000))
	c.head = tick * time.Duration(1+rand.IntN(90_000))
	c.gap = tick * time.Duration(1+rand.IntN(75))
	if c.upload > 0 && rand.IntN(2) == 0 {
		c.sent = tick * time.Duration(1+rand.IntN(5_000))
	}
	switch {
	case c.sent%c.grace == 0, c.head == c.firstByte, c.gap == idle:
		c.plan(idle)
		return
	case c.upload > 0 && rand.IntN(4) == 0:
		c.leave, c.kind, c.after = true, proxy.KindError, time.Millisecond
		c.sent = 30 * time.Second
		return
	case c.upload > 0 && time.Duration(c.upload)*c.sent > c.grace:
		c.kind, c.after = proxy.KindClient, c.grace
		return
	}
	c.after = time.Duration(c.upload) * c.sent
	switch {
	case c.head > c.firstByte:
		c.kind, c.after = proxy.KindTimeout, c.after+c.firstByte
	case c.pieces > 0 && c.gap > idle:
		c.kind, c.after = proxy.KindBroken, c.after+c.head+idle
	default:
		c.after += c.head + time.Duration(c.pieces)*c.gap
	}
}

func (c *course) run(s *proxy.Target) error {
	ctx := context.WithValue(context.Background(), courseKey{}, c)
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
	var w ended
	w.ResponseRecorder = httptest.NewRecorder()
	var sender sync.WaitGroup
	if c.upload > 0 {
		body, send := io.Pipe()
		r = httptest.NewRequest(http.MethodPost, "/", body).WithContext(ctx)
		w.body = body
		sender.Go(func() {
			for range c.upload {
				<-time.After(c.sent)
				_, _ = send.Write(nil) // waited for, and nothing gained by it
			}
			_ = send.Close()
		})
	}
	start := time.Now()
	err := s.Serve(&w, r, new(proxy.Call))
	took := time.Since(start)
	w.over.Store(true)
	if c.upload > 0 {
		<-time.After(c.grace + time.Second)
		_ = w.body.Close()
	}
	sender.Wait()
	if n := w.after.Load(); n != 0 {
		return fmt.Errorf("%+v: the connection was touched %d times afterwards", *c, n)
	}
	if kindOf(err) != c.kind || took < c.after || took > c.after+time.Second && c.kind == proxy.KindClient ||
		took != c.after && c.kind != proxy.KindClient {
		return fmt.Errorf("%+v: %w after %v", *c, errors.Join(errors.New("ended"), err), took)
	}
	return nil
}

// Many exchanges one after the other and at once, whose answers may be silent
// for much less than their heads may take: each ends exactly when it must, no
// wait is forgotten, and none is held against an exchange that came later.
func TestPatienceOfManyExchanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const idle = 50 * time.Millisecond
		s := target(t, proxy.Options{Transport: courses{}, Monolith: true}, func(rt *routes.Target) {
			rt.Timeouts = routes.Timeouts{FirstByte: time.Minute, Idle: idle}
		}, "http://a")
		kinds := map[proxy.Kind]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				for range 40 {
					c := course{firstByte: time.Minute, grace: 20 * time.Second}
					c.plan(idle)
					if err := c.run(s); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					kinds[c.kind]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if len(kinds) != 5 {
			t.Errorf("not every end was there: %v", kinds)
		}
		if got := s.Status(); got.InFlight != 0 {
			t.Errorf("%+v", got)
		}
	})
}
