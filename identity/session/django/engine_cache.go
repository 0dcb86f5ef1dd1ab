package django

import (
	"context"
	"errors"
	"fmt"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
)

// The keys that the engines have in the cache (their KEY_PREFIX).
const (
	cachePrefix    = "django.contrib.sessions.cache"
	cachedDBPrefix = "django.contrib.sessions.cached_db"
)

// CacheConfig is one of the monolith's CACHES, on Redis: Django's own RedisCache
// (4.0 and later) or django-redis. Zero values are the defaults of both.
type CacheConfig struct {
	// KeyPrefix and Version are KEY_PREFIX and VERSION; empty, and 1. A
	// KEY_FUNCTION of its own is not supported.
	KeyPrefix string
	Version   int
	// JSON says that django-redis has its JSONSerializer; else it pickles.
	JSON bool
	// Compressor is django-redis' COMPRESSOR; none.
	Compressor Compressor
}

// Cache is django.contrib.sessions.backends.cache.
type Cache struct {
	redis  *rediskv.Client
	config CacheConfig
}

// NewCache makes the engine.
func NewCache(redis *rediskv.Client, config CacheConfig) *Cache {
	if config.Version == 0 {
		config.Version = 1
	}
	return &Cache{redis, config}
}

func (c *Cache) load(ctx context.Context, s *Sessions, cookie string) (record, error) {
	return c.get(ctx, s, cachePrefix, cookie)
}

func (c *Cache) get(ctx context.Context, s *Sessions, prefix, cookie string) (record, error) {
	if !sessionID(cookie) {
		return record{}, nobody(session.BadCookie)
	}
	value, ok, err := c.redis.Get(ctx, c.key(prefix)+cookie)
	switch {
	case err != nil:
		return record{}, fmt.Errorf("reading the session: %w", err)
	case !ok:
		return record{}, nobody(session.NoSession)
	}
	session.Step(ctx, "the cache has the session")
	data, err := c.config.Compressor.open(value.Data)
	if err != nil {
		return record{}, unknown(session.Undecodable, err)
	}
	found := record{}
	if value.TTL > 0 {
		found.expires = s.now().Add(value.TTL)
	}
	serializer := Pickle
	if c.config.JSON {
		serializer = JSON
	}
	found.data, err = serializer.decode(data)
	return found, err
}

// key is what stands before an ID in Redis (django/core/cache/backends/base.py:
// default_key_func).
func (c *Cache) key(prefix string) string {
	return fmt.Sprintf("%s:%d:%s", c.config.KeyPrefix, c.config.Version, prefix)
}

// Watch tells of the sessions that the cache changes or ends.
func (c *Cache) Watch() session.Watch { return c.watch(cachePrefix) }

func (c *Cache) watch(prefix string) session.Watch {
	prefix = c.key(prefix)
	return session.Watch{Events: c.redis.Events(prefix), Key: func(cookie string) (string, bool) {
		return prefix + cookie, sessionID(cookie)
	}}
}

// CachedDatabase is django.contrib.sessions.backends.cached_db: the cache first,
// and the database when the cache does not have it, is down, or has what cannot
// be read.
type CachedDatabase struct {
	Cache    *Cache
	Database *Database
}

// Watch tells of the sessions that the cache changes or ends; Django does so after
// the database.
func (c CachedDatabase) Watch() session.Watch { return c.Cache.watch(cachedDBPrefix) }

func (c CachedDatabase) load(ctx context.Context, s *Sessions, cookie string) (record, error) {
	found, err := c.Cache.get(ctx, s, cachedDBPrefix, cookie)
	if err == nil || ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return found, err
	}
	found, fromDB := c.Database.load(ctx, s, cookie)
	var no *refusal
	if fromDB == nil || errors.As(fromDB, &no) {
		return found, fromDB
	}
	return record{}, errors.Join(fromDB, err)
}
