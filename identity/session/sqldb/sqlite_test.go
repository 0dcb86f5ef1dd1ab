package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// members makes an SQLite file with one member, who is active or not.
func members(t *testing.T, path string, active int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`create table member (id integer primary key, active integer)`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`insert into member values (7, ?)`, active); err != nil {
		t.Fatal(err)
	}
}

func rows(t *testing.T, path, column string) *sqldb.Rows {
	t.Helper()
	db, dialect, err := sqldb.Open("sqlite://" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	r, err := sqldb.NewRows(db, dialect, sqldb.Table{Name: "member", Key: "id", Columns: []string{column}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A column that there is not must be an error, never a text of that name.
func TestSQLiteRefusesAMistypedColumn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	members(t, path, 0)
	if _, values, err := rows(t, path, "active").Find(t.Context(), "7"); err != nil || values[0] != int64(0) {
		t.Fatalf("active: %v, %v", values, err)
	}
	_, values, err := rows(t, path, "actve").Find(t.Context(), "7")
	if err == nil || errors.Is(err, sqldb.ErrNoRow) {
		t.Fatalf("actve: %v, %v", values, err)
	}
}

// A file that is replaced is read within moments, one that is gone is an error.
func TestSQLiteFileIsReadAnew(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, next := filepath.Join(folder, "db.sqlite3"), filepath.Join(folder, "next.sqlite3")
	members(t, path, 1)
	members(t, next, 0)
	r := rows(t, path, "active")
	if _, values, err := r.Find(t.Context(), "7"); err != nil || values[0] != int64(1) {
		t.Fatalf("before: %v, %v", values, err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { _, values, err := r.Find(t.Context(), "7"); return err == nil && values[0] == int64(0) })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		_, _, err := r.Find(t.Context(), "7")
		return err != nil && !errors.Is(err, sqldb.ErrNoRow)
	})
}

// A read waits for who is writing, as Django's and Rails' own connections do, and
// no longer than its context.
func TestSQLiteReadsWaitForAWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	members(t, path, 1)
	db, err := sql.Open("sqlite", path+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	writing, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	r := rows(t, path, "active")
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, _, err := r.Find(short, "7"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 3*time.Second {
		t.Errorf("locked: %v after %v", err, time.Since(start))
	}
	if _, err := writing.Exec(`update member set active = 2`); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	time.AfterFunc(100*time.Millisecond, func() { written <- writing.Commit() })
	if _, values, err := r.Find(t.Context(), "7"); err != nil || values[0] != int64(2) {
		t.Errorf("after a write: %v, %v", values, err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func until(t *testing.T, met func() bool) {
	t.Helper()
	every, end := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer every.Stop()
	for !met() {
		select {
		case <-every.C:
		case <-end:
			t.Fatal("not within 30 s")
		}
	}
}

// What is declared a boolean is one in every database; what can be none is an
// error, not a guess.
func TestDeclaredBooleans(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for id, value := range map[int]any{1: 1, 2: 0, 3: nil, 4: "t", 5: "f", 6: "maybe", 7: 1.5} {
		if _, err := db.Exec(`create table if not exists member (id integer primary key, staff)`); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`insert into member values (?, ?)`, id, value); err != nil {
			t.Fatal(err)
		}
	}
	r := rows(t, path, "staff:boolean")
	for id, want := range map[string]any{"1": true, "2": false, "3": nil, "4": true, "5": false} {
		if _, values, err := r.Find(t.Context(), id); err != nil || values[0] != want {
			t.Errorf("%s: %v, %v; want %v", id, values, err, want)
		}
	}
	for _, id := range []string{"6", "7"} {
		if _, values, err := r.Find(t.Context(), id); err == nil {
			t.Errorf("%s: %v", id, values)
		}
	}
}
