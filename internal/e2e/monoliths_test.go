package e2e

import (
	"database/sql"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

// monoliths are those whose sessions are read, by what reads them.
var monoliths = map[string]func(*testing.T) *monolith{
	"django db":             djangoDB,
	"django cache":          djangoCache,
	"django signed_cookies": djangoSigned,
	"rails":                 rails,
	"php":                   plainPHP,
	"laravel":               laravel,
	"express":               express,
	"cookie_session":        cookieSession,
	"flask":                 flask,
	"introspect":            introspected,
}

// asked is an ending that the monolith has a page for, asked for behind the
// proxy's back.
func (m *monolith) asked(what, who, page string) ending {
	return ending{what: what, who: who, end: func(t *testing.T, p *person, _ time.Time) time.Time {
		t.Helper()
		response, err := p.thief().client.Get(m.URL(page))
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", page, response.Status, err)
		}
		return time.Time{}
	}}
}

// done is an ending by other means than the monolith's.
func done(what, who string, do func(*testing.T)) ending {
	return ending{what: what, who: who, end: func(t *testing.T, _ *person, _ time.Time) time.Time {
		t.Helper()
		do(t)
		return time.Time{}
	}}
}

// aged is the end of a session by its age.
func aged(word string) ending {
	const age = 8 * time.Second
	return ending{
		what:   "the age",
		before: func(t *testing.T, s *site) { t.Helper(); s.shorten(t, word, age) },
		end:    func(_ *testing.T, _ *person, login time.Time) time.Time { return login.Add(age) },
	}
}

func query(address, statement string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		db, err := sql.Open("sqlite", address+"?_pragma=busy_timeout(5000)")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func django(app testbed.DjangoApp, engine string) *monolith {
	return &monolith{
		Program: app.Program, page: "/login/", action: "/login/", out: "/logout/", outGet: true,
		fill:     func(name string) url.Values { return url.Values{"username": {name}, "password": {"password"}} },
		sessions: "sessions django {\n secret_key " + testbed.AppSecret + "\n " + engine + "\n}",
	}
}

// users are the ends of Django's sessions by what happens to the user.
func (m *monolith) users() []ending {
	return []ending{m.asked("a new password", "alice", "/password/alice"), m.asked("the user disabled", "bob", "/disable/bob")}
}

func djangoDB(t *testing.T) *monolith {
	t.Helper()
	m := djangoOn(t, testbed.StartPostgres(t))
	m.ending = append([]ending{m.asked("the expiry", "", "/expire")}, m.users()...)
	return m
}

// djangoOn is Django with sessions and users in a PostgreSQL.
func djangoOn(t *testing.T, postgres *testbed.Program) *monolith {
	t.Helper()
	host, port, _ := strings.Cut(postgres.Address, ":")
	return django(testbed.Django(t, map[string]any{"DATABASES": map[string]any{"default": map[string]any{
		"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": host, "PORT": port,
	}}}), "engine db postgres://postgres@"+postgres.Address+"/postgres?sslmode=disable")
}

func djangoCache(t *testing.T) *monolith {
	t.Helper()
	m := djangoCacheOn(t, testbed.StartRedis(t))
	m.ending = append([]ending{m.asked("the expiry", "", "/expire"), m.asked("the user deleted", "alice", "/delete/alice")}, m.users()[1])
	return m
}

// djangoCacheOn is Django with sessions in a Redis, as pickles.
func djangoCacheOn(t *testing.T, store *testbed.Program) *monolith {
	t.Helper()
	address := "redis://" + store.Address + "/1"
	app := testbed.Django(t, map[string]any{
		"SESSION_ENGINE": "django.contrib.sessions.backends.cache",
		"CACHES":         map[string]any{"default": map[string]any{"BACKEND": "django_redis.cache.RedisCache", "LOCATION": address}},
	})
	return django(app, "engine cache "+address+"\n database sqlite://"+app.Database)
}

func djangoSigned(t *testing.T) *monolith {
	t.Helper()
	app := testbed.Django(t, map[string]any{"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"})
	m := django(app, "engine signed_cookies\n database sqlite://"+app.Database)
	m.kept = saying{"sessions.md", "| `signed_cookies` | not seen: who kept the cookie stays signed in until it is too old"}
	m.ending = append(m.users()[1:], m.users()[0], aged("cookie_age"))
	m.ending[2].who = "carol"
	return m
}

func rails(t *testing.T) *monolith {
	t.Helper()
	app := testbed.Rails(t, nil)
	change := func(statement string) func(*testing.T) { return query(app.Database, statement) }
	m := railsOn(app)
	m.kept = saying{"sessions-rails.md", "**A session in a cookie cannot be revoked.**"}
	m.ending = []ending{
		done("the user locked", "bob", change("update users set locked_at = current_timestamp where id = 2")),
		done("a new password", "alice", change("update users set encrypted_password = '$2a$04$' || hex(randomblob(26)) where id = 1")),
	}
	return m
}

// railsOn is Rails with Devise's pages.
func railsOn(app testbed.RailsApp) *monolith {
	return &monolith{
		Program: app.Program, page: "/users/sign_in", action: "/users/sign_in", out: "/users/sign_out", outGet: true,
		fill: func(name string) url.Values {
			return url.Values{"user[email]": {name + "@example.com"}, "user[password]": {"password"}}
		},
		sessions: "sessions rails {\n secret_key_base " + testbed.AppSecret + "\n cookie _monolith_session\n database sqlite://" + app.Database + "\n users {\n null locked_at\n }\n}",
	}
}
