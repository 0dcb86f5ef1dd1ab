package caddymodule

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

const earlyCaddyfile = `{
	admin ADMIN
	default_bind 127.0.0.1
	persist_config off
	storage file_system DIR
	strangler {
		routes DIR/routes.yaml
		store sqlite DIR/state.db
	}
	servers {
		timeouts {
			read_body_idle IDLE
		}
	}
}
http://SITE {
	strangler {
		target refuses {
			error "too much" 413
		}
	}
}
`

const earlyRoutes = `
targets:
  monolith: { url: "MONOLITH" }
  refuses: {}
  down: { url: "http://127.0.0.1:1", breaker: { failures: 10 } }
monolith: monolith
routes:
  - { name: block, match: /block, service: refuses, owner: kb, percent: 100, fallback: [] }
  - { name: down, match: /down, service: down, owner: kb, percent: 100, fallback: [] }
`

// TestEarlyAnswerLeavesTheConnectionClean sends uploads that are answered
// before they were read, each with another request hidden in its body. Whether
// the rest is drained or the connection closed: the hidden one must never be
// taken for a request. (With a plain reverse_proxy in place of the handler, the
// large uploads fail this test at Caddy's default.)
func TestEarlyAnswerLeavesTheConnectionClean(t *testing.T) {
	t.Parallel()
	for _, idle := range []string{"-1s", "1m"} { // off, as in Caddyfile.example; Caddy's default
		t.Run("read_body_idle "+idle, func(t *testing.T) { testEarlyAnswers(t, idle) })
	}
}

func testEarlyAnswers(t *testing.T, idle string) {
	t.Helper()
	var hidden atomic.Int64
	monolith := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hidden":
			hidden.Add(1)
		case "/early":
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case "/end":
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	t.Cleanup(monolith.Close)
	r := newRig(t)
	r.routes(strings.Replace(earlyRoutes, "MONOLITH", monolith.URL, 1))
	r.start(strings.Replace(earlyCaddyfile, "IDLE", idle, 1))

	smuggled := r.fill("GET /hidden HTTP/1.1\r\nHost: SITE\r\n\r\n")
	for _, size := range []int{1, 10_000, 8_000_000} {
		body := strings.Repeat(smuggled, size/len(smuggled)+1)
		for name, upload := range map[string]string{
			"length":  fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
			"expect":  fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
			"chunked": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body),
		} {
			for path, status := range map[string]int{"/block": 413, "/down": 502, "/early": 413} {
				answers := r.raw(r.fill("POST " + path + " HTTP/1.1\r\nHost: SITE\r\n" + upload +
					"GET /end HTTP/1.1\r\nHost: SITE\r\nConnection: close\r\n\r\n"))
				if !clean(answers, status) && (size < 100_000 || len(answers) > 0) {
					t.Errorf("%s %s with %d bytes: %v", name, path, len(body), answers)
				}
			}
		}
	}
	if n := hidden.Load(); n > 0 {
		t.Errorf("%d hidden requests were served", n)
	}
}

// clean says whether the answers are those of the upload and, when the
// connection was not closed, of the request behind it.
func clean(answers []int, status int) bool {
	if len(answers) > 0 && answers[0] == http.StatusContinue {
		answers = answers[1:]
	}
	return slices.Equal(answers, []int{status}) || slices.Equal(answers, []int{status, http.StatusTeapot})
}
