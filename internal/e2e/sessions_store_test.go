package e2e

import (
	"database/sql"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

var lookedUp = regexp.MustCompile(`cmdstat_getrange:calls=(\d+)`)

// lookups is how often a Redis was asked for a session.
func lookups(t *testing.T, client *redis.Client) int {
	t.Helper()
	text, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	found := lookedUp.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestARedisOfSessionsThatFails hangs, stops and fails over under load; before
// that, 1,000 first requests of one session come at once.
func TestARedisOfSessionsThatFails(t *testing.T) {
	t.Parallel()
	primary, replica := testbed.StartRedis(t), testbed.StartRedis(t)
	app := testbed.Express(t, primary.Address)
	m := &monolith{
		Program: app, page: "/login", action: "/login", fill: nameOnly,
		sessions: "sessions express {\n secret " + testbed.AppSecret + "\n redis redis://" + primary.Address + "\n}",
	}
	c := startAskers(t, m, []string{"anna", "bao", "chloe", "dov", "elif", "femi", "gita", "hugo"})
	stats, second := redis.NewClient(&redis.Options{Addr: primary.Address}), redis.NewClient(&redis.Options{Addr: replica.Address, PoolSize: 1})
	defer stats.Close()
	defer second.Close()
	c.rush(t, stats)

	if err := c.proxy.Reload(t, askersCaddyfile(c.proxy.Address, c.proxy.Admin, m, 500*time.Millisecond, 250*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(primary.Address, ":")
	if err := second.ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	testbed.WaitFor(t, "the replica has all", func() bool {
		text, err := second.Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(text, "master_link_status:up")
	})
	c.survives(
		storeFault{"hangs", primary.Freeze, primary.Thaw},
		storeFault{"fails over", primary.Kill, func() {
			// The replica takes the name of what it replaces: the port.
			if err := second.ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
				t.Error(err)
			}
			if err := second.ConfigSet(t.Context(), "port", port).Err(); err != nil {
				t.Error(err)
			}
		}},
	)
	if got := c.proxy.Status(t).Identity.Sessions.Lookups; got["no_session"] > 0 {
		t.Errorf("somebody was taken for signed out: %v", got)
	}
}

// rush sends 1,000 requests of one session that nobody has asked for yet.
func (c *askers) rush(t *testing.T, stats *redis.Client) {
	t.Helper()
	const requests = 1000
	before := lookups(t, stats)
	start := make(chan struct{})
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			<-start
			c.ask(c.people[0])
		})
	}
	close(start)
	all.Wait()
	if known, n := c.known.Load(), lookups(t, stats)-before; known != requests || n != 1 {
		t.Errorf("%d of %d are known, by %d lookups", known, requests, n)
	}
}

// TestADatabaseOfSessionsThatFails is the same of PostgreSQL.
func TestADatabaseOfSessionsThatFails(t *testing.T) {
	t.Parallel()
	primary := testbed.StartPostgres(t)
	m := djangoOn(t, primary)
	c := startAskers(t, m, []string{"alice", "bob", "carol"})
	if err := c.proxy.Reload(t, askersCaddyfile(c.proxy.Address, c.proxy.Admin, m, 500*time.Millisecond, 250*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	standby := testbed.PostgresStandby(t, primary)
	db, err := sql.Open("pgx", "postgres://postgres@"+primary.Address+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var lock *sql.Tx
	c.survives(
		storeFault{"hangs", func() {
			lock, err = db.BeginTx(t.Context(), nil)
			if err == nil {
				_, err = lock.ExecContext(t.Context(), "lock table django_session in access exclusive mode")
			}
			if err != nil {
				t.Error(err)
			}
		}, func() {
			if err := lock.Rollback(); err != nil {
				t.Error(err)
			}
		}},
		storeFault{"crashes", primary.Kill, primary.Start},
		storeFault{"fails over", primary.Kill, standby.Start},
	)
	if got := c.proxy.Status(t).Identity.Sessions.Lookups; got["no_session"] > 0 {
		t.Errorf("somebody was taken for signed out: %v", got)
	}
}
