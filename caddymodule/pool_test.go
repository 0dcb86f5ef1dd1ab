package caddymodule

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/strangler-proxy/strangler/engine"
)

// TestTheNewestStartedEngineLeads: two engines over one store, as while a reload
// to another route table is under way. The newer one does not lead, nor is its
// table kept, before its configuration has started; when it ends, the older leads
// again.
func TestTheNewestStartedEngineLeads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table := func(name string) engineKey {
		id := engineKey{store: filepath.Join(dir, "state.db"), routes: filepath.Join(dir, name)}
		text := "targets: { monolith: { url: 'http://127.0.0.1:1' } }\nmonolith: monolith\nroutes: []\n"
		if err := os.WriteFile(id.routes, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return id
	}
	take := func(id engineKey) (*pooled, func() error) {
		p, release, err := acquire(id, nil, nil, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return p, release
	}
	firstID, secondID := table("first.yaml"), table("second.yaml")
	first, releaseFirst := take(firstID)
	second, releaseSecond := take(secondID)
	if first.state != second.state {
		t.Fatal("two states of one store")
	}
	first.begin()
	if leader, _ := first.state.leader.newest(); leader != first {
		t.Error("an engine leads whose configuration has not started")
	}
	if !engine.HasLastTable(lastTable(firstID), firstID.routes) {
		t.Error("the table of a configuration that has not started took the place of the one that runs")
	}
	second.begin()
	if leader, _ := first.state.leader.newest(); leader != second {
		t.Error("the newest engine does not lead")
	}
	if !engine.HasLastTable(lastTable(secondID), secondID.routes) {
		t.Error("the table that runs is not kept")
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
