package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// The secrets that a client sends in places where nobody has said that they are.
var carried = map[string]string{
	"a password in a query": "query-horse-staple", "a token in a query": "eyJhbGciOiJub25lIn0.cXVlcnk.query-signature",
	"a password in a body": "body-horse-staple", "a cookie": "cookie-horse-staple", "a password of Basic": "YWRhOmJhc2ljLWhvcnNl",
	"a token of Bearer": "bearer-horse-staple", "a key": "key-horse-staple", "a cookie of an answer": "set-horse-staple", "the user of a URL": "user-horse-staple",
}

// requestSecrets sends them to all kinds of routes: to the monolith and mirrored,
// to a service, to one that is down, mirrored to one that is down or answers
// something else, refused as cross-site, sent to log in. Then it looks for them in
// what a collector of spans was told, in the metrics, in the server's logs and in
// all that is kept of comparisons.
func (a *attacked) requestSecrets(t *testing.T, alice, _ *person) {
	t.Helper()
	query := "?" + url.Values{"password": {carried["a password in a query"]}, "access_token": {carried["a token in a query"]}}.Encode()
	form := url.Values{"username": {"ada"}, "password": {carried["a password in a body"]}}.Encode()
	header := func(more string) http.Header {
		return http.Header{
			"Cookie": {alice.cookies() + "; remember=" + carried["a cookie"]}, "Authorization": {more},
			"X-Api-Key": {carried["a key"]}, "Referer": {"http://" + carried["the user of a URL"] + "@example.com/"}, "Content-Type": {"application/x-www-form-urlencoded"},
		}
	}
	for _, more := range []string{"Basic " + carried["a password of Basic"], "Bearer " + carried["a token of Bearer"]} {
		for _, path := range []string{"/who", "/mirrored/x", "/open/x", "/must/x", "/me", "/dead/x", "/aborted/x", "/elsewhere"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				a.try(t, method, path+query, header(more), form)
			}
		}
	}
	shadowed(t, a.proxy, "mirrored", 4)
	testbed.WaitFor(t, "spans of the last route", func() bool { return strings.Contains(a.spans.String(), "/elsewhere") })
	for place, text := range a.outputs(t) {
		if text == "" && (strings.HasSuffix(place, ".log") || place == "the spans") {
			t.Errorf("%s is empty: nothing was searched", place)
		}
		for what, secret := range carried {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				at := strings.Index(text, secret)
				t.Errorf("%s: %s: %q", place, what, text[max(0, at-200):min(len(text), max(0, at)+60)])
			}
		}
	}
}

// filtered is what docs/reference/caddyfile.md says to write into the blocks of
// Caddy's own logs, which have the URL and all headers but Cookie, Set-Cookie and
// Authorization of each request, and of each that failed.
const filtered = `
		format filter {
			request>uri query {
				replace password REDACTED
				replace access_token REDACTED
			}
			request>headers>X-Api-Key delete
			request>headers>Referer delete
		}
`

// try sends a request whose answer, or none, is of no interest.
func (a *attacked) try(t *testing.T, method, path string, header http.Header, form string) {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, a.proxy.URL(path), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return // the service has hung up
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
}

// failing is a target that sets a cookie and hangs up in the middle of its answer.
func failing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Set-Cookie", "remember="+carried["a cookie of an answer"])
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, "half")
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
