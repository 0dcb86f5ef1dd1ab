package token_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/token"
)

var epoch = time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)

func newRing(tb testing.TB, store token.Store, policy token.Policy) *token.Ring {
	tb.Helper()
	ring, err := token.NewRing(token.Options{Issuer: "https://www.example.com", Policy: policy, Store: store})
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

// get asks a handler; the header lines are name, value, name, value.
func get(handler http.Handler, method string, header ...string) *http.Response {
	request := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Result()
}

func TestKeysArePublishedForCaches(t *testing.T) {
	t.Parallel()
	ring := newRing(t, openStore(t), token.Policy{Every: 24 * time.Hour})
	now := epoch
	clock := func() time.Time { return now }
	handlers := map[string]http.Handler{"keys": ring.Keys(clock), "metadata": ring.Metadata("https://www.example.com/keys", clock)}
	for name, handler := range handlers {
		answer := get(handler, http.MethodGet)
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("ETag") != "" {
			t.Errorf("%s, before there are keys: %s, %v", name, answer.Status, answer.Header)
		}
	}
	if err := ring.Refresh(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	for name, handler := range handlers {
		answer := get(handler, http.MethodGet)
		tag := answer.Header.Get("ETag")
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Cache-Control") != "public, max-age=300" ||
			answer.Header.Get("Content-Type") != "application/json" || len(tag) != 34 {
			t.Errorf("%s: %s, %v", name, answer.Status, answer.Header)
		}
		if again := get(handler, http.MethodGet, "If-None-Match", tag); again.StatusCode != http.StatusNotModified || again.Header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%s, asked again: %s, %v", name, again.Status, again.Header)
		}
		if head := get(handler, http.MethodHead); head.StatusCode != http.StatusOK || head.Header.Get("ETag") != tag {
			t.Errorf("%s, HEAD: %s, %v", name, head.Status, head.Header)
		}
		if post := get(handler, http.MethodPost); post.StatusCode != http.StatusMethodNotAllowed || post.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s, POST: %s, %v", name, post.Status, post.Header)
		}
	}
	tag := get(handlers["keys"], http.MethodGet).Header.Get("ETag")
	now = now.Add(24 * time.Hour)
	if err := ring.Refresh(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	answer := get(handlers["keys"], http.MethodGet, "If-None-Match", tag)
	var set struct{ Keys []map[string]string }
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil || answer.StatusCode != http.StatusOK || len(set.Keys) != 3 {
		t.Fatalf("after rotation: %s, %v, %v", answer.Status, set, err)
	}
	signing, err := ring.Signing(now)
	if err != nil || set.Keys[0]["kid"] != signing.ID() {
		t.Errorf("the first key is not the one that signs (%v)", err)
	}
	for _, key := range set.Keys {
		var names []string
		for name := range key {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != "alg crv kid kty use x y" {
			t.Errorf("members %s", got)
		}
	}
}

func TestMetadataSaysWhereTheKeysAre(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, token.EdDSA)
	answer, err := http.Get(i.url + token.MetadataPath)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var got map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got["issuer"] != i.url || got["jwks_uri"] != i.url+token.KeysPath || !slices.Contains(got["id_token_signing_alg_values_supported"].([]any), "EdDSA") {
		t.Error(got)
	}
}

func TestIssuersAreChecked(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"", "www.example.com", "ftp://x", "https://", "https://x?y=1", "https://x#y", "https://u:p@x", "https://x?", "%"} {
		if _, err := token.NewRing(token.Options{Issuer: issuer}); err == nil {
			t.Errorf("%q is taken", issuer)
		}
	}
}

func ids(ring *token.Ring) string {
	keys := ring.Set().Keys
	found := make([]string, len(keys))
	for i, key := range keys {
		found[i] = key.ID()
	}
	return strings.Join(found, " ")
}

