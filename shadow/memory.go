package shadow

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// memory is what all copies are made of: blocks of a power of two, pooled, and
// counted against one budget from the moment they are taken.
type memory struct {
	limit int64
	held  atomic.Int64
	pools [maxClass + 1]sync.Pool
}

// Blocks have 1<<minClass to 1<<maxClass bytes.
const (
	minClass = 9
	maxClass = 25
)

// block is one piece of memory. It belongs to one copy until that gives it back.
type block struct {
	class int
	bytes []byte
}

// take counts n bytes; false means that there is no room for them.
func (m *memory) take(n int64) bool {
	if m.held.Add(n) > m.limit {
		m.held.Add(-n)
		return false
	}
	return true
}

func (m *memory) give(n int64) { m.held.Add(-n) }

// block has room for n bytes; nil when the budget has not.
func (m *memory) block(n int) *block {
	class := max(minClass, bits.Len(uint(max(n, 1)-1)))
	if class > maxClass || !m.take(1<<class) {
		return nil
	}
	if b, ok := m.pools[class].Get().(*block); ok {
		return b
	}
	return &block{class: class, bytes: make([]byte, 1<<class)}
}

func (m *memory) free(b *block) {
	m.give(1 << b.class)
	m.pools[b.class].Put(b)
}
