package django_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/django"
)

const cookieSalt = "django.contrib.sessions.backends.signed_cookies"

// What Django signs in every way that it can, and in ways that it must not take.
func TestWhoSigned(t *testing.T) {
	t.Parallel()
	m := startDjango(t, object{"SESSION_ENGINE": backends + "signed_cookies"})
	db, dialect := m.database()
	u := users(t, db, dialect)
	alice := m.user("alice")
	cookie := m.login(alice, object{"rich": true})
	ctx := context.Background()

	keys := func(keys ...string) *django.Sessions {
		return reader(t, django.Config{SecretKeys: keys}, django.SignedCookies{}, u, time.Now)
	}
	expect(t, keys(secretKey).Resolve(ctx, cookieHeader(cookie)), session.Known, "")
	expect(t, keys("a new key", secretKey).Resolve(ctx, cookieHeader(cookie)), session.Known, "")
	expect(t, keys("a new key").Resolve(ctx, cookieHeader(cookie)), session.Anonymous, session.BadSignature)

	signed := func(with object) string { return m.do("sign", with)["text"].(string) }
	data := object{"_auth_user_id": "1"}
	s := keys(secretKey)
	expect(t, same(t, m, s, signed(object{"payload": data, "salt": cookieSalt})), session.Anonymous, session.NoUser)
	expect(t, same(t, m, s, signed(object{"payload": data, "salt": "django.core.signing"})), session.Anonymous, session.BadSignature)
	expect(t, same(t, m, s, signed(object{"payload": data, "salt": cookieSalt, "key": oldKey})), session.Anonymous, session.BadSignature)
	expect(t, keys(secretKey, oldKey).Resolve(ctx, cookieHeader(signed(object{"payload": data, "salt": cookieSalt, "key": oldKey}))), session.Anonymous, session.NoUser)
	list := s.Resolve(ctx, cookieHeader(signed(object{"payload": []any{1}, "salt": cookieSalt})))
	expect(t, list, session.Unavailable, session.Undecodable)
	bomb := signed(object{"payload": object{"x": strings.Repeat("a", 3<<20)}, "salt": cookieSalt, "compress": true})
	expect(t, s.Resolve(ctx, cookieHeader(bomb)), session.Unavailable, session.Undecodable)

	// Every character of the cookie counts: any other is nobody's.
	for at := range cookie {
		other := byte('A')
		if cookie[at] == other {
			other = 'B'
		}
		if got := s.Open(ctx, cookie[:at]+string(other)+cookie[at+1:]); got.Reason != session.BadSignature {
			t.Fatalf("character %d changed: %s %q", at, got.State, got.Reason)
		}
	}
	for _, broken := range []string{":", "::", "a:b:c", ".:a:", strings.Repeat("x", 20<<10), cookie[1:], cookie + "="} {
		if got := s.Open(ctx, broken); got.State != session.Anonymous {
			t.Errorf("%.20q: %s %q", broken, got.State, got.Reason)
		}
	}

	// Two weeks on, to the second.
	for after, want := range map[time.Duration]session.State{-time.Minute: session.Known, time.Minute: session.Anonymous} {
		now := time.Now().Add(14*24*time.Hour + after)
		late := reader(t, django.Config{}, django.SignedCookies{}, u, func() time.Time { return now })
		if got := late.Resolve(ctx, cookieHeader(cookie)); got.State != want {
			t.Errorf("%s after the end: %s %q", after, got.State, got.Reason)
		}
	}
}

// SHA1, Django's default below 3.1, passes only where the configuration says so.
func TestSHA1IsAsked(t *testing.T) {
	t.Parallel()
	m := startDjango(t, object{"SESSION_ENGINE": backends + "signed_cookies", "DEFAULT_HASHING_ALGORITHM": "sha1"})
	db, dialect := m.database()
	cookie := m.login(m.user("alice"), nil)
	for on, want := range map[bool]session.State{true: session.Known, false: session.Anonymous} {
		s := reader(t, django.Config{SHA1: on}, django.SignedCookies{}, users(t, db, dialect), time.Now)
		if got := s.Resolve(context.Background(), cookieHeader(cookie)); got.State != want {
			t.Errorf("SHA1 %t: %s %q", on, got.State, got.Reason)
		}
	}
}

