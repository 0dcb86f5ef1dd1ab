package caddymodule

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
)

// A block that tries a second upstream after the first one got the request,
// and cannot dial that, has not left the request unsent.
func TestRetriesOfABlockSendNothingTwice(t *testing.T) {
	t.Parallel()
	resetting := func() *upstream.Server {
		return upstream.Start(t, func(c *upstream.Conn) {
			_, _ = c.Read(make([]byte, 1<<10)) // a part of the request, whatever its protocol
			c.Reset()
		})
	}
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	dead := func() string { return host(upstream.Refused(t)) }
	r := newRig(t)
	monolith := httptest.NewServer(says("monolith"))
	t.Cleanup(monolith.Close)

	var table, site strings.Builder
	target := func(name, first, options string) {
		fmt.Fprintf(&table, "  %s: { owner: kb }\n", name)
		fmt.Fprintf(&site, `target %s {
			reverse_proxy %s %s {
				lb_policy first
				lb_retries 1
				fail_duration 1m
				lb_retry_match method POST GET
				%s
			}
		}
		`, name, first, dead(), options)
	}
	const fcgi = "transport fastcgi {\nroot /\n}"
	cases := []struct{ name, method, first, options, want string }{
		{"post", http.MethodPost, host(resetting().URL), "", "502"},
		{"get", http.MethodGet, host(resetting().URL), "", "monolith"},
		{"refused", http.MethodPost, dead(), "", "monolith"},
		{"fcgipost", http.MethodPost, host(resetting().URL), fcgi, "502"},
		{"fcgiget", http.MethodGet, host(resetting().URL), fcgi, "monolith"},
	}
	fmt.Fprintf(&table, "targets:\n  monolith: { url: %q }\n", monolith.URL)
	for _, c := range cases {
		target(c.name, c.first, c.options)
	}
	table.WriteString("monolith: monolith\nroutes:\n")
	for _, c := range cases {
		fmt.Fprintf(&table, "  - { name: %s, match: /%s, service: %s, owner: kb, percent: 100, fallback: [connect] }\n", c.name, c.name, c.name)
	}
	r.routes(table.String())
	r.start(`{
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
	strangler {
		` + site.String() + `
	}
}
`)
	for _, c := range cases {
		got := r.ask(c.method, "/"+c.name, nil, nil) // a body that was sent would not be there any more
		if have := strings.Fields(got.body + " .")[0]; have != c.want && fmt.Sprint(got.status) != c.want {
			t.Errorf("%s: %d %q, want %s", c.name, got.status, got.body, c.want)
		}
	}
}
