package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

const mixed = `
targets:
  monolith: { url: MONOLITH }
  faq: { url: SERVICE }
monolith: monolith
routes:
  - { name: faq, match: "/faq/{id}", service: faq, owner: kb, fallback: [connect] }
  - { name: half, match: "/half/{rest...}", service: faq, percent: 50, sticky: "header:X-Tenant", fallback: [connect] }
  - { name: full, match: "/full/{id}", service: faq, percent: 100, rewrite: "/v2/{id}", fallback: [connect] }
  - { name: off, match: /off, service: faq, percent: 0, fallback: [connect] }
  - { name: plain, match: /plain }
  - { name: json, match: /json, when: { headers: { Accept: application/json } }, service: faq, percent: 100, fallback: [connect] }
`

func TestRequestsGoWhereTableAndLedgerSay(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.results = make(chan Result, 1)
	ask := func(path, body string, arm routes.Arm, reason routes.Reason, route, target string) {
		t.Helper()
		_, have := b.do(http.MethodGet, path, nil)
		result := <-b.results
		equal(t, path+" body", have, body)
		equal(t, path+" arm", result.Decision.Arm, arm)
		equal(t, path+" answered by", result.Outcome.Arm, arm)
		equal(t, path+" status", result.Outcome.Status, http.StatusOK)
		equal(t, path+" reason", result.Decision.Reason, reason)
		equal(t, path+" route", result.Decision.Route, route)
		equal(t, path+" target", result.Target, target)
	}
	ask("/nowhere?a=%2f;b", "monolith GET /nowhere?a=%2f;b", routes.Monolith, routes.ReasonNoRoute, "", "monolith")
	ask("/plain", "monolith GET /plain", routes.Monolith, routes.ReasonNoService, "plain", "monolith")
	ask("/off", "monolith GET /off", routes.Monolith, routes.ReasonOff, "off", "monolith")
	ask("/full/7%20b?x=1", "service GET /v2/7%20b?x=1", routes.Service, routes.ReasonFull, "full", "faq")
	ask("/faq/1", "monolith GET /faq/1", routes.Monolith, routes.ReasonOff, "faq", "monolith")
	ask("/half/1", "monolith GET /half/1", routes.Monolith, routes.ReasonNoKey, "half", "monolith")
	ask("/full/a%2Fb", "monolith GET /full/a%2Fb", routes.Monolith, routes.ReasonAmbiguousPath, "", "monolith")
	b.set("faq", "100")
	ask("/faq/1", "service GET /faq/1", routes.Service, routes.ReasonFull, "faq", "faq")
	_, err := b.Hold(context.Background(), "faq", time.Time{}, act)
	must(t, err)
	ask("/faq/1", "monolith GET /faq/1", routes.Monolith, routes.ReasonHold, "faq", "monolith")
	_, err = b.Release(context.Background(), "faq", act)
	must(t, err)
	ask("/faq/1", "service GET /faq/1", routes.Service, routes.ReasonFull, "faq", "faq")
	_, err = b.Brake(context.Background(), act)
	must(t, err)
	ask("/full/1", "monolith GET /full/1", routes.Monolith, routes.ReasonBrake, "full", "monolith")
	_, err = b.ReleaseBrake(context.Background(), act)
	must(t, err)
	ask("/full/1", "service GET /v2/1", routes.Service, routes.ReasonFull, "full", "faq")
}

func TestHoldEndsByItself(t *testing.T) {
	t.Parallel()
	now := time.Now()
	clock := make(chan time.Time, 1)
	clock <- now
	b := newBed(t, mixed, func(_ *bed, o *Options) {
		o.Now = func() time.Time { t := <-clock; clock <- t; return t }
	})
	_, err := b.Hold(context.Background(), "full", now.Add(time.Hour), act)
	must(t, err)
	equal(t, "held", b.servedBy("/full/1", nil), "monolith")
	<-clock
	clock <- now.Add(time.Hour)
	equal(t, "an hour later", b.servedBy("/full/1", nil), "service")
	equal(t, "held routes", b.Status().Held, 0)
}

func TestServiceThatIsDownIsReplacedByTheMonolith(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.results = make(chan Result, 1)
	b.service.Close()
	_, body := b.do(http.MethodPost, "/full/1", nil)
	result := <-b.results
	equal(t, "body", body, "monolith POST /full/1")
	equal(t, "decided", result.Decision.Arm, routes.Service)
	equal(t, "answered", result.Outcome.Arm, routes.Monolith)
	equal(t, "fallback", result.Outcome.Fallback, proxy.KindConnect)
}

