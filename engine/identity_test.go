package engine

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/routes"
)

func TestTheServiceSeesTheUserAndNoCookie(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	reason, by, _ := b.reason(http.MethodGet, "/faq", signedIn("alice"))
	if reason != "full" || by != "service" {
		t.Fatal(reason, by)
	}
	claims := b.verified("s")
	if claims["sub"] != "7" || claims["mail"] != `7"@example.com` || claims["plan"] != "gold" {
		t.Errorf("%v", claims)
	}
	equal(t, "cookies", b.service.seen().Get("Cookie"), "lang=en")
	_, _, _ = b.reason(http.MethodGet, "/faq", http.Header{"Cookie": {"sessionid=bob"}})
	equal(t, "sub", b.verified("s")["sub"], any("8"))
	if cookies := b.service.seen()["Cookie"]; cookies != nil {
		t.Errorf("an empty Cookie header is left: %q", cookies)
	}
	_, _, _ = b.reason(http.MethodGet, "/plain", signedIn("alice"))
	equal(t, "plain", b.service.seen().Get("Cookie")+b.service.seen().Get("Authorization"), "lang=en")
	_, _, _ = b.reason(http.MethodGet, "/cookie", signedIn("alice"))
	equal(t, "kept", b.service.seen().Get("Cookie"), "lang=en; sessionid=alice; csrftoken=x")
	// What servers read as the session's cookie: under ASGI a header is Latin-1.
	for _, odd := range []string{"\xa0", "\x85", "\u00a0", "\t", " \xa0 ", "\u2003", "\xff"} {
		for _, name := range []string{odd + "sessionid", "sessionid" + odd} {
			_, _, _ = b.reason(http.MethodGet, "/plain", http.Header{"Cookie": {"lang=\u00e9;" + name + "=alice; x=1"}})
			equal(t, fmt.Sprintf("without %q", name), b.service.seen().Get("Cookie"), "lang=\u00e9; x=1")
		}
	}
}

func TestTheMonolithGetsTheCookieBackWhenItAnswersInstead(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	b.service.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	_, by, _ := b.reason(http.MethodGet, "/faq", signedIn("alice", "Authorization", "Basic own"))
	equal(t, "by", by, "monolith")
	equal(t, "cookies", b.monolith.seen().Get("Cookie"), "lang=en; sessionid=alice; csrftoken=x")
	equal(t, "the client's own", b.monolith.seen().Get("Authorization"), "Basic own")
}

func TestInDoubtTheMonolithServes(t *testing.T) {
	t.Parallel()
	d := new(desk)
	b := newDesk(t, d)
	for _, c := range []struct {
		path, cookies, reason string
	}{
		{"/faq", "", "anonymous"},
		{"/faq", "sessionid=nobody", "anonymous"},
		{"/faq", "sessionid=alice; sessionid=bob", "ambiguous_session"},
		{"/plain", "sessionid=alice; sessionid=bob", "ambiguous_session"},
		{"/half", "sessionid=alice; sessionid=bob", "ambiguous_session"},
	} {
		reason, by, _ := b.reason(http.MethodGet, c.path, http.Header{"Cookie": {c.cookies}})
		if reason != c.reason || by != "monolith" {
			t.Errorf("%s %q: %s by %s", c.path, c.cookies, reason, by)
		}
		equal(t, "cookies", b.monolith.seen().Get("Cookie"), c.cookies)
	}
	d.set(func() { d.down = true })
	for _, path := range []string{"/faq", "/open", "/refuse", "/login-first", "/half"} {
		reason, by, _ := b.reason(http.MethodGet, path, signedIn("carol"))
		if reason != "session_unavailable" || by != "monolith" {
			t.Errorf("store down, %s: %s by %s", path, reason, by)
		}
	}
	must(t, b.options.Identity.Ring.Revoke(t.Context(), b.options.Identity.Ring.Set().Keys[0].ID(), b.now()))
	d.set(func() { d.down = false })
	b.options.Identity.Resolver.ForgetAll()
	for _, path := range []string{"/faq", "/open"} {
		reason, by, _ := b.reason(http.MethodGet, path, signedIn("alice"))
		if (reason != "no_token" && reason != "session_unavailable") || by != "monolith" {
			t.Errorf("no key, %s: %s by %s", path, reason, by)
		}
	}
}

