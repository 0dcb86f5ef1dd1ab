package book

import (
	"slices"
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

const (
	maxEras  = 20
	maxBuild = 128
	// settled is how long the present era must be silent before an earlier
	// build's record means that this build is back.
	settled = 5 * time.Minute
	// trimmed is how many signatures an era keeps that has two after it.
	trimmed = 20
)

// route is the live evidence of one route.
type route struct {
	// missed are requests that were not compared. They have a lock of their own,
	// held for the time of one addition, since they come from the request path.
	missing sync.Mutex
	missed  map[miss]uint64

	mu     sync.Mutex
	config Route
	since  time.Time // when it was configured, or the book opened
	alarm  string    // of the mirror, empty: none
	totals Totals
	eras   []*era // the newest first
	dirty  bool
}

// miss is one way not to be compared.
type miss struct {
	bucket shadow.Bucket
	why    string
	rare   bool
}

// era is an Era being written.
type era struct {
	Era

	signatures map[string]*signature
	touched    time.Time // when its last comparison was recorded
	dirty      bool
	known      map[string]bool // where a difference is noise; replaced, never changed
	doubtful   int             // bytes of the names in Noise.Doubtful
}

// signature is a Signature being written.
type signature struct {
	Signature

	slots []slot
	dirty bool
}

// slot is where a sample lies; at is 0 when it is free.
type slot struct {
	at   int64
	size int
}

func newEra(e *Era) *era {
	return &era{Era: *e, signatures: map[string]*signature{}, dirty: true}
}

// miss counts one request that was not compared.
func (rt *route) miss(m miss) {
	rt.missing.Lock()
	defer rt.missing.Unlock()
	if _, known := rt.missed[m]; !known && len(rt.missed) >= maxNames {
		m.why = "other"
	}
	rt.missed[m]++
}

// drain takes over what was missed, into the present era. The caller holds mu.
func (rt *route) drain(now time.Time) {
	rt.missing.Lock()
	missed := rt.missed
	if len(missed) == 0 { // it stays miss's, and must not be read without the lock
		rt.missing.Unlock()
		return
	}
	rt.missed = make(map[miss]uint64, len(missed))
	rt.missing.Unlock()
	for m, n := range missed {
		e := rt.present(now)
		e.miss(m, n)
		if !m.rare {
			rt.totals.Sampled += n
		}
		e.dirty, rt.dirty = true, true
	}
}

// present is the era that evidence goes to; the first begins here. The caller
// holds mu.
func (rt *route) present(now time.Time) *era {
	if len(rt.eras) == 0 {
		rt.totals.LastEra++
		rt.eras = []*era{newEra(&Era{Number: rt.totals.LastEra, Began: now, Cause: "the first evidence"})}
		rt.dirty = true
	}
	return rt.eras[0]
}

// eraOf is the era that a comparison belongs to; begun is true when it has just
// begun. The caller holds mu.
func (rt *route) eraOf(r *shadow.Record, now time.Time) (e *era, begun bool) {
	current := rt.present(now)
	builds := current.of(r)
	switch {
	case builds == current.Builds:
		return current, false
	case current.LastCompared.IsZero(): // nothing was known of it
		current.Builds = builds
		return current, false
	case now.Sub(current.touched) < settled:
		for _, e := range rt.eras[1:] {
			if e.Builds == builds {
				return e, false
			}
		}
	}
	if last := len(rt.eras) - 1; len(rt.eras) == maxEras && now.Sub(rt.eras[last].Began) < time.Hour {
		current.Mixed = true
		return current, false
	}
	inherited := rt.inherited(builds)
	e = rt.begin(builds, current.cause(builds), now)
	e.Noise = inherited
	e.remember()
	return e, true
}

// begin begins an era. The caller holds mu, and drops what is too old.
func (rt *route) begin(builds Builds, cause string, now time.Time) *era {
	rt.totals.LastEra++
	e := newEra(&Era{Number: rt.totals.LastEra, Began: now, Cause: cause, Builds: builds})
	rt.eras = slices.Insert(rt.eras, 0, e)
	rt.dirty = true
	return e
}

// findings judges the signatures of an era together. The caller holds mu.
func (e *era) findings() []stats.Finding {
	pairs := make(map[string]stats.Pairs, len(e.signatures))
	for name, s := range e.signatures {
		pairs[name] = s.pairs(e.Pairs)
	}
	return stats.Findings(pairs)
}

// surplus are the names of all signatures but the worst, as many as are kept. The
// caller holds mu.
func (e *era) surplus(keep int) []string {
	if len(e.signatures) <= keep {
		return nil
	}
	all := make([]report.Signature, 0, len(e.signatures))
	for _, f := range e.findings() {
		s := e.signatures[f.Path]
		all = append(all, report.Signature{
			Signature: f.Path, Judgement: s.judge(f.Worse, e.Compared), Count: s.Count, Statuses: s.Statuses,
		})
	}
	slices.SortFunc(all, func(a, b report.Signature) int { return worse(&a, &b) })
	names := make([]string, 0, len(all)-keep)
	for i := range all[keep:] {
		names = append(names, all[keep+i].Signature)
	}
	return names
}
