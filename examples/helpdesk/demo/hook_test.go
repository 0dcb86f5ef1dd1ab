package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
)

func TestTheReceiverTakesOnlySignedEventsAndEachOnce(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	var said []string
	h, err := newHook(&file, func(line string) { said = append(said, line) })
	if err != nil {
		t.Fatal(err)
	}
	ours, err := standardwebhooks.NewWebhook(helpdesk.WebhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := standardwebhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const event = `{"id":"A","type":"rollout.hold","summary":"tickets: anna hold"}`
	for i, c := range []struct {
		signed *standardwebhooks.Webhook
		body   string
		want   int
	}{{theirs, event, http.StatusUnauthorized}, {ours, event, http.StatusOK}, {ours, event, http.StatusOK}, {ours, "x", http.StatusBadRequest}} {
		now := time.Now()
		signature, err := c.signed.Sign("A", now, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("webhook-id", "A")
		r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		r.Header.Set("webhook-signature", signature)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("request %d: status %d, want %d: %s", i, w.Code, c.want, w.Body)
		}
	}
	if file.String() != event+"\n" || len(said) != 2 || said[1] != "webhook: tickets: anna hold" {
		t.Errorf("it kept %q and said %q", file.String(), said)
	}
}