func TestWhoIsAnonymousGetsWhatTheRouteSays(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	reason, by, _ := b.reason(http.MethodGet, "/open", http.Header{"Authorization": {"Bearer forged"}})
	if reason != "full" || by != "service" || b.service.seen().Get("Authorization") != "" {
		t.Errorf("%s by %s with %q", reason, by, b.service.seen().Get("Authorization"))
	}
	reason, _, response := b.reason(http.MethodGet, "/refuse", nil)
	if reason != "unauthenticated" || response.StatusCode != http.StatusUnauthorized || response.Header.Get("Content-Type") != "application/problem+json" ||
		response.Header.Get("Www-Authenticate") != `Bearer realm="desk.example.com"` || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %v", reason, response)
	}
	page := http.Header{"Accept": {"text/html,*/*"}, "Sec-Fetch-Mode": {"navigate"}}
	reason, _, response = b.reason(http.MethodGet, "/login-first?q=a%20b&next=//evil", page)
	if reason != "login" || response.StatusCode != http.StatusFound || response.Header.Get("Location") != "/login/?next=%2Flogin-first%3Fq%3Da%2520b%26next%3D%2F%2Fevil" {
		t.Errorf("%s %v", reason, response.Header)
	}
	// Behind two slashes would stand another site.
	if to := b.identity.loginFor(&http.Request{URL: &url.URL{Path: "//evil.example.com/x"}}); to != "/login/?next=%2Fevil.example.com%2Fx" {
		t.Error(to)
	}
	for _, header := range []http.Header{{"Accept": {"application/json"}}, {"Accept": {"text/html"}, "Sec-Fetch-Mode": {"cors"}}} {
		if _, _, response = b.reason(http.MethodGet, "/login-first", header); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%v: %s", header, response.Status)
		}
	}
	if _, _, response = b.reason(http.MethodPost, "/login-first", page); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("POST: %s", response.Status)
	}
	if b.monolith.seen() != nil {
		t.Error("the monolith was asked")
	}
}

// CVE-2025-64484, CVE-2026-39858: names that look the same to CGI and WSGI;
// CVE-2026-26308: more than one value; GHSA-7r4p-vjf4-gxv4: left in place when
// there is nothing to set.
func TestAForgedIdentityReachesNobody(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	names := []string{"X-User", "X_User", "x.user", "X-USER", "X-User-Token", "x_user_token", "X_User-Token", "X-User.Token", "X-Strangler-User", "X_Strangler.User"}
	for _, path := range []string{"/faq", "/own", "/open", "/plain", "/elsewhere"} {
		for _, who := range []string{"alice", "nobody"} {
			header := signedIn(who)
			for _, name := range names {
				header[name] = []string{"admin", "root"}
			}
			_, by, _ := b.reason(http.MethodGet, path, header)
			seen := b.service.seen()
			if by == "monolith" {
				seen = b.monolith.seen()
			}
			for name, values := range seen {
				if slices.Contains(values, "admin") || slices.Contains(values, "root") {
					t.Errorf("%s of %s, by %s: %s arrived", path, who, by, name)
				}
			}
		}
	}
}

// CVE-2024-45410, CVE-2025-48865: a client's Connection strips what the proxy sets.
func TestConnectionDoesNotStripTheToken(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	_, by, _ := b.reason(http.MethodGet, "/faq", signedIn("alice", "Connection", "authorization, x-user-token, cookie"))
	equal(t, "by", by, "service")
	equal(t, "sub", b.verified("s")["sub"], any("7"))
	_, by, _ = b.reason(http.MethodGet, "/own", signedIn("alice", "Connection", "x-user-token", "Connection", "X_User_Token"))
	equal(t, "by", by, "service")
	equal(t, "sub", b.verify(b.service.seen().Get("X-User-Token"), "elsewhere")["sub"], any("7"))
}

// A client's own credentials go where they went before, but never in the token's place.
func TestTheTokenTakesThePlaceOfTheClientsOwn(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	_, _, _ = b.reason(http.MethodGet, "/faq", signedIn("alice", "Authorization", "Bearer forged"))
	if values := b.service.seen()["Authorization"]; len(values) != 1 || strings.Contains(values[0], "forged") {
		t.Errorf("%q", values)
	}
	for _, path := range []string{"/plain", "/elsewhere", "/own"} {
		_, by, _ := b.reason(http.MethodGet, path, signedIn("alice", "Authorization", "Bearer own"))
		seen := b.service.seen()
		if by == "monolith" {
			seen = b.monolith.seen()
		}
		equal(t, path, seen.Get("Authorization"), "Bearer own")
	}
}

// A token for one service is refused by another.
func TestATokenIsForOneService(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	_, _, _ = b.reason(http.MethodGet, "/own", signedIn("alice"))
	first := b.verify(b.service.seen().Get("X-User-Token"), "elsewhere")
	_, _, _ = b.reason(http.MethodGet, "/faq", signedIn("alice"))
	second := b.verified("s")
	if first["aud"] == second["aud"] || first["sid"] != second["sid"] || first["mail"] != nil {
		t.Errorf("%v %v", first, second)
	}
}

