package queue

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The contract in a few lines; the end-to-end tests hold it to the monolith's.
func TestContract(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "helpdesk.sqlite3")
	made, err := Create(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close() })
	for _, ticket := range []Ticket{{1, "No <ink>", "open"}, {2, "No paper", "open"}, {1, "No <ink>", "resolved"}} {
		if err := made.Put(t.Context(), ticket); err != nil {
			t.Fatal(err)
		}
	}
	store, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	handler := NewHandler(store, "tickets-service", slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/v1/tickets/", 200, `{"tickets":[{"id":2,"subject":"No paper","state":"open"},{"id":1,"subject":"No <ink>","state":"resolved"}]}`},
		{"GET", "/v1/tickets/1", 200, `{"id":1,"subject":"No <ink>","state":"resolved"}`},
		{"GET", "/v1/tickets/4711", 404, `{"errors":{"id":["There is no such ticket."]}}`},
		{"GET", "/v1/tickets/one", 404, "404 page not found"},
		{"POST", "/v1/tickets/", 405, "Method Not Allowed"},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil))
		if got := strings.TrimSpace(w.Body.String()); w.Code != c.status || got != c.want || w.Header().Get("X-Served-By") != "tickets-service" {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, w.Code, got, c.status, c.want)
		}
	}
}

func TestADatabaseWithoutTheTableIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "other.sqlite3")
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file: %v", err)
	}
}
