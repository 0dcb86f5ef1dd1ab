package engine

import "testing"

// A table of thousands of routes to a few services has few papers, and nobody those of
// others.
func TestRoutesThatAskForTheSameSharePapers(t *testing.T) {
	t.Parallel()
	b := newBed(t, `
targets: { monolith: {}, s: {}, t: { url: "http://127.0.0.1:9" } }
monolith: monolith
routes:
  - { name: a, match: /a, service: s, percent: 100, owner: o, fallback: [connect], identity: { claims: { mail: email, plan: session.plan } } }
  - { name: b, match: /b, service: s, percent: 50, owner: p, sticky: "header:X", fallback: [503], identity: { claims: { plan: session.plan, mail: email }, audience: s } }
  - { name: c, match: /c, service: s, percent: 100, owner: o, fallback: [connect], identity: { claims: { plan: session.plan, mail: email } } }
  - { name: claims, match: /d, service: s, percent: 100, owner: o, fallback: [connect], identity: { claims: { mail: email } } }
  - { name: service, match: /e, service: t, percent: 100, owner: o, fallback: [connect], identity: { claims: { mail: email, plan: session.plan } } }
  - { name: optional, match: /f, service: s, percent: 100, owner: o, fallback: [connect], identity: { token: optional, claims: { mail: email, plan: session.plan } } }
  - { name: cookie, match: /g, service: s, percent: 100, owner: o, fallback: [connect], identity: { keep_cookie: true, claims: { mail: email, plan: session.plan } } }
  - { name: audience, match: /audience, service: s, percent: 100, owner: o, fallback: [connect], identity: { audience: t, claims: { mail: email, plan: session.plan } } }
  - { name: header, match: /header, service: s, percent: 100, owner: o, fallback: [connect], identity: { header: X-Who, claims: { mail: email, plan: session.plan } } }
  - { name: csrf, match: /csrf, service: s, percent: 100, owner: o, fallback: [connect], identity: { csrf: "off", claims: { mail: email, plan: session.plan } } }
  - { name: refused, match: /refused, service: s, percent: 100, owner: o, fallback: [connect], identity: { anonymous: 401, claims: { mail: email, plan: session.plan } } }
  - { name: login, match: /login, service: s, percent: 100, owner: o, fallback: [connect], identity: { anonymous: login, claims: { mail: email, plan: session.plan } } }
  - { name: shadow, match: /h, service: s, percent: 0, owner: o, fallback: [connect], shadow: { target: t, sample: 1 }, identity: { claims: { mail: email, plan: session.plan } } }
  - { name: none, match: /i, service: s, percent: 100, owner: o, fallback: [connect] }
  - { name: none-either, match: /j, service: t, percent: 100, owner: o, fallback: [connect] }
  - { name: monolith, match: /k, owner: o }
`, withDesk(new(desk)))
	view := b.view.Load()
	of := map[string]*papers{}
	for i, entry := range view.table.Routes() {
		of[entry.Route.Name] = view.lanes[i].papers
	}
	if of["a"] == nil || of["a"] != of["c"] {
		t.Error("two that ask for the same")
	}
	seen := map[*papers]string{of["a"]: "a"}
	for _, name := range []string{"claims", "service", "optional", "cookie", "audience", "header", "csrf", "refused", "login", "shadow", "none"} {
		if other, there := seen[of[name]]; there || of[name] == nil {
			t.Errorf("%s has the papers of %q", name, other)
		}
		seen[of[name]] = name
	}
	if of["monolith"] != nil {
		t.Error("papers without a service")
	}
}
