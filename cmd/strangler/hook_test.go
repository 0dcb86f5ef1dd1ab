package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// hook is a script's receiver of webhooks: it adds a line to hook.log for every
// request, with whether its signature is right, and answers 503 as long as there
// is a file hook.down.
type hook struct {
	dir string
	mu  sync.Mutex
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if _, err := os.Stat(filepath.Join(h.dir, "hook.down")); err == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	signed := "unsigned"
	if r.Header.Get("Webhook-Signature") != "" {
		signed = "signed"
		receiver, err := standardwebhooks.NewWebhook(hookSecret)
		if err = errors.Join(err, receiver.Verify(body, r.Header)); err != nil {
			signed = err.Error()
		}
	}
	log, err := os.OpenFile(filepath.Join(h.dir, "hook.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, err = fmt.Fprintln(log, r.URL.Path, signed, string(body))
	if errors.Join(err, log.Close()) != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}