// Whoever is in front of us keeps an answer to one user from all others.
func TestCachesAreToldThatTheSessionDecides(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	b.service.answers(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Vary", "Accept") })
	for path, want := range map[string]string{"/faq": "Cookie,Accept", "/open": "Cookie,Accept", "/plain": "Accept"} {
		_, _, response := b.reason(http.MethodGet, path, signedIn("alice"))
		equal(t, path, strings.Join(response.Header["Vary"], ","), want)
	}
	_, by, response := b.reason(http.MethodGet, "/faq", nil)
	equal(t, "of nobody, by "+by, strings.Join(response.Header["Vary"], ","), "Cookie")
}

func TestTheMonolithsAnswerEndsASessionAtOnce(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"cleared":                   `sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/`,
		"changed":                   "sessionid=another; Path=/",
		"same, 0":                   "sessionid=alice; Max-Age=0",
		"and more":                  "sessionid=; Path=/",
		"same, of a past year":      "sessionid=alice; expires=Sat, 02 Mar 2024 10:00:00 GMT",
		"same, as PHP writes dates": "sessionid=alice; expires=Sat, 02-Mar-2024 10:00:00 GMT; path=/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := new(desk)
			b := newDesk(t, d)
			_, by, _ := b.reason(http.MethodGet, "/faq", signedIn("alice"))
			equal(t, "before", by, "service")
			b.monolith.answers(func(w http.ResponseWriter, _ *http.Request) {
				d.set(func() { delete(d.users, "alice") })
				w.Header().Add("Set-Cookie", "other=1")
				w.Header().Add("Set-Cookie", line)
			})
			_, _, _ = b.reason(http.MethodPost, "/logout", signedIn("alice"))
			reason, _, _ := b.reason(http.MethodGet, "/faq", signedIn("alice"))
			equal(t, "after", reason, "anonymous")
		})
	}
}

func TestAProlongedSessionStaysKnown(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	b.monolith.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "sessionid=alice; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=1209600") // which counts
		w.Header().Add("Set-Cookie", "sessionid=alice; expires="+time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	})
	for range 5 {
		_, _, _ = b.reason(http.MethodGet, "/faq", signedIn("alice"))
		_, _, _ = b.reason(http.MethodGet, "/elsewhere", signedIn("alice"))
	}
	if n := b.options.Identity.Resolver.Status().Lookups["known"]; n != 1 {
		t.Errorf("%d lookups", n)
	}
}

func TestNobodyChangesSidesAtLogin(t *testing.T) {
	t.Parallel()
	d := new(desk)
	b := newDesk(t, d)
	d.set(func() {
		for i := range 40 {
			d.users[fmt.Sprint("s", i)] = fmt.Sprint(1000 + i)
		}
	})
	flips := 0
	for i := range 40 {
		response, _ := b.do(http.MethodGet, "/half", nil)
		<-b.results
		visitor := response.Cookies()[0]
		before := response.Header.Get("X-Served-By")
		login := http.Header{"Cookie": {visitor.Name + "=" + visitor.Value + "; sessionid=" + fmt.Sprint("s", i)}}
		response, _ = b.do(http.MethodGet, "/half", login)
		<-b.results
		equal(t, "at login", response.Header.Get("X-Served-By"), before)
		if len(response.Cookies()) != 1 || response.Cookies()[0].Name != identity.CarryCookie {
			t.Fatalf("%v", response.Cookies())
		}
		carry := response.Cookies()[0]
		login["Cookie"][0] += "; " + carry.Name + "=" + carry.Value
		response, _ = b.do(http.MethodGet, "/half", login)
		<-b.results
		equal(t, "later", response.Header.Get("X-Served-By"), before)
		if len(response.Cookies()) != 0 {
			t.Fatalf("%v", response.Cookies())
		}
		// On another device the user decides.
		response, _ = b.do(http.MethodGet, "/half", http.Header{"Cookie": {"sessionid=" + fmt.Sprint("s", i)}})
		<-b.results
		if len(response.Cookies()) != 0 {
			t.Errorf("who is known got %v", response.Cookies())
		}
		if response.Header.Get("X-Served-By") != before {
			flips++
		}
		// Who signs out is a visitor again, whose next login starts anew.
		response, _ = b.do(http.MethodGet, "/half", http.Header{"Cookie": {visitor.Name + "=" + visitor.Value + "; " + carry.Name + "=" + carry.Value}})
		<-b.results
		equal(t, "after logout", response.Header.Get("X-Served-By"), before)
		if len(response.Cookies()) != 1 || response.Cookies()[0].MaxAge != -1 {
			t.Errorf("after logout: %v", response.Cookies())
		}
	}
	if flips == 0 {
		t.Error("user and visitor were always on the same side: nothing was tested")
	}
}

