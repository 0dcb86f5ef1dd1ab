package caddymodule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// What a Caddyfile gave is opened, or refused with what is wrong and without a
// secret.
func TestPHPAndLaravelSessionsAreOpened(t *testing.T) {
	t.Setenv("TEST_APP_KEY", strings.Repeat("k", 32))
	good := map[string]struct {
		format     SessionFormat
		cookie     string
		attributes []string
	}{
		"files":    {&PHPSessions{Store: "files", SavePath: "2;/tmp", Handler: "php_binary", User: "auth.id", Claims: []string{"auth.name"}}, "PHPSESSID", []string{"session.auth.name"}},
		"redis":    {&PHPSessions{Store: "redis", Redis: "redis://127.0.0.1:1/0", Cookie: "desk"}, "desk", nil},
		"file":     {&LaravelSessions{Keys: []string{"{env.TEST_APP_KEY}"}, Store: "file", Dir: "/tmp"}, "laravel_session", nil},
		"database": {&LaravelSessions{Keys: []string{"{env.TEST_APP_KEY}"}, Store: "database", Database: "sqlite:///none", Users: &LaravelUsers{KeyType: "text", Columns: []string{"email"}}, AuthenticateSession: true}, "laravel_session", []string{"email"}},
	}
	for name, test := range good {
		if err := test.format.(caddy.Provisioner).Provision(caddy.Context{}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		opened, err := test.format.Open(time.Now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := opened.Reader.Names(); got[0] != test.cookie || opened.Attributes == nil || !slices.Equal(opened.Attributes, test.attributes) {
			t.Errorf("%s: %q, %q", name, got, opened.Attributes)
		}
		if err := opened.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := map[string]struct {
		format SessionFormat
		says   string
	}{
		"no store":   {&PHPSessions{}, "store is missing"},
		"handler":    {&PHPSessions{Store: "files", SavePath: "/tmp", Handler: "msgpack"}, "introspection"},
		"path":       {&PHPSessions{Store: "files", SavePath: "/tmp", User: "a..b"}, "empty key"},
		"claims":     {&PHPSessions{Store: "files", SavePath: "/tmp", Claims: []string{"."}}, "empty key"},
		"owner":      {&PHPSessions{Store: "files", SavePath: "/tmp", Owner: "no such user"}, "no user of this machine"},
		"redis URL":  {&PHPSessions{Store: "redis", Redis: "http://secret"}, "redis URL"},
		"variable":   {&PHPSessions{Store: "files", SavePath: "{env.NOT_THERE}"}, "store files"},
		"key":        {&LaravelSessions{Keys: []string{"secret"}, Store: "file", Dir: "/tmp"}, "needs 32"},
		"dir":        {&LaravelSessions{Keys: []string{"{env.TEST_APP_KEY}"}, Store: "file"}, "folder is missing"},
		"no url":     {&LaravelSessions{Keys: []string{"{env.TEST_APP_KEY}"}, Store: "database"}, "URL is missing"},
		"users":      {&LaravelSessions{Keys: []string{"{env.TEST_APP_KEY}"}, Store: "file", Dir: "/tmp", Users: &LaravelUsers{}}, "database is missing"},
		"key type":   {&LaravelSessions{Keys: []string{"{env.TEST_APP_KEY}"}, Store: "file", Dir: "/tmp", Database: "sqlite:///none", Users: &LaravelUsers{KeyType: "uuid"}}, "integer or text"},
		"hash alone": {&LaravelSessions{Keys: []string{"{env.TEST_APP_KEY}"}, Store: "file", Dir: "/tmp", AuthenticateSession: true}, "needs the users"},
	}
	for name, test := range bad {
		err := test.format.(caddy.Provisioner).Provision(caddy.Context{})
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
