package rails_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rails"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

const (
	secret     = testbed.AppSecret
	cookieName = "_monolith_session"
)

// object is a JSON object.
type object = map[string]any

// monolith is a real Rails; see testdata/monolith.rb.
type monolith struct {
	t        testing.TB
	database string
	in       io.Writer
	out      *bufio.Reader
	lock     sync.Mutex
}

// startRails starts a Rails of some settings, with a new SQLite database.
func startRails(tb testing.TB, settings object) *monolith {
	tb.Helper()
	app, database := testbed.RailsCommand(tb, settings)
	m := &monolith{t: tb, database: database}
	command := exec.CommandContext(tb.Context(), app.Path, "testdata/monolith.rb")
	command.Env = append(command.Environ(), append(app.Env, "APP="+app.Args[0])...)
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
	m.do("version", nil)
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
		m.t.Fatalf("%s: Rails ended: %v", what, err)
	}
	var out object
	must(m.t, json.Unmarshal(answer, &out))
	if failed := out["error"]; failed != nil {
		m.t.Fatalf("%s: %v", what, failed)
	}
	return out
}

func (m *monolith) user(email string) int {
	m.t.Helper()
	return int(m.do("user", object{"email": email})["id"].(float64))
}

// seal answers the cookie of a session; login 0 signs nobody in.
func (m *monolith) seal(login int, data object) string {
	m.t.Helper()
	command := object{"sessions": []object{data}}
	if login != 0 {
		command["login"] = login
	}
	return m.do("seal", command)["cookies"].([]any)[0].(string)
}

// users reads the monolith's table.
func (m *monolith) users(config rails.UserTable) *rails.Users {
	m.t.Helper()
	db, dialect := m.open()
	u, err := rails.NewUsers(db, dialect, config)
	must(m.t, err)
	return u
}

func (m *monolith) open() (sqldb.Queryer, sqldb.Dialect) {
	m.t.Helper()
	db, dialect, err := sqldb.Open("sqlite://" + m.database)
	must(m.t, err)
	m.t.Cleanup(func() { must(m.t, db.Close()) })
	return db, dialect
}

// reader makes the part under test.
func reader(tb testing.TB, config rails.Config, store rails.Store, users *rails.Users, now func() time.Time) *rails.Sessions {
	tb.Helper()
	if config.Secrets == nil {
		config.Secrets = []string{secret}
	}
	if config.CookieName == "" {
		config.CookieName = cookieName
	}
	s, err := rails.New(config, store, users, now)
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
	return http.Header{"Cookie": {"a=b; " + cookieName + "=" + value}}
}

func resolve(s *rails.Sessions, header http.Header) session.Outcome {
	value, known, ok := s.Cookie(header)
	if !ok {
		return known
	}
	return s.Open(context.Background(), value)
}

// same fails the test when Rails itself sees another user than the reader.
func same(tb testing.TB, m *monolith, s *rails.Sessions, cookie string) session.Outcome {
	tb.Helper()
	header := cookieHeader(cookie)
	got := resolve(s, header)
	answer := m.do("who", object{"header": header.Get("Cookie")})
	want, status := answer["id"], answer["status"]
	if status == 302.0 { // Devise sends who was signed in to the form
		status = 200.0
	}
	switch {
	case got.State == session.Unavailable && status == 200.0:
		tb.Errorf("unavailable: %s: %v; Rails sees %v", got.Reason, got.Err, want)
	case got.State != session.Unavailable && status != 200.0:
		tb.Errorf("%s: Rails answers %v", got.State, status)
	case got.State == session.Anonymous && want != nil:
		tb.Errorf("anonymous: %s; Rails sees user %v", got.Reason, want)
	case got.State == session.Known && (want == nil || got.Principal.Subject != fmt.Sprint(want)):
		tb.Errorf("user %s; Rails sees %v", got.Principal.Subject, want)
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