func TestMonolithThatIsDownIsAnErrorWithRetryAfter(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.monolith.Close()
	response, _ := b.do(http.MethodGet, "/plain", nil)
	equal(t, "status", response.StatusCode, http.StatusBadGateway)
	equal(t, "Retry-After", response.Header.Get("Retry-After"), "5")
	if response.Header.Get("X-Request-ID") == "" {
		t.Error("an error without a request ID")
	}
	equal(t, "the service", b.servedBy("/full/1", nil), "service")
}

func TestForgedHeadersReachNobody(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	for _, path := range []string{"/full/1", "/plain"} {
		b.do(http.MethodGet, path, http.Header{
			"X-Strangler-Arm": {"service"}, "x-strangler-user": {"root", "admin"}, "X_STRANGLER_USER": {"root"},
			"X_Strangler-Token": {"t"}, "X-Strangler": {"1"}, "X-Stranglers": {"not ours"}, "Xstrangler-A": {"not ours"},
			"Connection": {"close, X-Strangler-Token, x_strangler_user, X-Request-Id, traceparent"},
		})
		served := b.service
		if path == "/plain" {
			served = b.monolith
		}
		seen := served.seen()
		for name := range seen {
			if strings.HasPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "x-strangler-") || name == "X-Strangler" {
				t.Errorf("%s reached %s", name, path)
			}
		}
		for _, name := range []string{"X-Stranglers", "Xstrangler-A", "X-Request-Id", "Traceparent"} {
			if len(seen[name]) != 1 {
				t.Errorf("%s is %q at %s", name, seen[name], path)
			}
		}
	}
}

func TestForgedTrailersReachNobody(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	trailers := make(chan http.Header, 1)
	b.service.answers(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		trailers <- r.Trailer
	})
	send := func(announced, sum string) {
		t.Helper()
		connection, err := net.Dial("tcp", b.front.Listener.Addr().String())
		must(t, err)
		defer connection.Close()
		_, err = fmt.Fprintf(connection, "POST /full/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n%s\r\n"+
			"1\r\na\r\n0\r\nX-Sum: 7\r\nX-Strangler-User: root\r\nx_strangler_token: t\r\n\r\n", announced)
		must(t, err)
		have := <-trailers
		for name := range have {
			if isOurs(name) {
				t.Errorf("%s came through", name)
			}
		}
		equal(t, "X-Sum", have.Get("X-Sum"), sum)
	}
	send("Trailer: X-Sum, X-Strangler-User\r\n", "7")
	send("Trailer: X-Sum\r\n", "7")
	send("", "")
}

func TestAbsoluteFormNeverReachesAService(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.results = make(chan Result, 1)
	address := strings.TrimPrefix(b.front.URL, "http://")
	for target, want := range map[string]routes.Reason{"/json": routes.ReasonFull, b.front.URL + "/json": routes.ReasonAmbiguousPath} {
		conn, err := net.Dial("tcp", address)
		must(t, err)
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\nConnection: close\r\n\r\n", target, address)
		must(t, err)
		_, err = io.ReadAll(conn)
		must(t, err)
		must(t, conn.Close())
		equal(t, target, (<-b.results).Decision.Reason, want)
	}
}

func TestConditionsDoNotSeeForgedHeaders(t *testing.T) {
	t.Parallel()
	b := newBed(t, strings.Replace(mixed, "Accept: application/json", "X-Strangler-Beta: {present: true}", 1))
	header := http.Header{"X-Strangler-Beta": {"1"}}
	equal(t, "served by", b.servedBy("/json", header), "monolith")
	request, err := http.NewRequest(http.MethodGet, "/json", nil)
	must(t, err)
	request.Header = header
	explanation, err := b.Explain(request, proxy.Client{})
	must(t, err)
	equal(t, "explained", explanation.Decision.Reason, routes.ReasonNoRoute)
	equal(t, "the header afterwards", header.Get("X-Strangler-Beta"), "1")
}

