package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// ask sends a request from an address and says how long its answer took.
func ask(t *testing.T, h http.Handler, method, target, from string, header http.Header) (status int, took time.Duration) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.RemoteAddr = from
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	start := time.Now()
	h.ServeHTTP(w, r)
	return w.Code, time.Since(start)
}

func TestAnswersWaitAsLongAsIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newSlowable(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
		for _, step := range []struct {
			ms   string
			want time.Duration
		}{{"400", 400 * time.Millisecond}, {"0", 0}, {"10000", 10 * time.Second}} {
			if status, took := ask(t, h, "POST", "/_demo/slow?ms="+step.ms, "127.0.0.1:5", nil); status != http.StatusOK || took != 0 {
				t.Errorf("asking for %s ms: status %d after %s", step.ms, status, took)
			}
			if _, took := ask(t, h, "GET", "/v1/tickets/", "127.0.0.1:5", nil); took != step.want {
				t.Errorf("with %s ms an answer took %s", step.ms, took)
			}
		}
	})
}

func TestOnlyWhoSitsHereMakesItSlow(t *testing.T) {
	t.Parallel()
	h := newSlowable(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
	for name, c := range map[string]struct {
		method, query, from string
		header              http.Header
		want                int
	}{
		"another machine": {"POST", "?ms=400", "192.0.2.1:5", nil, http.StatusForbidden},
		"a proxy":         {"POST", "?ms=400", "127.0.0.1:5", http.Header{"X-Forwarded-For": {"192.0.2.1"}}, http.StatusForbidden},
		"a web page":      {"POST", "?ms=400", "[::1]:5", http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		"too long":        {"POST", "?ms=10001", "127.0.0.1:5", nil, http.StatusBadRequest},
		"less than none":  {"POST", "?ms=-1", "127.0.0.1:5", nil, http.StatusBadRequest},
		"no number":       {"POST", "?ms=1s", "127.0.0.1:5", nil, http.StatusBadRequest},
	} {
		if status, _ := ask(t, h, c.method, "/_demo/slow"+c.query, c.from, c.header); status != c.want {
			t.Errorf("%s: status %d, want %d", name, status, c.want)
		}
	}
	if _, took := ask(t, h, "GET", "/", "127.0.0.1:5", nil); took > 200*time.Millisecond {
		t.Errorf("it is slow: %s", took)
	}
}
