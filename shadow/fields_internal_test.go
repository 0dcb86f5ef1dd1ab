package shadow

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What goes into a copy comes out of it, whatever it is.
func FuzzFields(f *testing.F) {
	f.Add("Accept", "text/html", "Cookie", "", uint8(3))
	f.Add("", "\x00", "Set-Cookie", strings.Repeat("x", 70_000), uint8(1))
	f.Add("A", "1", "A", "2", uint8(0))
	f.Fuzz(func(t *testing.T, name, value, other, more string, times uint8) {
		h := http.Header{}
		h[name] = append(h[name], value)
		for range times {
			h[other] = append(h[other], more)
			h[name] = append(h[name], more)
		}
		memory := memory{limit: 64 << 20}
		c := copied{memory: &memory, limit: 1 << maxClass}
		c.fields(h)
		if c.loss != lossNone || c.n != fieldsSize(h) {
			t.Fatalf("loss %d, %d bytes, want %d", c.loss, c.n, fieldsSize(h))
		}
		got := headerOf(string(c.bytes()))
		if !reflect.DeepEqual(got, h) {
			t.Errorf("%q\nwent in, and out came\n%q", h, got)
		}
		for field := range got { // no list has room that is another's
			_ = append(got[field], "over")
		}
		if !reflect.DeepEqual(got, h) {
			t.Errorf("appending to one field changed another: %q", got)
		}
		if c.free(); memory.held.Load() != 0 {
			t.Errorf("%d bytes are still held", memory.held.Load())
		}
	})
}

// What is read out of an exchange's heads is what its request and its answer
// had.
func FuzzHeads(f *testing.F) {
	f.Add("GET", "/a", "", "q=1", "Cookie", "a=1", "Content-Type", "text/html", "X-Sum")
	f.Add("", "/\xff", "/%ff", "", "", strings.Repeat("y", 5000), "Server", strings.Repeat("z", 5000), "")
	f.Fuzz(func(t *testing.T, method, path, raw, query, name, value, answer, content, trailer string) {
		all := &Mirrors{now: time.Now, memory: memory{limit: 64 << 20}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Method, r.Host, r.URL.Path, r.URL.RawPath, r.URL.RawQuery = method, answer, path, raw, query
		r.Header = http.Header{name: {value, content}, "A": {""}}
		arrival := Arrival{
			RequestID: value, TraceID: query, At: time.Unix(1, 2), Principal: 7,
			Client: Client{IP: path, RemoteIP: content, Trusted: len(path)%2 == 0, Secure: len(value)%2 == 0},
		}
		x := newExchange(&Mirror{all: all}, &plan{}, r, &arrival)
		w := sunk{"Server": {"strangler"}}
		x.Writer(w)
		w[answer] = append(w[answer], content)
		x.keepHead(http.Header(w))
		w["Trailer"] = []string{"X-Sum"}
		w["X-Sum"] = []string{trailer}
		x.status = http.StatusOK
		x.keepTrailer()
		if x.heads.loss != lossNone || !x.open() {
			t.Fatal("no room")
		}
		if x.method != method || x.host != answer || x.path != path || x.rawPath != raw || x.query != query || x.given != arrival {
			t.Errorf("%+v of %+v", x.asked, arrival)
		}
		if got := x.clientHeader(); !reflect.DeepEqual(got, r.Header) {
			t.Errorf("the client's %q, want %q", got, r.Header)
		}
		if got, want := headerOf(x.answerHead), (http.Header{answer: {content}}); !reflect.DeepEqual(got, want) {
			t.Errorf("the answer's %q, want %q", got, want)
		}
		if got := headerOf(x.trailer); len(got["X-Sum"]) != 1 || got["X-Sum"][0] != trailer {
			t.Errorf("trailer %q, want %q", got, trailer)
		}
		if x.free(); all.memory.held.Load() != 0 {
			t.Errorf("%d bytes are still held", all.memory.held.Load())
		}
	})
}

// sunk is a writer that only has a header.
type sunk http.Header

func (s sunk) Header() http.Header       { return http.Header(s) }
func (sunk) Write(p []byte) (int, error) { return len(p), nil }
func (sunk) WriteHeader(int)             {}
