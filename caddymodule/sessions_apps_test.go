package caddymodule

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// loggedIn signs alice in at an application and answers the Cookie header.
func loggedIn(t *testing.T, app *testbed.Program) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Jar: jar}).PostForm(app.URL("/login"), url.Values{"user": {"alice"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	at, err := url.Parse(app.URL("/"))
	if err != nil {
		t.Fatal(err)
	}
	cookies := jar.Cookies(at)
	pairs := make([]string, 0, len(cookies))
	for _, cookie := range cookies {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return strings.Join(pairs, "; ")
}

// opened is a format's reader, of settings as JSON.
func opened(t *testing.T, format SessionFormat, settings string) *Sessions {
	t.Helper()
	if err := json.Unmarshal([]byte(settings), format); err != nil {
		t.Fatal(err)
	}
	if err := format.(caddy.Provisioner).Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	sessions, err := format.Open(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sessions.Close(); err != nil {
			t.Error(err)
		}
	})
	return sessions
}

func whose(s *Sessions, cookies string) session.Outcome {
	value, known, ok := s.Reader.Cookie(http.Header{"Cookie": {cookies}})
	if !ok {
		return known
	}
	return s.Reader.Open(context.Background(), value)
}

func knows(t *testing.T, s *Sessions, cookies, subject string) {
	t.Helper()
	if got := whose(s, cookies); got.State != session.Known || got.Principal.Subject != subject {
		t.Errorf("%s %q %v; want %s", got.State, got.Reason, got.Err, subject)
	}
}

// Each format as it is configured, on cookies that a real application set.
func TestFormatsReadTheSessionsOfApplications(t *testing.T) {
	t.Setenv("APP_SECRET", testbed.AppSecret)
	redis := testbed.StartRedis(t)
	knows(t, opened(t, new(ExpressSessions), `{"secrets": ["{env.APP_SECRET}"], "redis": "redis://`+redis.Address+`"}`),
		loggedIn(t, testbed.Express(t, redis.Address)), "alice")
	knows(t, opened(t, new(CookieSessions), `{"keys": ["new", "{env.APP_SECRET}"]}`), loggedIn(t, testbed.Express(t, "")), "alice")

	app := testbed.Flask(t)
	cookies := loggedIn(t, app.Program)
	s := opened(t, new(FlaskSessions), `{"secret_keys": ["{env.APP_SECRET}"], "database": "sqlite://`+app.Database+`",
		"users": {"table": "member", "active": "active", "columns": ["name"]}}`)
	knows(t, s, cookies, "1")
	if got := whose(s, cookies); got.Principal.User["name"] != "alice" {
		t.Errorf("%+v", got.Principal)
	}
	db, err := sql.Open("sqlite", app.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("update member set active = false where id = 1"); err != nil {
		t.Fatal(err)
	}
	if got := whose(s, cookies); got.Reason != session.UserInactive {
		t.Errorf("%s %q %v", got.State, got.Reason, got.Err)
	}
}

func TestSettingsOfFormatsAreChecked(t *testing.T) {
	t.Setenv("EMPTY", "")
	for settings, test := range map[string]struct {
		format SessionFormat
		want   string
	}{
		`{"secrets": ["kJ8#9!"]}`:                                           {new(ExpressSessions), "Redis is missing"},
		`{"secrets": ["kJ8#9!"], "redis": "http://kJ8#9!"}`:                 {new(ExpressSessions), "redis URL: write"},
		`{"redis": "redis://a"}`:                                            {new(ExpressSessions), "the secret of express-session"},
		`{"secrets": ["{env.EMPTY}"], "redis": "redis://a"}`:                {new(ExpressSessions), "secret: "},
		`{"secrets": ["kJ8#9!"], "redis": "redis://a", "user": "req.user"}`: {new(ExpressSessions), "req"},
		`{"keys": []}`: {new(CookieSessions), "a key of cookie-session"},
		`{"keys": ["kJ8#9!"], "claims": ["a..b"]}`:                                        {new(CookieSessions), "empty key"},
		`{"secret_keys": ["kJ8#9!"], "digest": "md5"}`:                                    {new(FlaskSessions), `digest "md5"`},
		`{"secret_keys": ["kJ8#9!"], "users": {"table": "a"}}`:                            {new(FlaskSessions), "the database that has them is missing"},
		`{"secret_keys": ["kJ8#9!"], "database": "sqlite:///x", "users": {"key": "a b"}}`: {new(FlaskSessions), `"a b" is no name`},
		`{}`: {new(FlaskSessions), "SECRET_KEY"},
	} {
		if err := json.Unmarshal([]byte(settings), test.format); err != nil {
			t.Fatal(err)
		}
		err := test.format.(caddy.Provisioner).Provision(caddy.Context{})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "kJ8#9!") {
			t.Errorf("%s: %v; want %s", settings, err, test.want)
		}
	}
}
