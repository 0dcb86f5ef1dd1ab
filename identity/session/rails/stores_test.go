package rails_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rails"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// life is what every store goes through with Devise: each step is Rails' own, and
// after each the reader must see whom Rails sees.
func life(t *testing.T, m *monolith, store rails.Store) {
	t.Helper()
	users := m.users(rails.UserTable{Columns: []string{"email"}})
	s := reader(t, rails.Config{Claims: []string{"cart"}}, store, users, time.Now)
	carol, dave := m.user("carol@example.com"), m.user("dave@example.com")
	cookie := m.seal(carol, object{"cart": []int{1, 2}, "name": "caf\u00e9 <\U0001f600>"})
	got := same(t, m, s, cookie)
	expect(t, got, session.Known, "")
	if got.State != session.Known {
		t.FailNow()
	}
	if p := got.Principal; p.User["email"] != "carol@example.com" || p.Backend != "devise" || fmt.Sprintf("%s", p.Session["cart"]) != "[1,2]" {
		t.Errorf("%+v", p)
	}
	expect(t, same(t, m, s, m.seal(0, object{"cart": nil, "note": "x"})), session.Anonymous, session.NoUser)

	m.do("change", object{"id": carol, "set": object{"email": "new@example.com"}})
	expect(t, same(t, m, s, cookie), session.Known, "")
	m.do("change", object{"id": carol, "set": object{"password": "another password"}})
	expect(t, same(t, m, s, cookie), session.Anonymous, session.OtherHash)

	cookie = m.seal(dave, object{})
	expect(t, same(t, m, s, cookie), session.Known, "")
	m.do("change", object{"id": dave, "delete": true})
	expect(t, same(t, m, s, cookie), session.Anonymous, session.UserGone)

	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	expect(t, s.Open(canceled, cookie), session.Unavailable, session.TimedOut)
}

func TestCookieStore(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]object{
		"6.1":              {},
		"7.0's hash":       {"hash": "SHA256"},
		"hybrid":           {"serializer": "hybrid"},
		"cbc":              {"gcm": false},
		"cbc, 7.0's hash":  {"gcm": false, "hash": "SHA256"},
		"without metadata": {"metadata": false},
		"with an expiry":   {"expire_after": 3600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startRails(t, settings)
			life(t, m, rails.CookieStore{})
			s := reader(t, rails.Config{}, rails.CookieStore{}, m.users(rails.UserTable{}), time.Now)
			cookie := m.seal(1, object{})
			other := reader(t, rails.Config{Secrets: []string{"another"}}, rails.CookieStore{}, m.users(rails.UserTable{}), time.Now)
			expect(t, resolve(other, cookieHeader(cookie)), session.Anonymous, session.BadSignature)
			rotated := reader(t, rails.Config{Secrets: []string{"another", secret}}, rails.CookieStore{}, m.users(rails.UserTable{}), time.Now)
			expect(t, resolve(rotated, cookieHeader(cookie)), session.Known, "")
			if settings["expire_after"] == nil {
				return
			}
			got := same(t, m, s, cookie)
			if left := time.Until(got.Principal.Expires); left < 59*time.Minute || left > time.Hour {
				t.Errorf("ends in %s; it was given an hour", left)
			}
			late := reader(t, rails.Config{}, rails.CookieStore{}, m.users(rails.UserTable{}), func() time.Time { return time.Now().Add(time.Hour) })
			expect(t, resolve(late, cookieHeader(cookie)), session.Anonymous, session.Expired)
		})
	}
}

func TestMarshalIsLeftToRuby(t *testing.T) {
	t.Parallel()
	m := startRails(t, object{"serializer": "marshal"})
	s := reader(t, rails.Config{}, rails.CookieStore{}, m.users(rails.UserTable{}), time.Now)
	got := resolve(s, cookieHeader(m.seal(1, object{})))
	expect(t, got, session.Unavailable, session.Unsupported)
	if !strings.Contains(got.Err.Error(), "introspect") {
		t.Errorf("no way out: %v", got.Err)
	}
}

