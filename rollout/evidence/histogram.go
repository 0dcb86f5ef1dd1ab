package evidence

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// The buckets are log-linear, as in HdrHistogram (G. Tene, hdrhistogram.org):
// 16 of equal width for every power of two, in microseconds. A bucket is at
// most 1/16 of its lower bound wide, so a quantile is off by 6.25 % at most;
// what takes longer than 134 s is counted in the last one.
const (
	subBits = 4
	subs    = 1 << subBits
	// Buckets is how many buckets a histogram has.
	Buckets = 24 * subs
)

// bucketOf is the bucket that a latency belongs to.
func bucketOf(took time.Duration) int {
	us := uint64(max(took, 0) / time.Microsecond)
	if us < subs {
		return int(us)
	}
	shift := bits.Len64(us) - 1 - subBits
	return min(shift*subs+int(us>>shift), Buckets-1)
}

// boundOf is where a bucket begins.
func boundOf(bucket int) time.Duration {
	if bucket < subs {
		return time.Duration(bucket) * time.Microsecond
	}
	us := uint64(subs+bucket%subs) << (bucket/subs - 1)
	return time.Duration(us) * time.Microsecond
}

// Latencies counts latencies by bucket. The zero value is empty.
type Latencies [Buckets]uint64

// Total is how many latencies were counted.
func (l *Latencies) Total() uint64 {
	var total uint64
	for _, n := range l {
		total += n
	}
	return total
}

// Merge adds what other counted.
func (l *Latencies) Merge(other *Latencies) {
	for i, n := range other {
		l[i] += n
	}
}

// difference makes l what came between two readings, unless counts went back.
func (l *Latencies) difference(later, earlier *Latencies) bool {
	for i := range l {
		if later[i] < earlier[i] {
			return false
		}
		l[i] = later[i] - earlier[i]
	}
	return true
}

// Count adds one latency.
func (l *Latencies) Count(took time.Duration) { l[bucketOf(took)]++ }

// Quantile is the latency that the fraction q, from 0 to 1, stays under: the
// middle of the bucket in which it lies. Nothing counted answers 0.
func (l *Latencies) Quantile(q float64) time.Duration {
	total := l.Total()
	if total == 0 {
		return 0
	}
	bucket := l.rank(uint64(q * float64(total)))
	return (boundOf(bucket) + boundOf(bucket+1)) / 2
}

// rank is the bucket of the latency that so many others come before.
func (l *Latencies) rank(before uint64) int {
	var seen uint64
	last := 0
	for i, n := range l {
		if n == 0 {
			continue
		}
		if seen += n; seen > before {
			return i
		}
		last = i
	}
	return last
}

// above is how many latencies lie in the buckets above the one given.
func (l *Latencies) above(bucket int) uint64 {
	var n uint64
	for _, k := range l[min(bucket+1, Buckets):] {
		n += k
	}
	return n
}

// Histogram counts latencies from many goroutines at once, without a lock and
// without allocating. The zero value is empty.
type Histogram struct{ counts [Buckets]atomic.Uint64 }

// Observe counts one latency.
func (h *Histogram) Observe(took time.Duration) { h.counts[bucketOf(took)].Add(1) }

// Read takes over what was counted until now.
func (h *Histogram) Read(into *Latencies) {
	for i := range h.counts {
		into[i] = h.counts[i].Load()
	}
}
