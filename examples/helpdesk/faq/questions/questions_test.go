package questions

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStore(tb testing.TB) *Store {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "helpdesk.sqlite3")
	store, err := Create(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { store.Close() })
	if _, err := store.Add(tb.Context(), Draft{Question: "Why?", Answer: "So & <so>.", Source: "phone"}); err != nil {
		tb.Fatal(err)
	}
	return store
}

// The contract in the few lines that the monolith's tests have it in; the
// end-to-end tests hold the two to each other word for word.
func TestContract(t *testing.T) {
	t.Parallel()
	handler := NewHandler(newStore(t), Options{ServedBy: "faq-service", Logger: slog.New(slog.DiscardHandler)})
	for _, c := range []struct {
		method, path, body string
		status             int
		want, location     string
	}{
		{method: "GET", path: "/v1/faq/1", status: 200, want: `{"id":1,"question":"Why?","answer":"So & <so>.","source":"phone"}`},
		{method: "GET", path: "/v1/faq/4711", status: 404, want: `{"errors":{"id":["There is no such question."]}}`},
		{method: "GET", path: "/v1/faq/one", status: 404, want: "404 page not found"},
		{method: "PUT", path: "/v1/faq/1", status: 405, want: "Method Not Allowed"},
		{
			method: "POST", path: "/v1/create/", body: `{"question": " When? ", "source": "mail", "related": [9]}`, status: 201,
			want: `{"id":2,"question":"When?","answer":"","source":"mail"}`, location: "/v1/faq/2",
		},
		{
			method: "POST", path: "/v2/create/", body: `{"question": "Who?", "source": "mail", "related": [2, 1, 2]}`, status: 201,
			want: `{"id":3,"question":"Who?","answer":"","source":"mail","related":[1,2]}`, location: "/v1/faq/3",
		},
		{
			method: "POST", path: "/v2/create/", body: `{"question": 5, "related": [99]}`, status: 400,
			want: `{"errors":{"question":["Enter a string."],"related":["There is no question 99."],"source":["This field is required."]}}`,
		},
		{method: "POST", path: "/v1/create/", body: `nonsense`, status: 400, want: `{"errors":{"body":["Send JSON."]}}`},
		{
			method: "GET", path: "/v1/faq/", status: 200,
			want: `{"faq":[{"id":1,"question":"Why?","answer":"So & <so>.","source":"phone"},` +
				`{"id":2,"question":"When?","answer":"","source":"mail"},{"id":3,"question":"Who?","answer":"","source":"mail"}]}`,
		},
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if got := strings.TrimSpace(answer.Body.String()); answer.Code != c.status || got != c.want {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, answer.Code, got, c.status, c.want)
		}
		if got := answer.Header().Get("Location"); got != c.location {
			t.Errorf("%s %s: Location %q, want %q", c.method, c.path, got, c.location)
		}
		if got := answer.Header().Get("X-Served-By"); got != "faq-service" {
			t.Errorf("%s %s: X-Served-By %q", c.method, c.path, got)
		}
	}
}

func TestOpenRefusesOtherDatabases(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.sqlite3")
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open = %v, want an error with the path", err)
	}
}

// Whatever is sent is either refused with a reason or a draft within bounds.
func FuzzParseDraft(f *testing.F) {
	for _, seed := range []string{`{"question":"Why?","source":"mail","related":[1]}`, `{"question":null,"related":[null]}`, `[]`, "\xff", `{"related":[1.0]}`} {
		f.Add([]byte(seed), true)
	}
	store := newStore(f)
	f.Fuzz(func(t *testing.T, data []byte, withRelated bool) {
		draft, refusal, err := store.parseDraft(t.Context(), data, withRelated)
		if err != nil {
			t.Fatal(err)
		}
		if len(refusal) > 0 {
			return
		}
		n, m := utf8.RuneCountInString(draft.Question), utf8.RuneCountInString(draft.Source)
		if n == 0 || n > 300 || m == 0 || m > 100 || !utf8.ValidString(draft.Question+draft.Source) || withRelated == (draft.Related == nil) {
			t.Errorf("accepted %q as %+v", data, draft)
		}
	})
}
