package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/eventstest"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// ticket is a table with a trigger whose conditions are both needed.
var ticket = sqldb.Trigger{
	Channel: "tickets", Table: "Office.ticket", Key: "code",
	Ended: "OLD.live", Changed: "(OLD.code, OLD.data) IS DISTINCT FROM (NEW.code, NEW.data)",
}

type database struct {
	*testbed.Program
	t    *testing.T
	conn *pgx.Conn
}

func startDatabase(t *testing.T) *database {
	t.Helper()
	d := &database{Program: testbed.StartPostgres(t), t: t}
	d.connect()
	d.exec(`create schema "Office"; create table "Office".ticket (code text primary key, data text, live boolean, used int default 0);
		create role reader login; grant usage on schema "Office" to reader; grant select on "Office".ticket to reader`)
	return d
}

func (d *database) url(user string) string {
	return "postgres://" + user + "@" + d.Address + "/postgres?sslmode=disable"
}

func (d *database) connect() {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), d.url("postgres"))
	must(d.t, err)
	d.conn = conn
	d.t.Cleanup(func() { _ = conn.Close(context.Background()) })
}

// exec runs statements as psql does, one after the other.
func (d *database) exec(sql string) {
	d.t.Helper()
	_, err := d.conn.PgConn().Exec(d.t.Context(), sql).ReadAll()
	must(d.t, err)
}

func (d *database) trigger() {
	d.t.Helper()
	sql, err := ticket.SQL()
	must(d.t, err)
	d.exec(sql)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func follow(t *testing.T, trigger sqldb.Trigger, url string) eventstest.Follower {
	t.Helper()
	events, err := trigger.Events(url)
	must(t, err)
	return eventstest.Follow(t, events)
}

func TestPostgresTellsOfTheRowsThatCount(t *testing.T) {
	t.Parallel()
	d := startDatabase(t)
	d.trigger()
	d.trigger() // it may be run again
	f := follow(t, ticket, d.url("reader"))
	if doubt := eventstest.Within(t, f.On); doubt != nil {
		t.Error(doubt)
	}
	for _, statement := range []string{
		`insert into "Office".ticket values ('a', '1', true), ('b', '1', true), ('dead', '1', false), ('ü', '1', true)`,
		`update "Office".ticket set used = used + 1`,
		`update "Office".ticket set data = data`,
		`delete from "Office".ticket where code = 'dead'`,
		`begin; delete from "Office".ticket where code = 'a'; rollback`,
		`update "Office".ticket set data = '2' where code = 'a'`,
		`update "Office".ticket set code = 'c' where code = 'a'`,
		`begin; delete from "Office".ticket where code = 'b'; delete from "Office".ticket where code = 'ü'; commit`,
	} {
		d.exec(statement)
	}
	for _, want := range []string{"a", "a", "b", "ü"} {
		if got := eventstest.Within(t, f.Changed); got != sqldb.Told(want) {
			t.Errorf("%q; want that of %q", got, want)
		}
	}
	d.exec(`truncate "Office".ticket`)
	if doubt := eventstest.Within(t, f.On); doubt != nil {
		t.Error(doubt)
	}
	d.Kill()
	if err := eventstest.Within(t, f.End); err == nil || errors.Is(err, session.ErrSilent) {
		t.Errorf("%v", err)
	}
	if err := eventstest.Within(t, follow(t, ticket, d.url("reader")).End); err == nil || errors.Is(err, session.ErrSilent) {
		t.Errorf("%v", err)
	}
}

// What makes a database silent is told, and the trigger's own SQL helps.
func TestPostgresWithoutAWholeTriggerIsSilent(t *testing.T) {
	t.Parallel()
	d := startDatabase(t)
	expectSilent := func(statement, want string) {
		t.Helper()
		d.exec(statement)
		err := eventstest.Within(t, follow(t, ticket, d.url("reader")).End)
		if !errors.Is(err, session.ErrSilent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", statement, err, want)
		}
		d.exec(`alter table if exists "Office".gone rename to ticket`)
		d.trigger()
		d.exec(`alter table "Office".ticket enable trigger user`)
		if doubt := eventstest.Within(t, follow(t, ticket, d.url("reader")).On); doubt != nil {
			t.Errorf("%s: %v", statement, doubt)
		}
	}
	expectSilent(``, "of DELETE, UPDATE, TRUNCATE; this makes it: strangler sessions trigger")
	for statement, want := range map[string]string{
		`drop trigger tickets_update on "Office".ticket`:   "tells channel tickets of UPDATE;",
		`drop trigger tickets_delete on "Office".ticket`:   "of DELETE;",
		`drop trigger tickets_truncate on "Office".ticket`: "of TRUNCATE;",
		`alter table "Office".ticket disable trigger user`: "of DELETE, UPDATE, TRUNCATE;",
		`alter table "Office".ticket rename to gone`:       `no table "Office"."ticket" here`,
	} {
		expectSilent(statement, want)
	}
	other := ticket
	other.Channel = "others"
	if err := eventstest.Within(t, follow(t, other, d.url("reader")).End); !errors.Is(err, session.ErrSilent) {
		t.Errorf("another channel: %v", err)
	}
}

func TestAUserWhoMayNotLookForTheTriggerIsInDoubt(t *testing.T) {
	t.Parallel()
	d := startDatabase(t)
	d.trigger()
	d.exec(`create role stranger login; insert into "Office".ticket values ('a', '1', true)`)
	f := follow(t, ticket, d.url("stranger"))
	if doubt := eventstest.Within(t, f.On); doubt == nil || !strings.Contains(doubt.Error(), "permission denied for schema") {
		t.Errorf("%v", doubt)
	}
	d.exec(`delete from "Office".ticket`)
	if got := eventstest.Within(t, f.Changed); got != sqldb.Told("a") {
		t.Errorf("%q", got)
	}
}

func TestEventsNeedAPostgresAndAChannel(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"mysql://secret@db/x", "postgres://u:secret@[/x", "postgres://u:secret@db:port/x", "secret"} {
		if _, err := ticket.Events(url); !errors.Is(err, sqldb.ErrURL) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, channel := range []string{"", "Tickets", "a'b", "a;b", strings.Repeat("a", 51)} {
		other := ticket
		other.Channel = channel
		if _, err := other.SQL(); !errors.Is(err, sqldb.ErrChannel) {
			t.Errorf("%q: %v", channel, err)
		}
		if _, err := other.Events("postgres://db/x"); !errors.Is(err, sqldb.ErrChannel) {
			t.Errorf("%q: %v", channel, err)
		}
	}
}
