package shadow_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect makes connections as the engine does.
func connect(url string) (shadow.Connections, error) {
	return proxy.NewConnections(url, proxy.Limits{Idle: 32, Head: 256 << 10})
}

// records keeps what it is given, bodies and all.
type records struct {
	mu   sync.Mutex
	all  []shadow.Record
	more chan struct{}
}

func newRecords() *records { return &records{more: make(chan struct{}, 1)} }

func (r *records) Record(rec *shadow.Record) {
	kept := *rec
	kept.Request.Body = bytes.Clone(rec.Request.Body)
	kept.Monolith.Answer.Body = bytes.Clone(rec.Monolith.Answer.Body)
	kept.Service.Answer.Body = bytes.Clone(rec.Service.Answer.Body)
	r.mu.Lock()
	r.all = append(r.all, kept)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// wait waits until there are n of them.
func (r *records) wait(tb testing.TB, n int) []shadow.Record {
	tb.Helper()
	return r.until(tb, func(all []shadow.Record) bool { return len(all) >= n })
}

// until waits until they are as they should be.
func (r *records) until(tb testing.TB, good func([]shadow.Record) bool) []shadow.Record {
	tb.Helper()
	deadline := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		all := r.all
		r.mu.Unlock()
		if good(all) {
			return all
		}
		select {
		case <-r.more:
		case <-deadline:
			tb.Fatalf("%d records after 20s: %v", len(all), buckets(all))
		}
	}
}

// one waits for the only record.
func (r *records) one(tb testing.TB) shadow.Record {
	tb.Helper()
	all := r.wait(tb, 1)
	if len(all) != 1 {
		tb.Fatalf("%d records, want one", len(all))
	}
	return all[0]
}

func buckets(all []shadow.Record) map[string]int {
	out := map[string]int{}
	for _, rec := range all {
		out[rec.Bucket.String()+" "+rec.Why]++
	}
	return out
}

// bed is a front that serves like a monolith and mirrors to a service.
type bed struct {
	*httptest.Server
	monolith http.HandlerFunc // what the front answers
	twin     *httptest.Server // the monolith again, by URL
	service  *httptest.Server
	mirrors  *shadow.Mirrors
	records  *records
	settings shadow.Settings
	ids      atomic.Int64
	arm      routes.Arm
	failure  func(r *http.Request) string
	now      func() time.Time
	ended    chan struct{} // gets one for each request that has ended; may be nil
}

// change adapts options and settings of a bed before it starts.
type change func(*shadow.Options, *shadow.Settings, *bed)

func newBed(tb testing.TB, monolith, service http.HandlerFunc, changes ...change) *bed {
	tb.Helper()
	b := &bed{monolith: monolith, records: newRecords(), now: time.Now}
	b.twin, b.service = httptest.NewServer(monolith), httptest.NewServer(service)
	o := shadow.Options{Connect: connect, Recorder: b.records, Key: []byte("key")}
	b.settings = shadow.Settings{
		Route: "faq", Sample: routes.One, Timeout: 2 * time.Second,
		Monolith: shadow.Target{Name: "monolith", URLs: []string{b.twin.URL}, Build: "X-Build"},
		Service:  shadow.Target{Name: "faq", URLs: []string{b.service.URL}, Build: "X-Build"},
	}
	for _, c := range changes {
		c(&o, &b.settings, b)
	}
	var err error
	if b.mirrors, err = shadow.New(o); err != nil {
		tb.Fatal(err)
	}
	if err := b.mirrors.Apply([]shadow.Settings{b.settings}); err != nil {
		tb.Fatal(err)
	}
	b.Server = httptest.NewServer(http.HandlerFunc(b.serve))
	tb.Cleanup(func() {
		b.Close()
		b.mirrors.Close()
		b.twin.CloseClientConnections()
		b.twin.Close()
		b.service.CloseClientConnections()
		b.service.Close()
	})
	return b
}

// serve is what an engine does.
func (b *bed) serve(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	if id == "" {
		id = strconv.FormatInt(b.ids.Add(1), 10)
	}
	marked := shadow.Marked(r.Header)
	r.Header.Del(shadow.MarkHeader)
	x := b.mirrors.Route("faq").Sample(r, &shadow.Arrival{
		RequestID: id, TraceID: "trace", At: b.now(), Arm: b.arm, Marked: marked,
		Client: shadow.Client{IP: "192.0.2.7", RemoteIP: "192.0.2.7"}, Principal: r.Header.Get("X-User"),
	})
	end := shadow.Ending{Arm: b.arm, Failure: "broken"}
	defer func() {
		x.End(end)
		if b.ended != nil {
			b.ended <- struct{}{}
		}
	}()
	w = x.Writer(w)
	r.Body = x.Body(r.Body)
	b.monolith(w, r)
	end.Failure = ""
	if r.Context().Err() != nil {
		end.Failure = "canceled"
	}
	if b.failure != nil {
		end.Failure = b.failure(r)
	}
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// do asks the front.
func (b *bed) do(tb testing.TB, method, path string, body io.Reader, headers ...string) answer {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, b.URL+path, body)
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	start := time.Now()
	response, err := b.Client().Transport.RoundTrip(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text), time.Since(start)}
}

func (b *bed) get(tb testing.TB, path string, headers ...string) answer {
	tb.Helper()
	return b.do(tb, http.MethodGet, path, nil, headers...)
}

// says answers with JSON.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

func (b *bed) status() shadow.Status { return b.mirrors.Status()[0] }
