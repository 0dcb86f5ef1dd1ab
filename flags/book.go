package flags

import (
	"sync"
	"sync/atomic"

	"github.com/open-feature/go-sdk/openfeature"
)

const (
	pages    = 1 << 12 // answers that the book has room for
	variants = 3 << 10 // of them may have a variant and a reason of their own
)

// said is an answer as it is kept: once, for all who got it.
type said struct {
	Answer
	outcome int    // for counting
	number  uint64 // in the book; 0: it had no room
}

// book numbers the different answers that were given. There are few: one for each
// variant that a source gives for a reason. A source that makes up a new variant
// for each user fills it; from then on answers are kept without what is only
// there to be shown. Reading takes no lock.
type book struct {
	all     [pages]atomic.Pointer[said] // from 1 on
	mu      sync.Mutex
	numbers map[Answer]*said
}

func (b *book) at(number uint64) *said { return b.all[number%pages].Load() }

// keep finds an answer in the book or writes it there.
func (b *book) keep(a Answer) *said {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.numbers[a]; s != nil {
		return s
	}
	if len(b.numbers) >= variants && a.Err == "" {
		a.Variant, a.Reason = "", string(openfeature.UnknownReason)
		if s := b.numbers[a]; s != nil {
			return s
		}
	}
	s := &said{Answer: a, outcome: a.outcome()}
	if next := len(b.numbers) + 1; next < pages {
		s.number = uint64(next)
		b.numbers[a] = s
		b.all[next].Store(s)
	}
	return s
}
