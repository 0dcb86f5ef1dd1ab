package laravel_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/laravel"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

type object = map[string]any

// appKey is the test application's.
var appKey = "base64:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// script runs testdata/sessions.php with settings.
func script(t *testing.T, settings object, stdin string, args ...string) []string {
	t.Helper()
	testbed.RequireLaravel(t)
	command := exec.CommandContext(t.Context(), testbed.PHPCommand(t), append([]string{"testdata/sessions.php"}, args...)...)
	command.Env = append(os.Environ(), testbed.LaravelEnv(t, settings))
	command.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%.300s\n%.2000s", err, out, stderr.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// kind is a way of keeping sessions: the application's settings, and a reader
// with the same.
type kind struct {
	settings object
	config   laravel.Config
	store    func(t *testing.T, settings object) laravel.Store
}

func inFiles(_ *testing.T, settings object) laravel.Store {
	return laravel.Files{Dir: settings["session.files"].(string)}
}

func inDatabase(t *testing.T, settings object) laravel.Store {
	t.Helper()
	db, dialect := database(t, settings)
	store, err := laravel.NewDatabase(db, dialect, "")
	must(t, err)
	return store
}

// database opens the application's.
func database(tb testing.TB, settings object) (sqldb.Queryer, sqldb.Dialect) {
	tb.Helper()
	config := settings["database.connections"].(object)["main"].(object)
	address := fmt.Sprintf("postgres://postgres@%v:%v/postgres", config["host"], config["port"])
	if config["driver"] == "sqlite" {
		address = fmt.Sprintf("sqlite://%v", config["database"])
	}
	db, dialect, err := sqldb.Open(address)
	must(tb, err)
	tb.Cleanup(func() { must(tb, db.Close()) })
	return db, dialect
}

func inRedis(address, prefix string) func(*testing.T, object) laravel.Store {
	return func(t *testing.T, _ object) laravel.Store {
		t.Helper()
		client, err := rediskv.Open("redis://" + address + "/0")
		must(t, err)
		t.Cleanup(func() { must(t, client.Close()) })
		return laravel.NewRedis(client, prefix)
	}
}

func onRedis(address string) object {
	host, port, _ := strings.Cut(address, ":")
	return object{"session.driver": "redis", "database.redis.default": object{"host": host, "port": port, "database": 0}}
}

// start makes the settings whole and the reader for them.
func (k kind) start(t *testing.T, now func() time.Time) (object, *laravel.Sessions) {
	t.Helper()
	settings := testbed.LaravelSettings(t.TempDir(), k.settings)
	config := k.config
	if config.Keys == nil {
		config.Keys = []string{appKey}
	}
	config.Claims = []session.Path{{"auth", "name"}, {"cart"}}
	db, dialect := database(t, settings)
	users, err := laravel.NewUsers(db, dialect, laravel.UserTable{Columns: []string{"name"}})
	must(t, err)
	s, err := laravel.New(config, k.store(t, settings), users, now)
	must(t, err)
	return settings, s
}

// kinds are the ways that are tried.
func kinds(t *testing.T) map[string]kind {
	t.Helper()
	redis := testbed.StartRedis(t).Address
	postgres := testbed.StartPostgres(t).Address
	host, port, _ := strings.Cut(postgres, ":")
	onPostgres := object{"session.driver": "database", "database.connections": object{"main": object{
		"driver": "pgsql", "host": host, "port": port, "database": "postgres", "username": "postgres", "password": "", "charset": "utf8", "prefix": "", "schema": "public",
	}}}
	literal := strings.Repeat("L", 32)
	return map[string]kind{
		"file":       {object{}, laravel.Config{}, inFiles},
		"file gcm":   {object{"app.cipher": "AES-256-GCM"}, laravel.Config{Cipher: "AES-256-GCM"}, inFiles},
		"file 128":   {object{"app.cipher": "AES-128-CBC", "app.key": literal[:16]}, laravel.Config{Cipher: "AES-128-CBC", Keys: []string{literal[:16]}}, inFiles},
		"old key":    {object{"app.key": literal}, laravel.Config{Keys: []string{appKey, literal}}, inFiles},
		"encrypted":  {object{"session.encrypt": true, "session.cookie": "desk"}, laravel.Config{Encrypted: true, CookieName: "desk"}, inFiles},
		"sqlite":     {object{"session.driver": "database"}, laravel.Config{}, inDatabase},
		"postgresql": {onPostgres, laravel.Config{}, inDatabase},
		"redis":      {onRedis(redis), laravel.Config{}, inRedis(redis, "laravel_database_laravel_cache:")},
		"redis encrypted": {
			with(onRedis(redis), object{"session.encrypt": true, "cache.prefix": "", "database.redis.options.prefix": "x_"}),
			laravel.Config{Encrypted: true}, inRedis(redis, "x_"),
		},
	}
}

func with(a, b object) object {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func header(s *laravel.Sessions, value string) http.Header {
	return http.Header{"Cookie": {"a=b; " + s.Names()[0] + "=" + value}}
}

func expect(tb testing.TB, got session.Outcome, state session.State, reason session.Reason) {
	tb.Helper()
	if got.State != state || got.Reason != reason {
		tb.Errorf("%s %q (%v); want %s %q", got.State, got.Reason, got.Err, state, reason)
	}
}

// app is the running application with a reader beside it.
type app struct {
	t *testing.T
	*testbed.Program
	s *laravel.Sessions
}

func (a app) request(method, path, cookie string, form url.Values) (body, set string) {
	a.t.Helper()
	request, err := http.NewRequest(method, a.URL(path), strings.NewReader(form.Encode()))
	must(a.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie != "" {
		request.Header.Set("Cookie", a.s.Names()[0]+"="+cookie)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	must(a.t, err)
	text, err := io.ReadAll(response.Body)
	must(a.t, errors.Join(err, response.Body.Close()))
	for _, c := range response.Cookies() {
		if c.Name == a.s.Names()[0] {
			set = c.Value
		}
	}
	return string(text), set
}

func (a app) login(name, cookie string) string {
	a.t.Helper()
	_, set := a.request(http.MethodPost, "/login", cookie, url.Values{"name": {name}, "password": {"secret"}})
	return set
}

// same fails the test when Laravel sees another user than the reader.
func (a app) same(cookie string) session.Outcome {
	a.t.Helper()
	got := a.s.Resolve(context.Background(), header(a.s, cookie))
	want, _ := a.request(http.MethodGet, "/who", cookie, nil)
	if got.State == session.Unavailable || got.State == session.Anonymous && want != "" || got.State == session.Known && got.Principal.Subject != want {
		a.t.Errorf("%s %s %v %+v; Laravel sees %q", got.State, got.Reason, got.Err, got.Principal, want)
	}
	return got
}
