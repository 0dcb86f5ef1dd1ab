package proxy

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/routes"
)

// captured is a transport that keeps the last request's head.
type captured struct{ header http.Header }

func (c *captured) RoundTrip(r *http.Request) (*http.Response, error) {
	c.header = r.Header
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}, nil
}

// FuzzHopByHop holds the outgoing header against the standard library's
// ReverseProxy. Upgrades are ours to refuse, so there are none.
func FuzzHopByHop(f *testing.F) {
	for _, connection := range []string{"", "close", "x-a, x-b", "X-A,,x-B ,\tx-c", "te, x-a", "keep-alive, Connection", "a b", "user-agent", "x_a"} {
		f.Add(connection, "trailers, deflate", "X-A", "X_a")
	}
	f.Fuzz(func(t *testing.T, connection, te, one, two string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: h\r\nConnection: " + connection +
			"\r\nTE: " + te + "\r\n" + one + ": 1\r\n" + two + ": 2\r\nX-B: 3\r\nKeep-Alive: 4\r\n\r\n")))
		if err != nil {
			return
		}
		for name := range r.Header {
			if isClaim(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))) || name == "Upgrade" || strings.HasSuffix(name, "Idempotency-Key") {
				return
			}
		}
		var theirs, ours captured
		(&httputil.ReverseProxy{Transport: &theirs, Rewrite: func(*httputil.ProxyRequest) {}}).ServeHTTP(httptest.NewRecorder(), r)
		target, err := New(&routes.Target{Name: "t", URLs: []string{"http://h"}}, Options{Transport: &ours})
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Serve(httptest.NewRecorder(), r, new(Call)); err != nil {
			return // refused as no request that can be forwarded
		}
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
			delete(ours.header, name)
		}
		if diff := cmp.Diff(theirs.header, ours.header); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzRequestTarget: what a client asks for reaches the target in the same
// bytes, or not at all.
func FuzzRequestTarget(f *testing.F) {
	for _, target := range []string{
		"/", "/?", "/a%2fb", "/a%2Fb/%7e", "/é", "/a%2Fé", "//a", "//a/é%2f", "/a;b?c;d=%zz", "/a#b?c#d", "/%41", "*", "http://u:p@h/a%2f", "http:a", "/%2", "///", "A:", "A:/0", "http:///x",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: host\r\n\r\n")))
		if err != nil || refuse(r) != nil {
			return
		}
		out := *r.URL
		setTarget(&out, r.URL, r.Host, new(Call))
		out.Scheme, out.Host = "http", "target"
		got := out.RequestURI()
		want := r.RequestURI
		if absolute, err := url.Parse(want); err == nil && absolute.Scheme != "" && strings.HasPrefix(want, absolute.Scheme+"://") {
			want = strings.TrimPrefix(want, absolute.Scheme+"://")
			if i := strings.IndexAny(want, "/?"); i < 0 {
				want = "/"
			} else if want = want[i:]; want[0] == '?' {
				want = "/" + want
			}
		}
		if got = strings.TrimPrefix(got, "http://host"); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestQuotelessKeepsOtherErrors(t *testing.T) {
	t.Parallel()
	if quoteless(io.EOF) != io.EOF { //nolint:errorlint // the very value
		t.Error("an error without a quote was changed")
	}
}
