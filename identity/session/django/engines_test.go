package django_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/django"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

const (
	backends = "django.contrib.sessions.backends."
	jsonOf   = "django.contrib.sessions.serializers.JSONSerializer"
	pickleOf = "django.contrib.sessions.serializers.PickleSerializer"
)

// life is what every engine goes through: each step is Django's own, and after
// each the reader must see whom Django sees. stateless engines see no logout.
func life(t *testing.T, m *monolith, s *django.Sessions, pickles, stateless bool) {
	t.Helper()
	alice, bob := m.user("alice"), m.user("bob")
	cookie := m.login(alice, object{"rich": true, "pickle": pickles})
	got := same(t, m, s, cookie)
	expect(t, got, session.Known, "")
	if got.State != session.Known {
		t.FailNow()
	}
	if p := got.Principal; p.User["username"] != "alice" || p.Backend != "django.contrib.auth.backends.ModelBackend" {
		t.Errorf("%+v", p)
	}
	if left := time.Until(got.Principal.Expires); left < 13*24*time.Hour || left > 14*24*time.Hour+time.Minute {
		t.Errorf("ends in %s; Django's own age is two weeks", left)
	}
	expect(t, same(t, m, s, m.do("session", object{"rich": true})["cookie"].(string)), session.Anonymous, session.NoUser)
	unknownID := strings.Repeat("z", 32)
	if stateless {
		expect(t, same(t, m, s, cookie[:len(cookie)-1]+"x"), session.Anonymous, session.BadSignature)
	} else {
		expect(t, same(t, m, s, unknownID), session.Anonymous, session.NoSession)
		expect(t, same(t, m, s, "short"), session.Anonymous, session.BadCookie)
		other := m.login(alice, nil)
		m.do("logout", object{"cookie": other})
		expect(t, same(t, m, s, other), session.Anonymous, session.NoSession)
	}
	expect(t, same(t, m, s, m.login(alice, object{"values": object{"_auth_user_backend": "some.other.Backend"}})), session.Anonymous, session.OtherBackend)
	expect(t, same(t, m, s, m.login(alice, object{"values": object{"_auth_user_hash": ""}})), session.Anonymous, session.OtherHash)

	m.do("change", object{"id": alice, "is_active": false})
	expect(t, same(t, m, s, cookie), session.Anonymous, session.UserInactive)
	m.do("change", object{"id": alice, "is_active": true})
	expect(t, same(t, m, s, cookie), session.Known, "")

	// Django flushes a session that it refuses, so it is asked last.
	bobs := m.login(bob, nil)
	m.do("change", object{"id": bob, "password": "new"})
	expect(t, s.Resolve(context.Background(), cookieHeader(bobs)), session.Anonymous, session.OtherHash)
	same(t, m, s, bobs)
	m.do("change", object{"id": alice, "delete": true})
	expect(t, same(t, m, s, cookie), session.Anonymous, session.UserGone)

	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	expect(t, s.Resolve(canceled, cookieHeader(cookie)), session.Unavailable, session.TimedOut)
}

