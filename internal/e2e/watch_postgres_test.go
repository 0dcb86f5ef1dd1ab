package e2e

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

func postgresURL(p *testbed.Program) string {
	return "postgres://postgres@" + p.Address + "/postgres?sslmode=disable"
}

// trigger makes the trigger as the documentation says: what the command prints for
// the proxy's own Caddyfile goes to psql. It answers the SQL.
func (c *askers) trigger(postgres *testbed.Program) string {
	c.t.Helper()
	printed, err := exec.Command(testbed.Binary(c.t), "sessions", "trigger", "--config", filepath.Join(c.proxy.Dir, "Caddyfile")).Output()
	if err != nil {
		c.t.Fatal(err)
	}
	psql := exec.Command("psql", "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", postgresURL(postgres))
	psql.Stdin = strings.NewReader(string(printed))
	if out, err := psql.CombinedOutput(); err != nil {
		c.t.Fatalf("psql: %v: %s\n%s", err, out, printed)
	}
	return string(printed)
}

// counts holds how soon `strangler sessions inspect` says that an end counts.
func (c *askers) counts(m member, want string) {
	c.t.Helper()
	inspect := exec.Command(testbed.Binary(c.t), "sessions", "inspect", "--address", c.proxy.Admin)
	inspect.Stdin = strings.NewReader("Cookie: " + m.cookies)
	if out, err := inspect.CombinedOutput(); err != nil || !strings.Contains(string(out), "an end at the store counts: "+want+"\n") {
		c.t.Errorf("%v: %s; want %s", err, out, want)
	}
}

// TestASessionThatEndsInDjangosTableEndsAtOnce begins without the trigger, and loses
// its database in the middle.
func TestASessionThatEndsInDjangosTableEndsAtOnce(t *testing.T) {
	t.Parallel()
	postgres := testbed.StartPostgres(t)
	m := djangoOn(t, postgres)
	m.sessions = strings.TrimSuffix(m.sessions, "}") + "listen\n}"
	c := startAskers(t, m, []string{"alice", "bob", "carol", "alice", "bob", "carol"})
	db, err := sql.Open("pgx", postgresURL(postgres))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxIdleConns(-1) // none outlives the server
	end := func(gone member) {
		t.Helper()
		done, err := db.ExecContext(t.Context(), "delete from django_session where position(session_key in $1) > 0", gone.cookies)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			t.Fatalf("%d rows: %v", n, err)
		}
	}

	const command = "strangler sessions trigger --config CADDYFILE | psql DATABASE"
	status := c.watching(identity.WatchOff)
	if said := c.proxy.MustCommand(t, "rollout", "status"); !strings.Contains(status.Error, command) || !strings.Contains(said, command) || !strings.Contains(said, "the watch is off since") {
		t.Errorf("status: %s; said: %s", status.Error, said)
	}
	testbed.WaitFor(t, "everybody is known", func() bool { return c.round() == len(c.people) })
	c.counts(c.people[1], "within 1m0s")
	end(c.people[0])
	if known := c.round(); known != len(c.people) {
		t.Errorf("without the trigger, %d are known within the bound", known)
	}
	inDocs(t, c.trigger(postgres))
	began := time.Now()
	c.watching(identity.WatchOn)
	t.Logf("heard %s after the trigger was made", time.Since(began))
	if c.ask(c.people[0]) {
		t.Error("what was missed counts still")
	}
	c.people = c.people[1:]
	c.counts(c.people[0], "at once")
	if said := c.proxy.MustCommand(t, "rollout", "status"); strings.Contains(said, "the watch is") {
		t.Errorf("said: %s", said)
	}
	rest := c.people[2:]
	c.people = c.people[:2]
	c.endsAtOnce(end)

	c.people = rest
	testbed.WaitFor(t, "everybody is known", func() bool { return c.round() == len(c.people) })
	postgres.Kill()
	c.watching(identity.WatchDown)
	if known := c.round(); known != len(c.people) {
		t.Errorf("without PostgreSQL, %d are known within the bound", known)
	}
	postgres.Start()
	began = time.Now()
	c.watching(identity.WatchOn)
	t.Logf("heard again %s after the restart", time.Since(began))
	testbed.WaitFor(t, "everybody is known again", func() bool { return c.round() == len(c.people) })
	for c.people[0].signOut(t, m); c.ask(c.people[0]); {
		if time.Since(began) > 30*time.Second {
			t.Fatal("a logout at the application is not seen")
		}
	}
	c.people = c.people[1:]
	c.emptied(db)
}

