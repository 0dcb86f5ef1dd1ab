package e2e

import (
	"context"
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
