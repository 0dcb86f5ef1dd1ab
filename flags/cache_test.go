package flags

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

// Whoever reads while places are written, taken away and given back gets all that
// one writer wrote of the question, or nothing. Run with -race.
func TestCacheIsReadWhole(t *testing.T) {
	t.Parallel()
	const questions = 4 * ways // four for each place of the one set
	c := newCache(ways)
	for hash := uint64(1); hash <= questions; hash++ {
		c.book.keep(Answer{Variant: fmt.Sprint(hash)})
	}
	write := func(hash, turn uint64) {
		answer := c.book.keep(Answer{Variant: fmt.Sprint(hash)})
		c.put(hash, &known{version: hash<<32 | turn, at: time.Duration(turn), goodAt: time.Duration(turn), reach: int(hash), answer: answer, good: answer})
	}
	var all sync.WaitGroup
	for worker := range uint64(4) {
		all.Go(func() {
			for turn := range uint64(5_000) {
				write((worker*7+turn)%questions+1, turn)
				hash := (worker*5+turn*3)%questions + 1
				k := c.get(hash)
				if k.answer == nil {
					continue
				}
				if k.version>>32 != hash || k.version&(1<<32-1) != uint64(k.at) || k.at != k.goodAt || k.reach != int(hash) ||
					k.answer.Variant != fmt.Sprint(hash) || k.good != k.answer {
					t.Errorf("of %d: %+v, %+v", hash, k, k.answer)
					return
				}
			}
		})
	}
	all.Wait()
	if n := c.entries.Load(); n != ways || c.evictions.Load() == 0 {
		t.Errorf("%d entries, %d evictions", n, c.evictions.Load())
	}
}

// Who was read since the hand came by keeps the place.
func TestCacheKeepsWhatIsRead(t *testing.T) {
	t.Parallel()
	c := newCache(ways)
	a := c.book.keep(Answer{Value: true})
	for hash := uint64(1); hash <= 100; hash++ {
		c.put(hash, &known{answer: a})
		if c.get(1).answer == nil {
			t.Fatalf("gone after %d others", hash-1)
		}
	}
}

// A source that makes up a variant for each user fills the book, not the memory:
// the answers stay right.
func TestBookIsFull(t *testing.T) {
	t.Parallel()
	c := newCache(4 * pages)
	for i := range uint64(2 * pages) {
		a := Answer{Value: i%2 == 0, Variant: fmt.Sprint(i), Reason: string(openfeature.SplitReason), Source: "x"}
		c.put(i+1, &known{answer: c.book.keep(a)})
		k := c.get(i + 1)
		if k.answer == nil || k.answer.Value != a.Value || k.answer.Source != "x" {
			t.Fatalf("%d: %+v", i, k.answer)
		}
		if kept := k.answer.Variant == a.Variant; kept != (i < variants) {
			t.Fatalf("%d: %+v", i, k.answer)
		}
	}
	if n := len(c.book.numbers); n != variants+2 {
		t.Errorf("%d answers in the book", n)
	}
	for i := range pages { // beyond all bounds nothing is kept, and what is said is still right
		if k := c.book.keep(Answer{Err: ErrGeneral, Source: fmt.Sprint(i)}); k.Source != fmt.Sprint(i) || k.number >= pages {
			t.Fatalf("%+v", k)
		}
	}
}
