package rediskv_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/eventstest"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

func follow(t *testing.T, url, prefix string) eventstest.Follower {
	t.Helper()
	client, err := rediskv.Open(url)
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	return eventstest.Follow(t, client.Events(prefix))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRedisTellsOfTheKeysWithThePrefix(t *testing.T) {
	t.Parallel()
	server := testbed.StartRedis(t, "--notify-keyspace-events", "KA")
	ctx := t.Context()
	writer := redis.NewClient(&redis.Options{Addr: server.Address, DB: 2})
	defer writer.Close()
	const prefix = `a*[b]?\:`
	must(t, writer.Set(ctx, prefix+"late", "x", 0).Err())
	f := follow(t, "redis://"+server.Address+"/2", prefix)
	if doubt := eventstest.Within(t, f.On); doubt != nil {
		t.Error(doubt)
	}
	elsewhere := redis.NewClient(&redis.Options{Addr: server.Address})
	defer elsewhere.Close()
	must(t, elsewhere.Set(ctx, prefix+"other database", "x", 0).Err())
	must(t, writer.Set(ctx, "axb:other prefix", "x", 0).Err())
	steps := []func() error{
		func() error { return writer.Set(ctx, prefix+"1", "x", time.Hour).Err() }, // and expire, which is not told
		func() error { return writer.Expire(ctx, prefix+"1", time.Minute).Err() },
		func() error { return writer.Del(ctx, prefix+"1").Err() },
		func() error { return writer.Unlink(ctx, prefix+"late").Err() },
		func() error { return writer.Set(ctx, prefix+"2", "x", 20*time.Millisecond).Err() },
	}
	for _, step := range steps {
		must(t, step())
	}
	for _, want := range []string{"1", "1", "late", "2", "2"} {
		if got := eventstest.Within(t, f.Changed); got != prefix+want {
			t.Errorf("%q; want %q", got, prefix+want)
		}
	}
	server.Kill()
	if err := eventstest.Within(t, f.End); err == nil || errors.Is(err, session.ErrSilent) {
		t.Errorf("%v", err)
	}
}

func TestARedisThatDoesNotTellIsSilent(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":     "CONFIG SET notify-keyspace-events 'Kg$xe'",
		"Exe":  "'xeEKg$'",
		"EA":   "'AEK'",
		"Kg$x": "'g$xKe'",
	} {
		server := testbed.StartRedis(t, "--notify-keyspace-events", value)
		f := follow(t, "redis://"+server.Address, "sess:")
		err := eventstest.Within(t, f.End)
		if !errors.Is(err, session.ErrSilent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", value, err, want)
			continue
		}
		// What it says helps.
		client := redis.NewClient(&redis.Options{Addr: server.Address})
		_, command, _ := strings.Cut(err.Error(), "CONFIG SET notify-keyspace-events '")
		must(t, client.ConfigSet(t.Context(), "notify-keyspace-events", strings.TrimSuffix(command, "'")).Err())
		must(t, client.Close())
		if doubt := eventstest.Within(t, follow(t, "redis://"+server.Address, "sess:").On); doubt != nil {
			t.Errorf("%q: %v", value, doubt)
		}
	}
}

func TestAUserWhoMayNotReadTheSettingIsInDoubt(t *testing.T) {
	t.Parallel()
	server := testbed.StartRedis(t)
	client := redis.NewClient(&redis.Options{Addr: server.Address})
	defer client.Close()
	must(t, client.Do(t.Context(), "acl", "setuser", "reader", "on", ">pw", "~sess:*", "&__keyspace@*", "+@read", "+psubscribe", "+ping").Err())
	err := eventstest.Within(t, follow(t, "redis://reader:pw@"+server.Address, "sess:").End)
	if !errors.Is(err, session.ErrSilent) || !strings.Contains(err.Error(), "&__keyspace@0__:sess:*: NOPERM") {
		t.Errorf("%v", err)
	}
	must(t, client.Do(t.Context(), "acl", "setuser", "reader", "resetchannels", "&__keyspace@0__:sess:*").Err())
	f := follow(t, "redis://reader:pw@"+server.Address, "sess:")
	if doubt := eventstest.Within(t, f.On); doubt == nil || !strings.Contains(doubt.Error(), "NOPERM") {
		t.Errorf("%v", doubt)
	}
}

func TestARedisThatHangsIsNotBelieved(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	server := testbed.StartRedis(t, "--notify-keyspace-events", "KA")
	f := follow(t, "redis://"+server.Address, "sess:")
	if doubt := eventstest.Within(t, f.On); doubt != nil {
		t.Fatal(doubt)
	}
	server.Freeze()
	defer server.Thaw()
	select {
	case err := <-f.End:
		t.Log(err)
	case <-time.After(30 * time.Second):
		t.Error("still followed")
	}
}
