package rails_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rails"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

func TestCookieHeaders(t *testing.T) {
	t.Parallel()
	s := fixed(t)
	const ours = cookieName + "=x"
	for name, test := range map[string]struct {
		lines  []string
		value  string
		reason session.Reason
	}{
		"alone":                {[]string{ours}, "x", ""},
		"among others":         {[]string{"a=b;   " + ours + ";c"}, "x", ""},
		"with = in it":         {[]string{ours + "=="}, "x==", ""},
		"with a blank":         {[]string{ours + " "}, "x ", ""},
		"none":                 {nil, "", session.NoCookie},
		"empty":                {[]string{cookieName + "="}, "", session.NoCookie},
		"no value":             {[]string{cookieName}, "", session.NoCookie},
		"a tab before":         {[]string{"a=b;\t" + ours}, "", session.NoCookie},
		"a blank in the name":  {[]string{cookieName + " =x"}, "", session.NoCookie},
		"another case":         {[]string{strings.ToUpper(cookieName) + "=x"}, "", session.NoCookie},
		"twice the same":       {[]string{ours + "; " + ours}, "x", ""},
		"twice, differing":     {[]string{ours + "; " + cookieName + "=y"}, "", session.AmbiguousCookie},
		"twice, one empty":     {[]string{cookieName + "; " + ours}, "", session.AmbiguousCookie},
		"in one of two lines":  {[]string{"a=b", ours}, "", session.AmbiguousCookie},
		"in none of two lines": {[]string{"a=b", "c=d"}, "", session.NoCookie},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value, known, ok := s.Cookie(http.Header{"Cookie": test.lines})
			if value != test.value || known.Reason != test.reason || ok != (test.reason == "") {
				t.Errorf("%q, %+v, %v", value, known, ok)
			}
		})
	}
}

// Whom the session does not sign in, Devise's remember-me cookie may.
func TestARememberMeCookieWithoutASessionIsTheMonoliths(t *testing.T) {
	t.Parallel()
	users, err := rails.NewUsers(nil, sqldb.SQLite, rails.UserTable{})
	must(t, err)
	devise := reader(t, rails.Config{Scope: "member"}, rails.CookieStore{}, users, time.Now)
	without := fixed(t)
	for line, reason := range map[string]session.Reason{
		"a=b":                     session.NoCookie,
		cookieName + "=x":         session.BadSignature,
		"remember_member_token=x": session.Unsupported,
		"remember_user_token=x":   session.NoCookie,
		cookieName + "=; remember_member_token=x":       session.Unsupported,
		"remember_member_token=x; " + cookieName + "=x": session.Unsupported,
	} {
		if got := resolve(devise, http.Header{"Cookie": {line}}); got.Reason != reason {
			t.Errorf("%s: %s %s", line, got.State, got.Reason)
		}
		if got := resolve(without, http.Header{"Cookie": {line}}); got.State != session.Anonymous {
			t.Errorf("without Devise, %s: %s %s", line, got.State, got.Reason)
		}
	}
}

func TestCookieAllocatesNothing(t *testing.T) {
	s, header := fixed(t), cookieHeader(gcmCookie)
	if n := testing.AllocsPerRun(100, func() { s.Cookie(header) }); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// TestErrorsHoldNoSession seals sessions with a marker in all the places that
// something can be wrong with.
func TestErrorsHoldNoSession(t *testing.T) {
	t.Parallel()
	const marker = "S3CR3T"
	s := reader(t, rails.Config{Path: []string{"auth", "id"}, Timeout: time.Hour}, rails.CookieStore{}, nil, time.Now)
	for _, text := range []string{
		marker, `{"` + marker, `{"session_id":"` + marker + `","auth":"` + marker + `"}`, `{"session_id":"a","auth":{"id":{"` + marker + `":1}}}`,
		`{"session_id":"a","auth":{"id":"` + marker + `"},"warden.user.user.session":"` + marker + `"}`, `["` + marker + `"]`, `"` + marker + `"`,
		`{"session_id":"a","auth":{"id":"a"},"warden.user.user.session":{"last_request_at":"` + marker + `"}}`,
		`{"_rails":{"message":{"` + marker + `":1}}}`, `{"_rails":"` + marker + `"}`, "\x04\b" + marker, `{"_rails":{"message":"e30=","pur":["` + marker + `"]}}`,
	} {
		got := s.Open(context.Background(), url.QueryEscape(s.Seal([]byte(text))))
		if got.State != session.Unavailable || got.Err == nil {
			t.Errorf("%q: %+v", text, got)
		} else if strings.Contains(got.Err.Error(), marker) {
			t.Errorf("%q: the error holds it: %v", text, got.Err)
		}
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	path := []string{"user_id"}
	for want, config := range map[string]rails.Config{
		"secret_key_base": {CookieName: cookieName, Path: path},
		"empty":           {CookieName: cookieName, Path: path, Secrets: []string{"a", ""}},
		"name":            {Secrets: []string{"a"}, Path: path},
		"timeout":         {Secrets: []string{"a"}, CookieName: cookieName, Path: path, Timeout: -1},
		"table of users":  {Secrets: []string{"a"}, CookieName: cookieName},
	} {
		if _, err := rails.New(config, rails.CookieStore{}, nil, time.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