// emptied takes all sessions at once, of which one notification tells.
func (c *askers) emptied(db *sql.DB) {
	c.t.Helper()
	testbed.WaitFor(c.t, "everybody is known", func() bool { return c.round() == len(c.people) })
	if _, err := db.ExecContext(c.t.Context(), "truncate django_session"); err != nil {
		c.t.Fatal(err)
	}
	began := time.Now()
	for c.round() > 0 {
		if time.Since(began) > soon {
			c.t.Fatal("the sessions of an empty table are still known")
		}
	}
}

// inDocs holds that the documentation has this very SQL.
func inDocs(t *testing.T, printed string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "sessions.md"))
	if err != nil || !strings.Contains(string(text), "```sql\n"+printed+"```\n") {
		t.Errorf("docs/sessions.md does not have this SQL (%v):\n%s", err, printed)
	}
}

// TestASessionThatEndsInLaravelsTableEndsAtOnce is the same of Laravel's logout. What
// its every request writes into the row is told only when it changes the session.
func TestASessionThatEndsInLaravelsTableEndsAtOnce(t *testing.T) {
	t.Parallel()
	postgres := testbed.StartPostgres(t)
	host, port, _ := strings.Cut(postgres.Address, ":")
	m := laravelOn(t, map[string]any{"session.driver": "database", "database.connections": map[string]any{"main": map[string]any{
		"driver": "pgsql", "host": host, "port": port, "database": "postgres", "username": "postgres", "password": "", "charset": "utf8", "prefix": "", "schema": "public",
	}}}, "store database "+postgresURL(postgres)+"\n listen laravel_sessions\n users {\n }")
	c := startAskers(t, m, []string{"alice", "bob", "alice"})
	c.watching(identity.WatchOff)
	c.trigger(postgres)
	c.watching(identity.WatchOn)
	c.endsAtOnce(func(gone member) { gone.signOut(t, m) })
}

// TestASessionThatEndsInRedisEndsAtOnceForAll is the same of the other applications
// that may have their sessions in Redis.
func TestASessionThatEndsInRedisEndsAtOnceForAll(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, string) *monolith{"php": phpInRedis, "laravel": laravelInRedis, "rails": railsInRedis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := start(t, testbed.StartRedis(t, "--notify-keyspace-events", "Kg$xe").Address)
			c := startAskers(t, m, []string{"alice", "bob", "alice"})
			c.watching(identity.WatchOn)
			c.endsAtOnce(func(gone member) { gone.signOut(t, m) })
		})
	}
}

func phpInRedis(t *testing.T, address string) *monolith {
	t.Helper()
	return &monolith{
		Program: testbed.PHP(t, map[string]string{"session.save_handler": "redis", "session.save_path": "tcp://" + address}),
		page:    "/", action: "/login", out: "/logout", fill: phpForm, sessions: "sessions php {\n store redis redis://" + address + "\n}",
	}
}

func laravelInRedis(t *testing.T, address string) *monolith {
	t.Helper()
	host, port, _ := strings.Cut(address, ":")
	return laravelOn(t, map[string]any{"session.driver": "redis", "database.redis.default": map[string]any{"host": host, "port": port, "database": 0}},
		"store redis redis://"+address+"/0 laravel_database_laravel_cache:")
}

func laravelOn(t *testing.T, settings map[string]any, store string) *monolith {
	t.Helper()
	return &monolith{
		Program: testbed.Laravel(t, testbed.LaravelSettings(t.TempDir(), settings)), page: "/", action: "/login", out: "/logout", fill: phpForm,
		sessions: "sessions laravel {\n app_key " + strings.Repeat("k", 32) + "\n " + store + "\n}",
	}
}

func railsInRedis(t *testing.T, address string) *monolith {
	t.Helper()
	m := railsOn(testbed.Rails(t, map[string]any{"redis": "redis://" + address + "/0/json", "expire_after": 3600}))
	m.sessions = strings.Replace(m.sessions, "{", "{\n store redis redis://"+address+"/0 json:", 1)
	return m
}

// signOut signs out at the application itself.
func (m member) signOut(t *testing.T, at *monolith) {
	t.Helper()
	(&site{monolith: at}).signOut(t, m.browser, m.browser.base)
}
