package routes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The tests below hold the matcher against net/http's ServeMux and against
// conditions that are tested the slow and obvious way.

// compile makes a table that must be right.
func compile(tb testing.TB, routes ...*Route) *Table {
	tb.Helper()
	for i, r := range routes {
		r.Line = i + 1
		if r.Name == "" {
			r.Name = fmt.Sprintf("r%d", i)
		}
	}
	t, problems := Compile(&Document{Routes: routes})
	if err := problems.Err(); err != nil {
		tb.Fatal(err)
	}
	return t
}

// muxHandler is what a test registers, to be told from ServeMux's redirects.
type muxHandler struct{}

func (muxHandler) ServeHTTP(http.ResponseWriter, *http.Request) {}

// register adds a pattern to a mux and reports whether it was taken.
func register(mux *http.ServeMux, pattern string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	mux.Handle(pattern, muxHandler{})
	return nil
}

// muxWinner is the pattern that ServeMux gives a request to, empty when none;
// not ok where it redirects.
func muxWinner(mux *http.ServeMux, r *Request) (pattern string, ok bool) {
	h, pattern := mux.Handler(&http.Request{
		Method: r.Method, Host: r.Host, URL: &url.URL{Path: r.Path, RawPath: r.RawPath}, Header: r.Header,
	})
	if _, ours := h.(muxHandler); ours {
		return pattern, true
	}
	return "", pattern == ""
}

// dice are where a random test takes its choices from: a generator, or the
// bytes of a fuzzer (then 0 for ever).
type dice struct {
	bytes  []byte
	random *rand.Rand
}

func (d *dice) roll(n int) int {
	if d.random != nil {
		return d.random.IntN(n)
	}
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % n
}

func pick[T any](d *dice, of ...T) T { return of[d.roll(len(of))] }

// pattern is a random pattern over so few words that patterns meet.
func (d *dice) pattern() string {
	var b strings.Builder
	b.WriteString(pick(d, "", "", "", "GET ", "POST ", "HEAD "))
	b.WriteString(pick(d, "", "", "", "a.io", "b.io"))
	for i := range d.roll(4) {
		b.WriteString(pick(d, "/a", "/b", "/c%20d", fmt.Sprintf("/{w%d}", i), fmt.Sprintf("/{w%d}", i)))
	}
	end := pick(d, "", "", "/", "/{$}", "/{rest...}")
	if end == "" && !strings.Contains(b.String(), "/") {
		end = "/"
	}
	return b.String() + end
}

// request is a random request for such patterns.
func (d *dice) request() *Request {
	var b strings.Builder
	for range d.roll(5) {
		b.WriteString(pick(d, "/a", "/b", "/c d", "/w", "/é"))
	}
	if b.Len() == 0 || d.roll(3) == 0 {
		b.WriteByte('/')
	}
	return &Request{
		Method: pick(d, "GET", "GET", "HEAD", "POST", "PUT"),
		Host:   pick(d, "a.io", "b.io", "a.io:80", "other.io", ""),
		Path:   b.String(),
		Header: http.Header{},
	}
}

// FuzzAgainstServeMux makes a table of patterns and requests to it. The same
// patterns must be refused as by ServeMux, and the same ones must win.
func FuzzAgainstServeMux(f *testing.F) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, 400)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		againstServeMux(t, &dice{bytes: data})
	})
}

func TestMatchesLikeServeMux(t *testing.T) {
	t.Parallel()
	compared := 0
	for seed := range uint64(1000) {
		compared += againstServeMux(t, &dice{random: rand.New(rand.NewPCG(seed, 2))})
	}
	if compared < 25_000 {
		t.Errorf("only %d requests could be compared", compared)
	}
}

func againstServeMux(t *testing.T, d *dice) (compared int) {
	t.Helper()
	mux := http.NewServeMux()
	var routes []*Route
	for range 2 + d.roll(12) {
		route := &Route{Match: d.pattern()}
		route.Name = route.Match
		if slices.ContainsFunc(routes, func(other *Route) bool { return samePattern(t, route.Match, other.Match) }) {
			continue // ServeMux refuses it, here routes share it
		}
		refused := register(mux, route.Match)
		_, problems := Compile(&Document{Routes: append(slices.Clone(routes), route)})
		if (problems.Err() != nil) != (refused != nil) {
			t.Fatalf("%q: ServeMux says %v, we say %v", route.Match, refused, problems)
		}
		if refused == nil {
			routes = append(routes, route)
		}
	}
	table := compile(t, routes...)
	for range 40 {
		r := d.request()
		want, ok := muxWinner(mux, r)
		if !ok {
			continue
		}
		compared++
		got := ""
		if m := table.Match(r); m.Entry != nil {
			got = m.Entry.Route.Name
		}
		if got != want {
			t.Fatalf("%+v in %q: ServeMux takes %q, we take %q", r, names(routes), want, got)
		}
	}
	return compared
}

func samePattern(t *testing.T, a, b string) bool {
	t.Helper()
	return mustRule(t, a).comparePattern(mustRule(t, b)) == 0
}

func mustRule(t *testing.T, text string) rule {
	t.Helper()
	p, err := parsePattern(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return rule{host: p.host, method: p.method, segments: p.segments}
}

func names(routes []*Route) []string {
	names := make([]string, 0, len(routes))
	for _, r := range routes {
		names = append(names, r.Name)
	}
	return names
}
