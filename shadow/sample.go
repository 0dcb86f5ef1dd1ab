package shadow

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Arrival is what is known of a request beside the request itself.
type Arrival struct {
	// RequestID and TraceID correlate; the sample is a hash of RequestID.
	RequestID, TraceID string
	// At is when the request came.
	At time.Time
	// Arm is the side that will serve it.
	Arm routes.Arm
	// Marked: it came as a shadow's, see [Marked].
	Marked bool
	// Client is who sent it.
	Client Client
	// Principal is what Settings.Token gets; may be nil.
	Principal any
}

// Sample decides whether the request is mirrored; nil when not. The request's
// header must be as it will be forwarded, but for what Options.Outgoing does.
func (m *Mirror) Sample(r *http.Request, a *Arrival) *Exchange {
	if m == nil || a.Marked {
		return nil
	}
	p := m.plan.Load()
	if p == nil || a.Arm != p.arm {
		return nil
	}
	m.seen.Add(1)
	extra, shape := false, uint64(0)
	if p.Sample < routes.One && !within(m.hash(a.RequestID), p.Sample) {
		if shape, extra = m.extraFor(r, a); !extra {
			return nil
		}
	} else {
		m.sampled.Add(1)
		m.expecting(a.At)
	}
	if why := m.unfit(p, r); why != lossNone {
		m.lose(why, extra)
		return nil
	}
	if int64(len(m.queue)) >= m.room.Load() {
		m.lose(lossQueue, extra) // a copy would be made for nothing
		return nil
	}
	x := newExchange(m, p, r, a)
	if x == nil {
		m.lose(lossMemory, extra)
		return nil
	}
	// By chance, not by the ID: a client that sends one ID over and over would
	// make each of its requests a pair, and ask the monolith twice for each.
	x.extra, x.shape, x.chosen = extra, shape, !extra && within(rand.Uint64(), p.Chosen)
	m.open.Add(1)
	return x
}

// unfit finds the requests that cannot be mirrored.
func (m *Mirror) unfit(p *plan, r *http.Request) loss {
	switch {
	case !safe(r.Method) && !p.DryRun:
		return lossUnsafe
	case !safe(r.Method) && !m.proof.maybe(m.all.now()):
		return lossNoProof
	case len(r.Header["Upgrade"]) != 0 && strings.EqualFold(r.Header["Upgrade"][0], "websocket"):
		return lossUpgrade
	case endless(r.Header.Get("Content-Type")):
		return lossStream
	case len(r.Trailer) != 0:
		return lossTrailers
	case r.ContentLength > int64(p.Body):
		return lossRequest
	}
	return lossNone
}

// extraFor tells whether requests like this one are so rare that it is looked at.
func (m *Mirror) extraFor(r *http.Request, a *Arrival) (shape uint64, ok bool) {
	if m.extras.perSecond <= 0 || !safe(r.Method) {
		return 0, false
	}
	shape = shapeOf(r)
	if m.rare.see(shape) {
		return shape, m.extras.take(a.At.UnixNano())
	}
	// A common request may still have a rare answer: a few are let through to see.
	return shape, m.seen.Load()%16 == 0 && m.peeks.take(a.At.UnixNano())
}

// safe are the methods that change nothing (RFC 9110, 9.2.1) and are mirrored
// without further ado.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// newSalt makes of the key and a route what its hash begins with: 128 bits, so that
// hash has one block to look at when an ID has 32 digits.
func newSalt(key []byte, route string) []byte {
	sum := sha256.Sum256(append(append(append([]byte{}, key...), route...), 0))
	return sum[:16]
}

// hash gives the number by which a request ID is sampled. It is the same wherever
// the key is, and nobody without it can tell it.
func (m *Mirror) hash(id string) uint64 {
	var room [256]byte
	text := append(room[:0], m.salt...)
	sum := sha256.Sum256(append(text, id...))
	return binary.BigEndian.Uint64(sum[:8])
}

// within tells whether a number of 64 bits falls into a share.
func within(n uint64, share routes.PPM) bool {
	hi, _ := bits.Mul64(n, uint64(routes.One))
	return hi < uint64(share)
}