func TestSignedCookies(t *testing.T) {
	t.Parallel()
	for name, pickles := range map[string]bool{"json": false, "pickle": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serializer, config := jsonOf, django.Config{}
			if pickles {
				serializer, config.Serializer = pickleOf, django.Pickle
			}
			m := startDjango(t, object{"SESSION_ENGINE": backends + "signed_cookies", "SESSION_SERIALIZER": serializer})
			db, dialect := m.database()
			life(t, m, reader(t, config, django.SignedCookies{}, users(t, db, dialect), time.Now), pickles, true)
		})
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]object{
		"json": {"SESSION_SERIALIZER": jsonOf}, "pickle": {"SESSION_SERIALIZER": pickleOf},
		"legacy json":   {"SESSION_SERIALIZER": jsonOf, "DEFAULT_HASHING_ALGORITHM": "sha1"},
		"legacy pickle": {"SESSION_SERIALIZER": pickleOf, "DEFAULT_HASHING_ALGORITHM": "sha1"},
		"local time":    {"SESSION_SERIALIZER": jsonOf, "USE_TZ": false, "TIME_ZONE": "Pacific/Auckland"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startDjango(t, settings)
			db, dialect := m.database()
			pickles := strings.Contains(name, "pickle")
			config := django.Config{SHA1: strings.Contains(name, "legacy")}
			if pickles {
				config.Serializer = django.Pickle
			}
			if zone := settings["TIME_ZONE"]; zone != nil {
				var err error
				config.Zone, err = time.LoadLocation(zone.(string))
				must(t, err)
			}
			life(t, m, reader(t, config, dbEngine(t, db, dialect), users(t, db, dialect), time.Now), pickles, false)
		})
	}
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	postgres := testbed.StartPostgres(t)
	host, port, _ := strings.Cut(postgres.Address, ":")
	m := startDjango(t, object{"DATABASES": object{"default": object{
		"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": host, "PORT": port,
	}}})
	db, dialect := open(t, "postgres://postgres@"+postgres.Address+"/postgres")
	s := reader(t, django.Config{}, dbEngine(t, db, dialect), users(t, db, dialect), time.Now)
	life(t, m, s, false, false)

	cookie := cookieHeader(m.login(m.user("carol"), nil))
	expect(t, s.Resolve(context.Background(), cookie), session.Known, "")
	// The server of a connection that is open is another process, which goes on.
	db, dialect = open(t, "postgres://postgres@"+postgres.Address+"/postgres")
	s = reader(t, django.Config{}, dbEngine(t, db, dialect), users(t, db, dialect), time.Now)
	postgres.Freeze()
	timesOut(t, s, cookie)
	postgres.Thaw()
	testbed.WaitFor(t, "PostgreSQL to be asked again", func() bool {
		return s.Resolve(context.Background(), cookie).State == session.Known
	})
	postgres.Kill()
	testbed.WaitFor(t, "PostgreSQL to be gone", func() bool {
		return s.Resolve(context.Background(), cookie).Reason == session.StoreFailed
	})
}

