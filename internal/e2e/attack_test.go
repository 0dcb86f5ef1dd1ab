package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// TestAttacksOnIdentity tries to be somebody else, by all that a client can send.
func TestAttacksOnIdentity(t *testing.T) {
	t.Parallel()
	a := startAttacked(t)
	alice, bob := a.signIn(t, "alice"), a.signIn(t, "bob")
	for _, attack := range []struct {
		class string
		try   func(*testing.T, *person, *person)
	}{
		{"forged headers", a.forgedHeaders},
		{"names in Connection", a.connection},
		{"duplicate and tossed cookies", a.tossedCookies},
		{"forged tokens", a.forgedTokens},
		{"a token replayed to another audience", a.otherAudience},
		{"session fixation", a.fixation},
		{"pickles", a.pickles},
		{"open redirect", a.openRedirect},
		{"cross-site requests", a.crossSite},
		{"secrets in outputs", a.secrets},
		{"secrets of requests in outputs", a.requestSecrets},
		{"the cookie of a deleted user", a.deleted},
	} {
		t.Run(attack.class, func(t *testing.T) { attack.try(t, alice, bob) })
	}
}

// forgedHeaders come in every spelling that a server behind may read alike.
func (a *attacked) forgedHeaders(t *testing.T, alice, _ *person) {
	t.Helper()
	for _, name := range []string{"Authorization", "X-User", "X-Desk-Token", "X-Strangler-User"} {
		for _, spelling := range []string{
			name, strings.ToLower(name), strings.ToUpper(name), strings.ReplaceAll(name, "-", "_"), strings.ToLower(strings.ReplaceAll(name, "-", ".")),
			strings.Replace(name, "-", "_", 1), strings.Replace(strings.ToUpper(name), "-", ".", 1),
		} {
			for path, cookies := range map[string]string{"/open/x": alice.cookies(), "/own/x": alice.cookies(), "/open/nobody": "", "/own/nobody": ""} {
				if name == "Authorization" && strings.HasPrefix(path, "/own/") {
					continue // there the token has another place, and this is the client's own
				}
				header := http.Header{spelling: {"Bearer forged", "forged again"}}
				if cookies != "" {
					header["Cookie"] = []string{cookies}
				}
				got := a.mirrored(t, path, header)
				if got == nil || strings.Contains(fmt.Sprint(got), "forged") {
					t.Errorf("%s with %s: the service got %v", path, spelling, got)
				}
				tokens := len(got["Authorization"])
				if strings.HasPrefix(path, "/own/") {
					tokens = len(got["X-Desk-Token"])
				}
				if signedIn := cookies != ""; signedIn != (tokens == 1) || tokens > 1 {
					t.Errorf("%s with %s: %d tokens", path, spelling, tokens)
				}
			}
		}
	}
}

// connection names headers that the next hop shall drop.
func (a *attacked) connection(t *testing.T, alice, _ *person) {
	t.Helper()
	for _, names := range [][]string{{"Authorization"}, {"keep-alive, authorization ,x-desk-token"}, {"close", "AUTHORIZATION"}, {"authorization, X-Desk_Token"}} {
		header := http.Header{"Cookie": {alice.cookies()}, "Connection": names}
		if got := a.mirrored(t, "/open/x", header); len(got["Authorization"]) != 1 {
			t.Errorf("%q: the service got %v", names, got)
		}
		if got := a.mirrored(t, "/own/x", header); len(got["X-Desk-Token"]) != 1 {
			t.Errorf("%q: the service got %v", names, got)
		}
	}
}

