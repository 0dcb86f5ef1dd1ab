package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// asked is what one request is answered with.
func asked(t *testing.T, h http.Handler, method, target, from string) (status int, build, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Header().Get("X-Build"), strings.TrimSpace(w.Body.String())
}

func TestTheFirstBuildHasTwoMistakesUntilItIsMended(t *testing.T) {
	t.Parallel()
	h := newFirstBuild(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/faq/9" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, `{"id":`+strings.TrimPrefix(r.URL.Path, "/v1/faq/")+`,"source":"mail"}`)
	}), slog.New(slog.DiscardHandler))
	for _, c := range []struct{ method, target, from, build, want string }{
		{"GET", "/v1/faq/1", "192.0.2.1:5", "faq-1", `{"id":"1","source":"mail"}`},
		{"GET", "/v1/faq/5", "192.0.2.1:5", "faq-1", `{"id":"5"}`},
		{"GET", "/v1/faq/9", "192.0.2.1:5", "faq-1", `{"id":9,"source":"mail"}`},
		{"POST", "/_demo/mend", "192.0.2.1:5", "", "only from this machine, and not through a proxy"},
		{"GET", "/v1/faq/5", "192.0.2.1:5", "faq-1", `{"id":"5"}`},
		{"POST", "/_demo/mend", "127.0.0.1:5", "", "the second build answers now: ids are numbers, and question 5 has its source"},
		{"GET", "/v1/faq/5", "192.0.2.1:5", "faq-2", `{"id":5,"source":"mail"}`},
	} {
		if _, build, body := asked(t, h, c.method, c.target, c.from); build != c.build || body != c.want {
			t.Errorf("%s %s: build %q, %s; want %q, %s", c.method, c.target, build, body, c.build, c.want)
		}
	}
}