func TestTimeoutable(t *testing.T) {
	t.Parallel()
	m := startRails(t, object{"timeout_in": 600})
	at := func(ago time.Duration) string {
		return m.seal(1, object{"warden.user.user.session": object{"last_request_at": time.Now().Add(-ago).Unix()}})
	}
	s := reader(t, rails.Config{Timeout: 10 * time.Minute}, rails.CookieStore{}, m.users(rails.UserTable{}), time.Now)
	got := same(t, m, s, at(9*time.Minute))
	expect(t, got, session.Known, "")
	if left := time.Until(got.Principal.Expires); left > time.Minute || left < 50*time.Second {
		t.Errorf("ends in %s", left)
	}
	expect(t, same(t, m, s, at(11*time.Minute)), session.Anonymous, session.Expired)
	expect(t, same(t, m, s, m.seal(1, object{})), session.Known, "")
}

func TestColumnsThatLock(t *testing.T) {
	t.Parallel()
	m := startRails(t, nil)
	cookie := cookieHeader(m.seal(1, object{}))
	active := reader(t, rails.Config{}, rails.CookieStore{}, m.users(rails.UserTable{Active: "admin", Null: []string{"locked_at"}, Columns: []string{"email"}}), time.Now)
	expect(t, resolve(active, cookie), session.Anonymous, session.UserInactive)
	m.do("change", object{"id": 1, "set": object{"admin": true}})
	got := resolve(active, cookie)
	expect(t, got, session.Known, "")
	if got.State == session.Known && got.Principal.User["email"] != "alice@example.com" {
		t.Errorf("%v", got.Principal.User)
	}
	set := reader(t, rails.Config{}, rails.CookieStore{}, m.users(rails.UserTable{Set: []string{"locked_at"}}), time.Now)
	expect(t, resolve(set, cookie), session.Unavailable, session.Refused)
	m.do("change", object{"id": 1, "set": object{"locked_at": "2026-01-01 00:00:00"}})
	expect(t, resolve(active, cookie), session.Unavailable, session.Refused)
	expect(t, resolve(set, cookie), session.Known, "")
	m.do("change", object{"id": 2, "set": object{"encrypted_password": nil}})
	expect(t, resolve(set, cookieHeader(m.seal(2, object{}))), session.Unavailable, session.Refused)
	plain := reader(t, rails.Config{}, rails.CookieStore{}, m.users(rails.UserTable{}), time.Now)
	expect(t, same(t, m, plain, m.seal(2, object{})), session.Known, "")
	wrong := reader(t, rails.Config{}, rails.CookieStore{}, m.users(rails.UserTable{Table: "accounts"}), time.Now)
	expect(t, resolve(wrong, cookie), session.Unavailable, session.StoreFailed)
}

