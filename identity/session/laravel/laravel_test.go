package laravel_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/laravel"
	"github.com/strangler-proxy/strangler/identity/session/unserialize/unserializetest"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// Random sessions that Laravel made with each store: the values are the same,
// and so is the user.
func TestSessionsAreReadAsLaravelWroteThem(t *testing.T) {
	t.Parallel()
	for name, k := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			settings, s := k.start(t, time.Now)
			for i, line := range script(t, settings, "", "make", "150", "9") {
				parts := strings.SplitN(line, " ", 3)
				vars, err := s.Vars(context.Background(), parts[0])
				if err != nil || unserializetest.Notation(vars) != parts[2] {
					t.Fatalf("here    %s %v\nLaravel %s", unserializetest.Notation(vars), err, parts[2])
				}
				got := s.Resolve(context.Background(), header(s, url.PathEscape(parts[0])))
				if parts[1] == "-" {
					expect(t, got, session.Anonymous, session.NoUser)
					continue
				}
				expect(t, got, session.Known, "")
				with := header(s, url.PathEscape(parts[0])+"; "+s.Names()[1]+"=x")
				expect(t, s.Resolve(context.Background(), with), session.Known, "")
				if p := got.Principal; p != nil && (p.Subject != parts[1] || p.Session["auth.name"] != fmt.Sprintf("u%d", i) || p.User["name"] == "") {
					t.Errorf("%+v; want %s", p, parts[1])
				}
			}
		})
	}
}

// Whom the session does not sign in, the remember-me cookie may.
func TestARememberMeCookieWithoutASessionIsTheMonoliths(t *testing.T) {
	t.Parallel()
	s, err := laravel.New(laravel.Config{Keys: []string{strings.Repeat("L", 32)}}, laravel.Files{Dir: t.TempDir()}, nil, time.Now)
	must(t, err)
	const remember = "remember_web_59ba36addc2b2f9401580f014c7f58ea4e30989d"
	for line, want := range map[string]session.Outcome{
		"a=b":                                   session.Nobody(session.NoCookie),
		"laravel_session=x":                     session.Nobody(session.BadSignature),
		remember + "=x":                         session.Unknown(session.Unsupported, nil),
		remember + "=x; " + remember + "=y":     session.Unknown(session.Unsupported, nil),
		"laravel_session=x; " + remember + "=x": session.Unknown(session.Unsupported, nil),
		"laravel_session=x%3Bremember":          session.Unknown(session.AmbiguousCookie, nil),
		"laravel_session=x; laravel_session=y; " + remember + "=x": session.Unknown(session.AmbiguousCookie, nil),
	} {
		expect(t, s.Resolve(context.Background(), http.Header{"Cookie": {line}}), want.State, want.Reason)
	}
}

// Cookies that are changed in all kinds of ways are judged as Laravel judges
// them, both ways.
func TestMutatedCookiesAreJudgedAsLaravelJudgesThem(t *testing.T) {
	t.Parallel()
	for name, k := range kinds(t) {
		if !strings.HasPrefix(name, "file") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			settings, s := k.start(t, time.Now)
			var whole []string
			for _, line := range script(t, settings, "", "make", "30", "4") {
				if cookie, rest, _ := strings.Cut(line, " "); !strings.HasPrefix(rest, "-") {
					whole = append(whole, cookie)
				}
			}
			random := rand.New(rand.NewPCG(11, 12))
			const count = 1500
			cookies := make([]string, count)
			var lines strings.Builder
			for i := range cookies {
				cookies[i] = mutate(random, whole)
				lines.WriteString(base64.StdEncoding.EncodeToString([]byte(cookies[i])) + "\n")
			}
			states := map[session.State]int{}
			for i, want := range script(t, settings, lines.String(), "judge") {
				got := s.Open(context.Background(), cookies[i])
				states[got.State]++
				if got.State == session.Unavailable || (got.State == session.Known) != (want != "-") || got.State == session.Known && got.Principal.Subject != want {
					t.Errorf("%q: %s %s %v; Laravel sees %s", cookies[i], got.State, got.Reason, got.Err, want)
				}
			}
			t.Logf("%v", states)
			if states[session.Known] < 50 || states[session.Anonymous] < 300 {
				t.Error("too few to mean something")
			}
		})
	}
}

// mutate changes a cookie outside or inside its base64.
func mutate(random *rand.Rand, whole []string) string {
	text := whole[random.IntN(len(whole))]
	inside := random.IntN(3) > 0
	if inside {
		data, _ := base64.StdEncoding.DecodeString(text)
		text = string(data)
	}
	for range 1 + random.IntN(2) {
		at := random.IntN(len(text))
		switch random.IntN(6) {
		case 0:
			text = text[:at] + string(rune(32+random.IntN(95))) + text[at+1:]
		case 1:
			text = text[:at] + []string{" ", "\n", "=", "-", "\x00", "\xff", "!", "\\u0041", `","tag":"`, `","mac":"`, "A"}[random.IntN(11)] + text[at:]
		case 2:
			text = text[:at] + text[min(len(text), at+1+random.IntN(3)):]
		case 3:
			text = strings.Replace(text, []string{`"tag":""`, `"tag"`, `"iv"`, `"mac"`, `"value"`, "}"}[random.IntN(6)], []string{
				`"tag":"0"`, `"Tag"`, `"iv":"x","iv"`, `"mac":null,"mac"`, `"x":[],"value"`, `} `, `,"iv":null}`, `,"tag":5}`, `,"tag":null}`,
			}[random.IntN(9)], 1)
		case 4:
			text = strings.TrimRight(text, "=")
		default:
			text = strings.ReplaceAll(text, "/", `\/`)
		}
		if text == "" {
			return "x"
		}
	}
	if inside {
		return base64.StdEncoding.EncodeToString([]byte(text))
	}
	return text
}

