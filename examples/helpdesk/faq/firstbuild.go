package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/strangler-proxy/strangler/examples/helpdesk/service"
)

// firstBuild is the service as a team first has it: its answers differ from the
// monolith's in two ways that nobody saw when reading the code. The id of a
// question is a string, and question 5 has lost its source. POST /_demo/mend from
// this machine deploys the second build, which is right. X-Build names the build.
type firstBuild struct {
	next   http.Handler
	logger *slog.Logger
	mended atomic.Bool
}

func newFirstBuild(next http.Handler, logger *slog.Logger) http.Handler {
	b := &firstBuild{next: next, logger: logger}
	mux := http.NewServeMux()
	mux.HandleFunc("/", b.pass)
	mux.HandleFunc("GET /v1/faq/{id}", b.question)
	mux.Handle("POST /_demo/mend", service.OnlyHere(b.mend))
	return mux
}

func (b *firstBuild) mend(w http.ResponseWriter, r *http.Request) {
	b.mended.Store(true)
	b.logger.InfoContext(r.Context(), "the second build is deployed")
	fmt.Fprintln(w, "the second build answers now: ids are numbers, and question 5 has its source")
}

func (b *firstBuild) pass(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Build", "faq-1")
	if b.mended.Load() {
		w.Header().Set("X-Build", "faq-2")
	}
	b.next.ServeHTTP(w, r)
}

// question answers with one question, as far as this build has it right.
func (b *firstBuild) question(w http.ResponseWriter, r *http.Request) {
	if b.mended.Load() {
		b.pass(w, r)
		return
	}
	right := httptest.NewRecorder()
	b.pass(right, r)
	var answer map[string]any
	decoder := json.NewDecoder(bytes.NewReader(right.Body.Bytes()))
	decoder.UseNumber()
	if err := decoder.Decode(&answer); right.Code != http.StatusOK || err != nil {
		maps.Copy(w.Header(), right.Header())
		w.WriteHeader(right.Code)
		_, _ = right.Body.WriteTo(w) // the client left
		return
	}
	id := fmt.Sprint(answer["id"])
	answer["id"] = id
	if id == "5" {
		delete(answer, "source")
	}
	right.Header().Del("Content-Length")
	maps.Copy(w.Header(), right.Header())
	if err := service.JSON(w, http.StatusOK, answer); err != nil {
		b.logger.ErrorContext(r.Context(), "no answer", "error", err)
	}
}
