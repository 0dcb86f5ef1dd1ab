package laravel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/lockedfile"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// maxPayload is the largest session in a table, in bytes of base64.
const maxPayload = 1 << 20

var errTooLarge = errors.New("session data of more than 1 MiB")

// Files is session.driver = file.
type Files struct {
	// Dir is session.files: storage/framework/sessions.
	Dir string
}

func (Files) watch() session.Watch { return session.Watch{} }

func (f Files) load(ctx context.Context, s *Sessions, id string) (record, error) {
	file, err := lockedfile.Read(ctx, f.Dir, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(f.Dir); err != nil {
			return record{}, fmt.Errorf("the folder of session files: %w", err)
		}
		return record{}, nobody(session.NoSession)
	case err != nil:
		return record{}, err
	}
	expires, err := s.expires(file.Changed.Unix())
	return record{file.Text, expires}, err
}

// expires says until when a session is valid that was written at a time, which
// Laravel compares by whole seconds.
func (s *Sessions) expires(written int64) (time.Time, error) {
	ends := time.Unix(written, 0).Add(s.config.Lifetime)
	if ends.Unix() < s.now().Unix() {
		return time.Time{}, nobody(session.Expired)
	}
	return ends.Add(time.Second), nil
}

// DefaultTable is the table of session.driver = database.
const DefaultTable = "sessions"

// Database is session.driver = database.
type Database struct {
	// Events are what its trigger tells; none. They are set before the first use.
	Events session.Events

	db           sqldb.Queryer
	query, table string
}

// NewDatabase makes the store. table is DefaultTable when it is empty.
func NewDatabase(db sqldb.Queryer, dialect sqldb.Dialect, table string) (*Database, error) {
	if table == "" {
		table = DefaultTable
	}
	name, err := dialect.Quote(table)
	if err != nil {
		return nil, fmt.Errorf("the session table: %w", err)
	}
	query := fmt.Sprintf("select substr(payload, 1, %d), last_activity from %s where id = %s", // #nosec G201 -- the name is checked and quoted
		maxPayload+1, name, dialect.Parameter(1))
	return &Database{db: db, query: query, table: table}, nil
}

// Trigger is one that tells of the sessions, on a channel. Laravel writes the row of
// a session on each of its requests: a later last_activity alone changes nothing.
func (d *Database) Trigger(channel string) sqldb.Trigger {
	return sqldb.Trigger{
		Channel: channel, Table: d.table, Key: "id",
		Changed: "(OLD.id, OLD.payload) IS DISTINCT FROM (NEW.id, NEW.payload) OR NEW.last_activity < OLD.last_activity",
	}
}

func (d *Database) watch() session.Watch {
	return session.Watch{Events: d.Events, Key: func(id string) (string, bool) { return sqldb.Told(id), true }}
}

func (d *Database) load(ctx context.Context, s *Sessions, id string) (record, error) {
	var payload sql.NullString
	var active int64
	err := d.db.QueryRowContext(ctx, d.query, id).Scan(&payload, &active)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && !payload.Valid:
		return record{}, nobody(session.NoSession)
	case err != nil:
		return record{}, fmt.Errorf("reading the session: %w", err)
	case len(payload.String) > maxPayload:
		return record{}, unknown(session.Undecodable, errTooLarge)
	}
	expires, err := s.expires(active)
	if err != nil {
		return record{}, err
	}
	data, _ := decode64(payload.String, false)
	return record{string(data), expires}, nil
}

// Redis is session.driver = redis, with phpredis or predis.
type Redis struct {
	redis  *rediskv.Client
	prefix string
}

// NewRedis makes the store. prefix is all that stands before an ID: the
// connection's (database.redis.options.prefix), then the cache's (cache.prefix),
// to which Laravel up to 10 adds a colon: laravel_database_laravel_cache:
func NewRedis(redis *rediskv.Client, prefix string) *Redis { return &Redis{redis, prefix} }

func (r *Redis) watch() session.Watch {
	return session.Watch{Events: r.redis.Events(r.prefix), Key: func(id string) (string, bool) { return r.prefix + id, true }}
}

func (r *Redis) load(ctx context.Context, s *Sessions, id string) (record, error) {
	value, ok, err := r.redis.Get(ctx, r.prefix+id)
	switch {
	case err != nil:
		return record{}, fmt.Errorf("reading the session: %w", err)
	case !ok:
		return record{}, nobody(session.NoSession)
	}
	data, err := text(string(value.Data))
	found := record{data: data}
	if value.TTL > 0 {
		found.expires = s.now().Add(value.TTL)
	}
	return found, err
}
