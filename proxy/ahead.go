package proxy

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// A body of known length is read ahead: its first aheadSize bytes come from the
// client before the request takes a slot of the bulkhead, and before a
// connection to the target. Whoever sends these slowly, under the rule of
// bodyGrace, thus takes nothing from anybody else; and a request whose whole
// body has come waits for no client any more. nginx does the same with all of a
// body (proxy_request_buffering), and so cannot pass on a large one as it comes.
//
// All bodies read ahead at one time take up at most aheadRoom bytes of buffers in
// this process; without room a request goes on with what has come. Buffers
// grow as bytes arrive, and only half of the room is for those that have
// grown: so it takes 8,192 clients to use up what bodies below 4 KiB need.
const (
	aheadSize = 64 << 10
	aheadRoom = 64 << 20
)

// aheadSizes are the sizes of buffers.
var aheadSizes = [...]int{4 << 10, 16 << 10, aheadSize}

// aheadBuffers are buffers of these sizes that nobody has at the moment.
var aheadBuffers [len(aheadSizes)]sync.Pool

// aheadTaken is how many bytes are in buffers that somebody has.
var aheadTaken atomic.Int64

// aheadBuffer is the room of one body.
type aheadBuffer struct {
	class int // in aheadSizes
	bytes []byte
}

// takeAhead gives a buffer; nil when there is no room for it.
func takeAhead(class int) *aheadBuffer {
	room, size := int64(aheadRoom), int64(aheadSizes[class])
	if class > 0 {
		room /= 2
	}
	if aheadTaken.Add(size) > room {
		aheadTaken.Add(-size)
		return nil
	}
	b, _ := aheadBuffers[class].Get().(*aheadBuffer)
	if b == nil {
		b = &aheadBuffer{class, make([]byte, size)}
	}
	return b
}

func (b *aheadBuffer) giveBack() {
	aheadTaken.Add(-int64(len(b.bytes)))
	aheadBuffers[b.class].Put(b)
}

// readAhead reads the body's beginning, if it is one for that. It must end
// before the request takes a slot.
func (x *exchange) readAhead() *Failure {
	p, ok := x.in.Body.(*pass)
	if !ok {
		return nil
	}
	if p.attempt == 1 && x.wantsAhead() {
		if err := p.readAhead(&x.patience, x.in.ContentLength); err != nil {
			return bodyFailure(err)
		}
	}
	x.drained.Store(p.arrived())
	return nil
}

// wantsAhead reports whether the body is to be read ahead. A client that expects
// 100 asks whether the target wants the body at all; one that announces no length, or
// speaks gRPC, may send the rest only after a part of the answer.
func (x *exchange) wantsAhead() bool {
	r := x.in
	return x.target.maxInFlight != 0 && r.ContentLength > 0 && x.patience.grace != 0 &&
		len(r.Header["Expect"]) == 0 && len(r.Trailer) == 0 && !x.upgrade
}

// arrived reports whether all of the body is kept.
func (u *upload) arrived() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return errors.Is(u.err, io.EOF) && !u.lost
}

// readAhead reads until the body ends or no buffer is left. length is that of the
// body.
func (p *pass) readAhead(clock *patience, length int64) error {
	p.reading.Lock()
	defer p.reading.Unlock()
	for p.grow(length) {
		clock.awaitClient()
		n, err := p.src.Read(p.ahead.bytes[len(p.kept):])
		if !clock.heardClient(n) {
			err = errSlowBody
		}
		p.mu.Lock()
		p.kept, p.err = p.ahead.bytes[:len(p.kept)+n], err
		p.mu.Unlock()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// grow sees to it that there is room for more of the body, before it is used up
// where the body is longer than that.
func (p *pass) grow(length int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ahead == nil {
		p.ahead = takeAhead(0)
		return p.ahead != nil
	}
	size, used := len(p.ahead.bytes), len(p.kept)
	if used < size/2 || used < size && length <= int64(size) {
		return true
	}
	if p.ahead.class+1 < len(aheadSizes) {
		if larger := takeAhead(p.ahead.class + 1); larger != nil {
			p.kept = larger.bytes[:copy(larger.bytes, p.kept)]
			p.ahead.giveBack()
			p.ahead = larger
			return true
		}
	}
	return used < size
}

// dropAhead gives the buffer back. u.mu is held.
func (u *upload) dropAhead() {
	if u.ahead != nil {
		u.kept = nil
		u.ahead.giveBack()
		u.ahead = nil
	}
}

// settle says that there will be no later attempt, so nothing need be kept that
// this one has read.
func (p *pass) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = 0
	if p.at == len(p.kept) {
		p.lost = true
		p.dropAhead()
	}
}

// finish ends all reading: nobody has anything of the body afterwards.
func (u *upload) finish() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.attempt++
	u.lost = true
	u.dropAhead()
}
