package shadow

// copied is a bounded copy of bytes that pass. It starts small, as most bodies
// are, and grows with what comes; when it must not grow any more it gives back
// what it has. It is not safe for concurrent use.
type copied struct {
	memory *memory
	limit  int
	block  *block
	n      int
	loss   loss // why it is not whole
	whole  loss // what to call it when there are more than limit bytes
}

// growth is by how much a block is larger than the one before it.
const growth = 4

// expect says how many bytes will come, when that is known: one block then has
// room for all of them.
func (c *copied) expect(n int64) {
	switch {
	case c.block != nil || c.loss != lossNone || n <= 0:
	case n > int64(c.limit):
		c.lose(c.whole)
	default:
		if c.block = c.memory.block(int(n)); c.block == nil {
			c.lose(lossMemory)
		}
	}
}

// write copies p.
func (c *copied) write(p []byte) {
	if len(p) > 0 {
		copy(c.reserve(len(p)), p)
	}
}

// reserve is where the next n bytes belong; nil when the copy is lost.
func (c *copied) reserve(n int) []byte {
	start, need := c.n, c.n+n
	switch {
	case c.loss != lossNone:
		return nil
	case need > c.limit:
		c.lose(c.whole)
		return nil
	case (c.block == nil || need > len(c.block.bytes)) && !c.grow(need):
		return nil
	}
	c.n = need
	return c.block.bytes[start:need]
}

// grow moves to a larger block.
func (c *copied) grow(need int) bool {
	size := need
	if c.block != nil {
		size = max(need, min(growth*len(c.block.bytes), c.limit))
	}
	larger := c.memory.block(size)
	if larger == nil {
		c.lose(lossMemory)
		return false
	}
	if c.block != nil {
		copy(larger.bytes, c.block.bytes[:c.n])
		c.memory.free(c.block)
	}
	c.block = larger
	return true
}

// room is where the next bytes may be read to; empty when there is no more.
// What was read is counted by read.
func (c *copied) room() []byte {
	if c.loss != lossNone {
		return nil
	}
	if c.block == nil || c.n == len(c.block.bytes) {
		if c.n >= c.limit || !c.grow(c.n+1) {
			return nil
		}
	}
	return c.block.bytes[c.n:min(len(c.block.bytes), c.limit)]
}

func (c *copied) read(n int) { c.n += n }

// bytes are the copy, good until free.
func (c *copied) bytes() []byte {
	if c.block == nil {
		return nil
	}
	return c.block.bytes[:c.n:c.n]
}

func (c *copied) lose(why loss) {
	c.free()
	c.loss = why
}

// free gives the memory back.
func (c *copied) free() {
	if c.block != nil {
		c.memory.free(c.block)
		c.block = nil
	}
	c.n = 0
}