func TestRedis(t *testing.T) {
	t.Parallel()
	server := testbed.StartRedis(t)
	client, err := rediskv.Open("redis://" + server.Address + "/0")
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	t.Run("json", func(t *testing.T) {
		t.Parallel()
		m := startRails(t, object{"redis": "redis://" + server.Address + "/0/json", "expire_after": 3600})
		store := rails.Redis{Redis: client, Prefix: "json:"}
		life(t, m, store)
		s := reader(t, rails.Config{}, store, m.users(rails.UserTable{}), time.Now)
		if left := time.Until(resolve(s, cookieHeader(m.seal(1, object{}))).Principal.Expires); left < 59*time.Minute || left > time.Hour {
			t.Errorf("ends in %s; it was given an hour", left)
		}
		expect(t, same(t, m, s, strings.Repeat("a", 32)), session.Anonymous, session.NoSession)
		expect(t, same(t, m, s, strings.Repeat("a", 300)), session.Anonymous, session.BadCookie)
	})
	t.Run("a key of the store", func(t *testing.T) {
		t.Parallel()
		m := startRails(t, object{"redis": "redis://" + server.Address + "/0/keys"})
		s := reader(t, rails.Config{}, rails.Redis{Redis: client, Prefix: "keys:"}, m.users(rails.UserTable{}), time.Now)
		m.seal(1, object{})
		key := redisKey(t, server.Address, "keys:2::*")
		// redis-rack looks for the cookie itself too, and signs its reader in.
		cookie := strings.TrimPrefix(key, "keys:")
		t.Logf("Rails sees %v", m.do("who", object{"header": cookieHeader(cookie).Get("Cookie")}))
		expect(t, resolve(s, cookieHeader(cookie)), session.Anonymous, session.BadCookie)
	})
	t.Run("marshal", func(t *testing.T) {
		t.Parallel()
		m := startRails(t, object{"redis": "redis://" + server.Address + "/0/marshal", "redis_marshal": true})
		s := reader(t, rails.Config{}, rails.Redis{Redis: client, Prefix: "marshal:"}, m.users(rails.UserTable{}), time.Now)
		expect(t, resolve(s, cookieHeader(m.seal(1, object{}))), session.Unavailable, session.Unsupported)
	})
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		own := testbed.StartRedis(t)
		client, err := rediskv.Open("redis://" + own.Address + "/0")
		must(t, err)
		t.Cleanup(func() { must(t, client.Close()) })
		s := reader(t, rails.Config{Path: []string{"user_id"}}, rails.Redis{Redis: client}, nil, time.Now)
		own.Kill()
		got := resolve(s, cookieHeader("0123456789abcdef"))
		expect(t, got, session.Unavailable, session.StoreFailed)
		if strings.Contains(got.Err.Error(), "0123456789") {
			t.Errorf("the cookie is in the error: %v", got.Err)
		}
	})
}

func TestRecords(t *testing.T) {
	t.Parallel()
	m := startRails(t, nil)
	db, dialect := m.open()
	store, err := rails.NewRecords(db, dialect, sqldb.Table{})
	must(t, err)
	s := reader(t, rails.Config{CookieName: "session_id"}, store, nil, time.Now)
	id := m.do("record", object{"user": 2})["id"]
	cookie := m.do("sign", object{"name": "session_id", "value": id})["cookie"].(string)
	got := s.Open(context.Background(), cookie)
	expect(t, got, session.Known, "")
	if got.State == session.Known && (got.Principal.Subject != "2" || time.Until(got.Principal.Expires) < 19*365*24*time.Hour) {
		t.Errorf("%+v", got.Principal)
	}
	if key, ok := s.Watch().Key(cookie); !ok || key != sqldb.Told(fmt.Sprint(id)) {
		t.Errorf("the trigger tells of the row %v as %s, %v", id, key, ok)
	}
	if key, ok := s.Watch().Key(cookie[:len(cookie)-1]); ok {
		t.Errorf("a bad signature is told as %s", key)
	}
	none := m.do("sign", object{"name": "session_id", "value": 99})["cookie"].(string)
	expect(t, s.Open(context.Background(), none), session.Anonymous, session.NoSession)
	// A cookie of another name, signed by the same monolith, is none of a session.
	discount := m.do("sign", object{"name": "discount", "value": id})["cookie"].(string)
	expect(t, s.Open(context.Background(), discount), session.Anonymous, session.BadCookie)
	expect(t, s.Open(context.Background(), cookie[:len(cookie)-1]), session.Anonymous, session.BadSignature)
}

// redisKey answers the one key of a pattern.
func redisKey(t *testing.T, address, pattern string) string {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address})
	defer func() { must(t, client.Close()) }()
	keys, err := client.Keys(context.Background(), pattern).Result()
	must(t, err)
	if len(keys) != 1 {
		t.Fatalf("%s: %q", pattern, keys)
	}
	return keys[0]
}
