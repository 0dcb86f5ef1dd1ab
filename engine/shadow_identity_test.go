package engine

import (
	"net/http"
	"strings"
	"testing"
)

// A mirrored request has a token of its own and, like the client's own request to
// the service, no cookie of the session.
func TestAShadowKnowsTheUserAndHasNoCookie(t *testing.T) {
	t.Parallel()
	table := strings.ReplaceAll(shadowTable, "SHADOW", "keep_cookies: [lang]")
	table = strings.Replace(table, "    fallback: []\n", "    fallback: []\n    identity: {}\n", 1)
	b := newBed(t, table, withBook, withDesk(new(desk)))
	b.monolith.answers(same)
	b.service.answers(same)
	if by := b.servedBy("/faq/1", signedIn("alice", "Authorization", "Basic own")); by != "monolith" {
		t.Fatal("served by", by)
	}
	if got := b.compared(1); got.Buckets["equal"] != 1 {
		t.Fatalf("%+v", got.Buckets)
	}
	if claims := b.verified("faq"); claims["sub"] != "7" || claims["shadow"] != true {
		t.Errorf("%v", claims)
	}
	equal(t, "cookies", b.service.seen().Get("Cookie"), "lang=en")
	if by := b.servedBy("/faq/1", http.Header{}); by != "monolith" {
		t.Fatal("served by", by)
	}
	if got := b.compared(2); got.Buckets["equal"] != 1 {
		t.Errorf("who is anonymous was mirrored: %+v", got.Buckets)
	}
}

// comparedAlike has one request compared, to which both sides say the same.
func comparedAlike(t *testing.T, table string, header http.Header) *bed {
	t.Helper()
	b := newBed(t, table, withBook, withDesk(new(desk)))
	b.monolith.answers(same)
	b.service.answers(same)
	b.servedBy("/faq/1", header)
	if got := b.compared(1); got.Buckets["equal"] != 1 {
		t.Fatalf("%+v", got.Buckets)
	}
	return b
}

// A route without a service has no papers; what its shadow hears is no session's
// cookie either.
func TestAShadowOfARouteWithoutServiceHasNoCookie(t *testing.T) {
	t.Parallel()
	table := strings.ReplaceAll(shadowTable, "SHADOW", "target: faq, keep_cookies: [lang]")
	table = strings.Replace(table, "    service: faq\n    sticky: header:X-User\n    fallback: []\n", "", 1)
	b := comparedAlike(t, table, http.Header{"Cookie": {"lang=en; sessionid=alice; csrftoken=x; strangler_login=y"}})
	equal(t, "cookies", b.service.seen().Get("Cookie"), "lang=en")
}

// A shadow that is another target than the route's service must not be able to
// show the token there, nor get the cookies that the service keeps.
func TestAnotherTargetGetsATokenForItself(t *testing.T) {
	t.Parallel()
	table := strings.NewReplacer("SHADOW", "target: canary, keep_cookies: [lang]", "monolith: monolith", "  canary: { url: SERVICE }\nmonolith: monolith",
		"    fallback: []\n", "    fallback: []\n    identity: { audience: desk, keep_cookie: true }\n").Replace(shadowTable)
	b := comparedAlike(t, table, signedIn("alice"))
	if claims := b.verified("canary"); claims["sub"] != "7" || claims["shadow"] != true {
		t.Errorf("%v", claims)
	}
	equal(t, "cookies", b.service.seen().Get("Cookie"), "lang=en")
}

// A service that reads the session itself is compared by what it makes of it; of all
// other cookies it hears none but those that are named.
func TestAShadowThatReadsTheSessionHearsIt(t *testing.T) {
	t.Parallel()
	table := strings.NewReplacer("SHADOW", "", "    fallback: []\n", "    fallback: []\n    identity: { token: none, keep_cookie: true }\n").Replace(shadowTable)
	b := comparedAlike(t, table, http.Header{"Cookie": {"lang=en; sessionid=alice; legacy_sid=secret; csrftoken=x"}})
	equal(t, "cookies", b.service.seen().Get("Cookie"), "sessionid=alice; csrftoken=x")
}

// A route whose token is optional serves who is anonymous without one, so that is
// compared, too.
func TestAShadowWithAnOptionalTokenHearsWhoIsAnonymous(t *testing.T) {
	t.Parallel()
	table := strings.NewReplacer("SHADOW", "", "    fallback: []\n", "    fallback: []\n    identity: { token: optional }\n").Replace(shadowTable)
	b := newBed(t, table, withBook, withDesk(new(desk)))
	b.monolith.answers(same)
	b.service.answers(same)
	b.servedBy("/faq/1", http.Header{"Authorization": {"Bearer forged"}})
	if got := b.compared(1); got.Buckets["equal"] != 1 || b.service.seen()["Authorization"] != nil {
		t.Errorf("%+v with %q", got.Buckets, b.service.seen()["Authorization"])
	}
}
