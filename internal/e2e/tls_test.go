package e2e

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// Clients that come by TLS and HTTP/2 reach a monolith that only speaks plain
// HTTP/1.1. Django checks the Referer of forms that come by TLS, so it shows
// whether the proxy says so, and whether a client can say otherwise.
func TestFormsOverTLS(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		caddyfile := testbed.Caddyfile(address, admin)
		caddyfile = strings.Replace(caddyfile, "auto_https off", "auto_https disable_redirects\n\tlocal_certs\n\tskip_install_trust", 1)
		caddyfile = strings.Replace(caddyfile, "http://:", "https://127.0.0.1:", 1)
		_, routes := helpdeskConfig(django.Address, "127.0.0.1:1")(address, admin)
		return caddyfile, routes
	})
	b := newBrowser(t, "https://"+proxy.Address)
	transport := &http.Transport{
		DisableCompression: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // it is made for this test
	}
	t.Cleanup(transport.CloseIdleConnections)
	b.client.Transport = transport

	testbed.WaitFor(t, "the certificate", func() bool {
		conn, err := tls.Dial("tcp", proxy.Address, transport.TLSClientConfig)
		return err == nil && conn.Close() == nil
	})
	login := "/accounts/login/"
	token := b.token(login)
	signIn := func(header http.Header) int {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		fields := url.Values{csrfField: {token}, "username": {"anna"}, "password": {"helpdesk"}}
		return b.do(http.MethodPost, login, header, strings.NewReader(fields.Encode())).Status
	}
	referer := b.base.String() + login
	if got := signIn(http.Header{}); got != http.StatusForbidden {
		t.Errorf("a form by TLS without Referer: %d, want 403", got)
	}
	if got := signIn(http.Header{"X-Forwarded-Proto": {"http"}}); got != http.StatusForbidden {
		t.Errorf("a client that says it came without TLS: %d, want 403", got)
	}
	if got := signIn(http.Header{"Referer": {"https://evil.example/"}}); got != http.StatusForbidden {
		t.Errorf("a form of another site: %d, want 403", got)
	}
	if got := signIn(http.Header{"Referer": {referer}}); got != http.StatusFound {
		t.Errorf("a form of the site: %d, want 302", got)
	}
	if page := b.get("/tickets/"); page.Proto != "HTTP/2.0" || !strings.Contains(page.Body, "Sign out anna") {
		t.Errorf("after signing in: %s %d\n%s", page.Proto, page.Status, page.Body)
	}
}
