package routes

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// requestTarget parses a path as net/http does that of a request line.
func requestTarget(tb testing.TB, target string) *url.URL {
	tb.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		tb.Skipf("net/http refuses %q: %v", target, err)
	}
	return u
}

func TestAmbiguousPathsAreNoRoutes(t *testing.T) {
	t.Parallel()
	table := compile(t, &Route{Match: "/"}, &Route{Match: "/a/{rest...}"})
	for target, ambiguous := range map[string]bool{
		"/": false, "/a": false, "/a/": false, "/a/b.c": false, "/a/...": false, "/a/.b": false, "/a/..b/": false, "/a/b..": false,
		"/a/%20b": false, "/a/b+c": false, "/a/%2Bb": false, "/a/%C3%A9": false, "/a/\u00e9": false, "/a/100%25": false,
		"/a/100%25x": false, "/a/%25zz": false, "/a/%23b": false, "/a/%3Fb": false, "/a/b:c,d=e&f@g!$'()*~": false, "/a/%7Eb": false,

		"//": true, "//a": true, "/a//": true, "/a//b": true,
		"/.": true, "/..": true, "/a/.": true, "/a/..": true, "/a/./b": true, "/a/../b": true, "/../a": true,
		"/a/%2e": true, "/a/%2E%2e/b": true, "/a/.%2e/b": true, "/%2e./a": true,
		"/a%2fb": true, "/a%2Fb": true, "/a/%2f": true, "/a/..%2fb": true,
		"/a\\b": true, "/a%5cb": true, "/a%5Cb": true, "/a/..%5c": true,
		"/a%00": true, "/a/%0d%0ab": true, "/a%09b": true, "/a%7fb": true, "/a%1f": true,
		"/a%ff": true, "/a/%c0%ae": true, "/a/%C3": true, "/a/%ed%a0%80": true,
		"/a%252fb": true, "/a/%252e%252e/b": true, "/a%2541": true, "/a%25%34%31": true, "/a/%25c0%25ae": true,
		"/a;b": true, "/a;jsessionid=1": true, "/a%3bb": true, "/a/..;/b": true,
		"/a#b": true, "*": true, "http://x": true,
	} {
		u := requestTarget(t, target)
		m := table.Match(&Request{Method: "GET", Path: u.Path, RawPath: u.RawPath})
		if got := m.Reason == ReasonAmbiguousPath; got != ambiguous || (m.Entry == nil) != ambiguous {
			t.Errorf("%s: ambiguous %v, want %v (path %q, raw %q)", target, got, ambiguous, u.Path, u.RawPath)
		}
	}
}

func TestPathThatIsNoDecodingOfTheRawPathIsAmbiguous(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ raw, path string }{
		{"/a/b", "/a/c"}, {"/a%20b", "/a%2 b"}, {"/a", "/a/b"}, {"/a/b", "/a"}, {"/a%4", "/a"}, {"/a%zz", "/a"}, {"/a%41%", "/aA"},
	} {
		if !ambiguousPath(test.path, test.raw) {
			t.Errorf("raw path %q and path %q pass", test.raw, test.path)
		}
	}
}

// Whatever url.URL makes of a path, a clean one has one reading: cleaning,
// decoding again and cutting off parameters change nothing.
func FuzzCleanPathHasOneReading(f *testing.F) {
	for _, seed := range []string{"/a/b", "/a/%2e%2e/b", "/a%2fb", "/a;b/c", "/%25%32%65", "/\u00e9%20", "/a%5c..", "/a#b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") || strings.Contains(target, "?") {
			t.Skip()
		}
		u := requestTarget(t, target)
		if ambiguousPath(u.Path, u.RawPath) {
			return
		}
		if again, err := url.PathUnescape(u.Path); err == nil && again != u.Path {
			t.Errorf("%q: decoded twice it is %q", target, again)
		}
		joined, err := url.JoinPath("/", strings.Split(u.EscapedPath(), "/")...)
		if err != nil || strings.TrimSuffix(joined, "/") != strings.TrimSuffix(u.EscapedPath(), "/") {
			t.Errorf("%q: cleaned it is %q (%v)", target, joined, err)
		}
		if strings.Count(u.EscapedPath(), "/") != strings.Count(u.Path, "/") || strings.ContainsAny(u.Path, ";\\\x00\r\n\t") {
			t.Errorf("%q: other segments when decoded, or bytes that some servers cut at: %q", target, u.Path)
		}
	})
}

