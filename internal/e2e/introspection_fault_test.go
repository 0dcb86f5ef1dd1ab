package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// breaks is the view of a monolith on which some sessions' cookies are too much.
const breaks = `
import time
from django.http import JsonResponse


def introspect(request):
    cookie = request.COOKIES.get("sessionid", "")
    if cookie.startswith("boom"):
        raise RuntimeError("this one breaks")
    if cookie.startswith("slow"):
        time.sleep(2)
    user = request.user
    return JsonResponse({"active": user.is_authenticated, "sub": str(user.pk)}, headers={"Cache-Control": "no-store"})
`

// A client whose own cookie makes the introspection fail, or end too late, ends
// nobody else's lookups.
func TestWhoBreaksTheirOwnLookupBreaksNoOthers(t *testing.T) {
	t.Parallel()
	m := django(testbed.DjangoApp{Program: testbed.Introspected(t, breaks)}, "")
	m.sessions = "sessions introspect {\n url " + m.URL("/_introspect") + "\n cookies sessionid\n timeout 1s\n}"
	s := startSite(t, m, testbed.REST(t))
	alice := s.signIn(t, "alice")
	for _, cookie := range []string{"boom", "slow"} {
		until := time.Now().Add(2 * bound)
		for n := 0; n < 10 || time.Now().Before(until); n++ {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.proxy.URL("/me"), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Cookie", "sessionid="+cookie)
			response, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusNotFound { // the monolith has no such page
				t.Fatal(response.Status, err)
			}
			if alice.me() == nil {
				t.Fatalf("after %d of %s alice is not known: %+v", n, cookie, s.proxy.Status(t).Identity.Sessions)
			}
		}
	}
	now := s.proxy.Status(t).Identity.Sessions
	if now.Lookups["store_failed"] < 5 || now.Lookups["timed_out"] == 0 || now.Store == "resting" {
		t.Errorf("%+v", now)
	}
}
