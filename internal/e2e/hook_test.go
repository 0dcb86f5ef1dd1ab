package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/notify"
	"github.com/strangler-proxy/strangler/rollout"
)

// hook receives the webhooks of the helpdesk's proxy, verifies them, and keeps
// each event once.
type hook struct {
	t       *testing.T
	address string
	events  chan notify.Event

	mu   sync.Mutex
	seen map[string]bool
}

func startHook(t *testing.T) *hook {
	t.Helper()
	signed, err := standardwebhooks.NewWebhook(helpdesk.WebhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{t: t, events: make(chan notify.Event, 1000), seen: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it was killed while it sent
		}
		if err := signed.Verify(body, r.Header); err != nil {
			t.Errorf("a webhook is not signed as it should be: %v", err)
		}
		var event notify.Event
		if err := json.Unmarshal(body, &event); err != nil {
			t.Errorf("a webhook is no event: %v\n%s", err, body)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.seen[event.ID] {
			h.seen[event.ID] = true
			h.events <- event
		}
	}))
	t.Cleanup(server.Close)
	h.address = server.Listener.Addr().String()
	return h
}

// next is the next event, which must be of the verb.
func (h *hook) next(verb rollout.Verb) rollout.Change {
	h.t.Helper()
	select {
	case event := <-h.events:
		h.t.Logf("%s %s", event.Timestamp.Format(time.TimeOnly), event.Summary)
		if event.Type != "rollout."+string(verb) || event.Data.Verb != verb {
			h.t.Fatalf("the webhook is told %s (%s), want %s", event.Type, event.Summary, verb)
		}
		return event.Data
	case <-time.After(2 * time.Minute):
		h.t.Fatalf("no webhook in two minutes; want %s", verb)
		return rollout.Change{}
	}
}
