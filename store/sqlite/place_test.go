package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/rollout"
)

func removeAll(t *testing.T, pattern string) {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	for _, name := range found {
		// A snapshot that was being made may have its own name by now.
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// copies has what a process that is killed now leaves behind.
func copies(t *testing.T, path string) (left string) {
	t.Helper()
	left = newPath(t)
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(path+suffix, left+suffix); err != nil {
			t.Fatal(err)
		}
	}
	return left
}

func TestARemovedFileIsWrittenAnew(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]string{"all": "*", "the file": "", "the log": "-wal"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			s, _ := recovered(t, path, epoch)
			secret := secretOf(t, s, "first")
			raise(t, s, 3)
			for round := range 3 {
				removeAll(t, path+remove)
				raise(t, s, 2) // is acknowledged
				left := open(t, copies(t, path))
				if got, want := shareOf(t, left), shareOf(t, s); got != want || int(got) != 3+2*(round+1) {
					t.Errorf("round %d: %d after a kill, %d is acknowledged", round, got, want)
				}
				if got := secretOf(t, left, "other"); got != secret {
					t.Errorf("the secret is %s, was %s", got, secret)
				}
				if history, err := left.History(t.Context(), rollout.Query{}); err != nil || len(history) != 5+2*round {
					t.Errorf("%d records, %v", len(history), err)
				}
			}
			if !strings.Contains(s.Notice(), "was removed while the server ran; it was written anew") {
				t.Errorf("notice: %s", s.Notice())
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			if _, err := Open(path); err == nil {
				t.Error("the new file is not locked")
			}
			closeNow(t, s)
			if got := shareOf(t, open(t, path)); got != 9 {
				t.Errorf("%d after the end", got)
			}
		})
	}
}

func TestAFileRemovedBeforeTheEndIsWrittenAnew(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, _ := recovered(t, path, epoch)
	raise(t, s, 3)
	removeAll(t, path+"*")
	closeNow(t, s)
	if got := shareOf(t, open(t, path)); got != 3 {
		t.Errorf("%d ppm", got)
	}
}

func TestAnothersFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, _ := recovered(t, path, epoch)
	newest := raise(t, s, 3)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	after := *newest.After
	after.Version++
	change := rollout.Change{ID: "next", Route: "a", Verb: rollout.VerbSet, Before: newest.After, After: &after, Act: newest.Act, At: epoch}
	if _, err := s.Apply(t.Context(), change); !errors.Is(err, errReplaced) {
		t.Errorf("stored: %v", err)
	}
	if !strings.Contains(s.Notice(), "another file has taken the place") {
		t.Errorf("notice: %s", s.Notice())
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "another's" {
		t.Errorf("%s, %v", text, err)
	}
	if got := shareOf(t, s); got != 3 {
		t.Errorf("reads %d ppm", got)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), change); err != nil {
		t.Errorf("the file was moved away: %v", err)
	}
	if got := shareOf(t, open(t, copies(t, path))); got != 3 {
		t.Errorf("%d ppm", got)
	}
}

// TestAnothersFileIsNotAdopted: one that comes in the moment between writing the
// store's file anew and opening it. Taken for the store's, what is acknowledged
// would go into a file without a name.
func TestAnothersFileIsNotAdopted(t *testing.T) {
	t.Parallel()
	for name, another := range map[string]func(t *testing.T, path string){
		"no store": func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, []byte("another's"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a store": func(t *testing.T, path string) {
			t.Helper()
			s, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			s := open(t, path)
			written := s.place.db
			removeAll(t, path+"*")
			another(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if next, err := s.adopt(written); !errors.Is(err, errReplaced) {
				t.Errorf("adopted %v: %v", next, err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("%d bytes are %d now: %v", len(before), len(after), err)
			}
			if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a log stays: %v", err)
			}
		})
	}
}

func TestAFileThatComesBackIsGoneOnWith(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, _ := recovered(t, path, epoch)
	raise(t, s, 3)
	away := path + ".away"
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.attend(t.Context()); !errors.Is(err, errReplaced) {
		t.Fatal(err)
	}
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	raise(t, s, 1)
	if s.Notice() != "" {
		t.Errorf("notice: %s", s.Notice())
	}
}

func TestAStoreOfAnothersUserIsRefused(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may write to every file")
	}
	path := newPath(t)
	closeNow(t, open(t, path))
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "is not writable for user") {
		t.Error(err)
	}
}
