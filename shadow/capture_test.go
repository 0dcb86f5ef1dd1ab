package shadow_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/shadow"
)

func small(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.Body = 10_000 }

func TestWhatIsTooLargeIsCounted(t *testing.T) {
	t.Parallel()
	sized := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/plain")
		text := strings.Repeat("x", map[string]int{"/whole": 10_000, "/over": 10_001, "/streamed": 10_001, "/bare": 10}[r.URL.Path])
		if r.URL.Path != "/streamed" {
			_, _ = io.WriteString(w, text)
			return
		}
		for _, c := range []byte(text) {
			_, _ = w.Write([]byte{c})
		}
	}
	for name, test := range map[string]struct {
		method, path, body string
		chunked            bool
		want               string
	}{
		"just fits":          {"GET", "/whole", "", false, "equal "},
		"a byte more":        {"GET", "/over", "", false, "dropped_oversize answer"},
		"byte by byte":       {"GET", "/streamed", "", false, "dropped_oversize answer"},
		"a request":          {"GET", "/bare", strings.Repeat("y", 10_001), false, "dropped_oversize request"},
		"of unknown length":  {"GET", "/bare", strings.Repeat("y", 10_001), true, "dropped_oversize request"},
		"that just fits":     {"GET", "/bare", strings.Repeat("y", 10_000), true, "equal "},
		"with known length":  {"GET", "/bare", strings.Repeat("y", 10_000), false, "equal "},
		"without any answer": {"HEAD", "/whole", "", false, "equal "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, sized, sized, small)
			var body io.Reader = strings.NewReader(test.body)
			if test.chunked {
				body = io.MultiReader(body)
			}
			if test.body == "" {
				body = nil
			}
			b.do(t, test.method, test.path, body)
			if got := buckets(b.records.wait(t, 1)); got[test.want] != 1 {
				t.Errorf("%v, want %s", got, test.want)
			}
		})
	}
}

func TestABodyThatWasNotReadIsNoCopy(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "early") }, says(`1`), dryRun)
	b.do(t, http.MethodPost, "/", strings.NewReader(strings.Repeat("y", 1000)))
	if rec := b.records.one(t); rec.Bucket != shadow.NotComparable || rec.Why != "request_not_read" {
		t.Errorf("%s %s", rec.Bucket, rec.Why)
	}
}

func TestStreamsAreSkipped(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
		case "/hijack":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw")
			_ = conn.Close()
		case "/socket":
			w.WriteHeader(http.StatusTeapot)
		}
	}, says(`1`))
	b.get(t, "/events")
	b.get(t, "/hijack")
	b.get(t, "/socket", "Connection", "Upgrade", "Upgrade", "websocket")
	got := buckets(b.records.wait(t, 3))
	if got["skipped_streaming stream"] != 1 || got["skipped_streaming upgrade"] != 2 {
		t.Errorf("%v", got)
	}
}

// plainWriter is a writer with every way of writing, all of them counted.
type plainWriter struct {
	sink
	got               bytes.Buffer
	readFrom, flushes int
	statuses          []int
}

func (p *plainWriter) WriteHeader(status int)      { p.statuses = append(p.statuses, status) }
func (p *plainWriter) Write(b []byte) (int, error) { return p.got.Write(b) }
func (p *plainWriter) Flush()                      { p.flushes++ }
func (p *plainWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

func (p *plainWriter) ReadFrom(r io.Reader) (int64, error) {
	p.readFrom++
	return p.got.ReadFrom(r)
}

// The writer keeps all that the one below can do.
func TestWriterPassesEverything(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), hung(t), small)
	x := b.mirrors.Route("faq").Sample(benchRequest(t), &shadow.Arrival{RequestID: "1", At: b.now()})
	below := &plainWriter{sink: sink{http.Header{}}}
	w := x.Writer(below)
	w.WriteHeader(http.StatusEarlyHints)
	w.WriteHeader(http.StatusOK)
	text := strings.Repeat("0123456789", 5000)
	n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader(text)})
	if n != int64(len(text)) || err != nil || below.got.String() != text {
		t.Errorf("copied %d, %v", n, err)
	}
	if below.readFrom != 1 {
		t.Errorf("the writer's own way of copying was used %d times, want once for the rest", below.readFrom)
	}
	if http.NewResponseController(w).Flush() != nil || below.flushes != 1 {
		t.Error("no flush")
	}
	if _, _, err := http.NewResponseController(w).Hijack(); err == nil {
		t.Error("a hijack that did not happen")
	}
	if len(below.statuses) != 2 || below.statuses[0] != http.StatusEarlyHints {
		t.Errorf("%v", below.statuses)
	}
	x.End(shadow.Ending{})
	if got := b.status().Buckets["dropped_oversize"]; got != 1 {
		t.Errorf("%d", got)
	}
}

// What was in the writer's header before is ours, not the monolith's.
func TestOurFieldsAreNoPartOfTheAnswer(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), says(`1`))
	x := b.mirrors.Route("faq").Sample(benchRequest(t), &shadow.Arrival{RequestID: "1", At: b.now()})
	below := &sink{http.Header{"Set-Cookie": {"visitor=1"}, "Server": {"strangler"}}}
	w := x.Writer(below)
	w.Header().Add("Set-Cookie", "theirs=2")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Trailer", "X-Sum")
	_, _ = io.WriteString(w, `1`)
	w.Header().Set("X-Sum", "7")
	w.Header().Set(http.TrailerPrefix+"X-Late", "8")
	x.End(shadow.Ending{})
	a := b.records.one(t).Monolith.Answer
	if got := a.Header.Values("Set-Cookie"); len(got) != 1 || got[0] != "theirs=2" || a.Header.Get("Server") != "" {
		t.Errorf("%v", a.Header)
	}
	if a.Trailer.Get("X-Sum") != "7" || a.Trailer.Get("X-Late") != "8" || a.Status != http.StatusOK {
		t.Errorf("%d %v", a.Status, a.Trailer)
	}
}

func TestNothingOfNobody(t *testing.T) {
	t.Parallel()
	var m *shadow.Mirror
	r := benchRequest(t)
	x := m.Sample(r, &shadow.Arrival{})
	w := &sink{}
	if x != nil || x.Writer(w) != http.ResponseWriter(w) || x.Body(r.Body) != r.Body {
		t.Error("not mirrored is not as it was")
	}
	x.End(shadow.Ending{})
}
