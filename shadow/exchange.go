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
	given  Arrival
	extra  bool
	chosen bool
	common bool   // extra, but not rare after all
	shape  uint64 // of an extra one's request
	loss   loss
	held   int64 // bytes of all heads

	method, host         string
	path, rawPath, query string
	size                 int64 // of the request's body
	header               []field
	tee                  *bodyTee
	body                 copied

	writer       answerTee
	before       []field // what was in the writer's header already
	status       int
	bodiless     bool
	answerHeader []field
	trailer      []field
	fields       int // in the writer's header, with the head
	answer       copied
	waited       time.Duration // for the client
	took         time.Duration
	queued       time.Time

	replies []*reply // a worker's

	// Room for what most requests need, so that an exchange is one allocation.
	room struct {
		before [4]field
		header [16]field
		answer [12]field
	}
}

// field is one value of a header. The strings are the request's, which nobody
// changes; slices of them somebody might.
type field struct{ name, value string }

// exchangeSize is about what an exchange itself takes, fieldSize what a field of a
// header takes beside its text: a client may send many that are short.
const (
	exchangeSize = 2 << 10
	fieldSize    = 64
)

// newExchange copies the head of r; nil when the budget has no room for it.
func newExchange(m *Mirror, p *plan, r *http.Request, a *Arrival) *Exchange {
	held := exchangeSize + int64(len(r.Host)+len(r.URL.Path)+len(r.URL.RawPath)+len(r.URL.RawQuery)) + headerSize(r.Header)
	if !m.all.memory.take(held) {
		return nil
	}
	x := &Exchange{
		mirror: m, plan: p, start: m.all.now(), given: *a, held: held,
		method: r.Method, host: r.Host, path: r.URL.Path, rawPath: r.URL.RawPath, query: r.URL.RawQuery,
		size: r.ContentLength,
	}
	x.header = x.room.header[:0]
	for name, values := range r.Header {
		for _, v := range values {
			x.header = append(x.header, field{name, v})
		}
	}
	x.answer = copied{memory: &m.all.memory, limit: p.Body, whole: lossAnswer}
	return x
}

// headerSize is about what a copy of h takes.
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
	x.writer = answerTee{w, x}
	x.before, x.answerHeader = x.room.before[:0], x.room.answer[:0]
	for name, values := range w.Header() {
		for _, v := range values {
			x.before = append(x.before, field{name, v})
		}
	}
	return &x.writer
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
	if why := x.ended(e); why != lossNone || x.common {
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
	if e.Failure == "" && x.writer.x != nil {
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
	return lossNone
}

// free gives back all memory; whoever holds the exchange last calls it.
func (x *Exchange) free() {
	x.body.free()
	x.answer.free()
	for _, r := range x.replies {
		r.body.free()
	}
	x.mirror.all.memory.give(x.held)
	x.held = 0
}
