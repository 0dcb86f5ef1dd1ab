package rails

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// Store is where the sessions are: config.session_store.
type Store interface {
	// load answers the session that a cookie, unescaped, stands for. An error is a
	// refusal, or the store's own.
	load(ctx context.Context, s *Sessions, cookie string) (record, error)
	// sealed says whether the cookie needs a secret to be read.
	sealed() bool
	// needsUsers says whether a session without a path needs the users' table.
	needsUsers() bool
	// watch is how the store tells of sessions, which its Key knows by the cookie,
	// unescaped.
	watch(s *Sessions) session.Watch
}

// record is what a store found.
type record struct {
	data    values
	user    string    // set when the store itself says whose it is
	expires time.Time // zero: not known
}

// CookieStore is ActionDispatch::Session::CookieStore: the encrypted cookie is the
// session.
type CookieStore struct{}

func (CookieStore) sealed() bool     { return true }
func (CookieStore) needsUsers() bool { return true }

func (CookieStore) watch(*Sessions) session.Watch { return session.Watch{} }

func (CookieStore) load(ctx context.Context, s *Sessions, cookie string) (record, error) {
	opened, err := s.decrypted(cookie)
	if err != nil {
		return record{}, err
	}
	session.Step(ctx, "a key of secret_key_base opens the cookie, and it is not over")
	data, err := decode(opened.data)
	if err != nil {
		return record{}, err
	}
	if !data.truthy("session_id") {
		return record{}, nobody(session.NoSession) // Rails takes it for no session at all
	}
	return record{data: data, expires: opened.expires}, nil
}

func (s *Sessions) decrypted(cookie string) (message, error) {
	plain, err := s.keys.decrypt(cookie)
	if err != nil {
		return message{}, err
	}
	return s.unwrap(plain)
}

// Redis is a store of the gems redis-actionpack, redis-rack or
// redis-session-store whose serializer is JSON. Their standard is Marshal. The
// cookie is the session's ID as it is.
type Redis struct {
	Redis *rediskv.Client
	// Prefix is what keys begin with: the namespace and a colon for redis-rack
	// (rack:session:), key_prefix for redis-session-store; none.
	Prefix string
}

func (Redis) sealed() bool     { return false }
func (Redis) needsUsers() bool { return true }

func (r Redis) load(ctx context.Context, s *Sessions, id string) (record, error) {
	key, ok := r.key(id)
	if !ok {
		return record{}, nobody(session.BadCookie)
	}
	value, ok, err := r.Redis.Get(ctx, key)
	switch {
	case err != nil:
		return record{}, fmt.Errorf("reading the session: %w", err)
	case !ok:
		return record{}, nobody(session.NoSession)
	}
	session.Step(ctx, "Redis has the session")
	found := record{}
	if value.TTL > 0 {
		found.expires = s.now().Add(value.TTL)
	}
	found.data, err = decode(value.Data)
	return found, err
}

// key is that of a session in Redis; ok is false when it can be nobody's.
func (r Redis) key(id string) (key string, ok bool) {
	sum := sha256.Sum256([]byte(id))
	// Rack::Session::SessionId#private_id: who reads Redis has no cookies.
	return r.Prefix + "2::" + hex.EncodeToString(sum[:]), !private(id) && len(id) <= maxID
}

func (r Redis) watch(*Sessions) session.Watch {
	return session.Watch{Events: r.Redis.Events(r.Prefix), Key: r.key}
}

// maxID is the longest session ID that is looked for.
const maxID = 256

// private says whether a cookie looks like a key of the store, digits and two
// colons. Stores that also look for the cookie itself give such a client the
// session of whoever the key belongs to (CVE-2019-16782).
func private(id string) bool {
	digits, _, found := strings.Cut(id, "::")
	return found && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// Records is the sessions table of Rails 8's generated authentication: the signed
// cookie session_id holds the row's key, the row the user's.
type Records struct {
	// Events are what its trigger tells; none. They are set before the first use.
	Events session.Events

	rows  *sqldb.Rows
	table sqldb.Table
}

// NewRecords makes the store. The table's name, key and columns are those of the
// generator (sessions, id, user_id) where they are empty.
func NewRecords(db sqldb.Queryer, dialect sqldb.Dialect, table sqldb.Table) (*Records, error) {
	if table.Name == "" {
		table.Name = "sessions"
	}
	if table.Key == "" {
		table.Key = "id"
	}
	if len(table.Columns) == 0 {
		table.Columns = []string{"user_id"}
	}
	rows, err := sqldb.NewRows(db, dialect, table)
	if err != nil {
		return nil, fmt.Errorf("the sessions table: %w", err)
	}
	return &Records{rows: rows, table: table}, nil
}

func (*Records) sealed() bool     { return true }
func (*Records) needsUsers() bool { return false }

// Trigger is one that tells of the sessions, on a channel.
func (r *Records) Trigger(channel string) sqldb.Trigger {
	user := r.table.Columns[0]
	return sqldb.Trigger{Channel: channel, Table: r.table.Name, Key: r.table.Key, Changed: fmt.Sprintf("(OLD.%[1]q, OLD.%[2]q) IS DISTINCT FROM (NEW.%[1]q, NEW.%[2]q)", r.table.Key, user)}
}

func (r *Records) watch(s *Sessions) session.Watch {
	return session.Watch{Events: r.Events, Key: func(cookie string) (string, bool) {
		opened, err := s.signed(cookie)
		if err != nil {
			return "", false
		}
		id, ok := identifier(opened.data)
		return sqldb.Told(id), ok
	}}
}

// signed answers what a signed cookie holds.
func (s *Sessions) signed(cookie string) (message, error) {
	plain, _, err := s.keys.verify(cookie, func(set keySet) []byte { return set.signed })
	if err != nil {
		return message{}, err
	}
	return s.unwrap(plain)
}

func (r *Records) load(ctx context.Context, s *Sessions, cookie string) (record, error) {
	opened, err := s.signed(cookie)
	if err != nil {
		return record{}, err
	}
	session.Step(ctx, "a key of secret_key_base signed the cookie")
	id, ok := identifier(opened.data)
	if !ok {
		return record{}, unknown(session.Undecodable, errors.New("a cookie that is no session's ID"))
	}
	_, row, err := r.rows.Find(ctx, id)
	switch {
	case errors.Is(err, sqldb.ErrNoRow):
		return record{}, nobody(session.NoSession)
	case errors.Is(err, sqldb.ErrKey):
		return record{}, unknown(session.Undecodable, fmt.Errorf("a session's ID: %w", err))
	case err != nil:
		return record{}, fmt.Errorf("reading the session: %w", err)
	case row[0] == nil:
		return record{}, nobody(session.NoUser)
	}
	session.Step(ctx, "the table has the session")
	return record{user: fmt.Sprint(row[0]), expires: opened.expires}, nil
}
