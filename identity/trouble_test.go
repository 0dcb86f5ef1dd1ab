package identity_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
)

func TestAKeyThatIsNotTheMonolithsIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &reader{users: map[string]string{}}
		resolver := newResolver(t, r, func(o *identity.ResolverOptions) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		come := func(kind string, count int) {
			for i := range count {
				value := fmt.Sprint(kind, i, time.Now())
				r.set(func() { r.users[value] = kind })
				ask(t, resolver, value)
			}
		}
		told := func() int { return strings.Count(log.String(), "signed with none of the configured keys") }
		come("forged", 9)
		come("7", 30)
		come("forged", 15)
		if resolver.Status().Forged || told() != 0 {
			t.Error("some forged cookies among more good ones were taken for a wrong key")
		}
		<-time.After(time.Minute)
		come("forged", 200)
		if !resolver.Status().Forged || told() != 1 {
			t.Errorf("forged %v, told %d times: %s", resolver.Status().Forged, told(), &log)
		}
		<-time.After(time.Minute)
		come("7", 20)
		if !resolver.Status().Forged {
			t.Error("forgotten in the very next minute")
		}
		<-time.After(time.Minute)
		come("7", 20)
		if resolver.Status().Forged || told() != 1 {
			t.Errorf("not over; told %d times", told())
		}
	})
}

// Whoever can break their own session would else stop the lookups of all.
func TestASessionThatFailsByItselfDoesNotRestTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{users: map[string]string{"a": "7"}, fails: session.OwnError("too large")}
		resolver := newResolver(t, r)
		for i := range 20 {
			expectPerson(t, ask(t, resolver, fmt.Sprint("large", i)), "", session.StoreFailed)
		}
		status := resolver.Status()
		if status.Store != "ok" || status.Unread == nil || status.Unread.Error != "too large" {
			t.Errorf("%+v", status)
		}
		r.set(func() { r.fails = nil })
		expectPerson(t, ask(t, resolver, "a"), "7", "")
	})
}

func TestAStoreThatHangsIsToldWithHowLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &reader{users: map[string]string{"a": "7"}, hangs: make(chan struct{})}
		resolver := newResolver(t, r, func(o *identity.ResolverOptions) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		expectPerson(t, ask(t, resolver, "a"), "", session.TimedOut)
		synctest.Wait()
		const want = "no answer within 250ms"
		if status := resolver.Status(); status.Error != want || !strings.Contains(log.String(), want) {
			t.Errorf("%+v\n%s", status, &log)
		}
		close(r.hangs)
	})
}
