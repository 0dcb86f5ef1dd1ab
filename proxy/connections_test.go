package proxy_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/proxy"
)

// TestConnections: a new connection is told, one that is used again is not; a
// redirect is an answer; a head that is too long, and a dial that fails, are told apart.
func TestConnections(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			w.Header().Set("X", strings.Repeat("x", 8<<10))
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	c, err := proxy.NewConnections(server.URL, proxy.Limits{Head: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	fresh := 0
	ask := func(method, path string) (*http.Response, error) {
		r := httptest.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(i httptrace.GotConnInfo) {
				if !i.Reused {
					fresh++
				}
			},
		}), method, "http://somewhere.example"+path, nil)
		r.RequestURI = ""
		return c.RoundTrip(r)
	}
	for i, method := range []string{http.MethodGet, http.MethodGet, http.MethodPut, http.MethodPut} {
		response, err := ask(method, "/")
		if err != nil || response.StatusCode != http.StatusFound {
			t.Fatalf("%s: %v, %v", method, response, err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if want := i/2 + 1; fresh != want { // GET has connections of its own
			t.Errorf("%s: %d new connections, want %d", method, fresh, want)
		}
	}
	if response, err := ask(http.MethodGet, "/long"); err == nil || !strings.Contains(err.Error(), "more than 4096 bytes") {
		t.Errorf("a long head: %v, %v", response, err)
	}
	server.Close()
	c.CloseIdleConnections()
	_, err = ask(http.MethodGet, "/")
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
		t.Errorf("nobody listens: %v", err)
	}
}
