package sqlite

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/strangler-proxy/strangler/identity/token"
)

const issuer = "https://www.example.com"

func TestKeySetsAreKept(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	want := func(issuer string, version uint64, keys string) {
		t.Helper()
		gotVersion, got, err := s.KeySet(t.Context(), issuer)
		if err != nil || gotVersion != version || string(got) != keys {
			t.Errorf("%s: version %d, %q, %v", issuer, gotVersion, got, err)
		}
	}
	want(issuer, 0, "")
	for version, keys := range []string{"first", "second", "third"} {
		if err := s.SwapKeySet(t.Context(), issuer, uint64(version), []byte(keys)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SwapKeySet(t.Context(), "other", 0, []byte("its own")); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	s = open(t, path)
	want(issuer, 3, "third")
	want("other", 1, "its own")
}

func TestKeySetThatAnotherChangedIsStale(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t))
	for _, version := range []uint64{1, 1<<64 - 1} {
		if err := s.SwapKeySet(t.Context(), issuer, version, []byte("x")); !errors.Is(err, token.ErrStale) {
			t.Errorf("version %d of a set that is not there: %v", version, err)
		}
	}
	var won atomic.Int32
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			switch err := s.SwapKeySet(t.Context(), issuer, 0, []byte("x")); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, token.ErrStale):
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if version, _, err := s.KeySet(t.Context(), issuer); won.Load() != 1 || version != 1 || err != nil {
		t.Errorf("%d of 8 writers won; version %d, %v", won.Load(), version, err)
	}
}

// A revoked key must not lie about in the file's free pages.
func TestKeySetThatWasReplacedIsOverwritten(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	revoked := bytes.Repeat([]byte("the key that was revoked "), 1000) // more than a page
	if err := s.SwapKeySet(t.Context(), issuer, 0, revoked); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	if content, err := os.ReadFile(path); err != nil || !bytes.Contains(content, revoked[:100]) {
		t.Fatalf("the file does not hold the set that was stored (%v)", err)
	}
	s = open(t, path)
	if err := s.SwapKeySet(t.Context(), issuer, 1, []byte("short")); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	if content, err := os.ReadFile(path); err != nil || bytes.Contains(content, revoked[:100]) {
		t.Errorf("the file still holds the set that was replaced (%v)", err)
	}
}