func TestHostNames(t *testing.T) {
	t.Parallel()
	table := compile(t, &Route{Name: "host", Match: "Www.Example.com/"}, &Route{Name: "six", Match: "[2001:DB8::1]/"}, &Route{Name: "any", Match: "/"})
	for host, want := range map[string]string{
		"www.example.com": "host", "WWW.EXAMPLE.COM": "host", "www.example.com.": "host", "www.example.com:8080": "host",
		"wWw.example.com.:443": "host", "www.example.com:": "host",
		"[2001:db8::1]": "six", "[2001:DB8::1]:443": "six", "2001:db8::1": "any",
		"example.com": "any", "www.example.com..": "any", "www.example.com:80a": "any", "www.example.com:80:90": "any",
		"xwww.example.com": "any", "": "any", ":80": "any", ".": "any", strings.Repeat("A", 1000): "any",
	} {
		if got := table.Match(&Request{Method: "GET", Host: host, Path: "/x"}).name(); got != want {
			t.Errorf("host %q: route %s, want %s", host, got, want)
		}
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ match, rewrite, target, want string }{
		{"/v1/faq/{id}", "", "/v1/faq/7%21", "/v1/faq/7%21"},
		{"/v1/faq/{id}", "/questions/{id}", "/v1/faq/7", "/questions/7"},
		{"/v1/faq/{id}", "/questions/{id}/", "/v1/faq/a%2Cb%c3%a9", "/questions/a%2Cb%c3%a9/"},
		{"/v1/{a}/{b}", "/{b}/x%2Cy/{a}", "/v1/1/2", "/2/x%2Cy/1"},
		{"/v1/tickets/{rest...}", "/{rest...}", "/v1/tickets/a/b%20c/", "/a/b%20c/"},
		{"/v1/tickets/{rest...}", "/t/{rest}", "/v1/tickets/", "/t/"},
		{"/v1/tickets/{rest...}", "/t", "/v1/tickets/a", "/t"},
		{"/{a}/{$}", "/{$}", "/x/", "/"},
		{"/", "/fixed/", "/x", "/fixed/"},
	} {
		table := compile(t, &Route{Match: test.match, Rewrite: test.rewrite, Service: "s"})
		u := requestTarget(t, test.target)
		m := table.Match(&Request{Method: "GET", Path: u.Path, RawPath: u.RawPath})
		if m.Entry == nil {
			t.Fatalf("%s does not match %s", test.match, test.target)
		}
		path, raw := m.Entry.Rewrite(u.Path, u.RawPath)
		if got := (&url.URL{Path: path, RawPath: raw}).EscapedPath(); got != test.want {
			t.Errorf("%s → %s: %s becomes %s (%q, %q), want %s", test.match, test.rewrite, test.target, got, path, raw, test.want)
		}
	}
}

func TestRewriteIsRefused(t *testing.T) {
	t.Parallel()
	p := pattern{segments: []segment{{segLiteral, "a"}, {segWild, "id"}, {segRest, "rest"}}}
	for _, rewrite := range []string{"a", "/{other}", "/{id...}", "/{rest}/x", "/{rest...}/x", "/{id}/{id}", "/a//b", "/a?b", "/{", "/%zz"} {
		if _, err := parseRewrite(rewrite, p); err == nil {
			t.Errorf("%q passes", rewrite)
		}
	}
}

// What a wildcard stands for goes to the service byte for byte.
func FuzzRewriteKeepsSegments(f *testing.F) {
	f.Add("/a/b%20c/d")
	f.Add("/%7e/%7E/x%2C")
	table := compile(f, &Route{Match: "/{a}/{rest...}", Rewrite: "/x/{a}/y/{rest...}"})
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") || strings.Contains(target, "?") {
			t.Skip()
		}
		u := requestTarget(t, target)
		m := table.Match(&Request{Method: http.MethodGet, Path: u.Path, RawPath: u.RawPath})
		if m.Entry == nil {
			t.Skip()
		}
		path, raw := m.Entry.Rewrite(u.Path, u.RawPath)
		first, rest := cutSegment(u.EscapedPath())
		if got, want := (&url.URL{Path: path, RawPath: raw}).EscapedPath(), "/x/"+first+"/y"+rest; got != want {
			t.Errorf("%q becomes %q, want %q", target, got, want)
		}
	})
}
