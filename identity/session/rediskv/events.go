package rediskv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/identity/session"
)

const (
	// setting is what makes Redis tell of changes.
	setting = "notify-keyspace-events"
	// classes are what it must have: events by key, of all types, of strings, of keys
	// that expired and that made room (redis.io/docs/latest/develop/pubsub/keyspace-notifications).
	classes = "Kg$xe"
	// allClasses is Redis' short form of every class but the kind of channel.
	allClasses = "A"

	// quietFor is how long nothing may come before the connection is tried, and how
	// long it then has.
	quietFor = 10 * time.Second
	answerIn = 2 * time.Second
)

// Events tells which keys with a prefix changed or ended: Redis' keyspace
// notifications of the client's database. Redis picks by the prefix, so keys of
// other uses cost nothing here. FLUSHDB is not told (Redis has no event for it).
//
// Nothing is ever set: a Redis whose notify-keyspace-events does not tell is
// [session.ErrSilent], with the command that changes it.
func (c *Client) Events(prefix string) session.Events { return events{c.redis, prefix} }

type events struct {
	redis  *redis.Client
	prefix string
}

// Follow implements session.Events.
func (e events) Follow(ctx context.Context, on func(doubt error), changed func(key string)) error {
	space := fmt.Sprintf("__keyspace@%d__:", e.redis.Options().DB)
	pubsub := e.redis.Subscribe(ctx)
	stop := context.AfterFunc(ctx, func() { _ = pubsub.Close() }) // a blocked read does not see ctx
	defer func() {
		stop()
		_ = pubsub.Close()
	}()
	if err := e.subscribe(ctx, pubsub, space); err != nil {
		return err
	}
	doubt, err := e.enabled(ctx)
	if err != nil {
		return err
	}
	on(doubt)
	for tried := false; ; {
		message, err := pubsub.ReceiveTimeout(ctx, quietFor)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			tried = false
			// The end of a key moves with each use of a session, which changes nothing.
			if m, ok := message.(*redis.Message); ok && m.Payload != "expire" {
				changed(strings.TrimPrefix(m.Channel, space))
			}
		case tried || !timedOut(err):
			return fmt.Errorf("redis: %w", err)
		default:
			tried = true
			if err := e.try(ctx, pubsub); err != nil {
				return err
			}
		}
	}
}

// subscribe asks for the events, and waits until Redis says that they come.
func (e events) subscribe(ctx context.Context, pubsub *redis.PubSub, space string) error {
	pattern := space + glob.Replace(e.prefix) + "*"
	if err := pubsub.PSubscribe(ctx, pattern); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	_, err := pubsub.ReceiveTimeout(ctx, answerIn)
	if refused, ok := errors.AsType[redis.Error](err); ok {
		return fmt.Errorf("%w: redis refuses to psubscribe; it needs +psubscribe and exactly the channels &%s: %w", session.ErrSilent, pattern, refused)
	}
	if err != nil {
		return fmt.Errorf("redis: psubscribe: %w", err)
	}
	return nil
}

// glob takes their meaning from the characters that have one in patterns.
var glob = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// try asks whether the connection and the setting are still there.
func (e events) try(ctx context.Context, pubsub *redis.PubSub) error {
	if _, err := e.enabled(ctx); err != nil {
		return err
	}
	if err := pubsub.Ping(ctx); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// enabled reads whether Redis tells of changes; the doubt is that it may not be read.
func (e events) enabled(ctx context.Context) (doubt, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	found, err := e.redis.ConfigGet(ctx, setting).Result()
	if refused, ok := errors.AsType[redis.Error](err); ok {
		return fmt.Errorf("whether redis has %s is not known, as it may not be asked: %w", setting, refused), nil
	}
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	value, known := found[setting]
	if !known {
		return fmt.Errorf("whether redis has %s is not known: it does not say", setting), nil
	}
	if need := missing(value); need != "" {
		return nil, fmt.Errorf("%w: redis has %s %q; to change that: CONFIG SET %s '%s'", session.ErrSilent, setting, value, setting, value+need)
	}
	return nil, nil
}

// missing are the classes that a value of the setting does not have.
func missing(value string) string {
	var need []byte
	for _, class := range []byte(classes) {
		all := class != 'K' && strings.Contains(value, allClasses)
		if !all && strings.IndexByte(value, class) < 0 {
			need = append(need, class)
		}
	}
	return string(need)
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
