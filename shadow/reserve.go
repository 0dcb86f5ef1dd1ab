package shadow

import (
	"math"
	"runtime/debug"
)

// reserve is room for the copies, on the heap and never touched: it takes no memory,
// but Go's garbage collector, which runs when the heap has doubled, waits for that
// much more. Copies and comparisons are garbage soon; without it they would have the
// collector, which clients feel, run twice as often.
type reserve []byte

// share of a memory limit (GOMEMLIMIT, or the container's) that a reserve may take,
// which counts against it.
const shareOfLimit = 16

// newReserve is as much as the copies may take, less where memory is short.
func newReserve(most int64) reserve {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		most = min(most, limit/shareOfLimit)
	}
	return make(reserve, most)
}
