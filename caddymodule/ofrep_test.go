package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
)

const ofrepCaddyfile = `{
	admin ADMIN
	default_bind 127.0.0.1
	persist_config off
	storage file_system DIR
	grace_period 5s
	strangler {
		routes DIR/routes.yaml
		store sqlite DIR/state.db
		flags flagd_file DIR/flags.json
		flags wait 20ms
		flags cache 4096
	}
}
http://SITE {
	header >X-Arm "{strangler.arm} {strangler.reason}"
	strangler_ofrep {
		token {env.OFREP_TOKEN}
	}
	strangler
}
`

const ofrepRoutes = `
targets:
  monolith: { url: "MONOLITH" }
  faq: { url: "SERVICE", owner: kb }
monolith: monolith
routes:
  - { name: share, match: /share, owner: kb, service: faq, sticky: visitor, percent: 37, fallback: [connect] }
  - { name: flagged, match: /flagged, owner: kb, service: faq, sticky: visitor, flag: third, flag_attributes: [method, headers.X-Beta], fallback: [connect] }
  - { name: plain, match: /plain, owner: kb }
`

const ofrepFlags = `{"flags": {"third": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
	"targeting": {"if": [{"==": [{"var": "headers.X-Beta"}, "yes"]}, "on", {"fractional": [["on", 33], ["off", 67]]}]}}}}`

// Services that ask by the published provider get the answer that the proxy
// acts on, for 1,000 visitors and both ways to decide.
func TestServicesGetTheProxysAnswer(t *testing.T) {
	t.Setenv("OFREP_TOKEN", "0123456789abcdef0123")
	r := newRig(t)
	r.routes(ofrepRoutes)
	writeFile(t, r.dir, "flags.json", ofrepFlags)
	r.start(ofrepCaddyfile)
	api := isolated.NewAPI()
	provider := ofrep.NewProvider("http://"+r.site, ofrep.WithBearerToken("0123456789abcdef0123"))
	if err := api.SetProviderAndWait(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = api.Shutdown(context.Background()) }()
	client := api.NewClient()
	service := map[string]int{}
	for i := range 1000 {
		path, header := []string{"/share", "/flagged"}[i%2], map[string]string{}
		attributes := map[string]any{"method": "GET"}
		if i%10 == 1 {
			header["X-Beta"], attributes["headers"] = "yes", map[string]any{"X-Beta": "yes"}
		}
		a := r.ask(http.MethodGet, path, header, nil)
		id := visitorOf(t, a.header)
		got, err := client.BooleanValue(t.Context(), path[1:], false, openfeature.NewEvaluationContext(id, attributes))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.HasPrefix(a.header.Get("X-Arm"), "service "); got != want {
			t.Errorf("visitor %s at %s: the proxy decided %q, the service was told %t", id, path, a.header.Get("X-Arm"), got)
		}
		if got {
			service[path]++
		}
	}
	t.Logf("to the service of 500 each: %v", service)
	if n := service["/share"]; n < 130 || n > 240 {
		t.Errorf("%d of 500 at 37 %%", n)
	}
	if n := service["/flagged"]; n < 170 || n > 300 {
		t.Errorf("%d of 500 at 33 %% and 100 for the header", n)
	}
}

// visitorOf is the ID in the cookie that an answer sets.
func visitorOf(t *testing.T, header http.Header) string {
	t.Helper()
	cookies := (&http.Response{Header: header}).Cookies()
	if len(cookies) != 1 || cookies[0].Name != "strangler_visitor" {
		t.Fatalf("cookies: %v", cookies)
	}
	return strings.Split(cookies[0].Value, ".")[1]
}

// Nobody learns anything without the token, which is in no answer of the admin
// API either.
func TestOFREPNeedsItsToken(t *testing.T) {
	t.Setenv("OFREP_TOKEN", "0123456789abcdef0123")
	r := newRig(t)
	r.routes(ofrepRoutes)
	writeFile(t, r.dir, "flags.json", ofrepFlags)
	r.start(ofrepCaddyfile)
	const path = "/ofrep/v1/evaluate/flags"
	for _, authorization := range []string{"", "Bearer ", "Bearer 0123456789abcdef012", "0123456789abcdef0123", "Basic 0123456789abcdef0123"} {
		a := r.ask(http.MethodPost, path, map[string]string{"Authorization": authorization}, strings.NewReader("{}"))
		if a.status != http.StatusUnauthorized || a.body != "" {
			t.Errorf("%q: %+v", authorization, a)
		}
	}
	a := r.ask(http.MethodPost, path, map[string]string{"Authorization": "Bearer 0123456789abcdef0123"}, strings.NewReader(`{"context": {"targetingKey": "x"}}`))
	if a.status != http.StatusOK || !strings.Contains(a.body, `"share"`) || strings.Contains(a.body, "plain") {
		t.Errorf("%+v", a)
	}
	if a := r.ask(http.MethodGet, "/ofrep/other", nil, nil); a.body != "monolith GET /ofrep/other" {
		t.Errorf("another path: %+v", a)
	}
	if a := r.call("/config/", nil); strings.Contains(a.body, "0123456789abcdef") || !strings.Contains(a.body, "{env.OFREP_TOKEN}") {
		t.Error("the admin API: " + a.body)
	}
	for text, want := range map[string]string{
		"token short":   "at least 16",
		"token {env.X}": "token",
	} {
		bad := strings.Replace(ofrepCaddyfile, "token {env.OFREP_TOKEN}", text, 1)
		if err := r.load(r.json(bad)); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
