package sqlite

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

var long = flag.Bool("long", false, "feed two million comparisons through the book")

// TestEvidenceSoak feeds comparisons of ten routes through a book and its
// file: when each signature has its samples neither memory nor file
// grow, and a report takes as long as at the start.
func TestEvidenceSoak(t *testing.T) { //nolint:paralleltest // it measures memory and time
	total, ways := 90_000, 20
	if *long {
		total, ways = 2_000_000, 200
	}
	e := openEvidence(t, evidencePath(t))
	b := openBook(t, e)
	records := soakRecords(ways)
	start := time.Now()
	var first footprint
	for i := range total {
		r := *records[i%len(records)]
		r.At = time.Now()
		b.Record(&r)
		if i%5000 == 4999 {
			if err := b.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i == total/3 {
			first = measure(t, b, e)
		}
	}
	fed := time.Since(start)
	last := measure(t, b, e)
	runtime.KeepAlive(records)
	t.Logf("%d comparisons in %s (%s each); at a third: %v; at the end: %v", total, fed.Round(time.Millisecond), fed/time.Duration(total), first, last)
	if last.heap > first.heap*5/4+4<<20 {
		t.Errorf("memory grew: %v → %v", first, last)
	}
	if last.file > first.file*5/4+1<<20 {
		t.Errorf("the file grew: %v → %v", first, last)
	}
	if last.report > 200*time.Millisecond && *long {
		t.Errorf("a report takes %s", last.report)
	}
	checkSoak(t, b, e, uint64(total))
}

func checkSoak(t *testing.T, b *book.Book, e *Evidence, total uint64) {
	t.Helper()
	out, err := b.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var sampled uint64
	for i := range out.Routes {
		sampled += out.Routes[i].Coverage.Sampled
		var sum uint64
		for _, bucket := range out.Routes[i].Coverage.Buckets {
			sum += bucket.Count
		}
		if sum != out.Routes[i].Coverage.Sampled {
			t.Errorf("%s: %d of %d", out.Routes[i].Route, sum, out.Routes[i].Coverage.Sampled)
		}
	}
	if sampled != total || len(out.Routes) != 10 {
		t.Errorf("%d of %d in %d routes", sampled, total, len(out.Routes))
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	next := openBook(t, e)
	t.Logf("loaded in %s", time.Since(started).Round(time.Millisecond))
	if compared, _ := next.Counts("route-3"); compared == 0 {
		t.Error("nothing was loaded")
	}
}

// soakRecords are of ten routes: mostly equal, some different in one of so
// many ways, some not compared.
func soakRecords(ways int) []*shadow.Record {
	out := make([]*shadow.Record, 0, 10_000)
	for i := range 10_000 {
		r := different(fmt.Sprintf("f%c%c%c", 'a'+i%10, 'a'+i/10%20, 'a'+i/200%max(1, ways/20)), i)
		r.Request.Target = fmt.Sprint("/faq/", i)
		switch {
		case i%7 == 0:
			r.Bucket, r.Why = shadow.DroppedQueueFull, "full"
		case i%3 > 0:
			r.Bucket, r.Result = shadow.Equal, diff.Result{Verdict: diff.Equal, Format: "json"}
		}
		r.Route = fmt.Sprint("route-", i%10)
		out = append(out, r)
	}
	return out
}

type footprint struct {
	heap   uint64
	file   int64
	report time.Duration
}

func (f footprint) String() string {
	return fmt.Sprintf("heap %.1f MiB, file %.1f MiB, report %s", float64(f.heap)/(1<<20), float64(f.file)/(1<<20), f.report.Round(100*time.Microsecond))
}

func measure(t *testing.T, b *book.Book, e *Evidence) (f footprint) {
	t.Helper()
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var busy, log, done int // the log is of a bounded size, and may be anything below it
	if err := e.db.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(e.path)
	if err != nil {
		t.Fatal(err)
	}
	f.file = info.Size()
	started := time.Now()
	if _, err := b.Report(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.report = time.Since(started)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap = m.HeapAlloc
	return f
}
