package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/book/storetest"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/store"
)

func openEvidence(t *testing.T, path string) *Evidence {
	t.Helper()
	e, err := OpenEvidence(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func evidencePath(t *testing.T) string { t.Helper(); return EvidencePath(newPath(t)) }

func TestEvidenceConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t,
		func(t *testing.T) book.Store { t.Helper(); return openEvidence(t, evidencePath(t)) },
		func(t *testing.T, s book.Store) book.Store {
			t.Helper()
			old := s.(*Evidence)
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			return openEvidence(t, old.path)
		})
}

func TestEvidenceLiesBesideTheStore(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"strangler.db": "strangler.shadow.db", "/var/x.y/store": "/var/x.y/store.shadow"} {
		if got := EvidencePath(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	path := newPath(t)
	open(t, path)
	openEvidence(t, EvidencePath(path))
	for _, name := range []string{EvidencePath(path), EvidencePath(path) + "-wal"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info, err)
		}
	}
}

// withEvidence leaves a file that was used and closed.
func withEvidence(t *testing.T) string {
	t.Helper()
	path := evidencePath(t)
	e, err := OpenEvidence(path, time.Now())
	if err == nil {
		err = errors.Join(e.Write(t.Context(), &book.Batch{Routes: []book.Totals{{Route: "faq-read", Sampled: 7}}}), e.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDamagedEvidenceIsSetAside(t *testing.T) {
	t.Parallel()
	path := withEvidence(t)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(content); i++ {
		content[i] ^= 0x5a
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	e := openEvidence(t, path)
	aside, err := filepath.Glob(path + ".corrupt-*")
	if err != nil || len(aside) != 1 || !strings.Contains(e.Notice(), aside[0]) {
		t.Fatalf("%v %v: %s", aside, err, e.Notice())
	}
	if kept, err := os.ReadFile(aside[0]); err != nil || string(kept) != string(content) {
		t.Errorf("what was set aside is not what was there: %v", err)
	}
	if has, err := e.Load(t.Context()); err != nil || len(has.Routes) != 0 {
		t.Errorf("%v %v", has, err)
	}
}

func TestEvidenceThatIsNotOursIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make func(t *testing.T) string
		want error
	}{
		"text": {want: store.ErrForeign, make: func(t *testing.T) string {
			t.Helper()
			path := evidencePath(t)
			if err := os.WriteFile(path, []byte(strings.Repeat("somebody's notes\n", 500)), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}},
		"a store": {want: store.ErrForeign, make: func(t *testing.T) string {
			t.Helper()
			path := newPath(t)
			s, err := Open(path)
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			return path
		}},
		"newer": {want: store.ErrNewer, make: func(t *testing.T) string {
			t.Helper()
			path := withEvidence(t)
			e, err := OpenEvidence(path, time.Now())
			if err == nil {
				_, err = e.db.ExecContext(t.Context(), "PRAGMA user_version = 99")
			}
			if err != nil || e.Close() != nil {
				t.Fatal(err)
			}
			return path
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := test.make(t)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := OpenEvidence(path, time.Now()); !errors.Is(err, test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v", err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
	t.Run("a store is not opened on evidence", func(t *testing.T) {
		t.Parallel()
		if _, err := Open(withEvidence(t)); !errors.Is(err, store.ErrForeign) {
			t.Error(err)
		}
	})
}

func TestEvidenceInUseIsRefused(t *testing.T) {
	t.Parallel()
	path := evidencePath(t)
	openEvidence(t, path)
	if _, err := OpenEvidence(path, time.Now()); !errors.Is(err, store.ErrInUse) {
		t.Error(err)
	}
}

// different is a record of a comparison that differed in the field given.
func different(field string, n int) *shadow.Record {
	name := "$." + field
	r := &shadow.Record{
		ID: fmt.Sprint("c-", n), Route: "faq-read", At: time.Now(), Bucket: shadow.Different, Rules: "rules",
		Request:  shadow.Request{Method: "GET", Target: "/faq/1"},
		Monolith: shadow.Side{Build: "m1", Answer: diff.Answer{Status: 200}, Took: time.Duration(n%40+1) * time.Millisecond},
		Service:  shadow.Side{Build: "s1", Answer: diff.Answer{Status: 200}, Took: time.Millisecond},
		Chosen:   n%100 == 0,
	}
	r.Result = diff.Result{Verdict: diff.Different, Format: "json", Total: 1, Differences: []diff.Difference{{
		Path: name, Kind: diff.Value, Signature: name + " value string→string",
		Monolith: diff.Leaf{Type: "string", Text: fmt.Sprint(n), Size: 4}, Service: diff.Leaf{Type: "string", Text: "x", Size: 1},
	}}}
	if r.Chosen {
		r.Again = &diff.Result{Verdict: diff.Equal}
	}
	return r
}

func openBook(t *testing.T, e book.Store) *book.Book {
	t.Helper()
	b, err := book.Open(t.Context(), book.Options{Store: e, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEvidenceOnAFullDisk(t *testing.T) {
	t.Parallel()
	path := evidencePath(t)
	e := openEvidence(t, path)
	limit := func(pages int) {
		if _, err := e.db.ExecContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // as many as there are
	b := openBook(t, e)
	for i := range 2000 {
		b.Record(different(fmt.Sprintf("f%c", 'a'+i%20), i))
	}
	if err := b.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("%v", err)
	}
	if s := b.Status(); s.Failures != 1 || s.LastError == "" {
		t.Errorf("%+v", s)
	}
	limit(100_000)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	sums(t, e, 2000)
}

func TestRemovedEvidenceIsWrittenAnew(t *testing.T) {
	t.Parallel()
	path := evidencePath(t)
	e := openEvidence(t, path)
	b := openBook(t, e)
	for i := range 50 {
		b.Record(different("a", i))
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	b.Record(different("a", 1))
	if err := b.Flush(t.Context()); !errors.Is(err, errEvidenceGone) {
		t.Fatal(err)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	sums(t, e, 51)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if _, err := b.Report(t.Context()); err != nil { // its samples are gone
		t.Error(err)
	}
}

// sums holds the stored buckets against what was sampled.
func sums(t *testing.T, e *Evidence, sampled uint64) {
	t.Helper()
	has, err := e.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range has.Eras {
		var sum uint64
		for _, n := range has.Eras[i].Buckets {
			sum += n
		}
		if sum != has.Eras[i].Sampled {
			t.Errorf("era %d: the buckets add up to %d of %d", has.Eras[i].Number, sum, has.Eras[i].Sampled)
		}
	}
	if len(has.Routes) != 1 || has.Routes[0].Sampled < sampled {
		t.Errorf("%+v, want %d sampled", has.Routes, sampled)
	}
}

func TestEvidenceGivesSpaceBack(t *testing.T) {
	t.Parallel()
	path := evidencePath(t)
	e := openEvidence(t, path)
	b := new(book.Batch)
	key := book.SignatureKey{EraKey: book.EraKey{Route: "faq-read", Number: 1}, Signature: "s"}
	for slot := range 500 {
		row := book.SampleRow{Data: []byte(`"` + strings.Repeat("x", 8000) + `"`)}
		row.SampleKey, row.Size = book.SampleKey{SignatureKey: key, Slot: slot}, len(row.Data)
		b.Samples = append(b.Samples, row)
	}
	if err := e.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := e.Write(t.Context(), &book.Batch{DropSignatures: []book.SignatureKey{key}}); err != nil {
		t.Fatal(err)
	}
	var pages, free int
	if err := e.db.QueryRowContext(t.Context(), "SELECT (SELECT page_count FROM pragma_page_count), (SELECT freelist_count FROM pragma_freelist_count)").Scan(&pages, &free); err != nil {
		t.Fatal(err)
	}
	if pages > 50 || free > 0 {
		t.Errorf("%d pages, %d of them free", pages, free)
	}
}
