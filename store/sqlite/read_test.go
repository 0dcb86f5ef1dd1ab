package sqlite

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
)

// TestReadWhileAnotherProcessWrites reads, again and again, all that a process
// which changes the store without a pause has acknowledged, and disturbs it in
// nothing.
func TestReadWhileAnotherProcessWrites(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var last atomic.Uint64
	opened, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var seq uint64
			if _, err := fmt.Sscan(lines.Text(), &seq); err == nil {
				last.Store(seq)
			} else if lines.Text() == "open" {
				close(opened)
			}
		}
	}()
	<-opened
	reads := 50
	if testing.Short() {
		reads = 10
	}
	for range reads {
		readAll(t, path, last.Load())
	}
	select {
	case <-ended:
		t.Error("the child has ended")
	default:
	}
	_ = child.Process.Kill()
	<-ended
	_ = child.Wait()
	readAll(t, path, last.Load())
	t.Logf("read %d times while %d changes were made", reads, last.Load())
}

// readAll wants the whole journal, at least up to the change given, and a
// present that agrees with it.
func readAll(t *testing.T, path string, atLeast uint64) {
	t.Helper()
	s, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := s.path
	newest, seq := map[string]rollout.Change{}, uint64(0)
	for {
		page, err := s.History(t.Context(), rollout.Query{After: seq, OldestFirst: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			if seq++; c.Seq != seq {
				t.Fatalf("record %d stands at place %d", c.Seq, seq)
			}
			newest[c.Route] = c
		}
	}
	saved, err := s.Load(t.Context())
	if err != nil || seq < atLeast {
		t.Errorf("%d changes read, %d were acknowledged: %v", seq, atLeast, err)
	}
	if diff := cmp.Diff(newest, saved.Newest); diff != "" {
		t.Error(diff)
	}
	closeNow(t, s)
	if _, err := os.Stat(filepath.Dir(copied)); !os.IsNotExist(err) {
		t.Errorf("the copy is left: %v", err)
	}
}

// TestReadChangesNothing, not even the schema of an older version.
func TestReadChangesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.ExecContext(t.Context(), "DROP TABLE key_set; PRAGMA user_version = 3"); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	before := filesOf(t, path)
	readAll(t, path, 0)
	if diff := cmp.Diff(before, filesOf(t, path)); diff != "" {
		t.Error(diff)
	}
	if _, err := Read(path + ".missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := os.Stat(path + ".missing"); !os.IsNotExist(err) {
		t.Error("a missing file was made")
	}
}

// filesOf is every file beside a store, with its content.
func filesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(path), entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = string(data)
	}
	return found
}
