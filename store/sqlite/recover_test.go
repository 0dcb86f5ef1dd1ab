package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/store"
)

var epoch = time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)

// recovered opens a store as a server does, and answers what it logged.
func recovered(t *testing.T, path string, at time.Time) (*Store, string) {
	t.Helper()
	var log bytes.Buffer
	s, err := Recover(path, Options{
		Now:    func() time.Time { return at },
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // most tests have closed it
	return s, log.String()
}

// raise makes n changes of route "a", each raising its share by 1 ppm.
func raise(t *testing.T, s *Store, n int) (newest rollout.Change) {
	t.Helper()
	saved, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	newest = saved.Newest["a"]
	for range n {
		after := rollout.RouteState{Route: "a", Version: 1, Share: 1, Since: epoch}
		if newest.After != nil {
			after.Version, after.Share = newest.After.Version+1, newest.After.Share+1
		}
		newest, err = s.Apply(t.Context(), rollout.Change{
			ID: fmt.Sprint("change-", after.Version), Route: "a", Verb: rollout.VerbSet, Before: newest.After, After: &after,
			Act: rollout.Act{By: "anna", Reason: strings.Repeat("because ", 20), Source: rollout.SourceCLI}, At: epoch.Add(time.Duration(after.Version) * time.Minute),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return newest
}

func secretOf(t *testing.T, s *Store, fresh string) string {
	t.Helper()
	secret, err := s.Secret(t.Context(), "visitor", func() []byte { return []byte(fresh) })
	if err != nil {
		t.Fatal(err)
	}
	salts, err := s.Salts(t.Context(), []string{"a"}, func() string { return fresh })
	if err != nil {
		t.Fatal(err)
	}
	return string(secret) + "/" + salts["a"]
}

func shareOf(t *testing.T, s *Store) routes.PPM {
	t.Helper()
	saved, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if saved.Newest["a"].After == nil {
		return 0
	}
	return saved.Newest["a"].After.Share
}

// crashed makes the files of a server that was killed after 150 changes, of
// which a snapshot, unless there is to be none, has the first 100.
func crashed(t *testing.T, withSnapshot bool) (path string) {
	t.Helper()
	path = newPath(t)
	s, _ := recovered(t, path, epoch)
	secretOf(t, s, "first")
	raise(t, s, 100)
	closeNow(t, s)
	live, err := Open(path) // makes no snapshot
	if err != nil {
		t.Fatal(err)
	}
	raise(t, live, 50)
	killed := newPath(t)
	kept, err := snapshots(path)
	if err != nil || len(kept) == 0 {
		t.Fatalf("%v, %v", kept, err)
	}
	copies := map[string]string{path: killed, path + "-wal": killed + "-wal"}
	if withSnapshot {
		copies[kept[0]] = killed + snapshotInfix + epoch.Format(stamp)
	}
	for from, to := range copies {
		if err := copyFile(from, to); err != nil {
			t.Fatal(err)
		}
	}
	closeNow(t, live)
	return killed
}

// edit changes a file's content.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkpointed has SQLite move the log into the file, as at a clean end.
func checkpointed(t *testing.T, path string) {
	t.Helper()
	closeNow(t, open(t, path))
}

// damages are what can happen to the files of a killed server.
var damages = map[string]func(t *testing.T, path string){
	"the file is cut": func(t *testing.T, path string) {
		t.Helper()
		checkpointed(t, path)
		edit(t, path, func(b []byte) []byte { return b[:len(b)/2] })
	},
	"the file is cut within its first page": func(t *testing.T, path string) {
		t.Helper()
		checkpointed(t, path)
		edit(t, path, func(b []byte) []byte { return b[:200] })
	},
	"the file is empty": func(t *testing.T, path string) {
		t.Helper()
		checkpointed(t, path)
		edit(t, path, func([]byte) []byte { return nil })
	},
	"the file is empty, its log is not": func(t *testing.T, path string) {
		t.Helper()
		edit(t, path, func([]byte) []byte { return nil })
	},
	"a bit of every page is flipped": func(t *testing.T, path string) {
		t.Helper()
		checkpointed(t, path)
		edit(t, path, func(b []byte) []byte {
			for page := 4096; page < len(b); page += 4096 {
				b[page] ^= 0x40
			}
			return b
		})
	},
	"a bit of one page is flipped": func(t *testing.T, path string) {
		t.Helper()
		checkpointed(t, path)
		edit(t, path, func(b []byte) []byte { b[4096+3] ^= 0x10; return b })
	},
	"a bit of the header is flipped": func(t *testing.T, path string) {
		t.Helper()
		checkpointed(t, path)
		edit(t, path, func(b []byte) []byte { b[3] ^= 1; return b })
	},
	"our mark is flipped": func(t *testing.T, path string) {
		t.Helper()
		checkpointed(t, path)
		edit(t, path, func(b []byte) []byte { b[mark] ^= 1; return b })
	},
	"the header is garbage": func(t *testing.T, path string) {
		t.Helper()
		checkpointed(t, path)
		edit(t, path, func(b []byte) []byte { copy(b, bytes.Repeat([]byte("garbage!"), 512)); return b })
	},
	"garbage in the log": func(t *testing.T, path string) {
		t.Helper()
		edit(t, path+"-wal", func(b []byte) []byte { copy(b[len(b)/2:], bytes.Repeat([]byte("garbage!"), 64)); return b })
	},
	"a bit of the log is flipped": func(t *testing.T, path string) {
		t.Helper()
		edit(t, path+"-wal", func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	},
	"the log's header is garbage": func(t *testing.T, path string) {
		t.Helper()
		edit(t, path+"-wal", func(b []byte) []byte { copy(b, "garbage!"); return b })
	},
}

func TestADamagedFileIsSetAsideForTheLastSnapshot(t *testing.T) {
	t.Parallel()
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := crashed(t, true)
			damage(t, path)
			kept, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			at := epoch.Add(24 * time.Hour)
			s, log := recovered(t, path, at)
			aside := path + asideInfix + "20260505T093000Z"
			for _, want := range []string{aside, path + snapshotInfix + "20260504T093000Z", "good up to change 100 of 2026-05-04T11:10:00Z"} {
				if !strings.Contains(s.Notice(), want) || !strings.Contains(log, want) || !strings.Contains(log, "level=ERROR") {
					t.Errorf("nothing of %s\nnotice: %s\nlog: %s", want, s.Notice(), log)
				}
			}
			t.Log(log)
			if content, err := os.ReadFile(aside); err != nil || !strings.Contains(name, "log") && !bytes.Equal(content, kept) {
				t.Errorf("what was set aside is not what was there (%v)", err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
				t.Errorf("the new file: %v, %v", info.Mode(), err)
			}
			if share, secret := shareOf(t, s), secretOf(t, s, "other"); share != 100 || secret != "first/first" {
				t.Errorf("share %d, secrets %s", share, secret)
			}
			raise(t, s, 7)
			closeNow(t, s)
			s, log = recovered(t, path, at.Add(time.Hour))
			if share := shareOf(t, s); share != 107 || log != "" || !strings.Contains(s.Notice(), "at an earlier start: "+aside) {
				t.Errorf("the next start: share %d, %q, %s", share, s.Notice(), log)
			}
		})
	}
}

func TestADamagedFileWithoutASnapshotBeginsEmpty(t *testing.T) {
	t.Parallel()
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := crashed(t, false)
			damage(t, path)
			switch name {
			case "the file is empty": // as one that never held anything
			case "our mark is flipped", "the header is garbage":
				if _, err := Recover(path, Options{Now: time.Now}); err == nil {
					t.Fatal("a file that may be anyone's was taken")
				}
				return
			default:
				s, log := recovered(t, path, epoch)
				if !strings.Contains(log, "every route is on the monolith") || !strings.Contains(s.Notice(), "began empty") {
					t.Errorf("%q, %s", s.Notice(), log)
				}
				if _, err := os.Stat(path + asideInfix + "20260504T093000Z"); err != nil {
					t.Error(err)
				}
				closeNow(t, s)
			}
			s, _ := recovered(t, path, epoch)
			if share, secret := shareOf(t, s), secretOf(t, s, "second"); share != 0 || secret != "second/second" {
				t.Errorf("share %d, secrets %s", share, secret)
			}
			closeNow(t, s)
		})
	}
}

// TestATornLogIsNoDamage cuts the log and overwrites its last transaction, as a
// power cut does with what nobody was told of.
func TestATornLogIsNoDamage(t *testing.T) {
	t.Parallel()
	path := crashed(t, true)
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	frame := walFrameHeader + int(binary.BigEndian.Uint32(log[8:]))
	for _, cut := range []int{0, 1, walHeader - 1, walHeader, walHeader + 1, walHeader + frame - 1, len(log) / 2, len(log) - 1, len(log) - frame} {
		torn := newPath(t)
		if err := copyFile(path, torn); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(torn+"-wal", log[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, said := recovered(t, torn, epoch)
		if said != "" || s.Notice() != "" || shareOf(t, s) < 100 {
			t.Errorf("cut at %d: %s, share %d", cut, said, shareOf(t, s))
		}
		closeNow(t, s)
	}
	edit(t, path+"-wal", func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	s, said := recovered(t, path, epoch)
	if share := shareOf(t, s); said != "" || share != 149 {
		t.Errorf("%s, share %d", said, share)
	}
}

func TestWhatIsNotDamagedIsLeftAlone(t *testing.T) {
	t.Parallel()
	sound := func(t *testing.T, statements ...string) string {
		t.Helper()
		path := crashed(t, true)
		raw(t, path, statements...)
		return path
	}
	text := newPath(t)
	if err := os.WriteFile(text, []byte(strings.Repeat("targets:\n", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	theirs := newPath(t)
	raw(t, theirs, "CREATE TABLE theirs (x)", "PRAGMA application_id = 7")
	busy := sound(t)
	open(t, busy)
	for name, test := range map[string]struct {
		path string
		want error
	}{
		"newer":             {sound(t, fmt.Sprint("PRAGMA user_version = ", len(migrations)+1)), store.ErrNewer},
		"in use":            {busy, store.ErrInUse},
		"a text":            {text, store.ErrForeign},
		"another program's": {theirs, store.ErrForeign},
		"a folder":          {t.TempDir(), nil},
		"no folder":         {filepath.Join(t.TempDir(), "nowhere", "x.db"), os.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := files(t, test.path)
			s, err := Recover(test.path, Options{Now: time.Now})
			if err == nil {
				closeNow(t, s)
				t.Fatal("it was opened")
			}
			if test.want != nil && !errors.Is(err, test.want) || errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), test.path) {
				t.Error(err)
			}
			if after := files(t, test.path); !maps.Equal(before, after) {
				t.Errorf("the files were %v and are %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
		})
	}
}

// files is what stands in a path's folder.
func files(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil // there is no folder
	}
	for _, entry := range entries {
		content, _ := os.ReadFile(filepath.Join(filepath.Dir(path), entry.Name())) // a folder has none
		found[entry.Name()] = string(content)
	}
	return found
}

func TestAFileWithoutPermissionIsLeftAlone(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	path := crashed(t, true)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Recover(path, Options{Now: time.Now}); err == nil || errors.Is(err, store.ErrCorrupt) {
		t.Errorf("%v", err)
	}
	if found, err := siblings(path, asideInfix); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestADamagedSnapshotGivesWayToTheOneBefore(t *testing.T) {
	t.Parallel()
	path := crashed(t, true)
	s, _ := recovered(t, path, epoch.Add(time.Hour))
	raise(t, s, 10)
	closeNow(t, s)
	kept, err := snapshots(path)
	if err != nil || len(kept) != 2 {
		t.Fatalf("%v, %v", kept, err)
	}
	edit(t, kept[0], func(b []byte) []byte { return b[:len(b)/2] })
	edit(t, path, func(b []byte) []byte { return b[:len(b)/2] })
	s, log := recovered(t, path, epoch.Add(2*time.Hour))
	if share := shareOf(t, s); share != 100 || !strings.Contains(s.Notice(), kept[1]) || !strings.Contains(log, kept[0]) {
		t.Errorf("share %d, %s", share, log)
	}
}

// TestARemovedFileBeginsAnew: the snapshots of the old one are kept, and do not
// come back when the new one is damaged.
func TestARemovedFileBeginsAnew(t *testing.T) {
	t.Parallel()
	path := crashed(t, true)
	checkpointed(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s, log := recovered(t, path, epoch.Add(time.Hour))
	old := path + snapshotInfix + "20260504T093000Z.earlier"
	if share := shareOf(t, s); share != 0 || !strings.Contains(log, old) {
		t.Errorf("share %d, %s", share, log)
	}
	if content, err := os.ReadFile(old); err != nil || len(content) == 0 {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

// TestAStartThatWasCutShortIsGoneOnWith: wherever the start that sets a damaged
// file aside is killed, the next one does the rest, and nothing is lost.
func TestAStartThatWasCutShortIsGoneOnWith(t *testing.T) {
	t.Parallel()
	for name, moved := range map[string][]string{"linked": nil, "its log moved": {"-wal"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := crashed(t, true) // sound, and looks so without its log
			aside := path + asideInfix + epoch.Add(time.Hour).Format(stamp)
			if err := os.Link(path, aside); err != nil {
				t.Skip(err)
			}
			before := files(t, path)
			for _, suffix := range moved {
				if err := os.Rename(path+suffix, aside+suffix); err != nil {
					t.Fatal(err)
				}
			}
			s, log := recovered(t, path, epoch.Add(2*time.Hour))
			if got := shareOf(t, s); got != 100 { // the snapshot's
				t.Errorf("a share of %d ppm", got)
			}
			if !strings.Contains(s.Notice(), aside) || !strings.Contains(log, "cut short") {
				t.Errorf("%s\n%s", s.Notice(), log)
			}
			closeNow(t, s)
			after := files(t, path)
			for suffix, name := range map[string]string{"": path, "-wal": path + "-wal"} {
				if after[filepath.Base(aside)+suffix] != before[filepath.Base(name)] {
					t.Errorf("%s%s is not what %s was", aside, suffix, name)
				}
			}
			again, _ := recovered(t, path, epoch.Add(3*time.Hour))
			if got := shareOf(t, again); got != 100 {
				t.Errorf("at the next start: a share of %d ppm", got)
			}
			closeNow(t, again)
		})
	}
}
