package engine

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/store/sqlite"
)

// outage is a store that does not answer while down is set.
type outage struct {
	*sqlite.Store
	down atomic.Bool
}

var errDown = errors.New("the store is down")

func (o *outage) Load(ctx context.Context) (rollout.Saved, error) {
	if o.down.Load() {
		return rollout.Saved{}, errDown
	}
	return o.Store.Load(ctx)
}

func (o *outage) Apply(ctx context.Context, c rollout.Change) (rollout.Change, error) {
	if o.down.Load() {
		return c, errDown
	}
	return o.Store.Apply(ctx, c)
}

func (o *outage) Salts(ctx context.Context, cohorts []string, fresh func() string) (map[string]string, error) {
	if o.down.Load() {
		return nil, errDown
	}
	return o.Store.Salts(ctx, cohorts, fresh)
}

func (o *outage) Secret(ctx context.Context, name string, fresh func() []byte) ([]byte, error) {
	if o.down.Load() {
		return nil, errDown
	}
	return o.Store.Secret(ctx, name, fresh)
}

// withOutage puts the bed on a store that can be down.
func withOutage(t *testing.T, o *outage) option {
	t.Helper()
	return func(_ *bed, options *Options) {
		var err error
		o.Store, err = sqlite.Open(t.TempDir() + "/outage.db")
		must(t, err)
		t.Cleanup(func() { must(t, o.Close()) })
		ledger, err := rollout.Open(context.Background(), rollout.Options{
			Store: o, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Wait: 100 * time.Millisecond,
		})
		must(t, err)
		t.Cleanup(func() { _ = ledger.Close(context.Background()) })
		options.Ledger, options.Secrets = ledger, o
	}
}

func TestStoreThatIsDownAtStartMeansTheMonolithUntilItIsBack(t *testing.T) {
	t.Parallel()
	store := &outage{}
	store.down.Store(true)
	b := newBed(t, mixed, withOutage(t, store))
	b.results = make(chan Result, 1)
	ask := func(path string) Result {
		_, _ = b.do(http.MethodGet, path, nil)
		return <-b.results
	}
	equal(t, "reason", ask("/full/1").Decision.Reason, routes.ReasonNoState)
	equal(t, "no route", ask("/nowhere").Decision.Reason, routes.ReasonNoRoute)
	status := b.Status().Store
	if status.Known || status.Visitors || status.Salts != 5 || status.Error == "" {
		t.Errorf("store %+v", status)
	}
	_, err := b.Hold(context.Background(), "full", time.Time{}, act)
	must(t, err)
	equal(t, "a hold while it is down", ask("/full/1").Decision.Reason, routes.ReasonHold)
	equal(t, "unsaved", b.Status().Store.Unsaved, 1)
	store.down.Store(false)
	eventually(t, "all is known", func() bool {
		s := b.Status().Store
		return s.Known && s.Visitors && s.Salts == 0 && s.Unsaved == 0
	})
	equal(t, "the hold when it is back", ask("/full/1").Decision.Reason, routes.ReasonHold)
	equal(t, "json", ask("/off").Decision.Reason, routes.ReasonOff)
}

func TestStoreThatGoesDownLaterChangesNothingForRequests(t *testing.T) {
	t.Parallel()
	store := &outage{}
	b := newBed(t, mixed, withOutage(t, store))
	b.set("faq", "100")
	store.down.Store(true)
	equal(t, "served by", b.servedBy("/faq/1", nil), "service")
	// A table that needs no new salt comes into force as ever.
	b.write(mixed + "  - { name: more, match: /more, owner: o }\n")
	must(t, b.Reload())
	equal(t, "served by", b.servedBy("/faq/1", nil), "service")
	_, err := b.Hold(context.Background(), "faq", time.Time{}, act)
	must(t, err)
	equal(t, "held", b.servedBy("/faq/1", nil), "monolith")
	// Only the new route waits for the store.
	b.write(mixed + "  - { name: more, match: /more, service: faq, percent: 100, owner: o, fallback: [connect] }\n")
	must(t, b.Reload())
	equal(t, "the new one", b.servedBy("/more", nil), "monolith")
	equal(t, "another", b.servedBy("/full/1", nil), "service")
	store.down.Store(false)
	eventually(t, "the new one has its salt", func() bool { return b.servedBy("/more", nil) == "service" })
}
