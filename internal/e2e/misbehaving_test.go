package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
)

// misbehaving are shadows by what they do, and where requests to them end.
func misbehaving(t *testing.T) (urls, ends map[string]string) {
	t.Helper()
	serve := func(h http.HandlerFunc) string {
		server := httptest.NewUnstartedServer(h)
		server.Config.ErrorLog = nil
		server.Start()
		t.Cleanup(server.Close)
		return server.URL
	}
	piece := bytes.Repeat([]byte("x"), 1<<20)
	urls = map[string]string{
		"right": pageServer(t),
		"hung":  upstream.Hung(t).URL,
		"slow": serve(func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				_, _ = io.WriteString(w, "drip")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-tick.C:
				case <-r.Context().Done():
					return
				}
			}
		}),
		"panics": serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"huge": serve(func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = w.Write(piece)
			}
		}),
		"redirects": serve(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"/again", http.StatusFound)
		}),
		"closes":  upstream.Breaking(t, upstream.HalfBody).URL,
		"garbage": upstream.Saying(t, upstream.Garbage).URL,
		"down":    upstream.Refused(t),
	}
	return urls, map[string]string{
		"right": "equal", "hung": "shadow_timeout", "slow": "shadow_timeout", "panics": "shadow_error", "huge": "different",
		"redirects": "different", "closes": "shadow_error", "garbage": "shadow_error", "down": "shadow_error",
	}
}

var pageBody = bytes.Repeat([]byte("a page of the monolith. "), 2700) // 63 KiB

// page is what the monolith says, and a shadow that is right.
func page(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Set-Cookie"] = []string{"a=1", "b=2"}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("X-Seen", "yes")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(pageBody)
}

func pageServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(page))
	t.Cleanup(server.Close)
	return server.URL
}
