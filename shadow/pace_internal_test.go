package shadow

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestATurnLetsOthersGo: on one core all that could run has run when a turn begins.
func TestATurnLetsOthersGo(t *testing.T) { //nolint:paralleltest // of the process
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	turn, err := newTurn()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = turn.in.Close(), turn.out.Close() }()
	const n, each = 20, 10
	var left int64
	for range 10 { // the system's own thread may find the byte early when the machine is slow
		var running atomic.Int64
		running.Store(n)
		for range n {
			go func() {
				defer running.Add(-1)
				for range each {
					runtime.Gosched()
				}
			}()
		}
		turn.letGo()
		if left = running.Load(); left == 0 {
			return
		}
		for running.Load() > 0 {
			runtime.Gosched()
		}
	}
	t.Errorf("%d of %d goroutines had not run", left, n)
}

// BenchmarkTurn is what a stage pays when nobody waits.
func BenchmarkTurn(b *testing.B) {
	p, err := newPace()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.close() }()
	b.ReportAllocs()
	for b.Loop() {
		p.end(p.begin())
	}
}
