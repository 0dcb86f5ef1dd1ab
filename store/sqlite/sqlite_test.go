package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/store"
)

// raw changes a file behind the store's back.
func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func closeNow(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// refused opens a file that must be refused, and left as it is.
func refused(t *testing.T, path string, want error) string {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err == nil {
		closeNow(t, s)
		t.Fatal("the file was opened")
	}
	if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %q does not say %q of %s", err, want, path)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
	return err.Error()
}

func TestOpenMakesAFileForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	if _, err := s.Secret(t.Context(), "key", func() []byte { return []byte("secret") }); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 2 {
		t.Errorf("files: %v, %v; want the database and its log", files, err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestOpenClosesAFileThatWasOpenToOthers(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	closeNow(t, open(t, path))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOpenTakesPathsAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b?c=d&e#f%20g.db", "äöü世.db", "file:x", ":memory:"} {
		path := filepath.Join(t.TempDir(), name)
		closeNow(t, open(t, path))
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q was not written: %v", path, err)
		}
	}
}

func TestOpenSaysWhatIsWrongWithThePath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "nowhere", "strangler.db"): "no such file or directory",
		dir: "not a regular file",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOpenSettings(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "locking_mode": "exclusive", "busy_timeout": "3000",
		"application_id": fmt.Sprint(applicationID), "user_version": fmt.Sprint(len(migrations)),
	} {
		var got string
		if err := s.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", pragma, got, want, err)
		}
	}
}

func TestOpenRefusesANewerVersion(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	closeNow(t, open(t, path))
	raw(t, path, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)+1))
	if got := refused(t, path, store.ErrNewer); !strings.Contains(got, fmt.Sprintf("version %d", len(migrations)+1)) {
		t.Error(got)
	}
}

func TestOpenRefusesAnotherProgramsFile(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	raw(t, path, "CREATE TABLE theirs (x)", "INSERT INTO theirs VALUES (1)")
	refused(t, path, store.ErrForeign)
	raw(t, path, "PRAGMA application_id = 42")
	refused(t, path, store.ErrForeign)
}

func TestOpenRefusesADamagedFile(t *testing.T) {
	t.Parallel()
	sound := newPath(t)
	s := open(t, sound)
	cohorts := make([]string, 5000)
	for i := range cohorts {
		cohorts[i] = fmt.Sprint("cohort-", i)
	}
	if _, err := s.Salts(t.Context(), cohorts, func() string { return "salt" }); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	whole, err := os.ReadFile(sound)
	if err != nil {
		t.Fatal(err)
	}
	overwritten := bytes.Clone(whole)
	copy(overwritten[len(whole)/2:], bytes.Repeat([]byte("garbage!"), 2048))
	header := bytes.Clone(whole)
	copy(header, "SQLite format 4\x00")
	for name, test := range map[string]struct {
		content []byte
		want    error
	}{
		"overwritten":    {overwritten, store.ErrCorrupt},
		"cut":            {whole[:len(whole)-8192], store.ErrCorrupt},
		"another header": {header, store.ErrCorrupt},
		"text":           {bytes.Repeat([]byte("this is no database\n"), 500), store.ErrForeign},
		"nothing":        {make([]byte, 8192), store.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			if err := os.WriteFile(path, test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Log(refused(t, path, test.want))
		})
	}
}

func TestLoadRefusesAStateItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"unknown member": `{"route":"a","share_ppm":1,"version":1,"step":3}`,
		"another route":  `{"route":"b","share_ppm":1,"version":1}`,
		"another time":   `{"route":"a","share_ppm":1,"version":2}`,
		"above 100 %":    `{"route":"a","share_ppm":1000001,"version":1}`,
		"no object":      `7`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			closeNow(t, open(t, path))
			raw(t, path, `INSERT INTO change (id, route, version, verb, actor, reason, source, if_version, at, after)
				VALUES ('x', 'a', 1, 'set', 'anna', '', 'cli', 0, '2026-05-04T09:30:00Z', '`+state+`')`)
			_, err := open(t, path).Load(t.Context())
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("Load: %v", err)
			}
		})
	}
}

