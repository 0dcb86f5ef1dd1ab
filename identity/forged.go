package identity

import (
	"log/slog"
	"sync"
	"time"
)

// forged watches how many lookups end with a signature that no key of ours made.
// One is somebody who plays with a cookie; most of them mean that our key is not
// the monolith's, which would call everybody anonymous without a word.
type forged struct {
	mu       sync.Mutex
	began    time.Time // of the minute that is counted
	bad, all int
	most     bool      // in this minute or the one before
	told     time.Time // when the log was
}

// The least number of such lookups in a minute that say something.
const (
	forgedEvery = time.Minute
	forgedLeast = 10
)

func (f *forged) count(r *Resolver, bad bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := r.options.Now()
	if now.Sub(f.began) >= forgedEvery {
		f.most = f.outweigh() && now.Sub(f.began) < 2*forgedEvery
		f.began, f.bad, f.all = now, 0, 0
	}
	f.all++
	if !bad {
		return
	}
	f.bad++
	if !f.outweigh() {
		return
	}
	f.most = true
	if f.told.IsZero() || now.Sub(f.told) >= forgedEvery {
		f.told = now
		r.log.Warn("most session cookies are signed with none of the configured keys, so their users count as anonymous; are the keys the monolith's?",
			slog.Int("of_them", f.bad), slog.Int("lookups", f.all))
	}
}

func (f *forged) outweigh() bool { return f.bad >= forgedLeast && 2*f.bad > f.all }

// now reports whether most lookups end so.
func (f *forged) now(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most && now.Sub(f.began) < 2*forgedEvery
}
