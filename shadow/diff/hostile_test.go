package diff

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnswersThatOnlyLookAlike are pairs that a client sees as two, each of which
// a simpler reading would call equal; and some that it sees as one.
func TestAnswersThatOnlyLookAlike(t *testing.T) {
	t.Parallel()
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	atom := func(inner string) string {
		return `<entry xmlns="http://www.w3.org/2005/Atom"> <content type="xhtml"> <div xmlns="http://www.w3.org/1999/xhtml">` + inner + `</div> </content> </entry>`
	}
	for name, x := range map[string]struct {
		a, b         http.Header
		bodyA, bodyB string
		want         Verdict
		rules        Options
	}{
		"a multipart body without its end": {
			header("Content-Type", "multipart/mixed; boundary=b"), nil,
			"--b\r\n\r\nx\r\n--b--\r\n", "--b\r\n\r\nx\r\n--b", Different, Options{},
		},
		"a cookie that is set and one that is removed": {
			header("Set-Cookie", "a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT"), header("Set-Cookie", "a=; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
			"", "", Different, Options{},
		},
		"cookies of other days": {
			header("Set-Cookie", "a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT"), header("Set-Cookie", "a=2; Expires=Fri, 02-Jan-2099 00:00:01 GMT"),
			"", "", Equal, Options{},
		},
		"a comma in quotes": {
			header("Cache-Control", `no-cache="a, b"`), header("Cache-Control", `no-cache="a", b`), "", "", Different, Options{},
		},
		"directives in another order": {
			header("Cache-Control", `no-cache="a, b", private`), header("Cache-Control", `private,no-cache="a, b"`), "", "", Equal, Options{},
		},
		"a parameter of the other of two types": {
			header("Content-Type", "text/html; charset=utf-8", "Content-Type", "text/plain"), header("Content-Type", "text/html", "Content-Type", "text/plain; charset=utf-8"),
			"", "", Different, Options{},
		},
		"white space between words of a page inside XML": {
			header("Content-Type", "application/atom+xml"), nil, atom("<b>a</b> <i>b</i>"), atom("<b>a</b><i>b</i>"), Different, Options{},
		},
		"white space between elements of XML": {
			header("Content-Type", "application/atom+xml"), nil, atom("a"), strings.ReplaceAll(atom("a"), "> <", ">\n  <"), Equal, Options{},
		},
		"a prefix that is only the name of a namespace": {
			header("Content-Type", "application/xml"), nil, `<a xmlns:x="foo"><x:b/></a>`, `<a xmlns:x="foo"><foo:b/></a>`, Different, Options{},
		},
		"a byte order mark before XML": {
			header("Content-Type", "application/xml"), nil, "\uFEFF<a/>", "<a/>", Equal, Options{},
		},
		"a byte order mark before HTML": {
			header("Content-Type", "text/html"), nil, "\uFEFF<title>a</title>", "<title>a</title>", Equal, Options{},
		},
		"a byte order mark before JSON": {
			header("Content-Type", "application/json"), nil, "\uFEFF{}", "{}", Different, Options{},
		},
		"two days in the names of pictures": {
			header("Content-Type", "text/html"), nil, `<img src="/media/a-20240101.jpg">`, `<img src="/media/a-20250101.jpg">`, Different, Options{Presets: []string{"django"}},
		},
		"two hashes in the names of files": {
			header("Content-Type", "text/html"), nil, `<img src="/static/a.55e7cbb9ba48.png"><script src="/b-4f2a9c1b.js"></script>`,
			`<img src="/static/a.123456789012.png"><script src="/b-00ffaa11.js"></script>`, EqualByRule, Options{Presets: []string{"django"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := New(x.rules)
			if err != nil {
				t.Fatal(err)
			}
			if x.b == nil {
				x.b = x.a
			}
			m, s := Answer{Status: 200, Header: x.a, Body: []byte(x.bodyA)}, Answer{Status: 200, Header: x.b, Body: []byte(x.bodyB)}
			if got := c.Compare(m, s, now); got.Verdict != x.want {
				t.Errorf("%s, want %s: %+v", got.Verdict, x.want, got.Differences)
			}
		})
	}
}

// TestHostileAnswersEndSoon are answers of one MiB or so that are made to cost far
// more than they weigh.
func TestHostileAnswersEndSoon(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("0", 1<<20)
	var attributes, others strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&attributes, " a%d=1", i)
		fmt.Fprintf(&others, " a%d=2", i)
	}
	deep := func(n int) string {
		return strings.Repeat("[", 190) + strings.TrimSuffix(strings.Repeat(fmt.Sprintf("%d,", n), 200_000), ",") + strings.Repeat("]", 190)
	}
	// An empty stream of brotli is one byte.
	frame := "\x01\x00\x00\x00\x01\x06"
	grpc := http.Header{"Content-Type": {"application/grpc"}, "Grpc-Encoding": {"br"}}
	kind := func(name string) http.Header { return http.Header{"Content-Type": {name}} }
	for name, x := range map[string]struct {
		header http.Header
		a, b   string
		rules  []Rule
	}{
		"a number of a million zeros": {kind("application/json"), "1." + zeros + "1", "1." + zeros + "2", []Rule{{Path: "$", Compare: "tolerance", Arg: "1", Because: "b", Owner: "o"}}},
		"a short number spelled long": {kind("application/json"), "1." + zeros, "2." + zeros, []Rule{{Path: "$", Compare: "tolerance", Arg: "0.1", Because: "b", Owner: "o"}}},
		"an input of many attributes": {kind("text/html"), "<input" + attributes.String() + ">", "<input" + others.String() + ">", nil},
		"a long list far down":        {kind("application/json"), deep(1), deep(2), nil},
		"many small packed messages":  {grpc, strings.Repeat(frame, 200_000), strings.Repeat(frame, 199_999), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := New(Options{Rules: x.rules, Presets: Presets()})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			got := c.Compare(Answer{Status: 200, Header: x.header, Body: []byte(x.a)}, Answer{Status: 200, Header: x.header, Body: []byte(x.b)}, now)
			took := time.Since(start)
			t.Logf("%s (%s) in %v", got.Verdict, got.Reason, took)
			if got.Verdict == Equal || got.Verdict == EqualByRule && !bytes.Contains([]byte(x.a), []byte("1.0")) || took > 20*time.Second {
				t.Errorf("%s in %v", got.Verdict, took)
			}
		})
	}
}
