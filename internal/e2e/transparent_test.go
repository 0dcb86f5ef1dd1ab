package e2e

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// documented are the headers that the proxy adds or owns: docs/reference/telemetry.md.
var documented = []string{"Date", "Server", "Via", "X-Request-Id"}

// changing matches what Django makes anew each time: tokens, sessions, times.
var changing = []*regexp.Regexp{
	regexp.MustCompile(`(csrfmiddlewaretoken" value=)"[0-9A-Za-z]+"`),
	regexp.MustCompile(`(csrftoken|sessionid)=[0-9A-Za-z]+`),
	regexp.MustCompile(`expires=[^;]+`),
	regexp.MustCompile(`(messages=[^:;]+:)[^;]+`), // signed with the time
	regexp.MustCompile(`(<time)[^<]+`),
}

// settled returns an exchange without what changes from run to run.
func settled(x exchange) exchange {
	settle := func(s string) string {
		for _, pattern := range changing {
			s = pattern.ReplaceAllString(s, "$1…")
		}
		return s
	}
	x.Body = settle(x.Body)
	x.Header = x.Header.Clone()
	for _, name := range documented {
		x.Header.Del(name)
	}
	for i, cookie := range x.Header["Set-Cookie"] {
		x.Header["Set-Cookie"][i] = settle(cookie)
	}
	if x.Header.Get("Expires") != "" { // of pages that must not be kept
		x.Header.Set("Expires", "…")
	}
	x.Header.Del("Sec-Websocket-Accept") // answers the client's random key
	return x
}

// The same script against Django and against the proxy in front of another
// Django in the same state: status, headers, framing and bytes are the same.
func TestProxyIsTransparent(t *testing.T) {
	t.Parallel()
	direct, behind := testbed.StartHelpdesk(t), testbed.StartHelpdesk(t)
	proxy := testbed.StartStrangler(t, helpdeskConfig(behind.Address, "127.0.0.1:1"))

	want, got := newBrowser(t, direct.URL("")), newBrowser(t, proxy.URL(""))
	for _, b := range []*browser{want, got} {
		b.oddities()
		b.shared()
	}
	if len(want.history) != len(got.history) || len(want.history) < 100 {
		t.Fatalf("%d exchanges directly, %d through the proxy", len(want.history), len(got.history))
	}
	for i := range want.history {
		if diff := cmp.Diff(settled(want.history[i]), settled(got.history[i])); diff != "" {
			t.Errorf("%s: without the proxy (-) and with it (+):\n%s", want.history[i].Request, diff)
		}
	}
	for _, x := range got.history {
		if x.Status != 0 && x.Header != nil && x.Status != http.StatusSwitchingProtocols && x.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: the answer has no X-Request-ID", x.Request)
		}
	}
}