func TestNodesOfAFleetHaveTheSameKeys(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	a, b := newRing(t, store, token.Policy{}), newRing(t, store, token.Policy{})
	for _, ring := range []*token.Ring{a, b} {
		if err := ring.Refresh(t.Context(), epoch); err != nil {
			t.Fatal(err)
		}
	}
	if ids(a) != ids(b) {
		t.Fatalf("%s; %s", ids(a), ids(b))
	}
	before := a.Set().Keys[1].Key
	now := epoch.Add(2 * time.Hour)
	if err := b.Rotate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if err := a.Refresh(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	signing, err := a.Signing(now)
	if err != nil || signing != before {
		t.Errorf("the key in memory was made anew, or another signs (%v)", err)
	}
	if err := a.Revoke(t.Context(), signing.ID(), now); err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(t.Context(), signing.ID(), now); !errors.Is(err, token.ErrNoKey) {
		t.Error(err)
	}
	if err := b.Refresh(t.Context(), now); err != nil || strings.Contains(ids(b), signing.ID()) || ids(a) != ids(b) {
		t.Errorf("the revoked key is there still, or again: %s; %s (%v)", ids(a), ids(b), err)
	}
	if err := b.Rotate(t.Context(), now); !errors.Is(err, token.ErrNotReady) {
		t.Error(err)
	}
}

// faulty is a store that fails, or is always late.
type faulty struct {
	token.Store
	read, swap error
	swaps      int
}

func (f *faulty) KeySet(ctx context.Context, issuer string) (uint64, []byte, error) {
	if f.read != nil {
		return 0, nil, f.read
	}
	return f.Store.KeySet(ctx, issuer)
}

func (f *faulty) SwapKeySet(ctx context.Context, issuer string, version uint64, keys []byte) error {
	f.swaps++
	if f.swap != nil {
		return f.swap
	}
	return f.Store.SwapKeySet(ctx, issuer, version, keys)
}

func TestRingGoesOnWithoutItsStore(t *testing.T) {
	t.Parallel()
	store := &faulty{Store: openStore(t)}
	ring := newRing(t, store, token.Policy{})
	down := errors.New("down")
	store.read = down
	if err := ring.Refresh(t.Context(), epoch); !errors.Is(err, down) {
		t.Error(err)
	}
	if _, err := ring.Signing(epoch); !errors.Is(err, token.ErrNoKey) {
		t.Error("a key that is in no store signs")
	}
	store.read, store.swap = nil, down
	if err := ring.Refresh(t.Context(), epoch); !errors.Is(err, down) || ids(ring) != "" {
		t.Errorf("%v; keys %s", err, ids(ring))
	}
	store.swap = nil
	if err := ring.Refresh(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
	if err := ring.Refresh(t.Context(), epoch.Add(time.Hour)); err != nil || store.swaps != 2 {
		t.Errorf("%d writes, where nothing was due (%v)", store.swaps, err)
	}
	before := ids(ring)
	store.read = down
	if err := ring.Rotate(t.Context(), epoch.Add(2*time.Hour)); !errors.Is(err, down) || ids(ring) != before {
		t.Error(err)
	}
	if _, err := ring.Signing(epoch.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	store.read, store.swap = nil, token.ErrStale
	store.swaps = 0
	if err := ring.Rotate(t.Context(), epoch.Add(2*time.Hour)); !errors.Is(err, token.ErrStale) || store.swaps != 8 {
		t.Errorf("%v after %d writes", err, store.swaps)
	}
}

// A store that was emptied under a running fleet gets its keys back.
func TestStoreThatLostTheKeysGetsThemBack(t *testing.T) {
	t.Parallel()
	store := &faulty{Store: openStore(t)}
	ring := newRing(t, store, token.Policy{})
	if err := ring.Refresh(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
	before := ids(ring)
	store.Store = openStore(t)
	if err := ring.Refresh(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
	other := newRing(t, store, token.Policy{})
	if err := other.Refresh(t.Context(), epoch); err != nil || ids(other) != before {
		t.Errorf("%s, want %s (%v)", ids(other), before, err)
	}
}

func TestDamagedKeysAreLeftAlone(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	if err := store.SwapKeySet(t.Context(), "https://www.example.com", 0, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	ring := newRing(t, store, token.Policy{})
	if err := ring.Refresh(t.Context(), epoch); !errors.Is(err, token.ErrDamaged) {
		t.Error(err)
	}
	if version, keys, err := store.KeySet(t.Context(), "https://www.example.com"); version != 1 || string(keys) != "{}" || err != nil {
		t.Errorf("version %d, %q, %v", version, keys, err)
	}
}
