package e2e

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

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
	address := "redis://" + testbed.StartRedis(t).Address + "/1"
	app := testbed.Django(t, map[string]any{
		"SESSION_ENGINE": "django.contrib.sessions.backends.cache",
		"CACHES":         map[string]any{"default": map[string]any{"BACKEND": "django_redis.cache.RedisCache", "LOCATION": address}},
	})
	m := django(app, "engine cache "+address+"\n database sqlite://"+app.Database)
	m.ending = append([]ending{m.asked("the expiry", "", "/expire"), m.asked("the user deleted", "alice", "/delete/alice")}, m.users()[1])
	return m
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
	return &monolith{
		Program: app.Program, page: "/users/sign_in", action: "/users/sign_in", out: "/users/sign_out", outGet: true,
		fill: func(name string) url.Values {
			return url.Values{"user[email]": {name + "@example.com"}, "user[password]": {"password"}}
		},
		sessions: "sessions rails {\n secret_key_base " + testbed.AppSecret + "\n cookie _monolith_session\n database sqlite://" + app.Database + "\n users {\n null locked_at\n }\n}",
		kept:     saying{"sessions-rails.md", "**A session in a cookie cannot be revoked.**"},
		ending: []ending{
			done("the user locked", "bob", change("update users set locked_at = current_timestamp where id = 2")),
			done("a new password", "alice", change("update users set encrypted_password = '$2a$04$' || hex(randomblob(26)) where id = 1")),
		},
	}
}

var phpForm = func(name string) url.Values { return url.Values{"name": {name}, "password": {"secret"}} }

// old gives session files the time of long ago.
func old(folder string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		ago := time.Now().Add(-24 * time.Hour)
		for _, entry := range entries {
			if strings.Contains(entry.Name(), "sqlite") {
				continue
			}
			if err := os.Chtimes(filepath.Join(folder, entry.Name()), ago, ago); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func plainPHP(t *testing.T) *monolith {
	t.Helper()
	folder := t.TempDir()
	return &monolith{
		Program: testbed.PHP(t, map[string]string{"session.save_path": folder}), page: "/", action: "/login", out: "/logout", fill: phpForm,
		sessions: "sessions php {\n store files " + folder + "\n user user_id\n}",
		silent:   saying{"sessions-php.md", "`session_destroy()` alone sends no cookie"},
		ending: []ending{
			done("the expiry", "", old(folder)),
			{what: "a user who is no more", end: unmoved, unseen: saying{"sessions-php.md", "There is no\nrow of a user to look at"}},
		},
	}
}

// unmoved is for what the application itself does not keep.
func unmoved(*testing.T, *person, time.Time) time.Time { return time.Time{} }

func laravel(t *testing.T) *monolith {
	t.Helper()
	folder := t.TempDir()
	database := filepath.Join(folder, "db.sqlite3")
	change := func(statement string) func(*testing.T) { return query(database, statement) }
	app := testbed.Laravel(t, testbed.LaravelSettings(folder, map[string]any{"authenticate_session": true}))
	return &monolith{
		Program: app, page: "/", action: "/login", out: "/logout", fill: phpForm,
		sessions: "sessions laravel {\n app_key " + strings.Repeat("k", 32) + "\n store file " + folder + "\n database sqlite://" + database + "\n authenticate_session\n users {\n }\n}",
		ending: []ending{
			done("the expiry", "", old(folder)),
			done("the user deleted", "bob", change("delete from users where id = 2")),
			done("a new password", "alice", change("update users set password = 'another' where id = 1")),
		},
	}
}

var nameOnly = func(name string) url.Values { return url.Values{"user": {name}} }

func express(t *testing.T) *monolith {
	t.Helper()
	store := testbed.StartRedis(t).Address
	return &monolith{
		Program: testbed.Express(t, store), page: "/login", action: "/login", out: "/logout", fill: nameOnly,
		sessions: "sessions express {\n secret " + testbed.AppSecret + "\n redis redis://" + store + "\n}",
		ending: []ending{
			done("the expiry", "", func(t *testing.T) { t.Helper(); expireAll(t, store) }),
			{what: "a user who is no more", end: unmoved, unseen: saying{"sessions-express.md", "| express-session with connect-redis | `sessions express` | ends the session (within `bound`, 5s) | is not seen |"}},
		},
	}
}

// expireAll lets all keys of a Redis run out.
func expireAll(t *testing.T, address string) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address})
	defer client.Close()
	ctx := context.Background()
	keys, err := client.Keys(ctx, "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d keys: %v", len(keys), err)
	}
	for _, key := range keys {
		if err := client.PExpire(ctx, key, time.Millisecond).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func cookieSession(t *testing.T) *monolith {
	t.Helper()
	said := saying{"sessions-express.md", "**Nothing ends it but a change of the keys**"}
	return &monolith{
		Program: testbed.Express(t, ""), page: "/login", action: "/login", out: "/logout", fill: nameOnly, kept: said,
		sessions: "sessions cookie_session {\n keys " + testbed.AppSecret + "\n}",
		ending:   []ending{{what: "a user who is no more", end: unmoved, unseen: said}},
	}
}

func flask(t *testing.T) *monolith {
	t.Helper()
	app := testbed.Flask(t)
	const column = "active"
	return &monolith{
		Program: app.Program, page: "/login", action: "/login", out: "/logout", fill: nameOnly,
		sessions: "sessions flask {\n secret_key " + testbed.AppSecret + "\n database sqlite://" + app.Database + "\n users {\n table member\n active " + column + "\n }\n}",
		kept:     saying{"sessions-flask.md", "**A logout and a new password cannot be seen**"},
		ending: []ending{
			done("the user disabled", "bob", query(app.Database, "update member set "+column+" = false where id = 2")),
			aged("lifetime"),
		},
	}
}

var documentedView = regexp.MustCompile("(?s)```python\n(.*?)```")

func introspected(t *testing.T) *monolith {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "introspection.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := django(testbed.DjangoApp{Program: testbed.Introspected(t, documentedView.FindStringSubmatch(string(text))[1])}, "")
	m.sessions = "sessions introspect {\n url " + m.URL("/_introspect") + "\n cookies sessionid\n bearer " + testbed.AppSecret + "\n timeout 2s\n}"
	m.ending = append([]ending{m.asked("the expiry", "", "/expire")}, m.users()...)
	return m
}
