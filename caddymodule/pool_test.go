package caddymodule

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// TestTheNewestEngineLeads: two engines over one store, as while a reload to
// another route table is under way; when the newer one is refused, the older
// leads again.
func TestTheNewestEngineLeads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table := func(name string) identity {
		id := identity{store: filepath.Join(dir, "state.db"), routes: filepath.Join(dir, name)}
		text := "targets: { monolith: { url: 'http://127.0.0.1:1' } }\nmonolith: monolith\nroutes: []\n"
		if err := os.WriteFile(id.routes, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return id
	}
	take := func(id identity) (*pooled, func() error) {
		p, release, err := acquire(id, nil, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return p, release
	}
	first, releaseFirst := take(table("first.yaml"))
	second, releaseSecond := take(table("second.yaml"))
	if first.state != second.state {
		t.Fatal("two states of one store")
	}
	if leader, _ := first.state.leader.newest(); leader != second {
		t.Error("the newest engine does not lead")
	}
	if err := releaseSecond(); err != nil {
		t.Error(err)
	}
	if leader, _ := first.state.leader.newest(); leader != first {
		t.Error("the engine that is left does not lead")
	}
	if err := releaseFirst(); err != nil {
		t.Error(err)
	}
}
