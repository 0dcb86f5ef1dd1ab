package caddymodule

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type m = map[string]any

func TestHandlerServesByTheTable(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(strings.Replace(plainCaddyfile, "\tstrangler\n}", `	log {
		output file DIR/access.log
	}
	strangler
}`, 1))

	a := r.get("/v1/faq/7?q=1")
	if a.body != "monolith GET /v1/faq/7?q=1" || a.header.Get("X-Arm") != "monolith off" {
		t.Errorf("before the rollout: %+v", a)
	}
	r.must("/strangler/rollout/set", m{"route": "faq-read", "percent": 100, "by": "anna"}, nil)
	a = r.get("/v1/faq/7")
	if a.body != "faq GET /v1/faq/7" || a.header.Get("X-Arm") != "service full" {
		t.Errorf("at 100 %%: %+v", a)
	}
	r.must("/strangler/rollout/set", m{"route": "faq-read", "percent": "50", "by": "anna"}, nil)
	arms := map[string]bool{}
	for _, user := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		first := r.ask(http.MethodGet, "/v1/faq/7", map[string]string{"X-User": user}, nil)
		again := r.ask(http.MethodGet, "/v1/faq/8", map[string]string{"X-User": user}, nil)
		if first.header.Get("X-Arm") != again.header.Get("X-Arm") {
			t.Errorf("user %s was at %q, then at %q", user, first.header.Get("X-Arm"), again.header.Get("X-Arm"))
		}
		arms[first.header.Get("X-Arm")] = true
	}
	if !arms["monolith split"] || !arms["service split"] {
		t.Errorf("12 users at 50 %% saw only %v", arms)
	}
	r.ask(http.MethodGet, "/v1/faq/9", map[string]string{"X-User": "secret-user", "Cookie": "session=secret-cookie", "X-Request-Id": "req-1"}, nil)
	log := readLog(t, filepath.Join(r.dir, "access.log"), "req-1")
	if log["route"] != "faq-read" || log["reason"] != "split" || log["request_id"] != "req-1" || log["target"] == "" {
		t.Errorf("access log: %v", log)
	}
	if bucket, ok := log["bucket"].(float64); !ok || bucket >= 1e6 {
		t.Errorf("access log: bucket %v", log["bucket"])
	}
	if text, _ := os.ReadFile(filepath.Join(r.dir, "access.log")); strings.Contains(string(text), "secret-cookie") {
		t.Error("a cookie is in the access log")
	}
}

// readLog is the field "strangler" of the access-log record that has text.
func readLog(t *testing.T, file, text string) (field m) {
	t.Helper()
	eventually(t, "the request is in the access log", func() bool {
		data, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(data)) {
			var record struct{ Strangler m }
			if strings.Contains(line, text) && json.Unmarshal([]byte(line), &record) == nil {
				field = record.Strangler
				return true
			}
		}
		return false
	})
	return field
}

func TestHandlerFailures(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(strings.Replace(plainCaddyfile, "\tstrangler\n}", `	strangler
	handle_errors {
		respond "sorry: {http.error.status_code} {strangler.arm}" {http.error.status_code}
	}
}`, 1))
	r.must("/strangler/rollout/set", m{"route": "faq-read", "percent": 100, "by": "anna"}, nil)

	if a := r.ask(http.MethodGet, "/v1/faq/7", map[string]string{"X-Want-Status": "503"}, nil); a.body != "monolith GET /v1/faq/7" {
		t.Errorf("503 of the service: %+v", a)
	}
	r.monolith.Close()
	a := r.get("/elsewhere")
	if a.status != http.StatusBadGateway || a.body != "sorry: 502 monolith" || a.header.Get("Retry-After") == "" {
		t.Errorf("all down: %+v", a)
	}
	if got := r.raw(r.fill("CONNECT SITE HTTP/1.1\r\nHost: SITE\r\n\r\n")); !slices.Equal(got, []int{http.StatusMethodNotAllowed}) {
		t.Errorf("CONNECT: %v", got)
	}
}

// raw sends bytes on one connection and reads answers until it is closed.
func (r *rig) raw(requests string) (statuses []int) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.site)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = io.WriteString(conn, requests) }()
	reader := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(reader, nil)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			r.t.Errorf("the connection was neither closed nor answered on; so far: %v", statuses)
		}
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, response.Body)
		statuses = append(statuses, response.StatusCode)
	}
}
