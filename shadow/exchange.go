package shadow

import (
	"io"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Exchange copies one request and its answer as they pass. It belongs to one
// request; it must be ended. All methods of a nil Exchange do nothing and give back what
// they got.
type Exchange struct {
	mirror *Mirror
	plan   *plan
	start  time.Time
	extra  bool
	chosen bool
	common bool   // extra, but not rare after all
	shape  uint64 // of an extra one's request
	loss   loss
	held   int64 // bytes beside the copies

	heads copied          // all of them, as texts; see section
	ends  [sections]int32 // of the sections, in bytes of heads

	size int64 // of the request's body
	tee  *bodyTee
	body copied

	writer   *answerTee
	status   int
	bodiless bool
	fields   int // in the writer's header, with the head
	answer   copied
	waited   time.Duration // for the client
	took     time.Duration
	queued   time.Time

	// What the head does not hold of the arrival.
	at              time.Time
	trusted, secure bool
	principal       any

	*asked           // a worker's
	replies []*reply // too
	turn    *turn    // too, while it computes
}

// exchangeSize is about what an exchange takes beside its copies, fieldSize what a
// field of an answer's header takes beside its text.
const (
	exchangeSize = 512
	fieldSize    = 64
)

// newExchange copies the head of r; nil when the budget has no room for it.
func newExchange(m *Mirror, p *plan, r *http.Request, a *Arrival) *Exchange {
	if !m.all.memory.take(exchangeSize) {
		return nil
	}
	x := &Exchange{
		mirror: m, plan: p, start: m.all.now(), held: exchangeSize,
		size: r.ContentLength, bodiless: r.Method == http.MethodHead,
		at: a.At, trusted: a.Client.Trusted, secure: a.Client.Secure, principal: a.Principal,
	}
	x.heads = copied{memory: &m.all.memory, limit: 1 << maxClass, whole: lossMemory}
	x.answer = copied{memory: &m.all.memory, limit: p.Body, whole: lossAnswer}
	if !x.keepRequest(r, a) {
		x.free()
		return nil
	}
	return x
}

// headerSize is about what h takes.
func headerSize(h http.Header) (n int64) {
	for name, values := range h {
		for _, v := range values {
			n += int64(fieldSize + len(name) + len(v))
		}
	}
	return n
}

// hold counts n bytes more; false means that there is no room for them.
func (x *Exchange) hold(n int64) bool {
	if !x.mirror.all.memory.take(n) {
		return false
	}
	x.held += n
	return true
}

// Body copies the request's body as it is read. nil and http.NoBody come back
// as they are.
func (x *Exchange) Body(b io.ReadCloser) io.ReadCloser {
	if x == nil || b == nil || b == http.NoBody || x.size == 0 {
		return b
	}
	x.tee = &bodyTee{
		ReadCloser: b, now: x.mirror.all.now,
		copy: copied{memory: &x.mirror.all.memory, limit: x.plan.Body, whole: lossRequest},
	}
	x.tee.copy.expect(x.size)
	return x.tee
}

// Writer copies the answer as it is written. What is in w's header already is
// no part of the answer.
func (x *Exchange) Writer(w http.ResponseWriter) http.ResponseWriter {
	if x == nil {
		return w
	}
	x.writer = &answerTee{w, x}
	x.heads.fields(w.Header())
	x.close(sectionBefore)
	return x.writer
}

// Ending is how a request ended, as its client saw it.
type Ending struct {
	// Arm is the side that answered.
	Arm routes.Arm
	// Failure is empty when the client has got a whole answer of that side, else
	// what went wrong in a word of a closed set: "canceled" when the client left.
	Failure string
}

// End says that the request is over. It never waits.
func (x *Exchange) End(e Ending) {
	if x == nil {
		return
	}
	m := x.mirror
	x.queued = m.all.now()
	x.took = x.queued.Sub(x.start) - x.waited
	why := x.ended(e)
	x.tee, x.writer = nil, nil // or the connection would wait as well
	if why != lossNone || x.common {
		m.lose(why, x.extra)
		x.free()
		m.open.Add(-1)
		return
	}
	m.submit(x)
	m.open.Add(-1)
}

// ended takes what was copied together, and tells why it cannot be compared.
func (x *Exchange) ended(e Ending) loss {
	whole := true
	if x.tee != nil {
		var waited time.Duration
		x.body, waited, whole = x.tee.take(x.size)
		x.took = max(0, x.took-waited)
	}
	if e.Failure == "" && x.writer != nil {
		x.head(http.StatusOK, nil) // a handler that wrote nothing
	}
	switch {
	case x.loss != lossNone:
		return x.loss
	case e.Failure == "canceled":
		return lossCanceled
	case e.Failure != "" || e.Arm != x.plan.arm || x.status == 0:
		if x.plan.Reverse {
			return lossService
		}
		return lossMonolith
	case x.body.loss != lossNone:
		return x.body.loss
	case x.answer.loss != lossNone:
		return x.answer.loss
	case !whole:
		return lossPartial
	}
	x.keepTrailer()
	return x.heads.loss
}

// free gives back all memory; whoever holds the exchange last calls it.
func (x *Exchange) free() {
	x.pause()
	x.heads.free()
	x.body.free()
	x.answer.free()
	for _, r := range x.replies {
		r.body.free()
	}
	x.mirror.all.memory.give(x.held)
	x.held = 0
}
