package shadow

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// proof is what is known of the shadow's dry run. A service that knows it answers
// every request that has [MarkHeader] with [DryRunHeader], and changes nothing
// for it.
type proof struct {
	stopped func() (reason string, since time.Time, ok bool) // Stops, of the route
	known   atomic.Pointer[known]                            // nil: nothing
	// trial is held by the one request that may be sent on the probe's word alone.
	trial sync.Mutex
	// epoch counts how often all was forgotten: what was asked before proves nothing
	// after it. confirmed is the epoch, and one, of which a request came back with its ack.
	epoch, confirmed atomic.Uint64
}

// known is what was found out and when.
type known struct {
	state  ProofState
	reason string
	at     time.Time
	epoch  uint64 // when it was asked for
}

// A proof is good for proofTime; a shadow that gave none is asked again after
// refusedTime.
const (
	proofTime   = 5 * time.Minute
	refusedTime = 30 * time.Second
)

// status is what holds at a time.
func (p *proof) status(now time.Time) Proof {
	if reason, since, ok := p.stopped(); ok {
		return Proof{State: ProofBroken, Reason: reason, At: since}
	}
	k := p.known.Load()
	switch {
	case k == nil || k.epoch != p.epoch.Load():
		return Proof{State: ProofUnknown}
	case k.state == ProofGiven && now.Sub(k.at) >= proofTime, k.state == ProofRefused && now.Sub(k.at) >= refusedTime:
		return Proof{State: ProofUnknown, Reason: k.reason, At: k.at}
	}
	return Proof{State: k.state, Reason: k.reason, At: k.at}
}

// maybe tells whether a request may pass the dry run: it is proved, or it is
// time to ask for it.
func (p *proof) maybe(now time.Time) bool {
	s := p.status(now).State
	return s == ProofGiven || s == ProofUnknown
}

// stop ends the mirroring of requests that may change something: this one was
// answered without its ack.
func (x *Exchange) stop() {
	m, route := x.mirror, x.plan.Route
	x.pause() // who keeps it may have to wait for a store
	m.all.options.Stops.Stop(route, "a mirrored "+method(x.method)+" request was answered without "+DryRunHeader+": "+DryRunAck)
	m.proof.forget() // when the stop ends it is proved anew
	m.all.log.Error("a mirrored request came back without its ack: requests that may change something are not mirrored any more",
		slog.String("route", route), slog.String("method", x.method), slog.String("request_id", x.given.RequestID))
}

// method is a client's word, where it may be read by people.
func method(m string) string {
	if strings.ContainsFunc(m, func(r rune) bool { return r < 'A' || r > 'Z' }) || len(m) > 20 {
		return "writing"
	}
	return m
}

// confirm: a mirrored request of that epoch was acknowledged.
func (p *proof) confirm(epoch uint64) { p.confirmed.Store(epoch + 1) }

// sure tells whether one of the present epoch was.
func (p *proof) sure() bool { return p.confirmed.Load() == p.epoch.Load()+1 }

// forget makes the shadow prove it anew: its settings have changed, or something
// went wrong.
func (p *proof) forget() { p.epoch.Add(1) }

// prove makes sure of the dry run before a request that may change something is
// sent. Until the first of them has come back with its ack they go one by one, so that a
// shadow that knows the probe and nothing else gets one, not as many as there
// are workers; release ends that. epoch is for confirm.
func (m *Mirror) prove(ctx context.Context, x *Exchange) (epoch uint64, release func(), ok bool) {
	epoch = m.proof.epoch.Load()
	if !m.probed(ctx, x) {
		return 0, nil, false
	}
	if m.proof.sure() {
		return epoch, func() {}, true
	}
	if !m.proof.trial.TryLock() {
		return 0, nil, false
	}
	if m.proof.status(m.all.now()).State != ProofGiven {
		m.proof.trial.Unlock()
		return 0, nil, false
	}
	return epoch, m.proof.trial.Unlock, true
}

// probed tells whether the proof holds, and asks for it when that is unknown:
// an OPTIONS request for the same path.
func (m *Mirror) probed(ctx context.Context, x *Exchange) bool {
	switch m.proof.status(m.all.now()).State {
	case ProofGiven:
		return true
	case ProofUnknown:
	default:
		return false
	}
	question := *x.asked
	question.method, question.query, question.heard = http.MethodOptions, "", nil
	epoch := m.proof.epoch.Load()
	probe := &Exchange{mirror: m, plan: x.plan, asked: &question}
	defer probe.free()
	answer, err := probe.ask(ctx, x.plan.shadow(), newID())
	now := m.all.now()
	var reason string
	switch {
	case x.cutOff() != lossNone:
		return false
	case err != nil:
		reason = "the probe failed: " + whyOf(err)
	case !answer.ack:
		reason = "the probe was answered without " + DryRunHeader + ": " + DryRunAck
	default:
		m.proof.known.Store(&known{ProofGiven, "", now, epoch})
		return m.proof.status(now).State == ProofGiven
	}
	m.proof.known.Store(&known{ProofRefused, reason, now, epoch})
	m.all.log.Warn("shadow proves no dry run", slog.String("route", x.plan.Route), slog.String("reason", reason))
	return false
}