// Data in the database that we cannot check or read is no logout.
func TestStoredDataInDoubtIsUnavailable(t *testing.T) {
	t.Parallel()
	m := startDjango(t, nil)
	db, dialect := m.database()
	cookie := m.login(m.user("alice"), nil)
	engine, u := dbEngine(t, db, dialect), users(t, db, dialect)
	ctx := context.Background()
	expect(t, reader(t, django.Config{SecretKeys: []string{"wrong"}}, engine, u, time.Now).Resolve(ctx, cookieHeader(cookie)), session.Unavailable, session.Unverified)
	expect(t, reader(t, django.Config{StoreClass: "Other"}, engine, u, time.Now).Resolve(ctx, cookieHeader(cookie)), session.Unavailable, session.Unverified)
	expect(t, reader(t, django.Config{Serializer: django.Pickle}, engine, u, time.Now).Resolve(ctx, cookieHeader(cookie)), session.Unavailable, session.Undecodable)
	late := reader(t, django.Config{}, engine, u, func() time.Time { return time.Now().Add(15 * 24 * time.Hour) })
	expect(t, late.Resolve(ctx, cookieHeader(cookie)), session.Anonymous, session.Expired)
	m.do("raw", object{"params": []any{}, "sql": "drop table auth_user"})
	got := reader(t, django.Config{}, engine, u, time.Now).Resolve(ctx, cookieHeader(cookie))
	expect(t, got, session.Unavailable, session.StoreFailed)
	if got.Err == nil || strings.Contains(got.Err.Error(), cookie) {
		t.Errorf("%v", got.Err)
	}
}

// The cookie is found as Django finds it.
func TestCookieAsDjangoReadsIt(t *testing.T) {
	t.Parallel()
	m := startDjango(t, nil)
	db, dialect := m.database()
	alice := m.user("alice")
	cookie, other := m.login(alice, nil), m.login(m.user("bob"), nil)
	s := reader(t, django.Config{}, dbEngine(t, db, dialect), users(t, db, dialect), time.Now)
	ctx := context.Background()
	for _, header := range []string{
		"sessionid=" + cookie, "a; sessionid = " + cookie + " ; b=c", `sessionid="` + cookie + `"`, `sessionid="\` + cookie + `"`,
		"sessionid=" + cookie + "; sessionid=" + cookie, "sessionid=", "sessionid", "Sessionid=" + cookie, "xsessionid=" + cookie,
		"sessionid=" + cookie + ",b", `sessionid="` + cookie, "sessionid=\v" + cookie, "sessionid==" + cookie,
		"sessionid=\x1d" + cookie, `sessionid="\141` + cookie + `"`,
	} {
		got := s.Resolve(ctx, http.Header{"Cookie": {header}})
		want := m.do("who", object{"header": header})["id"]
		if (got.State == session.Known) != (want != nil) || got.State == session.Unavailable {
			t.Errorf("%q: %s %q; Django sees %v", header, got.State, got.Reason, want)
		}
	}
	twice := "sessionid=" + cookie + "; sessionid=" + other
	expect(t, s.Resolve(ctx, http.Header{"Cookie": {twice}}), session.Unavailable, session.AmbiguousCookie)
	expect(t, s.Resolve(ctx, http.Header{"Cookie": {"sessionid=" + cookie, "sessionid=" + other}}), session.Unavailable, session.AmbiguousCookie)
	for _, blank := range []string{"\u00a0", "\xa0", "\u0085", "\x85", "\u2003", "\xff"} { // ASGI reads them otherwise
		for _, header := range []string{blank + "sessionid=" + cookie, "sessionid" + blank + "=" + cookie, "sessionid=" + cookie + blank, "sessionid=" + cookie + ";" + blank + "sessionid=" + other} {
			expect(t, s.Resolve(ctx, http.Header{"Cookie": {header}}), session.Unavailable, session.AmbiguousCookie)
		}
	}
	expect(t, s.Resolve(ctx, http.Header{"Cookie": {"x=\xa0; sessionid=" + cookie}}), session.Known, "")
	expect(t, s.Resolve(ctx, http.Header{}), session.Anonymous, session.NoCookie)
}

func FuzzOpen(f *testing.F) {
	for _, cookie := range benchCookies {
		f.Add(cookie)
	}
	f.Add("a:b:c")
	s, err := django.New(django.Config{SecretKeys: []string{"benchmark"}, SHA1: true, Backends: []string{"none"}}, django.SignedCookies{}, nil,
		func() time.Time { return time.Unix(1_700_000_000, 0) })
	must(f, err)
	f.Fuzz(func(t *testing.T, cookie string) {
		if got := s.Open(context.Background(), cookie); got.State == session.Known {
			t.Error("a principal without a user table")
		}
	})
}
