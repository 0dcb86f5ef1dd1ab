package engine

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestWritingRequestsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk), func(i *Identity) { i.TrustedOrigins = []string{"https://app.example.com"} })
	for _, c := range []struct {
		method, path string
		header       http.Header
		status       int
	}{
		{http.MethodPost, "/faq", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{http.MethodPost, "/faq", http.Header{"Origin": {"https://evil.example.com"}}, 403},
		{http.MethodDelete, "/open", http.Header{"Origin": {"null"}}, 403},
		{http.MethodPost, "/cookie", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{http.MethodGet, "/faq", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 200},
		{http.MethodPost, "/faq", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200},
		{http.MethodPost, "/faq", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://app.example.com"}}, 200},
		{http.MethodPost, "/faq", nil, 200},
		{http.MethodPost, "/plain", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 200}, // nothing of the session goes along
		{http.MethodGet, "/faq", http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Origin": {"https://evil.example.com"}}, 403},
	} {
		header := signedIn("alice")
		for name, values := range c.header {
			header[name] = values
		}
		reason, _, response := b.reason(c.method, c.path, header)
		if response.StatusCode != c.status || c.status == 403 && reason != "csrf" {
			t.Errorf("%s %s %v: %s %s", c.method, c.path, c.header, response.Status, reason)
		}
	}
	if n := b.identity.rejected.Load(); n != 5 {
		t.Errorf("%d were counted", n)
	}
	// Nobody's name is used: there is nothing to forge.
	if reason, _, _ := b.reason(http.MethodPost, "/open", http.Header{"Sec-Fetch-Site": {"cross-site"}}); reason != "full" {
		t.Error(reason)
	}
}

// A mask of b moves each character of the secret by one.
const (
	djangoSecret = "abcdefghijklmnopqrstuvwxyzABCDEF"
	djangoMasked = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbcdefghijklmnopqrstuvwxyzABCDEFG"
)

func TestDjangosOwnTokenIsAsked(t *testing.T) {
	t.Parallel()
	b := newDesk(t, new(desk))
	cookies := "sessionid=alice; csrftoken=" + djangoSecret
	form := "application/x-www-form-urlencoded"
	for _, c := range []struct {
		header       http.Header
		body, reason string
	}{
		{http.Header{"X-Csrftoken": {djangoSecret}}, "", "full"},
		{http.Header{"X-Csrftoken": {djangoMasked}}, "a=b", "full"},
		{http.Header{"X-Csrftoken": {strings.ToUpper(djangoSecret)}}, "", "csrf"},
		{http.Header{"X-Csrftoken": {djangoSecret}, "Origin": {"https://evil.example.com"}}, "", "csrf"},
		{http.Header{}, "", "csrf"},
		{http.Header{"Content-Type": {form}}, "a=1&csrfmiddlewaretoken=" + djangoMasked, "full"},
		{http.Header{"Content-Type": {form}}, "a=1", "csrf"},
		{http.Header{"Content-Type": {form}}, "a=1;2&b=%zz&csrfmiddlewaretoken=" + djangoMasked, "csrf_unclear"},
		{http.Header{"Content-Type": {form}}, strings.Repeat("a", maxForm+1), "csrf_unclear"},
		{http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, "--x--", "csrf_unclear"},
	} {
		request, err := http.NewRequest(http.MethodPost, b.front.URL+"/django", strings.NewReader(c.body))
		must(t, err)
		request.Header = c.header
		request.Header.Set("Cookie", cookies)
		got := make(chan string, 1)
		for _, side := range []*backend{b.service, b.monolith} {
			side.answers(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got <- string(body)
			})
		}
		response, err := b.client.Do(request)
		must(t, err)
		must(t, response.Body.Close())
		reason := string((<-b.results).Decision.Reason)
		if reason != c.reason {
			t.Errorf("%v %.40q: %s", c.header, c.body, reason)
		}
		if reason == "csrf" {
			equal(t, "status", response.StatusCode, http.StatusForbidden)
			continue
		}
		if body := <-got; body != c.body {
			t.Errorf("%d of %d bytes arrived", len(body), len(c.body))
		}
	}
	request := http.Header{"Cookie": {"sessionid=alice; csrftoken=" + djangoSecret + "; csrftoken=" + djangoMasked}, "X-Csrftoken": {djangoSecret}}
	if reason, _, _ := b.reason(http.MethodPost, "/django", request); reason != "csrf" {
		t.Error("two cookies:", reason)
	}
}
