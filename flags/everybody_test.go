package flags

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A flag without rules is one entry of the cache, however many ask.
func TestEverybody(t *testing.T) {
	e := start(t, Options{Sources: []Source{FlagdFile(flagFile(t, `{"flags": {
		"plain": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"},
		"number": {"state": "ENABLED", "variants": {"one": 1}, "defaultVariant": "one"},
		"rules": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on",
			"targeting": {"if": [{"==": [{"var": "targetingKey"}, "ann"]}, "off", null]}},
		"half": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
			"targeting": {"fractional": [["on", 50], ["off", 50]]}}
	}}`))}})
	for flag, want := range map[string]bool{"plain": true, "number": true, "none": true, "rules": false, "half": false} {
		for range 3 {
			if a, same := e.Everybody(t.Context(), flag); same != want {
				t.Errorf("%s: %t, %+v", flag, same, a)
			}
		}
	}
	if a, _ := e.Everybody(t.Context(), "plain"); !a.Value || a.Err != "" {
		t.Errorf("%+v", a)
	}
	if n := testing.AllocsPerRun(100, func() { e.Everybody(t.Context(), "plain") }); n != 0 {
		t.Errorf("%v allocations for what is known of everybody", n)
	}
	if status := e.Status(); status.Cache.Entries != 5 {
		t.Errorf("%+v", status.Cache)
	}
}

// What does not wait asks in the background: the next one knows.
func TestKnownDoesNotWait(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		w.Header().Set("Content-Type", "application/json")
		key := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		_, _ = w.Write([]byte(`{"key":"` + key + `","value":true,"reason":"STATIC","variant":"on"}`))
	}))
	t.Cleanup(server.Close)
	e := start(t, Options{Sources: []Source{OFREP(server.URL, nil)}})
	q := Query{Flag: "slow", Key: "ann"}
	if a := e.Known(t.Context(), &q); a.Err != ErrTimeout {
		t.Fatalf("%+v", a)
	}
	<-asked
	close(answer)
	within(t, 5*time.Second, "known", func() bool { return e.Known(t.Context(), &q).Value })
	if status := e.Status(); len(status.Answers) != 0 || len(status.Errors) != 0 {
		t.Errorf("counted as an answer: %+v", status)
	}
}
