package caddymodule

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// What a format's settings can have wrong that its block cannot know.
func TestSettingsOfSessionFormats(t *testing.T) {
	t.Parallel()
	rails := func(change func(*RailsSessions)) *RailsSessions {
		s := &RailsSessions{Secrets: []string{"S3CR3T"}, Cookie: "_shop_session", Database: "sqlite:///shop.sqlite3"}
		change(s)
		return s
	}
	asked := func(change func(*IntrospectedSessions)) *IntrospectedSessions {
		s := &IntrospectedSessions{URL: "https://monolith.internal/_introspect", Cookies: []string{"sid"}, Bearer: "S3CR3T"}
		change(s)
		return s
	}
	file := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, format := range map[string]interface {
		SessionFormat
		caddy.Provisioner
	}{
		"":                    rails(func(*RailsSessions) {}),
		"secret_key_base":     rails(func(s *RailsSessions) { s.Secrets = nil }),
		"table of users":      rails(func(s *RailsSessions) { s.Database = "" }),
		"database URL":        rails(func(s *RailsSessions) { s.Database = "oracle://user:S3CR3T@db" }),
		"store redis":         rails(func(s *RailsSessions) { s.Store, s.Redis = "redis", "http://S3CR3T" }),
		"database is missing": rails(func(s *RailsSessions) { s.Store, s.Database = "records", "" }),
		`store "files"`:       rails(func(s *RailsSessions) { s.Store = "files" }),
		"key_type":            rails(func(s *RailsSessions) { s.Users.KeyType = "int" }),
		"no name of a table":  rails(func(s *RailsSessions) { s.Users.Null = []string{"a b"} }),
		"user at":             rails(func(s *RailsSessions) { s.At = "a..b" }),
		"env.STRANGLER_NONE":  rails(func(s *RailsSessions) { s.Secrets = []string{"{env.STRANGLER_NONE}"} }),
		" ":                   asked(func(*IntrospectedSessions) {}),
		"absolute URL":        asked(func(s *IntrospectedSessions) { s.URL = "/_introspect" }),
		"never sent":          asked(func(s *IntrospectedSessions) { s.Headers = []string{"Host"} }),
		"certificate:":        asked(func(s *IntrospectedSessions) { s.Certificate, s.Key = "none.pem", "none.key" }),
		"ca:":                 asked(func(s *IntrospectedSessions) { s.CA = "none.pem" }),
		"no certificate":      asked(func(s *IntrospectedSessions) { s.CA = file }),
	} {
		err := format.Provision(caddy.Context{})
		if good := strings.TrimSpace(want) == ""; good != (err == nil) || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "S3CR3T")) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// The whole way of a session through a format as the Caddyfile makes it.
func TestIntrospectionOfACaddyfile(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"active":true,"sub":"`+r.Header.Get("Cookie")+r.Header.Get("Authorization")+`"}`)
	}))
	t.Cleanup(server.Close)
	format := &IntrospectedSessions{URL: server.URL, Cookies: []string{"sid"}, Bearer: "own", Timeout: caddy.Duration(10 * time.Second)}
	if err := format.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	opened, err := format.Open(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	value, _, ok := opened.Reader.Cookie(http.Header{"Cookie": {"sid=1; other=2"}})
	if got := opened.Reader.Open(context.Background(), value); !ok || got.State != session.Known || got.Principal.Subject != "sid=1Bearer own" {
		t.Errorf("%v %+v", ok, got)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
}

// Devise's own form signs in; the format reads the cookie that Rails set.
func TestRailsSessionsOfAnApplication(t *testing.T) {
	t.Setenv("APP_SECRET", testbed.AppSecret)
	app := testbed.Rails(t, nil)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	response, err := client.Get(app.URL("/users/sign_in"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), `name="authenticity_token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	response, err = client.PostForm(app.URL("/users/sign_in"), url.Values{
		"authenticity_token": {token}, "user[email]": {"alice@example.com"}, "user[password]": {"password"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(app.URL("/"))
	if err != nil {
		t.Fatal(err)
	}
	cookies := jar.Cookies(at)
	if len(cookies) != 1 {
		t.Fatalf("the cookies are %v", cookies)
	}
	s := opened(t, new(RailsSessions), `{"secrets": ["{env.APP_SECRET}"], "cookie": "_monolith_session", "database": "sqlite://`+app.Database+`",
		"users": {"null": ["locked_at"], "columns": ["email"]}}`)
	knows(t, s, cookies[0].String(), "1")
	if got := whose(s, cookies[0].String()); got.Principal.User["email"] != "alice@example.com" {
		t.Errorf("%+v", got.Principal)
	}
}
