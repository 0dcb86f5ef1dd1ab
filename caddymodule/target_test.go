package caddymodule

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	blocksCaddyfile = `{
	admin ADMIN
	default_bind 127.0.0.1
	persist_config off
	storage file_system DIR
	strangler {
		routes DIR/routes.yaml
		store sqlite DIR/state.db
	}
}
http://SITE {
	header >X-Arm "{strangler.arm} {strangler.fallback}"
	strangler {
		target monolith {
			rewrite /hidden/* /seen{uri}
			reverse_proxy MONOLITH_HOST
		}
		target faq {
			request_header X-Block yes
			request_header -X-User
			header X-From-Block yes
			rewrite /rewritten/* {uri}?block=yes
			respond /401 "no" 401
			error /402 "pay" 402
			@out not path /nothing*
			reverse_proxy @out SERVICE_HOST
		}
		target down {
			header X-From-Block yes
			request_header X-Block yes
			rewrite * /changed{uri}?{http.request.header.X-Block}
			reverse_proxy 127.0.0.1:1
		}
	}
}
`
	blocksRoutes = `
targets:
  monolith: {}
  faq: { owner: kb }
  down: { owner: kb }
monolith: monolith
routes:
  - { name: plain, match: "/plain/{rest...}", service: faq, owner: kb, percent: 100, fallback: [] }
  - { name: moved, match: "/moved/{id}", rewrite: "/rewritten/{id}", service: faq, owner: kb, percent: 100, fallback: [] }
  - { name: odd, match: "/nothing/{id}", service: faq, owner: kb, percent: 100, fallback: [error] }
  - { name: unauthorized, match: "/401", service: faq, owner: kb, percent: 100, fallback: [connect, error, 500] }
  - { name: payment, match: "/402", service: faq, owner: kb, percent: 100, fallback: [connect, error, 500] }
  - { name: down, match: "/down/{id}", service: down, owner: kb, percent: 100, fallback: [connect] }
  - { name: slow, match: "/slow", service: faq, owner: kb, percent: 100, timeout: 100ms, fallback: [timeout] }
  - { name: slower, match: "/slower", rewrite: "/slow", service: faq, owner: kb, percent: 100, timeout: 100ms, fallback: [] }
  - { name: status, match: "/status/{id}", service: faq, owner: kb, rewrite: "/status/{id}", percent: 100, fallback: [503] }
  - { name: broken, match: "/broken", service: faq, owner: kb, percent: 100, fallback: [error, 502] }
`
)

// echo says what a target was asked: name, path and the headers that blocks touch.
func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case name == "monolith":
		case path == "/slow":
			<-r.Context().Done()
			return
		case path == "/status/503":
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case path == "/broken":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = fmt.Fprintf(w, "%s %s user=%s block=%s id=%t", name, r.URL.RequestURI(),
			r.Header.Get("X-User"), r.Header.Get("X-Block"), r.Header.Get("X-Request-Id") != "")
	})
}

func TestTargetBlocks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	monolith, service := httptest.NewServer(echo("monolith")), httptest.NewServer(echo("faq"))
	t.Cleanup(monolith.Close)
	t.Cleanup(service.Close)
	r.routes(blocksRoutes)
	r.start(strings.NewReplacer("MONOLITH_HOST", monolith.Listener.Addr().String(),
		"SERVICE_HOST", service.Listener.Addr().String()).Replace(blocksCaddyfile))

	for _, c := range []struct {
		path   string
		status int
		arm    string
		body   string
		block  string // the X-From-Block of the answer
	}{
		{"/elsewhere", 200, "monolith ", "monolith /elsewhere user=u1 block= id=true", ""},
		{"/hidden/x?y=1", 200, "monolith ", "monolith /seen/hidden/x?y=1 user=u1 block= id=true", ""},
		{"/plain/a%2Fb?x=1", 200, "monolith ", "monolith /plain/a%2Fb?x=1 user=u1 block= id=true", ""}, // ambiguous
		{"/plain/a", 200, "service ", "faq /plain/a user= block=yes id=true", "yes"},
		{"/moved/7?x=1", 200, "service ", "faq /rewritten/7?block=yes user= block=yes id=true", "yes"},
		{"/nothing/7", 200, "service error", "monolith /nothing/7 user=u1 block= id=true", ""},
		{"/401", 401, "service ", "no", "yes"},
		{"/402", 402, "service ", "", ""},
		{"/down/7", 200, "service connect", "monolith /down/7 user=u1 block= id=true", ""},
		{"/slow", 200, "service timeout", "monolith /slow user=u1 block= id=true", ""},
		{"/slower", 504, "service ", "", ""},
		{"/status/503", 200, "service status", "monolith /status/503 user=u1 block= id=true", ""},
		{"/status/200", 200, "service ", "faq /status/200 user= block=yes id=true", "yes"},
	} {
		a := r.get(c.path)
		if a.status != c.status || a.body != c.body || a.header.Get("X-From-Block") != c.block {
			t.Errorf("%s: %+v", c.path, a)
		}
		if arm := a.header.Get("X-Arm"); c.status == 200 && !strings.HasPrefix(arm, strings.Fields(c.arm)[0]) {
			t.Errorf("%s: arm %q, want %q", c.path, arm, c.arm)
		}
	}
	if a, err := r.do("http://"+r.site+"/broken", http.MethodGet, nil, nil); err == nil {
		t.Errorf("a broken answer looks whole: %+v", a)
	}
	if a := r.ask(http.MethodPost, "/down/7", map[string]string{"X-User": "u1"}, strings.NewReader("body")); !strings.HasPrefix(a.body, "monolith /down/7") {
		t.Errorf("POST to a service that is down: %+v", a)
	}
	if a := r.ask(http.MethodGet, "/plain/a", map[string]string{"Connection": "X-Request-Id, X-Other", "X-User": "u1"}, nil); !strings.Contains(a.body, "id=true") {
		t.Errorf("the client took our header away: %+v", a)
	}
}
