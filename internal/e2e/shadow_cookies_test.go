package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

const shadowOfUnknownSessions = `
targets: { monolith: { url: "http://MONOLITH" }, canary: { url: "SHADOW" } }
monolith: monolith
routes:
  - { name: tickets, match: "GET /tickets/{rest...}", owner: o, shadow: { target: canary, keep_cookies: [django_language] } }
  - { name: faq, match: "GET /faq/{rest...}", owner: o, shadow: { target: canary, keep_cookies: [django_language], keep_headers: [X-Shop-Key] } }
`

// Nobody has told Strangler by which cookie the real Django knows its users: there
// is no identity block, and the names are not Django's own. What the monolith
// answers shows that anna is signed in; the shadow hears the language alone.
func TestAShadowOfAMonolithWithoutIdentityHearsNoSession(t *testing.T) {
	t.Parallel()
	desk := testbed.StartHelpdesk(t, `SESSION_COOKIE_NAME = "desk_visit"`, `CSRF_COOKIE_NAME = "desk_form"`)
	shadow := newEavesdropper(t)
	k := &known{t: t, desk: desk}
	k.proxy = testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), strings.NewReplacer("MONOLITH", desk.Address, "SHADOW", shadow.URL).Replace(shadowOfUnknownSessions)
	})
	anna := k.browser()
	anna.login("anna", "helpdesk")
	site, err := url.Parse(anna.base)
	if err != nil {
		t.Fatal(err)
	}
	cookies := anna.client.Jar.Cookies(site)
	secrets := append(make([]string, 0, 4+len(cookies)), "anna-is-remembered", "an-api-key", "a-password", "session-of-another-header")
	for _, cookie := range cookies {
		secrets = append(secrets, cookie.Name+"="+cookie.Value)
	}
	if all := strings.Join(secrets, " "); !strings.Contains(all, "desk_visit=") || !strings.Contains(all, "desk_form=") {
		t.Fatalf("anna's cookies: %s", all)
	}
	shadowed(t, k.proxy, "tickets", k.sampled("tickets")) // of the login
	heard := len(shadow.all())
	sampled := map[string]uint64{"tickets": k.sampled("tickets"), "faq": k.sampled("faq")}
	anna.client.Jar.SetCookies(site, []*http.Cookie{{Name: "django_language", Value: "de"}, {Name: "remember", Value: "anna-is-remembered"}})
	for _, path := range []string{"/tickets/", "/faq/"} {
		r := mustRequest(t, anna.base+path)
		r.Header = http.Header{
			"X-Api-Key": {"an-api-key"}, "Authorization": {"Basic a-password"}, "X-Session": {"session-of-another-header"},
			"X-Shop-Key": {"7"}, "X-Tenant": {"north"},
		}
		response, err := anna.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Request.URL.Path != path {
			t.Fatalf("the monolith does not know anna: %s at %s", response.Status, response.Request.URL)
		}
	}
	for route, before := range sampled {
		shadowed(t, k.proxy, route, before+1)
	}
	all := shadow.all()
	if len(all) <= heard {
		t.Fatal("the shadow heard nothing")
	}
	for _, r := range all {
		said := fmt.Sprint(r.URL, r.Header)
		for _, secret := range secrets {
			if strings.Contains(said, secret) {
				t.Errorf("the shadow heard %s in %s", secret, said)
			}
		}
	}
	for _, r := range all[heard:] {
		key := r.Header.Get("X-Shop-Key")
		if r.Header.Get("Cookie") != "django_language=de" || r.Header.Get("X-Tenant") != "north" || strings.HasPrefix(r.URL.Path, "/faq/") != (key == "7") {
			t.Errorf("%s: the shadow heard %v", r.URL, r.Header)
		}
	}
}
