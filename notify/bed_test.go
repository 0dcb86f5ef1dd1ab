package notify

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/internal/testlog"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// fast is a pace for tests.
var fast = pace{
	attempt: time.Second, attempts: 2, waitMin: time.Millisecond, waitMax: 5 * time.Millisecond,
	first: 5 * time.Millisecond, longest: 20 * time.Millisecond,
	idle: time.Minute, store: 2 * time.Second, patience: Patience,
}

// memory keeps cursors.
type memory struct {
	mu      sync.Mutex
	cursors map[string]uint64
}

func (m *memory) Cursor(_ context.Context, name string) (seq uint64, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seq, found = m.cursors[name]
	return seq, found, nil
}

func (m *memory) SetCursor(_ context.Context, name string, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cursors[name] = seq
	return nil
}

// bed is a ledger, and what a sender needs.
type bed struct {
	ledger  *rollout.Ledger
	cursors *memory
	log     *testlog.Log
}

func newBed(t *testing.T) *bed {
	t.Helper()
	l, err := rollout.Open(t.Context(), rollout.Options{Store: new(storetest.Memory), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &bed{ledger: l, cursors: &memory{cursors: map[string]uint64{}}, log: new(testlog.Log)}
}

// sender makes one with the pace given, and has it use webhooks.
func (b *bed) sender(t *testing.T, p pace, webhooks ...Webhook) *Sender {
	t.Helper()
	webhooks, err := Check(webhooks)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{
		Journal: b.ledger, Cursors: b.cursors, Now: time.Now, pace: p,
		Logger: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Use(webhooks)
	return s
}

// set makes n changes of a route and answers their IDs.
func (b *bed) set(t *testing.T, route string, n int) (ids []string) {
	t.Helper()
	for range n {
		share := b.ledger.Snapshot().Route(route).Share + 1
		ids = append(ids, b.made(t)(b.ledger.Set(t.Context(), route, share, rollout.Act{By: "anna", Reason: "b & <c>", Source: rollout.SourceCLI})))
	}
	return ids
}

func (b *bed) made(t *testing.T) func(rollout.Change, error) string {
	t.Helper()
	return func(c rollout.Change, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
}

// receiver is a webhook's other side.
type receiver struct {
	t        *testing.T
	url      string
	address  string
	server   *httptest.Server
	arrived  chan *delivery
	mu       sync.Mutex
	answer   func(nth int, w http.ResponseWriter, r *http.Request) // nil: 200
	attempts int
}

// delivery is a request that was answered with 200.
type delivery struct {
	id   string
	body []byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, arrived: make(chan *delivery, 1000)}
	r.start("127.0.0.1:0")
	t.Cleanup(func() { r.server.Close() })
	return r
}

// start listens; kill ends it in the middle of everything.
func (r *receiver) start(address string) {
	r.t.Helper()
	listener, err := new(net.ListenConfig).Listen(r.t.Context(), "tcp", address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}}
	r.server.Start()
	r.address, r.url = listener.Addr().String(), r.server.URL+"/TEAM0/secret-path"
}

func (r *receiver) kill() {
	r.server.CloseClientConnections()
	r.server.Close()
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.attempts++
	nth, answer := r.attempts, r.answer
	r.mu.Unlock()
	verify(r.t, request.Header, body)
	if answer != nil {
		recorder := &statusOf{ResponseWriter: w, status: 200}
		answer(nth, recorder, request)
		if recorder.status != 200 {
			return
		}
	}
	r.arrived <- &delivery{id: request.Header.Get("Webhook-Id"), body: body}
}

func (r *receiver) answers(answer func(nth int, w http.ResponseWriter, r *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.attempts = answer, 0
}

type statusOf struct {
	http.ResponseWriter
	status int
}

func (s *statusOf) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// verify holds a request against the library that others verify with.
func verify(t *testing.T, header http.Header, body []byte) {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secretText)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Verify(body, header); err != nil {
		t.Errorf("the signature: %v", err)
	}
	if header.Get("Idempotency-Key") != header.Get("Webhook-Id") {
		t.Errorf("Idempotency-Key: %q, Webhook-Id: %q", header.Get("Idempotency-Key"), header.Get("Webhook-Id"))
	}
}

func (r *receiver) webhook(t *testing.T) Webhook {
	t.Helper()
	secret, err := ParseSecret(secretText)
	if err != nil {
		t.Fatal(err)
	}
	return Webhook{URL: r.url, Secret: secret}
}

// next waits for a delivery.
func (r *receiver) next(t *testing.T) *delivery {
	t.Helper()
	select {
	case d := <-r.arrived:
		return d
	case <-time.After(10 * time.Second):
		t.Fatal("nothing arrived")
		return nil
	}
}

// wants waits until all IDs have arrived, in that order; one may come more than
// once if again says so.
func (r *receiver) wants(t *testing.T, ids []string, again bool) {
	t.Helper()
	last := ""
	for i := 0; i < len(ids); {
		d := r.next(t)
		switch d.id {
		case ids[i]:
			i++
		case last:
			if !again {
				t.Fatalf("%s came twice", d.id)
			}
		default:
			t.Fatalf("%s came, not %s", d.id, ids[i])
		}
		last = d.id
	}
}

// eventually waits until a status is as wanted.
func eventually(t *testing.T, s *Sender, name string, wanted func(Status) bool) Status {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		var last Status
		for _, status := range s.Status() {
			if status.Name == name {
				last = status
			}
		}
		if wanted(last) {
			return last
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("at last: %+v", last)
		}
	}
}
