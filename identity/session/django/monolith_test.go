package django_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/django"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

const (
	secretKey = "a secret key of the monolith, with ünïcode"
	oldKey    = "the key before it"
)

// object is a JSON object.
type object = map[string]any

// monolith is a real Django; see testdata/monolith.py.
type monolith struct {
	t       testing.TB
	dir     string
	in      io.Writer
	out     *bufio.Reader
	lock    sync.Mutex
	version string
}

// startDjango starts a Django of some settings, with a new SQLite database when
// they name none.
func startDjango(tb testing.TB, settings object) *monolith {
	tb.Helper()
	m := &monolith{t: tb, dir: tb.TempDir()}
	all := object{
		"SECRET_KEY": secretKey, "USE_TZ": true,
		"DATABASES": object{"default": object{"ENGINE": "django.db.backends.sqlite3", "NAME": filepath.Join(m.dir, "db.sqlite3")}},
	}
	for key, value := range settings {
		all[key] = value
	}
	command := exec.CommandContext(tb.Context(), testbed.Python(tb), "-W", "ignore", "testdata/monolith.py")
	in, err := command.StdinPipe()
	must(tb, err)
	out, err := command.StdoutPipe()
	must(tb, err)
	var stderr strings.Builder
	command.Stderr = &stderr
	must(tb, command.Start())
	m.in, m.out = in, bufio.NewReader(out)
	tb.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait()
		if tb.Failed() && stderr.Len() > 0 {
			tb.Log(stderr.String())
		}
	})
	m.version = m.do("start", object{"settings_": all})["version"].(string)
	return m
}

// do does one thing and answers what came of it.
func (m *monolith) do(what string, with object) object {
	m.t.Helper()
	m.lock.Lock()
	defer m.lock.Unlock()
	command := object{"do": what}
	for key, value := range with {
		command[key] = value
	}
	line, err := json.Marshal(command)
	must(m.t, err)
	_, err = m.in.Write(append(line, '\n'))
	must(m.t, err)
	answer, err := m.out.ReadBytes('\n')
	if err != nil {
		m.t.Fatalf("%s: Django ended: %v", what, err)
	}
	var out object
	must(m.t, json.Unmarshal(answer, &out))
	if failed := out["error"]; failed != nil {
		m.t.Fatalf("%s: %v", what, failed)
	}
	return out
}

func (m *monolith) user(name string) int {
	m.t.Helper()
	return int(m.do("user", object{"name": name})["id"].(float64))
}

// login signs a user in and answers the cookie's value.
func (m *monolith) login(id int, with object) string {
	m.t.Helper()
	command := object{"id": id}
	for key, value := range with {
		command[key] = value
	}
	return m.do("session", command)["cookie"].(string)
}

// database opens Django's SQLite file, for reading only.
func (m *monolith) database() (sqldb.Queryer, sqldb.Dialect) {
	m.t.Helper()
	return open(m.t, "sqlite://"+filepath.Join(m.dir, "db.sqlite3"))
}

func open(tb testing.TB, address string) (sqldb.Queryer, sqldb.Dialect) {
	tb.Helper()
	db, dialect, err := sqldb.Open(address)
	must(tb, err)
	tb.Cleanup(func() { must(tb, db.Close()) })
	return db, dialect
}

// users reads Django's own user model.
func users(tb testing.TB, db sqldb.Queryer, dialect sqldb.Dialect) *django.Users {
	tb.Helper()
	u, err := django.NewUsers(db, dialect, django.UserTable{Columns: []string{"username", "is_staff"}})
	must(tb, err)
	return u
}

func dbEngine(tb testing.TB, db sqldb.Queryer, dialect sqldb.Dialect) *django.Database {
	tb.Helper()
	engine, err := django.NewDatabase(db, dialect, "")
	must(tb, err)
	return engine
}

// reader makes the part under test.
func reader(tb testing.TB, config django.Config, engine django.Engine, users *django.Users, now func() time.Time) *django.Sessions {
	tb.Helper()
	if config.SecretKeys == nil {
		config.SecretKeys = []string{secretKey}
	}
	s, err := django.New(config, engine, users, now)
	must(tb, err)
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func cookieHeader(value string) http.Header {
	return http.Header{"Cookie": {"a=b; sessionid=" + value}}
}

// same fails the test when Django itself sees another user than the reader.
func same(tb testing.TB, m *monolith, s *django.Sessions, cookie string) session.Outcome {
	tb.Helper()
	header := cookieHeader(cookie)
	got := s.Resolve(context.Background(), header)
	want := m.do("who", object{"header": header.Get("Cookie")})["id"]
	switch {
	case got.State == session.Unavailable:
		tb.Errorf("unavailable: %s: %v; Django sees %v", got.Reason, got.Err, want)
	case got.State == session.Anonymous && want != nil:
		tb.Errorf("anonymous: %s; Django sees user %v", got.Reason, want)
	case got.State == session.Known && (want == nil || got.Principal.Subject != fmt.Sprint(want)):
		tb.Errorf("user %s; Django sees %v", got.Principal.Subject, want)
	}
	return got
}

// expect fails the test when the outcome is another.
func expect(tb testing.TB, got session.Outcome, state session.State, reason session.Reason) {
	tb.Helper()
	if got.State != state || got.Reason != reason {
		tb.Errorf("%s %q (%v); want %s %q", got.State, got.Reason, got.Err, state, reason)
	}
}