func TestKeepConnectionLeavesTheRest(t *testing.T) {
	t.Parallel()
	for have, want := range map[string]string{
		"X-Strangler-A":                         "",
		"tracestate":                            "",
		"upgrade, x_strangler-a,keep-alive":     "upgrade, keep-alive",
		"Upgrade":                               "Upgrade",
		"tracestate,TRACEPARENT , x-REQUEST-id": "",
		"close,, x-requests":                    "close,, x-requests",
	} {
		r := &http.Request{Header: http.Header{"Connection": {have}}}
		removeForgeable(r, nil)
		equal(t, have, r.Header.Get("Connection"), want)
	}
	r := &http.Request{Header: http.Header{}, Trailer: http.Header{"X-Strangler-User": nil, "X-Sum": nil}}
	removeForgeable(r, nil)
	equal(t, "trailers left", fmt.Sprint(r.Trailer), "map[X-Sum:[]]")
}

func TestConnectIsRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	connection, err := net.Dial("tcp", b.front.Listener.Addr().String())
	must(t, err)
	defer connection.Close()
	_, err = connection.Write([]byte("CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\nGET /full/1 HTTP/1.1\r\nHost: x\r\n\r\n"))
	must(t, err)
	must(t, connection.SetDeadline(time.Now().Add(5*time.Second)))
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	must(t, err)
	must(t, response.Body.Close())
	equal(t, "status", response.StatusCode, http.StatusMethodNotAllowed)
	if response.Header.Get("Allow") == "" {
		t.Error("no Allow")
	}
	equal(t, "the connection is closed", response.Close, true)
	if b.service.seen() != nil || b.monolith.seen() != nil {
		t.Error("something was forwarded")
	}
}

func TestAnswersCarryTheRequestID(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.results = make(chan Result, 1)
	response, _ := b.do(http.MethodGet, "/plain", http.Header{"X-Request-Id": {"mine-1"}})
	equal(t, "kept", response.Header.Get("X-Request-ID"), "mine-1")
	equal(t, "at the monolith", b.monolith.seen().Get("X-Request-ID"), "mine-1")
	result := <-b.results
	equal(t, "in the result", result.RequestID, "mine-1")
	equal(t, "trace at the monolith", b.monolith.seen().Get("Traceparent")[3:35], result.TraceID)
	response, _ = b.do(http.MethodGet, "/full/1", http.Header{"X-Request-Id": {"not <valid>"}})
	made := response.Header["X-Request-Id"]
	if len(made) != 1 || len(made[0]) != 32 {
		t.Fatalf("request ID %q", made)
	}
	equal(t, "at the service", b.service.seen().Get("X-Request-ID"), made[0])
	equal(t, "in the result", (<-b.results).RequestID, made[0])
}

func TestInformationalAnswersKeepOurHeaders(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.set("faq", "50")
	hints := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusOK)
	}
	b.monolith.answers(hints)
	b.service.answers(hints)
	response, _ := b.do(http.MethodGet, "/faq/1", nil)
	equal(t, "cookies", len(response.Cookies()), 1)
	if len(response.Header["X-Request-Id"]) != 1 {
		t.Errorf("request IDs %q", response.Header["X-Request-Id"])
	}
}

func TestBackendsOwnCookiesStayBesideOurs(t *testing.T) {
	t.Parallel()
	b := newBed(t, mixed)
	b.set("faq", "50")
	set := func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: "s"})
		w.Header().Set("X-Request-ID", "the backend's own")
	}
	b.monolith.answers(set)
	b.service.answers(set)
	response, _ := b.do(http.MethodGet, "/faq/1", http.Header{"X-Request-Id": {"ours"}})
	names := map[string]bool{}
	for _, cookie := range response.Cookies() {
		names[cookie.Name] = true
	}
	if !names["sessionid"] || !names[identity.VisitorCookie] || len(names) != 2 {
		t.Errorf("cookies %v", names)
	}
	// Who reads a backend's own ID today goes on reading it.
	equal(t, "request IDs", fmt.Sprint(response.Header["X-Request-Id"]), "[the backend's own]")
}

func TestNoTableIsAnError(t *testing.T) {
	t.Parallel()
	b := newBed(t, "")
	response, _ := b.do(http.MethodGet, "/", nil)
	equal(t, "status", response.StatusCode, http.StatusServiceUnavailable)
	equal(t, "Retry-After", response.Header.Get("Retry-After"), "5")
	if _, err := b.Explain(&http.Request{}, proxy.Client{}); !errors.Is(err, ErrNoTable) {
		t.Errorf("explain: %v", err)
	}
	if err := b.Reload(); !errors.Is(err, ErrNoTable) {
		t.Errorf("reload: %v", err)
	}
	equal(t, "table in status", b.Status().Table, nil)
}
