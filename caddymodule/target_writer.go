package caddymodule

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// head notes whether an answer was begun.
type head struct {
	*caddyhttp.ResponseWriterWrapper
	timer *time.Timer // bounds the time to the answer's head; nil: no bound
	begun bool
}

func (h *head) begin() {
	if !h.begun && h.timer != nil {
		h.timer.Stop()
	}
	h.begun = true
}

// WriteHeader implements http.ResponseWriter. An interim answer is no answer.
func (h *head) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		h.begin()
	}
	h.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.begin()
	return h.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom, which keeps sendfile.
func (h *head) ReadFrom(from io.Reader) (int64, error) {
	h.begin()
	return h.ResponseWriterWrapper.ReadFrom(from)
}

// FlushError is what http.ResponseController calls; flushing writes the head.
func (h *head) FlushError() error {
	h.begin()
	return http.NewResponseController(h.ResponseWriter).Flush()
}

// Hijack is what http.ResponseController calls; whoever has the connection
// answers on it.
func (h *head) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err == nil {
		h.begin()
	}
	return conn, buffered, err
}