// timesOut fails the test unless a store that hangs is unavailable in time.
func timesOut(t *testing.T, s *django.Sessions, header http.Header) {
	t.Helper()
	short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	expect(t, s.Resolve(short, header), session.Unavailable, session.TimedOut)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the deadline of 100 ms was kept after %s", took)
	}
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	mariadb := testbed.StartMariaDB(t)
	host, port, _ := strings.Cut(mariadb.Address, ":")
	m := startDjango(t, object{"DATABASES": object{"default": object{
		"ENGINE": "django.db.backends.mysql", "NAME": "test", "USER": "root", "HOST": host, "PORT": port,
		"OPTIONS": object{"charset": "utf8mb4"},
	}}})
	db, dialect := open(t, "mysql://root@"+mariadb.Address+"/test")
	life(t, m, reader(t, django.Config{}, dbEngine(t, db, dialect), users(t, db, dialect), time.Now), false, false)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	for name, pickles := range map[string]bool{"json": false, "pickle": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			serializer, config := jsonOf, django.Config{}
			if pickles {
				serializer, config.Serializer = pickleOf, django.Pickle
			}
			m := startDjango(t, object{"SESSION_ENGINE": backends + "file", "SESSION_FILE_PATH": dir, "SESSION_SERIALIZER": serializer})
			db, dialect := m.database()
			u := users(t, db, dialect)
			life(t, m, reader(t, config, django.Files{Dir: dir}, u, time.Now), pickles, false)
			gone := reader(t, config, django.Files{Dir: filepath.Join(dir, "none")}, u, time.Now)
			got := gone.Resolve(context.Background(), cookieHeader(strings.Repeat("z", 32)))
			expect(t, got, session.Unavailable, session.StoreFailed)
			if strings.Contains(got.Err.Error(), "zzz") {
				t.Errorf("the cookie is in the error: %v", got.Err)
			}
			if !pickles {
				return
			}
			// A time of its own is a datetime, which only pickle can hold in 3.2.
			carol := m.user("carol")
			own := m.login(carol, object{"expiry": object{"delta": 3600}})
			late := reader(t, config, django.Files{Dir: dir}, u, func() time.Time { return time.Now().Add(2 * time.Hour) })
			expect(t, same(t, m, reader(t, config, django.Files{Dir: dir}, u, time.Now), own), session.Known, "")
			expect(t, late.Resolve(context.Background(), cookieHeader(own)), session.Anonymous, session.Expired)
			number := m.login(carol, object{"expiry": object{"seconds": 60}})
			expect(t, late.Resolve(context.Background(), cookieHeader(number)), session.Known, "")
		})
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	redis := testbed.StartRedis(t)
	client, err := rediskv.Open("redis://" + redis.Address + "/0")
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	const module = "django_redis."
	for name, test := range map[string]struct {
		options object
		config  django.CacheConfig
	}{
		"pickle":   {object{}, django.CacheConfig{}},
		"pickle 5": {object{"PICKLE_VERSION": 5}, django.CacheConfig{}},
		"pickle 2": {object{"PICKLE_VERSION": 2}, django.CacheConfig{}},
		"json":     {object{"SERIALIZER": module + "serializers.json.JSONSerializer"}, django.CacheConfig{JSON: true}},
		"zlib":     {object{"COMPRESSOR": module + "compressors.zlib.ZlibCompressor"}, django.CacheConfig{Compressor: django.Zlib}},
		"lzma":     {object{"COMPRESSOR": module + "compressors.lzma.LzmaCompressor"}, django.CacheConfig{Compressor: django.LZMA}},
		"lz4":      {object{"COMPRESSOR": module + "compressors.lz4.Lz4Compressor"}, django.CacheConfig{Compressor: django.LZ4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := object{"CLIENT_CLASS": "django_redis.client.DefaultClient"}
			for key, value := range test.options {
				options[key] = value
			}
			prefix := strings.ReplaceAll(name, " ", "")
			m := startDjango(t, object{"SESSION_ENGINE": backends + "cache", "CACHES": object{"default": object{
				"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://" + redis.Address + "/0", "OPTIONS": options,
				"KEY_PREFIX": prefix, "VERSION": 3,
			}}})
			db, dialect := m.database()
			test.config.KeyPrefix, test.config.Version = prefix, 3
			s := reader(t, django.Config{}, django.NewCache(client, test.config), users(t, db, dialect), time.Now)
			life(t, m, s, !test.config.JSON, false)
		})
	}
}

func TestCachedDatabase(t *testing.T) {
	t.Parallel()
	redis := testbed.StartRedis(t)
	client, err := rediskv.Open("redis://" + redis.Address + "/0")
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	m := startDjango(t, object{"SESSION_ENGINE": backends + "cached_db", "CACHES": object{"default": object{
		"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://" + redis.Address + "/0",
	}}})
	db, dialect := m.database()
	engine := django.CachedDatabase{Cache: django.NewCache(client, django.CacheConfig{}), Database: dbEngine(t, db, dialect)}
	s := reader(t, django.Config{}, engine, users(t, db, dialect), time.Now)
	life(t, m, s, false, false)

	carol := m.user("carol")
	cookie := m.login(carol, nil)
	m.do("raw", object{"cookie": cookie, "data": "x", "sql": "update django_session set session_data = %s where session_key = %s"})
	expect(t, s.Resolve(context.Background(), cookieHeader(cookie)), session.Known, "") // from the cache
	second := m.login(carol, nil)
	redis.Freeze()
	timesOut(t, s, cookieHeader(second))
	redis.Thaw()
	redis.Kill()
	expect(t, s.Resolve(context.Background(), cookieHeader(second)), session.Known, "") // from the database
	onlyCache := reader(t, django.Config{}, engine.Cache, users(t, db, dialect), time.Now)
	expect(t, onlyCache.Resolve(context.Background(), cookieHeader(second)), session.Unavailable, session.StoreFailed)
}
