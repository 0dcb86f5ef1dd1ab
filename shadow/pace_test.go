package shadow_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/strangler-proxy/strangler/shadow"
)

// yielding is a recorder that lets all others go while it records, and counts how
// many record at once.
type yielding struct {
	*records
	now, most atomic.Int64
}

func (y *yielding) Record(rec *shadow.Record) {
	n := y.now.Add(1)
	for most := y.most.Load(); n > most && !y.most.CompareAndSwap(most, n); most = y.most.Load() {
	}
	for range 1000 {
		runtime.Gosched()
	}
	y.now.Add(-1)
	y.records.Record(rec)
}

// TestComparingLeavesCores: however many requests are compared, those that take a
// core for it are fewer than there are cores.
func TestComparingLeavesCores(t *testing.T) {
	t.Parallel()
	y := new(yielding)
	b := newBed(t, says(`{"a":1}`), says(`{"a":1}`), func(o *shadow.Options, s *shadow.Settings, b *bed) {
		y.records, o.Recorder, s.InFlight = b.records, y, 32
	})
	const clients, each = 16, 20
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				b.get(t, "/")
			}
		})
	}
	all.Wait()
	b.records.wait(t, clients*each)
	if most := y.most.Load(); most > int64(b.mirrors.Turns()) {
		t.Errorf("%d computed at once, want at most %d of %d cores", most, b.mirrors.Turns(), runtime.GOMAXPROCS(0))
	}
}

// TestComparingGivesWay: while clients wait for cores, each stage of a comparison
// waits out its patience and goes on; none is lost.
func TestComparingGivesWay(t *testing.T) {
	t.Parallel()
	var crowded, asked atomic.Int64
	b := newBed(t, says(`{"a":1}`), says(`{"a":1}`), func(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.InFlight = 2 })
	b.mirrors.Crowd(func() bool {
		asked.Add(1)
		return crowded.Load() > 0
	})
	total := 0
	ask := func(n int) {
		for range n {
			b.get(t, "/")
		}
		total += n
	}
	one := func(n int) shadow.Status { // each is compared before the next comes
		for range n {
			ask(1)
			b.settled(t, total)
		}
		return b.status()
	}
	if s := one(10); s.Buckets["equal"] != 10 || s.GivesWay {
		t.Fatalf("when nobody waits: %+v", s)
	}
	crowded.Store(1)
	before := asked.Load()
	if s := one(100); s.Buckets["equal"] != 110 || !s.GivesWay {
		t.Fatalf("while clients wait: %+v", s)
	}
	if n := asked.Load() - before; n < 100*2*shadow.Patience {
		t.Errorf("100 comparisons gave way %d times, want %d at least", n, 100*2*shadow.Patience)
	}
	crowded.Store(0)
	if s := one(100); s.Buckets["equal"] != 210 || s.GivesWay {
		t.Errorf("when nobody waits any more: %+v", s)
	}
}