func TestTheJournalAndTheSaltsAreNeverRewritten(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t))
	if _, err := s.Salts(t.Context(), []string{"a"}, func() string { return "salt" }); err != nil {
		t.Fatal(err)
	}
	state := rollout.RouteState{Route: "a", Version: 1}
	if _, err := s.Apply(t.Context(), rollout.Change{ID: "x", Route: "a", Verb: rollout.VerbSet, After: &state}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE change SET actor = 'nobody'", "DELETE FROM change",
		"UPDATE salt SET salt = 'other'", "DELETE FROM salt",
		"INSERT OR REPLACE INTO salt VALUES ('a', '')",
		"INSERT INTO change SELECT 9, 'y', route, version, verb, actor, reason, source, if_version, at, before, after FROM change",
	} {
		if _, err := s.db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s: was done", statement)
		}
	}
}

func TestASecondStoreIsTurnedAway(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	if _, err := Open(path); !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("in this process: %v", err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	out, err := child.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte(store.ErrInUse.Error())) || !bytes.Contains(out, []byte(path)) {
		t.Errorf("another process: %v, %s", err, out)
	}
	if _, err := s.Salts(t.Context(), []string{"a"}, func() string { return "salt" }); err != nil {
		t.Errorf("the first one then: %v", err)
	}
	closeNow(t, s)
	open(t, path)
}

// TestAFullDiskRefusesAndRecovers uses SQLite's own limit on pages, which
// answers as a full disk does.
func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t))
	limit := func(pages int) {
		t.Helper()
		if _, err := s.db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(20)
	var newest *rollout.RouteState
	next := func() error {
		after := rollout.RouteState{Route: "a", Version: 1, Reason: strings.Repeat("x", 500)}
		if newest != nil {
			after.Version = newest.Version + 1
		}
		c, err := s.Apply(t.Context(), rollout.Change{ID: fmt.Sprint(after.Version), Route: "a", Verb: rollout.VerbSet, Before: newest, After: &after})
		if err == nil {
			newest = c.After
		}
		return err
	}
	var err error
	for range 1000 {
		if err = next(); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("a full disk: %v", err)
	}
	check := func() {
		t.Helper()
		saved, err := s.Load(t.Context())
		if err != nil || cmp.Diff(saved.Newest["a"].After, newest) != "" {
			t.Errorf("stored %+v, acknowledged %+v, %v", saved.Newest["a"].After, newest, err)
		}
	}
	check()
	limit(1000)
	for range 20 {
		if err := next(); err != nil {
			t.Errorf("with room again: %v", err)
		}
	}
	check()
}

func TestSecretIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	for _, fresh := range []string{"first", "second"} {
		got, err := s.Secret(t.Context(), "visitor", func() []byte { return []byte(fresh) })
		if err != nil || string(got) != "first" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if got, err := s.Secret(t.Context(), "other", func() []byte { return []byte("third") }); err != nil || string(got) != "third" {
		t.Errorf("another name: %q, %v", got, err)
	}
	if _, err := s.Secret(t.Context(), "empty", func() []byte { return nil }); err == nil {
		t.Error("an empty secret was taken")
	}
	closeNow(t, s)
	got, err := open(t, path).Secret(t.Context(), "visitor", func() []byte { return []byte("fourth") })
	if err != nil || string(got) != "first" {
		t.Errorf("after reopening: %q, %v", got, err)
	}
}

func TestSaltsRefusesWhatItCouldNotReadBack(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t))
	if _, err := s.Salts(t.Context(), []string{"a\xff"}, func() string { return "salt" }); err == nil {
		t.Error("a cohort that is not valid UTF-8 was taken")
	}
}
