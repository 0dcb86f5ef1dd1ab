package django

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

var errUnverified = errors.New("session data that none of the secret keys signed; are they the monolith's?")

// DefaultTable is the table of django.contrib.sessions.
const DefaultTable = "django_session"

// Database is django.contrib.sessions.backends.db.
type Database struct {
	// Events are what its trigger tells; none. They are set before the first use.
	Events session.Events

	db           sqldb.Queryer
	dialect      sqldb.Dialect
	query, table string
}

// NewDatabase makes the engine. table is DefaultTable when it is empty.
func NewDatabase(db sqldb.Queryer, dialect sqldb.Dialect, table string) (*Database, error) {
	if table == "" {
		table = DefaultTable
	}
	name, err := dialect.Quote(table)
	if err != nil {
		return nil, fmt.Errorf("the session table: %w", err)
	}
	query := fmt.Sprintf("select substr(session_data, 1, %d), expire_date from %s where session_key = %s", // #nosec G201 -- the name is checked and quoted
		maxData+1, name, dialect.Parameter(1))
	return &Database{db: db, dialect: dialect, query: query, table: table}, nil
}

// Trigger is one that tells of the sessions, on a channel. Sessions that were over
// anyway are not told: clearsessions deletes all of them at once.
func (d *Database) Trigger(channel string) sqldb.Trigger {
	return sqldb.Trigger{
		Channel: channel, Table: d.table, Key: "session_key",
		Ended:   "OLD.expire_date > now()",
		Changed: "(OLD.session_key, OLD.session_data) IS DISTINCT FROM (NEW.session_key, NEW.session_data) OR NEW.expire_date < OLD.expire_date",
	}
}

// Watch tells of the sessions that the table changes or ends, where a trigger does.
func (d *Database) Watch() session.Watch {
	return session.Watch{Events: d.Events, Key: func(cookie string) (string, bool) { return sqldb.Told(cookie), sessionID(cookie) }}
}

func (d *Database) load(ctx context.Context, s *Sessions, cookie string) (record, error) {
	if !sessionID(cookie) {
		return record{}, nobody(session.BadCookie)
	}
	var text string
	var until any
	err := d.db.QueryRowContext(ctx, d.query, cookie).Scan(&text, &until)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return record{}, nobody(session.NoSession)
	case err != nil:
		return record{}, fmt.Errorf("reading the session: %w", err)
	}
	session.Step(ctx, "the table has the session")
	expires, err := d.time(until, s.config.Zone)
	if err != nil {
		return record{}, unknown(session.Undecodable, err)
	}
	if !expires.After(s.now()) {
		return record{}, nobody(session.Expired)
	}
	session.Step(ctx, "it is not over")
	data, err := s.unpack(text)
	if err == nil {
		session.Step(ctx, "one of the secret keys signed its data")
	}
	return record{data, expires}, err
}

// time reads a column of times. Databases but PostgreSQL have no zones: there a
// driver gives the text, or the text taken for UTC.
func (d *Database) time(v any, zone *time.Location) (time.Time, error) {
	switch v := v.(type) {
	case time.Time:
		if d.dialect == sqldb.PostgreSQL {
			return v, nil
		}
		year, month, day := v.Date()
		return time.Date(year, month, day, v.Hour(), v.Minute(), v.Second(), v.Nanosecond(), zone), nil
	case []byte:
		return time.ParseInLocation("2006-01-02 15:04:05.999999", string(v), zone)
	case string:
		return time.ParseInLocation("2006-01-02 15:04:05.999999", v, zone)
	}
	return time.Time{}, fmt.Errorf("the column expire_date is a %T", v)
}
