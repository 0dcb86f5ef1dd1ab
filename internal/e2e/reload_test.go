package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

const reloads = 50

// echo is a target that answers with its name and the path it was asked for.
func echo(t *testing.T, name string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.URL.Path)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// tableOf is a table whose item route goes to one of two services, at a path
// that only that service is asked for. Other routes make it long, so that half
// of it would be noticed: with the item route at the end it would be missing.
func tableOf(targets map[string]string, service string) string {
	var b strings.Builder
	b.WriteString("targets:\n")
	for _, name := range []string{"monolith", "alpha", "beta"} {
		fmt.Fprintf(&b, "  %s: { url: %q }\n", name, targets[name])
	}
	b.WriteString("monolith: monolith\nroutes:\n")
	for i := range 300 {
		fmt.Fprintf(&b, "  - { name: filler-%[1]d, match: \"/filler/%[1]d/{rest...}\", owner: nobody }\n", i)
	}
	fmt.Fprintf(&b, `  - name: item
    match: /item/{id}
    owner: items
    service: %[1]s
    rewrite: /%[1]s/{id}
    percent: 100
    fallback: []
`, service)
	return b.String()
}

// Many requests while the Caddyfile is reloaded and the table edited, well and
// badly: each is answered by the service and at the path of one table, and none
// is asked twice, on connections of its own and on connections that are kept.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	targets := map[string]string{"monolith": echo(t, "monolith"), "alpha": echo(t, "alpha"), "beta": echo(t, "beta")}
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), tableOf(targets, "alpha")
	})
	load := startLoad(t, dialTCP(proxy.Address))
	services := []string{"alpha", "beta"}
	for i := range reloads {
		service := services[i%2]
		switch i % 5 {
		case 0: // a new table
			before := proxy.Status(t).Table.Version
			proxy.EditRoutes(t, tableOf(targets, services[(i+1)%2])+fmt.Sprintf("# %d\n", i))
			proxy.WaitStatus(t, "the edit to be live", func(s engine.Status) bool { return s.Table.Version != before })
		case 1: // a bad table
			typo := fmt.Sprintf("serbice%d", i)
			proxy.EditRoutes(t, strings.Replace(tableOf(targets, service), "service:", typo+":", 1))
			proxy.WaitStatus(t, "the typo to be refused", func(s engine.Status) bool {
				return s.Refused != nil && strings.Contains(s.Refused.Problems[0].String(), typo)
			})
		case 2: // a new Caddyfile, while the file still holds the bad table
			mustReload(t, proxy, fmt.Sprintf("header X-Generation %d", i), "")
		case 3: // refused when it is adapted, and later, when it is provisioned
			wantRefused(t, proxy, "no_such_directive", "")
			wantRefused(t, proxy, "", "tls internal { bad }")
			wantRefused(t, proxy, fmt.Sprintf("header X-Generation %d", i), "routes no-such-file.yaml")
		case 4: // a new Caddyfile and a new table at the same time
			proxy.EditRoutes(t, tableOf(targets, service)+fmt.Sprintf("# %d\n", i))
			mustReload(t, proxy, fmt.Sprintf("header X-Generation %d", i), "")
		}
	}
	load.finish()
}

func caddyfileWith(proxy *testbed.Strangler, directive, option string) string {
	text := testbed.Caddyfile(proxy.Address, proxy.Admin)
	if option != "" {
		text = strings.Replace(text, "routes routes.yaml", option, 1)
	}
	return strings.Replace(text, "\tstrangler\n}", "\tstrangler\n\t"+directive+"\n}", 1)
}

func mustReload(t *testing.T, proxy *testbed.Strangler, directive, option string) {
	t.Helper()
	if err := proxy.Reload(t, caddyfileWith(proxy, directive, option)); err != nil {
		t.Fatal(err)
	}
}

func wantRefused(t *testing.T, proxy *testbed.Strangler, directive, option string) {
	t.Helper()
	if err := proxy.Reload(t, caddyfileWith(proxy, directive, option)); err == nil {
		t.Errorf("a bad Caddyfile (%q, %q) was not refused", directive, option)
	}
}