func TestATableThatNeedsAnIdentityIsRefusedWithoutOne(t *testing.T) {
	t.Parallel()
	b := newBed(t, "")
	b.write(deskTable)
	err := b.Watch(b.path)
	if err == nil || !strings.Contains(err.Error(), "no-identity") || !strings.Contains(err.Error(), ":5:") {
		t.Errorf("%v", err)
	}
	for field, want := range map[string]string{
		"identity: { claims: { a: phone } }":                         "do not read this of a user",
		"flag: f, flag_attributes: [claims.phone], identity: {}":     "do not read this of a user",
		"identity: { anonymous: login }":                             "does not say where to sign in",
		"identity: { csrf: django }":                                 "not Django's",
		"identity: { claims: { iss: email } }":                       "cannot be called",
		"identity: { profile: openedx }":                             "RS512",
		"flag: f, flag_attributes: [user], fallback: [connect, 502]": "",
	} {
		b := newBed(t, "", withDesk(new(desk), func(i *Identity) { i.LoginURL, i.CSRFCookie = "", "" }))
		b.write("targets: { monolith: { url: MONOLITH }, s: { url: SERVICE } }\nmonolith: monolith\nroutes:\n  - { name: r, match: /r, service: s, owner: o, " + field + " }\n")
		err := b.Watch(b.path)
		if want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ":4:") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestTheKeysArePublishedWhereTheIssuerIs(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	for path, host := range map[string]string{"/.well-known/jwks.json": "desk.example.com", "/.well-known/openid-configuration": "DESK.example.com:8080"} {
		request, err := http.NewRequest(http.MethodGet, b.front.URL+path, nil)
		must(t, err)
		request.Host = host
		response, err := b.client.Do(request)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != http.StatusOK || response.Header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%s: %s %v", path, response.Status, response.Header)
		}
		equal(t, path, (<-b.results).Decision.Reason, ReasonPublished)
	}
	_, by, _ := b.reason(http.MethodGet, "/.well-known/jwks.json", nil) // of another host
	equal(t, "another host", by, "monolith")
}

func TestGlanceFindsTheKeyThatTheUserHas(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	for _, cookies := range []string{"sessionid=alice", "sessionid=nobody", "sessionid=alice; sessionid=bob", ""} {
		r, err := http.NewRequest(http.MethodGet, "/half", nil)
		must(t, err)
		r.Header["Cookie"] = []string{cookies}
		key := b.userKey(r)
		glanced, _ := b.glance(routes.Sticky{}, r, &clientForTest)
		if key.cookie != "" {
			key.text = "" // a new one, which glance does not make
		}
		equal(t, cookies, glanced, key.text)
	}
}

// A flag's rules may ask who is signed in; in doubt the flag is not asked.
func TestFlagsMayAskWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "flags.json")
	must(t, os.WriteFile(path, []byte(`{"flags": {"gold": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
		"targeting": {"if": [{"and": [{"==": [{"var": "user"}, "7"]}, {"==": [{"var": "claims.session.plan"}, "gold"]}]}, "on", "off"]}}}}`), 0o600))
	evaluator, err := flags.New(flags.Options{Sources: []flags.Source{flags.FlagdFile(path)}})
	must(t, err)
	t.Cleanup(func() { must(t, evaluator.Close()) })
	d := new(desk)
	b := newBed(t, `
targets: { monolith: { url: MONOLITH }, s: { url: SERVICE } }
monolith: monolith
routes:
  - { name: gold, match: /gold, service: s, owner: o, fallback: [], sticky: ip, flag: gold, flag_attributes: [user, claims.session.plan] }
`, withDesk(d), func(_ *bed, o *Options) { o.Flags = evaluator })
	b.results = make(chan Result, 1)
	for who, want := range map[string]string{"alice": "flag service", "bob": "flag monolith", "nobody": "flag monolith"} {
		reason, by, _ := b.reason(http.MethodGet, "/gold", signedIn(who))
		equal(t, who, reason+" "+by, want)
	}
	d.set(func() { d.down = true })
	reason, by, _ := b.reason(http.MethodGet, "/gold", signedIn("carol"))
	equal(t, "store down", reason+" "+by, "session_unavailable monolith")
}
