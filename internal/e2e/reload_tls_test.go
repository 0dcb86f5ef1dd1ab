package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// Over TLS the old server ends its connections, but tells the client with the
// answer before; a connection whose handshake is under way is served.
func TestReloadsUnderLoadOverTLS(t *testing.T) {
	t.Parallel()
	targets := map[string]string{"monolith": echo(t, "monolith"), "alpha": echo(t, "alpha"), "beta": echo(t, "beta")}
	config := func(address, admin string, generation int) string {
		text := strings.Replace(testbed.Caddyfile(address, admin), "auto_https off", "auto_https disable_redirects\n\tlocal_certs\n\tskip_install_trust", 1)
		text = strings.Replace(text, "http://:", "https://127.0.0.1:", 1)
		return strings.Replace(text, "\tstrangler\n}", fmt.Sprintf("\tstrangler\n\theader X-Generation %d\n}", generation), 1)
	}
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return config(address, admin, 0), tableOf(targets, "alpha")
	})
	dial := func() (net.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", proxy.Address,
			&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) // it is made for this test
	}
	testbed.WaitFor(t, "the certificate", func() bool {
		conn, err := dial()
		return err == nil && conn.Close() == nil
	})
	load := startLoad(t, dial)
	for i := range 10 {
		before := load.sent.Load()
		if err := proxy.Reload(t, config(proxy.Address, proxy.Admin, i+1)); err != nil {
			t.Fatal(err)
		}
		testbed.WaitFor(t, "requests after the reload", func() bool { return load.sent.Load() > before+requestsUnderReload/10 })
	}
	load.finish()
}
