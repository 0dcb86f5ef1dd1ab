package sqlite

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
)

func TestMain(m *testing.M) {
	childMain()
	evidenceChild()
	goleak.VerifyTestMain(m)
}

// open opens a store for a test that closes it.
func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "strangler.db")
}

func TestStoreConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t,
		func(t *testing.T) rollout.Store { t.Helper(); return open(t, newPath(t)) },
		func(t *testing.T, s rollout.Store) rollout.Store {
			t.Helper()
			old := s.(*Store)
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, old.path)
		})
}
