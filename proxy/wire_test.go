package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// wire is an upstream that keeps the heads of requests as they are on the wire.
type wire struct {
	*upstream.Server
	heads chan string
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{heads: make(chan string, 10)}
	w.Server = upstream.Start(t, func(c *upstream.Conn) {
		var head strings.Builder
		for {
			line, err := c.Reader.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
			if line != "\r\n" {
				continue
			}
			w.heads <- head.String()
			head.Reset()
			c.Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	return w
}

// lines are the sorted header lines of a head, after its request line.
func lines(head string) (first string, rest []string) {
	all := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	slices.Sort(all[1:])
	return all[0], all[1:]
}

func TestTargetKeepsTheBytesOfTheRequest(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	f := before(t, monolith(t, w.URL))
	for _, target := range []string{
		"/", "/?", "/a?b", "/a%2fb", "/a%2Fb/%7euser", "/%C3%A9", "/é", "/a%2Fb/é", `/a"b<c>|^d{e}` + "`", "/a\\b", "//a", "//a/é%2f",
		"/a//b/../c/./d", "/a;b=c", "/a#b", "/?a;b", "/?a=%zz&b=1;c", "/?é=\"", "/?a?b#c",
		"/?" + strings.Repeat("a=1&", 20_000), "/+%20*", "/%00", "/%41?%41",
	} {
		c := dialRaw(t, f.URL).say("GET " + target + " HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
		if res, _ := c.answer("GET"); res.StatusCode != http.StatusOK {
			t.Errorf("%.60s: status %d", target, res.StatusCode)
			continue
		}
		want := "GET " + target + " HTTP/1.1"
		if strings.HasPrefix(target, "//a/é") {
			want = "GET http://www.example.com" + target + " HTTP/1.1" // the same in absolute form
		}
		if got, _ := lines(<-w.heads); got != want {
			t.Errorf("got %.200s\nwant %.200s", got, want)
		}
	}
}

func TestTargetAddsAndRemovesNothingElse(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	f := before(t, monolith(t, w.URL))
	dialRaw(t, f.URL).say("GET / HTTP/1.1\r\nhost: Www.Example.com:8080\r\ncookie: a=b\r\nx-custom: 1\r\nx-custom: 2\r\n" +
		"accept: */*\r\nconnection: x-hop, keep-alive, x-forwarded-for, x-forwarded-proto, x-forwarded-host, close\r\n" +
		"x-hop: 1\r\nkeep-alive: timeout=5\r\nte: gzip\r\nproxy-authorization: Basic eDp5\r\nproxy-connection: close\r\n" +
		"x_custom: 3\r\nTrailer: X\r\n\r\n").answer("GET")
	_, got := lines(<-w.heads)
	want := []string{
		"Accept: */*", "Cookie: a=b", "Host: Www.Example.com:8080", "X-Custom: 1", "X-Custom: 2",
		"X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: Www.Example.com:8080", "X-Forwarded-Proto: http", "X_custom: 3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTargetCallHeaders(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	f := unstarted(t, func(*http.Request) proxy.Plan {
		return proxy.Plan{Monolith: monolith(t, w.URL), MonolithCall: proxy.Call{
			Client:    proxy.Client{RemoteIP: "192.0.2.7"},
			RequestID: "our-id",
			Path:      "/questions/a/b", RawPath: "/questions/a%2Fb",
			Fields: []proxy.Field{{Name: "Authorization", Values: []string{"Bearer ours"}}, {Name: "Cookie"}},
		}}
	})
	f.Start()
	dialRaw(t, f.URL).say("GET /faq/a%2Fb?q=;x HTTP/1.1\r\nHost: h\r\nConnection: authorization, x-request-id\r\nCookie: a=b\r\n" +
		"Authorization: Bearer theirs\r\nX-Request-ID: their-id\r\n\r\n").answer("GET")
	first, rest := lines(<-w.heads)
	want := []string{
		"GET /questions/a%2Fb?q=;x HTTP/1.1", "Authorization: Bearer ours", "Host: h", "X-Forwarded-For: 192.0.2.7",
		"X-Forwarded-Host: h", "X-Forwarded-Proto: http", "X-Request-Id: our-id",
	}
	if diff := cmp.Diff(want, append([]string{first}, rest...)); diff != "" {
		t.Error(diff)
	}
}

// forged is what a client may claim, in several spellings.
var forged = http.Header{
	"X-Forwarded-For":    {"203.0.113.1", "203.0.113.2"},
	"X-Forwarded-Proto":  {"ftp", "https"},
	"X-Forwarded-Host":   {"a.example", "b.example"},
	"X-Forwarded-Port":   {"1"},
	"X-Forwarded-Server": {"s"},
	"X-Forwarded-Prefix": {"/p"},
	"X-Forwarded-Ssl":    {"on"},
	"Forwarded":          {"for=203.0.113.1", "for=203.0.113.2"},
	"X-Real-Ip":          {"203.0.113.1"},
	"X-Original-Url":     {"/admin"},
	"X-Rewrite-Url":      {"/admin"},
	"X-Accel-Redirect":   {"/admin"},
	"Front-End-Https":    {"on"},
}

var forgedSpellings = []string{"X_forwarded_for", "x_forwarded_for", "X-Forwarded_for", "X_real_ip", "X_original-Url", "X_forwarded_proto", "X_forwarded_host"}

func TestTargetForwardedHeaders(t *testing.T) {
	t.Parallel()
	ours := func(ip, proto string) http.Header {
		h := http.Header{"X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {"www.example.com"}}
		if ip != "" {
			h["X-Forwarded-For"] = []string{ip}
		}
		return h
	}
	kept := forged.Clone()
	kept["X-Forwarded-For"] = []string{"203.0.113.1, 203.0.113.2, 192.0.2.7"}
	kept["X-Forwarded-Proto"] = []string{"https"}
	kept["X-Forwarded-Host"] = []string{"b.example"}
	kept["Forwarded"] = []string{"for=203.0.113.1, for=203.0.113.2, for=192.0.2.7"}
	for _, c := range []struct {
		name   string
		client proxy.Client
		sent   http.Header
		want   http.Header
	}{
		{"nothing sent", proxy.Client{RemoteIP: "192.0.2.7"}, nil, ours("192.0.2.7", "http")},
		{"nothing sent, trusted", proxy.Client{RemoteIP: "192.0.2.7", Trusted: true, Secure: true}, nil, ours("192.0.2.7", "https")},
		{"untrusted", proxy.Client{RemoteIP: "192.0.2.7", IP: "192.0.2.7"}, forged, ours("192.0.2.7", "http")},
		{"untrusted, TLS, IPv6 with zone", proxy.Client{RemoteIP: "fe80::1%eth0", Secure: true}, forged, ours("fe80::1", "https")},
		{"untrusted unix socket", proxy.Client{}, forged, ours("", "http")},
		{"trusted", proxy.Client{RemoteIP: "192.0.2.7", IP: "203.0.113.1", Trusted: true}, forged, kept},
		{
			"trusted unix socket",
			proxy.Client{Trusted: true},
			http.Header{"X-Forwarded-For": {"203.0.113.1"}, "Forwarded": {"for=x"}},
			http.Header{"X-Forwarded-For": {"203.0.113.1"}, "Forwarded": {"for=x"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"www.example.com"}},
		},
		{
			"trusted IPv6",
			proxy.Client{RemoteIP: "2001:db8::1", Trusted: true},
			http.Header{"Forwarded": {"for=x"}},
			http.Header{
				"X-Forwarded-For": {"2001:db8::1"}, "Forwarded": {`for=x, for="[2001:db8::1]"`},
				"X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"www.example.com"},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var seen record
			r := httptest.NewRequest(http.MethodGet, "http://www.example.com/", nil).WithContext(t.Context())
			for name, values := range c.sent {
				r.Header[name] = values
			}
			for _, name := range forgedSpellings {
				r.Header[name] = []string{"forged"}
			}
			r.Header.Set("Connection", "x-forwarded-for, x-forwarded-host, x-forwarded-proto, forwarded")
			w := httptest.NewRecorder()
			if err := monolith(t, backend(t, seen.handler).URL).Serve(w, r, &proxy.Call{Client: c.client}); err != nil {
				t.Fatal(err)
			}
			got, _ := seen.only(t)
			if diff := cmp.Diff(c.want, got.Header); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTargetAnswerHeaders(t *testing.T) {
	t.Parallel()
	up := upstream.Saying(t, "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nX-Request-ID: theirs\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"+
		"Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz")
	w := httptest.NewRecorder()
	for name, value := range map[string]string{"Server": "front", "X-Request-Id": "ours", "Set-Cookie": "visitor=1", "Alt-Svc": "h3"} {
		w.Header().Set(name, value)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(t.Context())
	if err := monolith(t, up.URL).Serve(w, r, new(proxy.Call)); err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Server": {"gunicorn"}, "X-Request-Id": {"theirs"}, "Set-Cookie": {"visitor=1", "a=1", "b=2"}, "Alt-Svc": {"h3"},
		"Content-Encoding": {"gzip"}, "Content-Length": {"2"},
	}
	if diff := cmp.Diff(want, w.Header()); diff != "" || w.Body.String() != "zz" {
		t.Errorf("%q %s", w.Body, diff)
	}
}

func TestTargetIgnoresProxyVariables(t *testing.T) {
	t.Setenv("HTTP_PROXY", upstream.Refused(t))
	t.Setenv("http_proxy", upstream.Refused(t))
	t.Setenv("NO_PROXY", "")
	// httpproxy never applies to loopback, so the name is one that only our dial
	// knows; that it is dialed at all is the test.
	tr := monolith(t, "http://proxied.invalid:80")
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(t.Context())
	err := tr.Serve(httptest.NewRecorder(), r, new(proxy.Call))
	if err == nil || !strings.Contains(err.Error(), "proxied.invalid") {
		t.Errorf("got %v, want a failed dial of the target itself", err)
	}
}

func TestTargetHeadConnectionIsNotReused(t *testing.T) {
	t.Parallel()
	up := upstream.Start(t, func(c *upstream.Conn) {
		for {
			r, err := c.Request()
			if err != nil {
				return
			}
			body := "right"
			if r.Method == http.MethodHead {
				body = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
			}
			c.Say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		}
	})
	f := before(t, monolith(t, up.URL))
	for range 20 {
		if res, _ := do(t, "HEAD", f.URL, ""); res.StatusCode != http.StatusOK {
			t.Fatalf("HEAD: status %d", res.StatusCode)
		}
		if _, body := do(t, "GET", f.URL, ""); body != "right" {
			t.Fatalf("GET after HEAD: %q", body)
		}
	}
}

func TestTargetUpgradesOnlyToWebSocket(t *testing.T) {
	t.Parallel()
	for _, upgrade := range []string{"h2c", "HTTP/2.0", "TLS/1.2", "websocket, h2c", "\x80"} {
		w := newWire(t)
		f := before(t, monolith(t, w.URL))
		res, _ := dialRaw(t, f.URL).say("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " + upgrade +
			"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n").answer("GET")
		if head := <-w.heads; res.StatusCode != http.StatusOK || strings.Contains(head, "Upgrade") || strings.Contains(head, "Http2-Settings") {
			t.Errorf("%q: status %d, sent %q", upgrade, res.StatusCode, head)
		}
	}
}

func TestTargetRefusesAProtocolNobodyAskedFor(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	up := upstream.Start(t, func(c *upstream.Conn) {
		if _, err := c.Request(); err != nil {
			return
		}
		c.Say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
		c.WaitClosed()
		close(closed)
	})
	s := target(t, proxy.Options{}, nil, up.URL)
	f := split(t, s, monolith(t, answering(t, "monolith")), routes.Fallback{})
	if res, _ := do(t, "GET", f.URL, "", "Connection", "Upgrade", "Upgrade", "h2c"); res.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d, want 502", res.StatusCode)
	}
	<-closed
	if s.Status().Failures != 1 {
		t.Error("not counted")
	}
}

func TestFailuresQuoteNoMessage(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"HTTP/1.1 sessionid=secret\r\n\r\n", "sessionid=secret\r\n\r\n", "HTTP/1.1 200 OK\r\nsessionid=secret\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: secret\r\n\r\n",
	} {
		s := service(t, upstream.Saying(t, text).URL)
		r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(t.Context())
		err := s.Serve(httptest.NewRecorder(), r, new(proxy.Call))
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(s.Status().LastError, "secret") {
			t.Errorf("%q: %v; %s", text, err, s.Status().LastError)
		}
	}
}

func TestTargetServesOverEveryScheme(t *testing.T) {
	t.Parallel()
	handler := func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto+" "+r.Host) }
	for _, c := range schemes(t, handler) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := target(t, proxy.Options{TLS: c.tls}, nil, c.url)
			f := before(t, s)
			for _, method := range []string{"GET", "HEAD", "GET", "POST"} {
				res, body := do(t, method, f.URL, "")
				if want := c.proto + " " + strings.TrimPrefix(f.URL, "http://"); res.StatusCode != http.StatusOK || method != "HEAD" && body != want {
					t.Errorf("%s: %d %q, want %q", method, res.StatusCode, body, want)
				}
			}
		})
	}
}
