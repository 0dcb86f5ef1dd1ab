package ofrepserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/strangler-proxy/strangler/flags/ofrepserver"
)

// source has two flags: ann is always in, and everybody with beta.
type source struct{}

func (source) Evaluate(_ context.Context, key string, about ofrepserver.Context) (ofrepserver.Flag, bool) {
	if key != "tickets" && key != "a/b" {
		return ofrepserver.Flag{}, false
	}
	in := about.TargetingKey() == "ann" || about["beta"] == true
	return ofrepserver.Flag{Key: key, Value: in, Variant: "v", Reason: "SPLIT", Metadata: map[string]any{"table": "7"}}, true
}

func (s source) EvaluateAll(ctx context.Context, about ofrepserver.Context) []ofrepserver.Flag {
	one, _ := s.Evaluate(ctx, "tickets", about)
	two, _ := s.Evaluate(ctx, "a/b", about)
	return []ofrepserver.Flag{one, two}
}

// The published provider is the client.
func TestAnotherClientGetsOurAnswers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(ofrepserver.New(source{}))
	defer server.Close()
	api := isolated.NewAPI()
	if err := api.SetProviderAndWait(context.Background(), ofrep.NewProvider(server.URL)); err != nil {
		t.Fatal(err)
	}
	client := api.NewClient()
	for _, test := range []struct {
		flag, key string
		beta      bool
		want      bool
		code      openfeature.ErrorCode
	}{
		{"tickets", "ann", false, true, ""},
		{"tickets", "bob", false, false, ""},
		{"tickets", "bob", true, true, ""},
		{"tickets", "", false, false, ""},
		{"a/b", "ann", false, true, ""},
		{"none", "ann", false, false, openfeature.FlagNotFoundCode},
	} {
		about := openfeature.NewEvaluationContext(test.key, map[string]any{"beta": test.beta})
		details, err := client.BooleanValueDetails(context.Background(), test.flag, false, about)
		if (err != nil) != (test.code != "") || details.Value != test.want || details.ErrorCode != test.code {
			t.Errorf("%+v: %+v, %v", test, details, err)
		}
		if err == nil && (details.Variant != "v" || details.Reason != "SPLIT" || details.FlagMetadata["table"] != "7") {
			t.Errorf("%+v: %+v", test, details)
		}
	}
}

func ask(t *testing.T, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	ofrepserver.New(source{}).ServeHTTP(w, r)
	return w
}

const bulk, single = "/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/tickets"

func TestBulk(t *testing.T) {
	t.Parallel()
	first := ask(t, "POST", bulk, `{"context": {"targetingKey": "ann"}}`, "Content-Type", "application/json; charset=utf-8")
	want := `{"flags":[{"key":"tickets","value":true,"variant":"v","reason":"SPLIT","metadata":{"table":"7"}},{"key":"a/b","value":true,"variant":"v","reason":"SPLIT","metadata":{"table":"7"}}]}`
	tag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || first.Body.String() != want || tag == "" {
		t.Fatalf("%d %s, ETag %s", first.Code, first.Body, tag)
	}
	for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if again := ask(t, "POST", bulk, `{"context": {"targetingKey": "ann"}}`, "If-None-Match", match); again.Code != http.StatusNotModified || again.Body.Len() != 0 || again.Header().Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d %s", match, again.Code, again.Body)
		}
	}
	if other := ask(t, "POST", bulk, `{"context": {"targetingKey": "bob"}}`, "If-None-Match", tag); other.Code != http.StatusOK || other.Header().Get("ETag") == tag {
		t.Errorf("another user: %d, ETag %s", other.Code, other.Header().Get("ETag"))
	}
}

func TestBadQuestions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method, path, body, kind string
		status                   int
		want                     string
	}{
		{"POST", single, `{`, "", 400, `{"key":"tickets","errorCode":"PARSE_ERROR"`},
		{"POST", single, `[]`, "", 400, `"errorCode":"PARSE_ERROR"`},
		{"POST", single, `{"context": 7}`, "", 400, `"errorCode":"INVALID_CONTEXT"`},
		{"POST", single, `{"context": {"targetingKey": 7}}`, "", 400, `"errorCode":"INVALID_CONTEXT"`},
		{"POST", single, `{}`, "text/plain", 400, "Content-Type"},
		{"POST", bulk, `{`, "", 400, `{"errorCode":"PARSE_ERROR"`},
		{"POST", bulk, `{"context": {"x": "` + strings.Repeat("x", 64<<10) + `"}}`, "", 413, "64 KiB"},
		{"POST", "/ofrep/v1/evaluate/flags/none", `{}`, "", 404, `{"key":"none","errorCode":"FLAG_NOT_FOUND"}`},
		{"GET", single, "", "", 405, ""},
		{"POST", "/ofrep/v1/else", "", "", 404, ""},
		{"POST", single, ``, "", 200, `"value":false`},
		{"POST", single, `{"context": null}`, "", 200, `"value":false`},
	} {
		header := []string{}
		if test.kind != "" {
			header = []string{"Content-Type", test.kind}
		}
		w := ask(t, test.method, test.path, test.body, header...)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s %s %.60s: %d %s", test.method, test.path, test.body, w.Code, w.Body)
		}
	}
}