// openRedirect wants the way back from the login page to lead elsewhere.
func (a *attacked) openRedirect(t *testing.T, _, _ *person) {
	t.Helper()
	sent := 0
	for _, target := range []string{
		"/must/x", "/must/?next=//evil.example", "/must/%2f%2fevil.example", "/must//evil.example", "/must/..//evil.example", "//evil.example/must/",
		"//evil.example/../must/x", `/\evil.example/must/`, "http://evil.example/must/x", "/must/x?a=b&next=https://evil.example", "/must/%0d%0aLocation:%20//evil.example", "/must/x#//evil.example",
	} {
		response, _ := a.send(t, http.MethodGet, target, http.Header{"Accept": {"text/html"}})
		location := response.Header.Get("Location")
		if location == "" {
			continue // the monolith's answer
		}
		to, err := url.Parse(location)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if response.Header.Get("X-Served-By") != "" || len(response.Header["Location"]) != 1 {
			t.Errorf("%s: %v", target, response.Header)
		}
		sent++
		if next := to.Query().Get("next"); to.Host != "" || to.Path != "/login/" || !strings.HasPrefix(next, "/must/") || len(to.Query()["next"]) != 1 {
			t.Errorf("%s: leads to %s", target, location)
		}
	}
	if sent == 0 {
		t.Error("nobody was sent to log in")
	}
}

// crossSite: a page elsewhere has the browser write with the session's cookie.
func (a *attacked) crossSite(t *testing.T, alice, _ *person) {
	t.Helper()
	for what, test := range map[string]struct {
		method string
		header http.Header
		want   int
	}{
		"cross-site":         {http.MethodPost, http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		"same site":          {http.MethodPost, http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden},
		"a foreign origin":   {http.MethodPut, http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		"no origin":          {http.MethodDelete, http.Header{"Origin": {"null"}}, http.StatusForbidden},
		"a foreign socket":   {http.MethodGet, http.Header{"Origin": {"https://evil.example"}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, http.StatusForbidden},
		"its own page":       {http.MethodPost, http.Header{"Sec-Fetch-Site": {"same-origin"}}, http.StatusOK},
		"its origin":         {http.MethodPost, http.Header{"Origin": {a.proxy.URL("")}}, http.StatusOK},
		"reading from there": {http.MethodGet, http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusOK},
	} {
		test.header["Cookie"] = []string{alice.cookies()}
		response, _ := a.send(t, test.method, "/open/x", test.header)
		if served := response.Header.Get("X-Served-By") != ""; response.StatusCode != test.want || served != (test.want == http.StatusOK) {
			t.Errorf("%s: %s", what, response.Status)
		}
	}
}

// secrets looks for what proves who somebody is in all that the proxy says.
func (a *attacked) secrets(t *testing.T, alice, bob *person) {
	t.Helper()
	token := a.token(t, alice)
	for range 5 {
		alice.get("/who") // which is mirrored and differs
	}
	shadowed(t, a.proxy, "who", a.sampled(t))
	testbed.WaitFor(t, "spans", func() bool { return strings.Contains(a.spans.String(), "http") })
	outputs := a.outputs(t)
	names := make([]string, 0, len(outputs))
	for name, text := range outputs {
		if text != "" {
			names = append(names, name)
		}
		for what, secret := range map[string]string{
			"alice's session": alice.session(), "bob's session": bob.session(), "a token": token, "a token's signature": token[strings.LastIndex(token, ".")+1:],
			"the secret key": testbed.AppSecret,
		} {
			if secret == "" || strings.Contains(text, secret) {
				t.Errorf("%s: %s", name, what)
			}
		}
	}
	slices.Sort(names)
	t.Logf("searched: %s", strings.Join(names, ", "))
	for _, name := range []string{"access.log", "main.log", "the spans", "/metrics", "/strangler/shadow/samples?route=who"} {
		if outputs[name] == "" {
			t.Errorf("%s is empty: nothing was searched", name)
		}
	}
}

// sampled is how many requests of /who were mirrored.
func (a *attacked) sampled(t *testing.T) uint64 {
	t.Helper()
	for _, r := range a.proxy.Shadow(t).Routes {
		if r.Route == "who" {
			return r.Sampled
		}
	}
	t.Fatal("nothing is mirrored")
	return 0
}
