package e2e

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// visible is what the stand-in must have in common with Django: everything a
// program sees, not the pages' HTML.
type visible struct {
	Request, Location, ContentType, ServedBy, Allow string
	Status                                          int
	JSON                                            any
	Events                                          []any
}

var parameters = regexp.MustCompile(`;.*`)

func visibleOf(t *testing.T, x exchange) visible {
	t.Helper()
	v := visible{
		Request: x.Request, Status: x.Status, Location: x.Header.Get("Location"), Allow: x.Header.Get("Allow"),
		ContentType: parameters.ReplaceAllString(x.Header.Get("Content-Type"), ""),
	}
	if v.Status >= 300 { // bodies of redirects and errors are nobody's contract
		v.ContentType = strings.TrimPrefix(strings.TrimPrefix(v.ContentType, "text/html"), "text/plain")
	}
	if v.ContentType == "application/javascript" { // an older name of the same
		v.ContentType = "text/javascript"
	}
	if !strings.Contains(x.Request, "/static/") && x.Status != http.StatusSwitchingProtocols {
		v.ServedBy = x.Header.Get("X-Served-By")
	}
	if v.ContentType == "application/json" && x.Body != "" {
		v.JSON = decode(t, x.Body)
	}
	if x.Request == "events" || x.Request == "WebSocket messages" {
		for line := range strings.Lines(x.Body) {
			if line = strings.TrimPrefix(line, "data: "); strings.HasPrefix(line, "{") {
				v.Events = append(v.Events, decode(t, line))
			}
		}
	}
	return v
}

func decode(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return value
}

// The stand-in answers the script as Django does: status, redirects, JSON,
// downloads, events. The same holds for the faq service, whose contract it uses.
func TestStandinIsLikeDjango(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	monolith, err := helpdesk.Standin(t.Context(), t.TempDir(), slog.New(slog.NewTextHandler(t.Output(), nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(monolith)
	t.Cleanup(func() {
		if err := monolith.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	want, got := newBrowser(t, django.URL("")), newBrowser(t, server.URL)
	want.shared()
	got.shared()
	if len(want.history) != len(got.history) || len(want.history) < 80 {
		t.Fatalf("%d exchanges with Django, %d with the stand-in", len(want.history), len(got.history))
	}
	for i := range want.history {
		if diff := cmp.Diff(visibleOf(t, want.history[i]), visibleOf(t, got.history[i])); diff != "" {
			t.Errorf("%s: Django (-), stand-in (+):\n%s", want.history[i].Request, diff)
		}
		if strings.Contains(want.history[i].Request, "attachments") && want.history[i].Body != got.history[i].Body && want.history[i].Status == 200 {
			t.Errorf("%s: the bytes differ", want.history[i].Request)
		}
	}
}

// The tickets service answers the queue as the monolith does, from the table
// that the monolith writes.
func TestTicketsServiceIsLikeDjango(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	service := testbed.StartTickets(t, django.Database())
	want, got := newBrowser(t, django.URL("")), newBrowser(t, service.URL(""))
	want.signIn("anna")
	want.submit("/tickets/new/", "/tickets/new/", url.Values{"subject": {"Ünï <b> & \"x\""}, "text": {"!"}})
	want.submit("/tickets/1/", "/tickets/1/resolve/", nil)
	want.history = nil
	want.queue()
	got.queue()
	for i := range want.history {
		w, g := visibleOf(t, want.history[i]), visibleOf(t, got.history[i])
		if w.Request == "GET /v1/tickets" || w.Request == "POST /v1/tickets/1" { // Django's redirect and its CSRF check are not in the contract
			continue
		}
		if w.ServedBy != "monolith" || g.ServedBy != "tickets-service" {
			t.Errorf("%s: served by %q and %q", w.Request, w.ServedBy, g.ServedBy)
		}
		g.ServedBy = w.ServedBy
		if diff := cmp.Diff(w, g); diff != "" {
			t.Errorf("%s: Django (-), tickets service (+):\n%s", w.Request, diff)
		}
	}
	if list := got.history[0].Body; !strings.Contains(list, `"Ünï <b> & \"x\""`) || !strings.Contains(list, "resolved") {
		t.Errorf("the service does not have what the monolith wrote: %s", list)
	}
}

// What the contract's answers are is the faq service's business, too.
func TestServiceIsLikeDjango(t *testing.T) {
	t.Parallel()
	django, other := testbed.StartHelpdesk(t), testbed.StartHelpdesk(t)
	service := testbed.StartFAQ(t, other.Database())
	want, got := newBrowser(t, django.URL("")), newBrowser(t, service.URL(""))
	want.api()
	got.api()
	for i := range want.history {
		w, g := visibleOf(t, want.history[i]), visibleOf(t, got.history[i])
		if w.ServedBy != "monolith" || g.ServedBy != "faq-service" {
			t.Errorf("%s: served by %q and %q", w.Request, w.ServedBy, g.ServedBy)
		}
		g.ServedBy = w.ServedBy
		if w.Request == "GET /v1/faq" { // Django's redirect is not in the contract
			continue
		}
		if diff := cmp.Diff(w, g); diff != "" {
			t.Errorf("%s: Django (-), faq service (+):\n%s", w.Request, diff)
		}
	}
	// What the service wrote, the monolith shows as if it had written it itself.
	written := newBrowser(t, other.URL(""))
	for id := 8; id <= 12; id++ {
		page := fmt.Sprintf("/faq/%d/", id)
		if diff := cmp.Diff(settled(want.get(page)), settled(written.get(page))); diff != "" {
			t.Errorf("%s: written by Django (-), by the service (+):\n%s", page, diff)
		}
	}
}
