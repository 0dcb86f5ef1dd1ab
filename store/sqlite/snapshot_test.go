package sqlite

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
)

// TestSnapshotsAreSpaced changes a store all the time and looks when snapshots
// are made.
func TestSnapshotsAreSpaced(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Recover(path, Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		var made []time.Duration
		last := ""
		for range 400 {
			raise(t, s, 1)
			<-time.After(100 * time.Millisecond)
			synctest.Wait()
			kept, err := snapshots(path)
			if err != nil || len(kept) > snapshotCount {
				t.Fatalf("%v, %v", kept, err)
			}
			if len(kept) > 0 && kept[0] != last {
				last = kept[0]
				made = append(made, time.Since(begun).Round(time.Second))
			}
		}
		// On a clock that stands still while a snapshot is made, the pause is
		// snapshotPause.
		want := []time.Duration{time.Second, 11 * time.Second, 21 * time.Second, 31 * time.Second}
		if diff := cmp.Diff(want, made); diff != "" {
			t.Errorf("made at (-want +got):\n%s", diff)
		}
		closeNow(t, s)
		kept, err := snapshots(path)
		if err != nil || len(kept) != snapshotCount || kept[0] == last {
			t.Errorf("none at the end: %v, %v", kept, err)
		}
	})
}

// TestAHoldIsInASnapshotSoon: also right after one was made.
func TestAHoldIsInASnapshotSoon(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Recover(path, Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		newest := raise(t, s, 1)
		<-time.After(snapshotDelay + time.Millisecond)
		synctest.Wait()
		before, err := snapshots(path)
		if err != nil || len(before) != 1 {
			t.Fatalf("%v, %v", before, err)
		}
		after := *newest.After
		after.Version, after.Hold = after.Version+1, &rollout.Hold{By: "guard", Reason: "p95", Since: time.Now()}
		_, err = s.Apply(t.Context(), rollout.Change{
			ID: "hold", Route: "a", Verb: rollout.VerbHold, Before: newest.After, After: &after,
			Act: rollout.Act{By: "guard", Reason: "p95", Source: rollout.SourceGuard}, At: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(snapshotDelay + time.Millisecond)
		synctest.Wait()
		if kept, err := snapshots(path); err != nil || len(kept) != 2 {
			t.Fatalf("a second after the hold: %v, %v", kept, err)
		}
		closeNow(t, s)
	})
}

func TestNoSnapshotWithoutAChange(t *testing.T) {
	t.Parallel()
	path := crashed(t, true)
	for range 3 {
		s, _ := recovered(t, path, epoch.Add(time.Hour))
		secretOf(t, s, "other")
		shareOf(t, s)
		closeNow(t, s)
	}
	if kept, err := snapshots(path); err != nil || len(kept) != 1 {
		t.Errorf("%v, %v", kept, err)
	}
}

// TestSnapshotsAreOrderedWhateverTheClockSays has a clock that goes back.
func TestSnapshotsAreOrderedWhateverTheClockSays(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var newest rollout.Change
	for i := range 5 {
		s, _ := recovered(t, path, epoch.Add(-time.Duration(i)*time.Hour))
		newest = raise(t, s, 1)
		closeNow(t, s)
	}
	edit(t, path, func(b []byte) []byte { return b[:len(b)/2] })
	s, log := recovered(t, path, epoch)
	if share := shareOf(t, s); share != newest.After.Share {
		t.Errorf("share %d, want %d\n%s", share, newest.After.Share, log)
	}
}

func TestSnapshotsAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, _ := recovered(t, path, epoch)
	raise(t, s, 3)
	closeNow(t, s)
	err := filepath.WalkDir(filepath.Dir(path), func(name string, entry fs.DirEntry, err error) error {
		if info, err := os.Stat(name); !entry.IsDir() && (err != nil || info.Mode() != 0o600) {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestASnapshotThatCannotBeMadeIsSaid has no room for it: the changes are taken
// all the same.
func TestASnapshotThatCannotBeMadeIsSaid(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	said := make(chan string, 10)
	if err := os.MkdirAll(path+".snapshotting/x", 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Recover(path, Options{Now: time.Now, Logger: slog.New(told{slog.DiscardHandler, said})})
	if err != nil {
		t.Fatal(err)
	}
	raise(t, s, 3)
	closeNow(t, s)
	if text := <-said; text != "no snapshot of the store was made" {
		t.Error(text)
	}
	if err := os.RemoveAll(path + ".snapshotting"); err != nil {
		t.Fatal(err)
	}
	s, _ = recovered(t, path, epoch)
	if share := shareOf(t, s); share != 3 {
		t.Errorf("share %d", share)
	}
}

// told is a log of messages.
type told struct {
	slog.Handler
	messages chan<- string
}

func (told) Enabled(context.Context, slog.Level) bool { return true }

func (h told) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		h.messages <- r.Message
	}
	return nil
}
