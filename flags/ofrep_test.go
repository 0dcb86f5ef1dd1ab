package flags

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ofrepBed is an OFREP server that can be killed and started again on its port.
type ofrepBed struct {
	t       testing.TB
	address string
	server  *http.Server
	asked   atomic.Int64
	hang    atomic.Bool
	value   atomic.Bool
	context atomic.Value // the last request's, as JSON
}

func newOFREPBed(tb testing.TB) *ofrepBed {
	tb.Helper()
	b := &ofrepBed{t: tb, address: "127.0.0.1:0"}
	b.value.Store(true)
	b.start()
	tb.Cleanup(b.kill)
	return b
}

func (b *ofrepBed) start() {
	b.t.Helper()
	var listener net.Listener
	within(b.t, 5*time.Second, "the port is free again", func() (ok bool) {
		var err error
		listener, err = net.Listen("tcp", b.address)
		return err == nil
	})
	b.address = listener.Addr().String()
	b.server = &http.Server{Handler: http.HandlerFunc(b.serve)}
	go func() { _ = b.server.Serve(listener) }()
}

func (b *ofrepBed) kill() { _ = b.server.Close() }

func (b *ofrepBed) serve(w http.ResponseWriter, r *http.Request) {
	b.asked.Add(1)
	var body struct{ Context map[string]any }
	_ = json.NewDecoder(r.Body).Decode(&body)
	text, _ := json.Marshal(body.Context)
	b.context.Store(string(text))
	if b.hang.Load() {
		<-r.Context().Done()
		return
	}
	flag := strings.TrimPrefix(r.URL.Path, "/ofrep/v1/evaluate/flags/")
	if flag != "tickets" {
		http.Error(w, `{"key":"`+flag+`","errorCode":"FLAG_NOT_FOUND"}`, http.StatusNotFound)
		return
	}
	fmt.Fprintf(w, `{"key":"tickets","value":%v,"variant":"v","reason":"SPLIT"}`, b.value.Load())
}

// clock is one that the test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func TestOFREPOutage(t *testing.T) {
	t.Parallel()
	bed, clock := newOFREPBed(t), new(clock)
	e := start(t, Options{
		Sources: []Source{OFREP("http://"+bed.address, nil)}, Now: clock.now,
		Wait: time.Second, MaxAge: time.Minute, Retry: 10 * time.Millisecond,
	})
	if a := decide(t, e, "tickets", "ann", Attribute{"path", "/x"}, Attribute{"headers.x-beta", "1"}); !a.Value || a.Variant != "v" || a.Reason != "SPLIT" || a.Stale {
		t.Fatalf("up: %+v", a)
	}
	if got, want := bed.context.Load(), `{"headers":{"x-beta":"1"},"path":"/x","targetingKey":"ann"}`; got != want {
		t.Errorf("the server was told %s, want %s", got, want)
	}
	first := decide(t, e, "tickets", "bob")
	asked := bed.asked.Load()
	for range 100 {
		if a := decide(t, e, "tickets", "bob"); a != first {
			t.Fatalf("from the cache: %+v, then %+v", first, a)
		}
	}
	if bed.asked.Load() != asked {
		t.Errorf("100 more requests asked the server %d times", bed.asked.Load()-asked)
	}

	bed.kill()
	clock.advance(20 * time.Second) // no longer fresh
	if a := decide(t, e, "tickets", "bob"); !a.Value || !a.Stale || a.Age < 20*time.Second {
		t.Errorf("down, known for 20 s: %+v", a)
	}
	if a := decide(t, e, "tickets", "new"); a.Value || a.Err != ErrGeneral {
		t.Errorf("down, never known: %+v", a)
	}
	within(t, 5*time.Second, "the source is shown as down", func() bool {
		decide(t, e, "tickets", "new")
		source := e.Status().Sources[0]
		return source.State == "ERROR" && strings.Contains(source.Error, "refused") && !source.Lost.IsZero()
	})
	if a := decide(t, e, "tickets", "bob"); !a.Value || !a.Stale {
		t.Errorf("down, known for 20 s, asked again: %+v", a)
	}
	clock.advance(time.Minute)
	if a := decide(t, e, "tickets", "bob"); a.Value || a.Err == "" {
		t.Errorf("down, known for 80 s: %+v", a)
	}

	bed.value.Store(false)
	bed.start()
	within(t, 5*time.Second, "it recovers by itself", func() bool {
		a := decide(t, e, "tickets", "bob")
		return a.Err == "" && !a.Stale && !a.Value && e.Ready()
	})
}

func TestOFREPThatHangs(t *testing.T) {
	t.Parallel()
	bed := newOFREPBed(t)
	bed.hang.Store(true)
	e := start(t, Options{Sources: []Source{OFREP("http://"+bed.address, nil)}, InFlight: 4, Wait: 5 * time.Millisecond})
	var all sync.WaitGroup
	var busy, late atomic.Int64
	begin := time.Now()
	for i := range 64 {
		all.Go(func() {
			switch a := e.Decide(context.Background(), &Query{Flag: "tickets", Key: fmt.Sprint(i % 32)}); a.Err {
			case ErrTimeout:
				late.Add(1)
			case ErrBusy:
				busy.Add(1)
			default:
				t.Errorf("%+v", a)
			}
		})
	}
	all.Wait()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("64 requests waited for %s", took)
	}
	if busy.Load() == 0 || late.Load() == 0 || bed.asked.Load() > 4 {
		t.Errorf("%d busy, %d late, %d asked", busy.Load(), late.Load(), bed.asked.Load())
	}
	if n := e.Status().InFlight; n != 4 {
		t.Errorf("%d in flight, want 4", n)
	}
}

func TestOneFlightForAll(t *testing.T) {
	t.Parallel()
	bed := newOFREPBed(t)
	e := start(t, Options{Sources: []Source{OFREP("http://"+bed.address, nil)}, Wait: 5 * time.Second})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if a := e.Decide(context.Background(), &Query{Flag: "tickets", Key: "ann"}); !a.Value {
				t.Errorf("%+v", a)
			}
		})
	}
	all.Wait()
	if n := bed.asked.Load(); n != 1 {
		t.Errorf("asked %d times for 50 equal questions", n)
	}
}

func TestOFREPSendsNobodyElsewhere(t *testing.T) {
	t.Parallel()
	other := newOFREPBed(t)
	redirect := &ofrepBed{t: t, address: "127.0.0.1:0"}
	listener, err := net.Listen("tcp", redirect.address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.RedirectHandler("http://"+other.address+"/ofrep/v1/evaluate/flags/tickets", http.StatusTemporaryRedirect)}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	e := start(t, Options{Sources: []Source{OFREP("http://"+listener.Addr().String(), nil)}, Wait: time.Second})
	if a := decide(t, e, "tickets", "ann"); a.Err != ErrGeneral || other.asked.Load() != 0 {
		t.Errorf("%+v, and %d questions elsewhere", a, other.asked.Load())
	}
	for _, bad := range []string{"", "127.0.0.1:8016", "ftp://x", "http://user:secret@x", "http://"} {
		if _, err := New(Options{Sources: []Source{OFREP(bad, nil)}}); err == nil {
			t.Errorf("%q is taken for a URL", bad)
		}
	}
}
