package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
)

// hook receives the proxy's webhooks, as a team's own receiver would: it takes
// only what the proxy has signed, and an event that comes again once. It prints
// what was done and adds the event to webhooks.jsonl.
type hook struct {
	signed *standardwebhooks.Webhook
	say    func(string)

	mu   sync.Mutex
	seen map[string]bool
	file io.Writer
}

const (
	// maxEvent is how long an event may be, in bytes.
	maxEvent = 1 << 20
	// maxSummary is how much of its summary is printed, in characters.
	maxSummary = 120
)

func (s *stack) startHook(ctx context.Context) error {
	file, err := os.Create(filepath.Join(s.dir, "webhooks.jsonl"))
	if err != nil {
		return err
	}
	h, err := newHook(file, s.say)
	if err != nil {
		return err
	}
	return s.serve(ctx, "the receiver of webhooks", s.addresses.Webhook, h, file.Close)
}

func newHook(file io.Writer, say func(string)) (*hook, error) {
	signed, err := standardwebhooks.NewWebhook(helpdesk.WebhookSecret)
	return &hook{signed: signed, say: say, seen: map[string]bool{}, file: file}, err
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, "the event could not be read", http.StatusBadRequest)
		return
	}
	if err := h.signed.Verify(body, r.Header); err != nil {
		h.say("webhook: refused, " + err.Error())
		http.Error(w, "not signed by the proxy", http.StatusUnauthorized)
		return
	}
	var event struct {
		ID, Type, Summary string
	}
	if err := json.Unmarshal(body, &event); err != nil {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[event.ID] {
		return
	}
	if _, err := h.file.Write(append(bytes.TrimSpace(body), '\n')); err != nil { // it comes again
		http.Error(w, "it could not be kept", http.StatusInternalServerError)
		return
	}
	h.seen[event.ID] = true
	if summary := []rune(event.Summary); len(summary) > maxSummary {
		event.Summary = string(summary[:maxSummary]) + " …"
	}
	h.say("webhook: " + event.Summary)
}
