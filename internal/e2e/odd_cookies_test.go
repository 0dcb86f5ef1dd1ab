package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// odd are the ways to write somebody's cookies, and another's beside them, that
// servers and frameworks do not read alike: in several lines, and with blanks of
// Latin-1 and of UTF-8.
func odd(one, two string) [][]string {
	name, value, _ := strings.Cut(one, "=")
	other := two[len(name)+1:]
	lines := make([][]string, 0, 64)
	lines = append(lines, [][]string{
		{one, "x=1"}, {"x=1", one}, {one, two}, {one, name}, {"x=1", "y=2; " + one}, {one + ";", "x=1"}, {one + "; x=\"1", "2\""}, {"x=\"1", one}, {name + "=", value}, {one, ""},
	}...)
	for _, blank := range []string{"\xa0", "\xc2\xa0", "\x85", "\xc2\x85", "\xe2\x80\x83", "\xff"} {
		lines = append(lines,
			[]string{blank + one}, []string{name + blank + "=" + value}, []string{name + "=" + blank + value}, []string{one + blank},
			[]string{one + "; " + blank + name + "=" + other}, []string{blank + name + "=" + other + "; " + one}, []string{one + "; " + name + "=" + other + blank},
		)
	}
	return lines
}

// readsOddCookies holds that nobody is somebody at a service whom the monolith, by
// the same cookies, takes for another or for nobody.
func (s *site) readsOddCookies(t *testing.T) {
	t.Helper()
	alice, bob := s.signIn(t, "alice"), s.signIn(t, "bob")
	find := func(p *person) string {
		for pair := range strings.SplitSeq(p.cookies(), "; ") {
			name, _, _ := strings.Cut(pair, "=")
			if strings.Contains(strings.ToLower(name), "sess") || name == "connect.sid" {
				return pair
			}
		}
		t.Fatalf("no session in %q", p.cookies())
		return ""
	}
	one, two := find(alice), find(bob)
	served := 0
	for _, lines := range odd(one, two) {
		sub := s.odd(t, lines)
		if sub == "" {
			continue
		}
		served++
		if who := s.plain(t, lines); !strings.Contains(who, sub) {
			t.Errorf("%q: the service knows %s, the monolith: %.200s", lines, sub, who)
		}
	}
	t.Logf("%d of the odd ones were the service's", served)
}

// odd is who the service says it is; empty when the monolith answers.
func (s *site) odd(t *testing.T, lines []string) string {
	t.Helper()
	response, text := s.lines(t, "/me", lines)
	if response.Header.Get("X-Served-By") != "knowing-service" {
		return ""
	}
	var claims map[string]any
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		t.Fatal(err, text)
	}
	return fmt.Sprint(claims["sub"])
}

// plain is what the monolith says of the same.
func (s *site) plain(t *testing.T, lines []string) string {
	t.Helper()
	_, text := s.lines(t, "/who", lines)
	return text
}

func (s *site) lines(t *testing.T, path string, lines []string) (*http.Response, string) {
	t.Helper()
	return cookieLines(t, s.proxy.URL(path), lines)
}

func cookieLines(t *testing.T, address string, lines []string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Cookie"] = lines
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// TestOddCookiesUnderASGI: Django under daphne reads Latin-1.
func TestOddCookiesUnderASGI(t *testing.T) {
	t.Parallel()
	k := startKnown(t)
	anna, bao := k.browser(), k.browser()
	anna.login("anna", "helpdesk")
	bao.login("bao", "helpdesk")
	names := map[string]string{fmt.Sprint(anna.me()["sub"]): "anna", fmt.Sprint(bao.me()["sub"]): "bao"}
	s := &site{proxy: k.proxy}
	served, differ := 0, 0
	for _, lines := range odd("sessionid="+anna.session(), "sessionid="+bao.session()) {
		_, page := cookieLines(t, k.proxy.URL("/tickets/"), lines)
		if sub := s.odd(t, lines); sub != "" {
			served++
			if !strings.Contains(page, "Sign out "+names[sub]) {
				t.Errorf("%q: the service knows %s, and the monolith does not", lines, names[sub])
			}
		}
		if strings.Contains(page, "Sign out bao") {
			differ++ // it takes the other for the one
		}
	}
	if differ == 0 {
		t.Error("no cookie was read otherwise: nothing was tried")
	}
	t.Logf("%d of the odd ones were the service's; the monolith took %d for the other's", served, differ)
}
