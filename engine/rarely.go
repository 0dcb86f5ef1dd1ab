package engine

import (
	"sync/atomic"
	"time"
)

// rarely says something once a minute at most.
type rarely struct{ last atomic.Int64 }

func (r *rarely) say(now time.Time, what func()) {
	last := r.last.Load()
	if at := now.Unix(); at-last >= 60 && r.last.CompareAndSwap(last, at) {
		what()
	}
}
