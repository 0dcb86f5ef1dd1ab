package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/strangler-proxy/strangler/rollout"
)

func BenchmarkApply(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "strangler.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var before *rollout.RouteState
	for i := 0; b.Loop(); i++ {
		after := rollout.RouteState{Route: "a", Version: uint64(i + 1)}
		if _, err := s.Apply(b.Context(), rollout.Change{ID: fmt.Sprint(i), Route: "a", Verb: rollout.VerbSet, Before: before, After: &after}); err != nil {
			b.Fatal(err)
		}
		before = &after
	}
}

// BenchmarkSalts makes, then reads, the salts of 100,000 cohorts.
func BenchmarkSalts(b *testing.B) {
	cohorts := make([]string, 100_000)
	for i := range cohorts {
		cohorts[i] = fmt.Sprint("cohort-of-some-length-", i)
	}
	for _, again := range []bool{false, true} {
		b.Run(map[bool]string{false: "made", true: "read"}[again], func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "strangler.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			get := func() {
				if _, err := s.Salts(b.Context(), cohorts, func() string { return "0123456789ABCDEF" }); err != nil {
					b.Fatal(err)
				}
			}
			if again {
				get()
			}
			for i := 0; b.Loop(); i++ {
				if !again {
					b.StopTimer()
					for j := range cohorts {
						cohorts[j] = fmt.Sprint(i, "-", j)
					}
					b.StartTimer()
				}
				get()
			}
		})
	}
}

// BenchmarkOpen opens a file with 100,000 salts and 10,000 records.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "strangler.db")
	s, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	cohorts := make([]string, 100_000)
	for i := range cohorts {
		cohorts[i] = fmt.Sprint("cohort-of-some-length-", i)
	}
	if _, err := s.Salts(b.Context(), cohorts, func() string { return "0123456789ABCDEF" }); err != nil {
		b.Fatal(err)
	}
	_, err = s.db.ExecContext(b.Context(), `INSERT INTO change (id, route, version, verb, actor, reason, source, if_version, at, after)
		SELECT value, 'route-' || (value % 500), 1 + value / 500, 'set', 'anna', '', 'cli', 0, '2026-05-04T09:30:00Z',
			json_object('route', 'route-' || (value % 500), 'share_ppm', 1, 'version', 1 + value / 500)
		FROM (WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < 9999) SELECT value FROM n)`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		if s, err = Open(path); err != nil {
			b.Fatal(err)
		}
		if saved, err := s.Load(b.Context()); err != nil || len(saved.Newest) != 500 {
			b.Fatal(len(saved.Newest), err)
		}
	}
	_ = s.Close()
}
