package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/routes"
)

// A server that merges trailers into the headers would find the client's word
// there beside the token.
func TestNoTrailerSaysWhoARequestIsFrom(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	trailers := make(chan http.Header, 1)
	for _, side := range []*backend{b.service, b.monolith} {
		side.answers(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			trailers <- r.Trailer
		})
	}
	for _, path := range []string{"/faq", "/open", "/own", "/elsewhere"} {
		for _, announced := range []string{"", "Trailer: Authorization\r\n", "Trailer: X-Sum\r\n", "Trailer: X-Sum, authorization, Cookie, X-User\r\n", "Trailer: X-User\r\n"} {
			connection, err := net.Dial("tcp", b.front.Listener.Addr().String())
			must(t, err)
			_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nCookie: sessionid=alice\r\nTransfer-Encoding: chunked\r\n%s\r\n"+
				"1\r\na\r\n0\r\nX-Sum: 7\r\nAuthorization: Bearer forged\r\nauthorizAtion: forged\r\nCookie: sessionid=bob\r\nx_user: 8\r\nX-User: 8\r\n\r\n", path, announced)
			must(t, err)
			got := <-trailers
			must(t, connection.Close())
			<-b.results
			for name := range got {
				if name != "X-Sum" {
					t.Errorf("%s %q: %s came through", path, announced, name)
				}
			}
			if strings.Contains(announced, "X-Sum") && got.Get("X-Sum") != "7" {
				t.Errorf("%s %q: %v", path, announced, got)
			}
		}
	}
}

// A writing request may change the session without a word to the browser, as PHP's
// session_destroy does; a reading one does not count.
func TestAWritingRequestToTheMonolithHasTheSessionLookedUpAnew(t *testing.T) {
	t.Parallel()
	d := new(desk)
	b := newDesk(t, d)
	for _, c := range []struct {
		method, path, reason string
	}{
		{http.MethodGet, "/elsewhere", "full"},
		{http.MethodHead, "/elsewhere", "full"},
		{http.MethodPost, "/faq", "full"},   // the service's, which has no cookie
		{http.MethodGet, "/cookie", "full"}, // has it, and reads
		{http.MethodPost, "/elsewhere", "anonymous"},
		{http.MethodDelete, "/elsewhere", "anonymous"},
		{http.MethodPost, "/cookie", "anonymous"},
	} {
		d.set(func() { d.users["alice"] = "7" })
		b.ForgetSubject("7")
		b.Forget("alice")
		if reason, _, _ := b.reason(http.MethodGet, "/faq", signedIn("alice")); reason != "full" {
			t.Fatalf("before %s %s: %s", c.method, c.path, reason)
		}
		d.set(func() { delete(d.users, "alice") })
		_, _, _ = b.reason(c.method, c.path, signedIn("alice"))
		if reason, _, _ := b.reason(http.MethodGet, "/faq", signedIn("alice")); reason != c.reason {
			t.Errorf("after %s %s: %s", c.method, c.path, reason)
		}
	}
}

// A service that has the session's cookie, or makes one, changes sessions as the
// monolith does.
func TestAServicesSetCookieOfTheSessionCounts(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/cookie", "/plain"} {
		d := new(desk)
		b := newDesk(t, d)
		b.service.answers(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				w.Header().Add("Set-Cookie", "sessionid=; Max-Age=0; Path=/")
			}
		})
		equal(t, "before", first(b.reason(http.MethodGet, "/faq", signedIn("alice"))), "full")
		d.set(func() { delete(d.users, "alice") })
		equal(t, "of the service", first(b.reason(http.MethodGet, path, signedIn("alice"))), "full")
		equal(t, "after "+path, first(b.reason(http.MethodGet, "/faq", signedIn("alice"))), "anonymous")
	}
}

func first(reason, _ string, _ *http.Response) string { return reason }

// The login page in a route that sends there whoever is not signed in would send
// to itself.
func TestTheLoginPageIsNotSentToItself(t *testing.T) {
	t.Parallel()
	page := http.Header{"Accept": {"text/html"}}
	loops := func(login string) func(*Identity) { return func(i *Identity) { i.LoginURL = login } }
	const table = `
targets: { monolith: { url: MONOLITH }, s: { url: SERVICE } }
monolith: monolith
routes:
  - { name: all, match: "/{rest...}", service: s, percent: 100, owner: o, fallback: [connect], identity: { anonymous: login } }
`
	for login, want := range map[string]bool{
		"/login/": true, "/login/?a=b": true, "http://desk.example.com/login/": true, "https://sso.example.net/login/": false,
	} {
		b := newBed(t, "", withDesk(new(desk), loops(login)))
		b.write(table)
		err := b.Watch(b.path)
		refused, ok := errors.AsType[*RefusedError](err)
		if ok != want || want && (refused.Problems[0].Line != 5 || refused.Problems[0].Code != routes.CodeBadIdentity) {
			t.Errorf("%s: %v", login, err)
		}
	}
	// Conditions that only requests fulfil are not seen at load time.
	b := newBed(t, strings.Replace(table, `match: "/{rest...}"`, `match: "/{rest...}", when: { headers: { Accept: text/html } }`, 1), withDesk(new(desk)))
	b.results = make(chan Result, 10)
	equal(t, "another page", first(b.reason(http.MethodGet, "/x", page)), "login")
	reason, by, _ := b.reason(http.MethodGet, "/login/?next=%2Fx", page)
	equal(t, "the login page", reason+" "+by, "anonymous monolith")
}

// What the issuer's paths answer before there are keys is no 200.
func TestThePublishedKeysCountAsTheyAnswer(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk), func(i *Identity) {
		ring, err := token.NewRing(token.Options{Issuer: issuer, Store: noKeys{}})
		must(t, err)
		i.Ring, i.Minter = ring, token.NewMinter(ring)
	})
	request, err := http.NewRequest(http.MethodGet, b.front.URL+token.KeysPath, nil)
	must(t, err)
	request.Host = "desk.example.com"
	response, err := b.client.Do(request)
	must(t, err)
	must(t, response.Body.Close())
	equal(t, "answered", response.StatusCode, http.StatusServiceUnavailable)
	equal(t, "counted", (<-b.results).Outcome.Status, http.StatusServiceUnavailable)
}

// noKeys is a store that was never asked.
type noKeys struct{}

// KeySet implements token.Store.
func (noKeys) KeySet(context.Context, string) (uint64, []byte, error) { return 0, nil, nil }

// SwapKeySet implements token.Store.
func (noKeys) SwapKeySet(context.Context, string, uint64, []byte) error { return nil }
