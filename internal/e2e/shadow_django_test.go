package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/shadow/report"
)

const twoDjangos = `targets: { monolith: { url: "http://MONOLITH" }, other: { url: "http://OTHER" } }
monolith: monolith
routes:
  - { name: list, match: "GET /faq/{$}", owner: kb, shadow: { target: other, presets: [django] } }
  - { name: one, match: "GET /faq/{id}/{$}", owner: kb, shadow: { target: other, presets: [django] } }
  - { name: login, match: "GET /accounts/login/{$}", owner: kb, shadow: { target: other, presets: [django] } }
  - { name: closed, match: "GET /tickets/{$}", owner: kb, shadow: { target: other, presets: [django] } }
  - { name: api, match: "GET /v1/faq/{id}", owner: kb, shadow: { target: other, presets: [django] } }
  - { name: changed, match: "GET /faq/2/{$}", owner: kb, shadow: { target: other, presets: [django] } }
  - { name: changed-api, match: "GET /v1/faq/2", owner: kb, shadow: { target: other, presets: [django] } }
`

// Two real Djangos, the second with another key, cookies of other ages, names of
// static files that a build has hashed, and in its own copy of the database one
// answer that is another: with the preset and no rule of one's own, equal pages
// are equal, and the one that differs is named by where it does.
func TestTwoDjangosAreComparedByThePreset(t *testing.T) {
	t.Parallel()
	monolith := testbed.StartHelpdesk(t)
	other := testbed.StartHelpdesk(t, `SECRET_KEY = "another-key-that-protects-nothing-either"`, `CSRF_COOKIE_AGE = 3600`, `SESSION_COOKIE_AGE = 60`,
		`from django.contrib.staticfiles.storage import StaticFilesStorage`,
		`class Hashed(StaticFilesStorage):`,
		`    def url(self, name):`,
		`        base, _, ext = super().url(name).rpartition(".")`,
		`        return base + ".0123456789ab." + ext`,
		`STATICFILES_STORAGE = "othersettings.Hashed"`)
	k := &known{t: t, desk: other}
	k.manage(`from faq.models import Question; Question.objects.filter(pk=2).update(answer="Something else.")`)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), strings.NewReplacer("MONOLITH", monolith.Address, "OTHER", other.Address).Replace(twoDjangos)
	})
	k.proxy = proxy
	anna := k.browser()
	for range 5 {
		for _, path := range []string{"/faq/", "/faq/1/", "/faq/2/", "/faq/3/", "/accounts/login/?next=/tickets/", "/v1/faq/1", "/v1/faq/2", "/faq/999/"} {
			anna.get(path)
		}
		response, err := http.DefaultTransport.RoundTrip(mustRequest(t, proxy.URL("/tickets/"))) // to the login page
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	for _, c := range []struct {
		route     string
		sampled   uint64
		different uint64
		where     string
	}{
		{"list", 5, 0, ""}, {"one", 15, 0, ""}, {"login", 5, 0, ""}, {"closed", 5, 0, ""}, {"api", 5, 0, ""},
		{"changed", 5, 5, "$.html[*].body[*].main[*].p[*].#text"}, {"changed-api", 5, 5, "$.answer value string→string"},
	} {
		one := shadowed(t, proxy, c.route, c.sampled)
		signatures := signaturesOf(t, proxy, c.route)
		t.Logf("%s: equal %d, by rule %d, different %d: %q", c.route, one.Buckets["equal"], one.Buckets["equal_by_rule"], one.Buckets["different"], signatures)
		if one.Buckets["different"] != c.different || one.Buckets["equal"]+one.Buckets["equal_by_rule"] != c.sampled-c.different {
			t.Errorf("%s: %v", c.route, one.Buckets)
		}
		if c.where != "" && (len(signatures) != 1 || !strings.HasPrefix(signatures[0], c.where)) {
			t.Errorf("%s differs in %q, want %s", c.route, signatures, c.where)
		}
	}
}

func mustRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func signaturesOf(t *testing.T, proxy *testbed.Strangler, route string) (names []string) {
	t.Helper()
	var all report.Report
	if err := json.Unmarshal([]byte(proxy.MustCommand(t, "shadow", "report", "--route", route, "--json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all.Routes[0].Signatures {
		names = append(names, s.Signature)
	}
	return names
}
