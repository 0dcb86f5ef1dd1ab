package introspect_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/introspect"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

var csrfToken = regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]+)"`)

// documented is the view in docs/introspection.md.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/introspection.md")
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "```python\n")
	view, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/introspection.md has no view")
	}
	return view
}

// browser is a client of the monolith.
type browser struct {
	*http.Client
	t    *testing.T
	site *testbed.Program
}

func newBrowser(t *testing.T, site *testbed.Program) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return browser{&http.Client{Jar: jar}, t, site}
}

func (b browser) page(response *http.Response, err error) string {
	b.t.Helper()
	must(b.t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	must(b.t, err)
	return string(body)
}

// login signs in by the monolith's form.
func (b browser) login(name string) {
	b.t.Helper()
	token := csrfToken.FindStringSubmatch(b.page(b.Get(b.site.URL("/login/"))))
	if token == nil {
		b.t.Fatal("no form")
	}
	form := url.Values{"csrfmiddlewaretoken": token[1:], "username": {name}, "password": {"password"}}
	if got := b.page(b.PostForm(b.site.URL("/login/"), form)); strings.Contains(got, "null") || !strings.Contains(got, "django") {
		b.t.Fatalf("signing in: %s", got)
	}
}

// header is what the browser sends.
func (b browser) header() http.Header {
	u, err := url.Parse(b.site.URL("/"))
	must(b.t, err)
	r := &http.Request{Header: http.Header{"Authorization": {"Bearer of the client"}, "X-Forwarded-For": {"192.0.2.1"}}}
	for _, cookie := range b.Jar.Cookies(u) {
		r.AddCookie(cookie)
	}
	return r.Header
}

func resolve(s *introspect.Sessions, header http.Header) session.Outcome {
	value, known, ok := s.Cookie(header)
	if !ok {
		return known
	}
	return s.Open(context.Background(), value)
}

func expect(tb testing.TB, got session.Outcome, state session.State, reason session.Reason) {
	tb.Helper()
	if got.State != state || got.Reason != reason {
		tb.Errorf("%s %q (%v); want %s %q", got.State, got.Reason, got.Err, state, reason)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func reader(tb testing.TB, config introspect.Config) *introspect.Sessions {
	tb.Helper()
	if config.Cookies == nil {
		config.Cookies = []string{"sessionid"}
	}
	if config.Timeout == 0 {
		config.Timeout = 20 * time.Second
	}
	s, err := introspect.New(config, time.Now)
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

// The documented view in a real Django, and what becomes of its users.
func TestDjangoSaysWhoItIs(t *testing.T) {
	t.Parallel()
	site := testbed.Introspected(t, documented(t))
	s := reader(t, introspect.Config{URL: site.URL("/_introspect"), Bearer: testbed.AppSecret})
	alice, bob := newBrowser(t, site), newBrowser(t, site)
	expect(t, resolve(s, alice.header()), session.Anonymous, session.NoCookie)
	alice.login("alice")
	bob.login("bob")

	got := resolve(s, alice.header())
	expect(t, got, session.Known, "")
	if got.State != session.Known {
		t.FailNow()
	}
	p := got.Principal
	if p.Subject != "1" || p.User["username"] != "alice" || p.User["staff"] != false || got.Keep != 5*time.Second {
		t.Errorf("%+v for %s", p, got.Keep)
	}
	if left := time.Until(p.Expires); left < 13*24*time.Hour || left > 14*24*time.Hour+time.Minute {
		t.Errorf("ends in %s; Django's own age is two weeks", left)
	}
	if got := resolve(s, bob.header()); got.State != session.Known || got.Principal.Subject != "2" {
		t.Errorf("bob is %+v", got)
	}
	bob.page(bob.Get(site.URL("/disable/bob")))
	expect(t, resolve(s, bob.header()), session.Anonymous, session.NoUser)
	before := alice.header()
	alice.page(alice.Get(site.URL("/logout/")))
	expect(t, resolve(s, before), session.Anonymous, session.NoUser)

	carol := newBrowser(t, site)
	carol.login("alice")
	stranger := reader(t, introspect.Config{URL: site.URL("/_introspect"), Bearer: "another"})
	expect(t, resolve(stranger, carol.header()), session.Unavailable, session.Misconfigured)
	page := reader(t, introspect.Config{URL: site.URL("/login/")})
	expect(t, resolve(page, carol.header()), session.Unavailable, session.Misconfigured)

	hasty := reader(t, introspect.Config{URL: site.URL("/_introspect"), Bearer: testbed.AppSecret, Timeout: 100 * time.Millisecond})
	site.Freeze()
	expect(t, resolve(hasty, carol.header()), session.Unavailable, session.TimedOut)
	site.Thaw()
	site.Kill()
	expect(t, resolve(s, carol.header()), session.Unavailable, session.StoreFailed)
	site.Start()
	expect(t, resolve(s, carol.header()), session.Known, "")
}
