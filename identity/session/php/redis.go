package php

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
)

// DefaultPrefix is what phpredis puts before a session's ID.
const DefaultPrefix = "PHPREDIS_SESSION:"

// Redis reads what phpredis keeps: session.save_handler = redis. Its lock
// (redis.session.locking_enabled) is another key and stops no read. Several
// servers in one save_path, and clusters, are not supported.
type Redis struct {
	redis  *rediskv.Client
	prefix string
}

// NewRedis makes the store. prefix is that of session.save_path; DefaultPrefix
// when it is empty.
func NewRedis(redis *rediskv.Client, prefix string) *Redis {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	return &Redis{redis, prefix}
}

// discarded are the characters of an ID for which PHP makes a new one
// (ext/session/session.c, php_session_start). phpredis takes all others.
const discarded = "\r\n\t <>'\"\\"

func (r *Redis) watch() session.Watch {
	return session.Watch{Events: r.redis.Events(r.prefix), Key: func(id string) (string, bool) {
		return r.prefix + id, !strings.ContainsAny(id, discarded)
	}}
}

func (r *Redis) load(ctx context.Context, now time.Time, id string) (record, error) {
	if strings.ContainsAny(id, discarded) {
		return record{}, nobody(session.BadCookie)
	}
	value, ok, err := r.redis.Get(ctx, r.prefix+id)
	switch {
	case err != nil:
		return record{}, fmt.Errorf("reading the session: %w", err)
	case !ok:
		return record{}, nobody(session.NoSession)
	}
	found := record{text: string(value.Data)}
	if value.TTL > 0 {
		found.expires = now.Add(value.TTL)
	}
	return found, nil
}
