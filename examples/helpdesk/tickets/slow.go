package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/strangler-proxy/strangler/examples/helpdesk/service"
)

// maxPause is the longest pause that may be asked for.
const maxPause = 10 * time.Second

// slowable is a handler that can be made slow. That is the demo's own and no
// part of a real service: POST /_demo/slow?ms=800 from this machine, and every
// answer but that one waits so long; 0 makes it quick again.
type slowable struct {
	next   http.Handler
	logger *slog.Logger
	pause  atomic.Int64 // nanoseconds
}

// newSlowable makes a handler that is quick. No web page can make it slow.
func newSlowable(next http.Handler, logger *slog.Logger) http.Handler {
	s := &slowable{next: next, logger: logger}
	mux := http.NewServeMux()
	mux.HandleFunc("/", s.wait)
	mux.Handle("POST /_demo/slow", service.OnlyHere(s.change))
	return mux
}

// wait answers after the pause, unless the client leaves.
func (s *slowable) wait(w http.ResponseWriter, r *http.Request) {
	if pause := time.Duration(s.pause.Load()); pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	s.next.ServeHTTP(w, r)
}

// change changes the pause.
func (s *slowable) change(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.FormValue("ms"))
	pause := time.Duration(ms) * time.Millisecond
	if err != nil || pause < 0 || pause > maxPause {
		http.Error(w, fmt.Sprintf("ms is not a number from 0 to %d", maxPause.Milliseconds()), http.StatusBadRequest)
		return
	}
	s.pause.Store(int64(pause))
	s.logger.InfoContext(r.Context(), "told to be slow", "pause", pause)
	fmt.Fprintf(w, "every answer waits %s now\n", pause)
}
