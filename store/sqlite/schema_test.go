package sqlite

import (
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
)

var write = flag.Bool("write", false, "write the fixture of the newest version")

// fixture is what testdata/version-1.db holds; the later ones hold withRollout.
func fixture() (a, b rollout.Change) {
	at := time.Date(2026, 5, 4, 9, 30, 0, 123456789, time.UTC)
	first := rollout.RouteState{Route: "faq-read", Share: 250_000, Version: 1, By: "anna", Reason: "looks good", Source: rollout.SourceCLI, Since: at}
	held := first
	held.Version, held.By, held.Reason, held.Source, held.Since = 2, "guard", "p95 ×1.7", rollout.SourceGuard, at.Add(time.Hour)
	held.Hold = &rollout.Hold{By: "guard", Reason: "p95 ×1.7", Since: at.Add(time.Hour), Until: at.Add(2 * time.Hour)}
	a = rollout.Change{Seq: 1, ID: "first", Route: "faq-read", Verb: rollout.VerbSet, After: &first, At: at, Stored: true,
		Act: rollout.Act{By: "anna", Reason: "looks good", Source: rollout.SourceCLI}}
	b = rollout.Change{Seq: 2, ID: "second", Route: "faq-read", Verb: rollout.VerbHold, Before: &first, After: &held, At: at.Add(time.Hour), Stored: true,
		Act: rollout.Act{By: "guard", Reason: "p95 ×1.7", Source: rollout.SourceGuard, IfVersion: 1}}
	return a, b
}

func TestVersion1IsStillRead(t *testing.T) {
	t.Parallel()
	a, b := fixture()
	testFixture(t, "testdata/version-1.db", a, b)
}

func TestVersion2IsStillRead(t *testing.T) {
	t.Parallel()
	a, b := withRollout()
	testFixture(t, "testdata/version-2.db", a, b)
}

func TestVersion3IsStillRead(t *testing.T) {
	t.Parallel()
	a, b := withRollout()
	testCursor(t, testFixture(t, "testdata/version-3.db", a, b))
}

func TestVersion4IsStillRead(t *testing.T) {
	t.Parallel()
	const name = "testdata/version-4.db"
	a, b := withRollout()
	if *write {
		writeFixture(t, name, a, b)
	}
	s := testFixture(t, name, a, b)
	testCursor(t, s)
	if version, keys, err := s.KeySet(t.Context(), issuer); err != nil || version != 1 || string(keys) != "the keys" {
		t.Errorf("key set: %d, %q, %v", version, keys, err)
	}
}

func testCursor(t *testing.T, s *Store) {
	t.Helper()
	if seq, found, err := s.Cursor(t.Context(), "webhook"); err != nil || !found || seq != 2 {
		t.Errorf("cursor: %d, %v, %v", seq, found, err)
	}
}

// withRollout is fixture with what came with version 2.
func withRollout() (a, b rollout.Change) {
	a, b = fixture()
	a.Verb = rollout.VerbStart
	a.After.Rollout = &rollout.Progress{Phase: rollout.Running, Step: 3, Since: a.At, ApprovedBy: "bob"}
	b.Verb = rollout.VerbRollBack
	b.After.Rollout = &rollout.Progress{Phase: rollout.Paused, Step: 1, Since: b.At}
	return a, b
}

// testFixture reads a file that holds two changes, and writes to it.
func testFixture(t *testing.T, name string, a, b rollout.Change) *Store {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	found, err := s.History(t.Context(), rollout.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]rollout.Change{b, a}, found); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	salts, err := s.Salts(t.Context(), []string{"faq-read"}, func() string { return "new" })
	if err != nil || salts["faq-read"] != "4OZ3YQ4CMWQ2E7GA" {
		t.Errorf("salts: %v, %v", salts, err)
	}
	secret, err := s.Secret(t.Context(), "visitor", func() []byte { return []byte("new") })
	if err != nil || string(secret) != "0123456789abcdef" {
		t.Errorf("secret: %q, %v", secret, err)
	}
	next := *b.After
	next.Version, next.Hold = 3, nil
	next.Rollout = &rollout.Progress{Phase: rollout.Running, Step: 1, Since: b.At}
	if _, err := s.Apply(t.Context(), rollout.Change{ID: "third", Route: "faq-read", Verb: rollout.VerbRelease, Before: b.After, After: &next}); err != nil {
		t.Errorf("writing to it: %v", err)
	}
	return s
}

func writeFixture(t *testing.T, name string, changes ...rollout.Change) {
	t.Helper()
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	s, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, s)
	for _, c := range changes {
		if _, err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Salts(t.Context(), []string{"faq-read"}, func() string { return "4OZ3YQ4CMWQ2E7GA" }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Secret(t.Context(), "visitor", func() []byte { return []byte("0123456789abcdef") }); err != nil {
		t.Fatal(err)
	}
	if err := s.SetCursor(t.Context(), "webhook", 2); err != nil {
		t.Fatal(err)
	}
	if err := s.SwapKeySet(t.Context(), issuer, 0, []byte("the keys")); err != nil {
		t.Fatal(err)
	}
}

func TestMigrationsRunOnceEachAndWhole(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t))
	version := func() (version int) {
		t.Helper()
		if err := s.db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version); err != nil {
			t.Fatal(err)
		}
		return version
	}
	now := len(migrations)
	steps := append(migrations[:now:now], "CREATE TABLE one (x)", "CREATE TABLE two (x); CREATE TABLE one (x)")
	if err := migrate(t.Context(), s.db, applicationID, now, steps); err == nil || version() != now+1 {
		t.Errorf("a step that fails: %v, version %d", err, version())
	}
	var left int
	if err := s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name = 'two'").Scan(&left); err != nil || left != 0 {
		t.Errorf("the step that failed left %d tables (%v)", left, err)
	}
	steps[now+1] = "CREATE TABLE two (x)"
	if err := migrate(t.Context(), s.db, applicationID, now+1, steps); err != nil || version() != now+2 {
		t.Errorf("then: %v, version %d", err, version())
	}
}
