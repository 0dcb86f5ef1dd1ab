package diff_test

import (
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	code := m.Run()
	_ = testbed.RemoveSeed()
	os.Exit(code)
}

func ask(t *testing.T, url string) diff.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(r) // redirects are not followed
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return diff.Answer{Status: response.StatusCode, Header: response.Header, Trailer: response.Trailer, Body: body}
}

// TestDjangoPagesEqualThemselves asks a real Django twice for each page: what
// differs is what the preset is for, and without the preset it is seen.
func TestDjangoPagesEqualThemselves(t *testing.T) {
	t.Parallel()
	desk := testbed.StartHelpdesk(t)
	with, err := diff.New(diff.Options{Presets: []string{"django"}})
	if err != nil {
		t.Fatal(err)
	}
	without, err := diff.New(diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for page, masked := range map[string]bool{
		"/accounts/login/": true, "/admin/login/": true, "/faq/": false, "/v1/faq/1": false, "/tickets/": false, "/nowhere": false,
	} {
		first, second := ask(t, desk.URL(page)), ask(t, desk.URL(page))
		if first.Status >= 500 {
			t.Fatalf("%s: status %d", page, first.Status)
		}
		got := with.Compare(first, second, now)
		if got.Total != 0 || masked != (got.Verdict == diff.EqualByRule) {
			t.Errorf("%s: %+v", page, got)
		}
		if got := without.Compare(first, second, now); masked != (got.Verdict == diff.Different) {
			t.Errorf("%s, without the preset: %+v", page, got)
		}
	}
}

// TestServiceAgainstDjango compares the service that was cut out of the
// monolith with it.
func TestServiceAgainstDjango(t *testing.T) {
	t.Parallel()
	desk := testbed.StartHelpdesk(t)
	faq := testbed.StartFAQ(t, desk.Database())
	c, err := diff.New(diff.Options{Presets: []string{"django"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/faq/1", "/v1/faq/2"} {
		monolith, service := ask(t, desk.URL(path)), ask(t, faq.URL(path))
		got := c.Compare(monolith, service, now)
		// The service spells its JSON in its own way.
		if got.Verdict != diff.Equal || got.Format != "json" {
			t.Errorf("%s: %+v", path, got)
		}
		other := c.Compare(monolith, ask(t, faq.URL("/v1/faq/3")), now)
		if other.Verdict != diff.Different || other.Differences[0].Path == "status" {
			t.Errorf("another question: %+v", other)
		}
	}
}
