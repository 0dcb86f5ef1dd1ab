// Package rediskv reads single values from Redis, bounded in time and size.
package rediskv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/identity/session"
)

// MaxValue is the largest value that is read, in bytes.
const MaxValue = 1 << 20

var (
	// ErrURL is a Redis URL that cannot be used.
	ErrURL = errors.New("redis URL: write redis://user:password@host:6379/0, rediss:// for TLS, or unix:///socket?db=0")
	// ErrTooLarge is a value above MaxValue.
	ErrTooLarge error = session.OwnError("a value of more than 1 MiB")
)

// Client reads from one Redis. Safe for concurrent use.
type Client struct{ redis *redis.Client }

// Open takes a Redis URL; nothing is connected to yet. The error does not hold
// the URL, which may have a password in it.
func Open(address string) (*Client, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, ErrURL
	}
	options.ContextTimeoutEnabled = true // else a caller's deadline means nothing
	options.MaxRetries = -1              // the caller's wait is short, and doubt has an answer
	options.DialerRetries = 1
	redis.SetLogger(quiet{})
	return &Client{redis.NewClient(options)}, nil
}

// quiet is go-redis' logger, for the whole process: it would write to stderr for
// each request of a time without Redis, which the errors say too.
type quiet struct{}

// Printf drops what it is told.
func (quiet) Printf(context.Context, string, ...any) {}

// Close closes the connections.
func (c *Client) Close() error { return c.redis.Close() }

// Value is what is stored under a key.
type Value struct {
	Data []byte
	// TTL is how long it stays; zero when there is no end.
	TTL time.Duration
}

// Get reads a value and how long it stays in one round trip; ok is false when
// the key does not exist. It ends with the context's deadline.
func (c *Client) Get(ctx context.Context, key string) (value Value, ok bool, err error) {
	pipe := c.redis.Pipeline()
	// GETRANGE, because GET would bring a value of any size into memory.
	data, ttl := pipe.GetRange(ctx, key, 0, MaxValue), pipe.PTTL(ctx, key)
	if _, err := pipe.Exec(ctx); err != nil {
		switch {
		case ctx.Err() != nil:
			err = errors.Join(ctx.Err(), err)
		case errors.Is(err, os.ErrDeadlineExceeded): // the connection's deadline, which is the context's
			err = errors.Join(context.DeadlineExceeded, err)
		}
		return Value{}, false, fmt.Errorf("redis: %w", err)
	}
	const noKey, noEnd = -2, -1 // PTTL's answers, which go-redis leaves as they are
	left := ttl.Val()
	switch left {
	case noKey:
		return Value{}, false, nil
	case noEnd:
		left = 0
	default:
		left = max(left, time.Millisecond) // 0 is less than one, which is not without end
	}
	if len(data.Val()) > MaxValue {
		return Value{}, false, fmt.Errorf("redis: %w", ErrTooLarge)
	}
	return Value{Data: []byte(data.Val()), TTL: left}, true, nil
}