// What every store goes through: each step is the application's own, and after
// each the reader must see whom Laravel sees.
func TestLife(t *testing.T) {
	t.Parallel()
	for name, k := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			settings, s := k.start(t, time.Now)
			a := app{t, testbed.Laravel(t, settings), s}
			alice := a.login("alice", "")
			got := a.same(alice)
			expect(t, got, session.Known, "")
			if got.State != session.Known {
				t.FailNow()
			}
			if p := got.Principal; p.Subject != "1" || p.Backend != "web" || p.User["name"] != "alice" || len(p.Session["cart"].([]any)) != 1 {
				t.Errorf("%+v", p)
			}
			if left := time.Until(got.Principal.Expires); left < 119*time.Minute || left > 2*time.Hour+2*time.Second {
				t.Errorf("ends in %s; Laravel's own lifetime is two hours", left)
			}
			bob := a.login("bob", alice)
			expect(t, a.same(bob), session.Known, "")
			expect(t, a.same(alice), session.Anonymous, session.NoSession)
			_, out := a.request(http.MethodPost, "/logout", bob, nil)
			expect(t, a.same(bob), session.Anonymous, session.NoSession)
			expect(t, a.same(out), session.Anonymous, session.NoUser)
			expect(t, a.same("x"), session.Anonymous, session.BadSignature)
		})
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]kind{"file": {object{}, laravel.Config{}, inFiles}, "sqlite": {object{"session.driver": "database"}, laravel.Config{}, inDatabase}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			later := 119 * time.Minute
			settings, s := k.start(t, func() time.Time { return time.Now().Add(later) })
			cookie, _, _ := strings.Cut(script(t, settings, "", "make", "2", "1")[1], " ")
			expect(t, s.Open(context.Background(), cookie), session.Known, "")
			later = 121 * time.Minute
			expect(t, s.Open(context.Background(), cookie), session.Anonymous, session.Expired)
		})
	}
}

// With the middleware AuthenticateSession a session ends with the password.
func TestAuthenticateSession(t *testing.T) {
	t.Parallel()
	k := kind{object{"authenticate_session": true}, laravel.Config{AuthenticateSession: true}, inFiles}
	settings, s := k.start(t, time.Now)
	a := app{t, testbed.Laravel(t, settings), s}
	first, second := a.login("alice", ""), a.login("alice", "")
	expect(t, a.same(first), session.Known, "") // without a hash yet
	expect(t, a.same(first), session.Known, "") // with one
	var trace session.Trace
	s.Resolve(session.Traced(context.Background(), &trace), header(s, first))
	if n := len(trace.Steps); n < 2 || trace.Steps[n-2] != "a user signed in" || trace.Steps[n-1] != "the user's row agrees" {
		t.Errorf("the steps are %q", trace.Steps)
	}
	a.same(second)
	script(t, settings, "", "password", "1", "another")
	expect(t, s.Resolve(context.Background(), header(s, first)), session.Anonymous, session.OtherHash)
	a.same(first)
	expect(t, a.same(second), session.Anonymous, session.OtherHash)
}

func TestOtherConfigurations(t *testing.T) {
	t.Parallel()
	k := kind{object{}, laravel.Config{}, inFiles}
	settings, _ := k.start(t, time.Now)
	cookie, _, _ := strings.Cut(script(t, settings, "", "make", "2", "1")[1], " ")
	open := func(config laravel.Config) session.Outcome {
		if config.Keys == nil {
			config.Keys = []string{appKey}
		}
		s, err := laravel.New(config, laravel.Files{Dir: settings["session.files"].(string)}, nil, time.Now)
		must(t, err)
		return s.Open(context.Background(), cookie)
	}
	expect(t, open(laravel.Config{}), session.Known, "")
	expect(t, open(laravel.Config{Guard: "admin"}), session.Anonymous, session.NoUser)
	expect(t, open(laravel.Config{GuardClass: `App\Guard`}), session.Anonymous, session.NoUser)
	expect(t, open(laravel.Config{CookieName: "other"}), session.Anonymous, session.BadSignature) // sealed for another name
	expect(t, open(laravel.Config{Keys: []string{strings.Repeat("x", 32)}}), session.Anonymous, session.BadSignature)
	expect(t, open(laravel.Config{Encrypted: true}), session.Unavailable, session.Unverified)
	expect(t, open(laravel.Config{JSON: true}), session.Unavailable, session.Undecodable)
	for _, config := range []laravel.Config{
		{Keys: []string{}}, {Keys: []string{"short"}}, {Keys: []string{appKey, ""}}, {Cipher: "DES"}, {Cipher: "AES-128-CBC"}, {CookieName: "a b"}, {Guard: "a.b"}, {AuthenticateSession: true}, {Lifetime: -1},
	} {
		if config.Keys == nil {
			config.Keys = []string{appKey}
		}
		if _, err := laravel.New(config, laravel.Files{}, nil, time.Now); err == nil || strings.Contains(err.Error(), appKey) || strings.Contains(err.Error(), "short") {
			t.Errorf("%+v: %v", config, err)
		}
	}
}
