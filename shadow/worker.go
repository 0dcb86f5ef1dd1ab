package shadow

import (
	"cmp"
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// handle carries one request from the queue to its record. A panic of what is
// compared, or of a hook, ends this request and nothing else.
func (m *Mirror) handle(x *Exchange) {
	defer x.free()
	x.compute()
	rec := &Record{Route: x.plan.Route, At: x.given.At, Reverse: x.plan.Reverse, Rare: x.extra, Rules: x.plan.comparer.Fingerprint(), Sides: x.plan.Sides()}
	if !m.guarded(rec, func() { x.fill(rec); x.compare(rec) }) {
		rec.Bucket, rec.Why, rec.Result, rec.Again, rec.Repeated = NotComparable, "panic", diff.Result{}, nil, nil
		rec.Crossed = nil
	}
	m.count(rec)
	m.guarded(rec, func() { m.all.options.Recorder.Record(rec) })
}

// guarded runs f, and tells whether it did not panic.
func (m *Mirror) guarded(rec *Record, f func()) (ok bool) {
	defer func() {
		if e := recover(); e != nil {
			ok = false
			m.panics.Add(1)
			m.all.log.Error("shadow panicked", slog.String("route", rec.Route), slog.Any("panic", e), slog.String("stack", string(debug.Stack())))
		}
	}()
	f()
	return true
}

// fill writes down what is known before anybody is asked.
func (x *Exchange) fill(rec *Record) {
	rec.ID, rec.RequestID, rec.TraceID = newID(), x.given.RequestID, x.given.TraceID
	x.heard = x.outgoing(false)
	rec.Request = Request{
		Method: x.method, Host: x.host, Target: target(x.path, x.rawPath, x.query).RequestURI(),
		Header: x.heard, Body: x.body.bytes(),
	}
	if x.plan.Reverse {
		rec.Service = x.primary()
	} else {
		rec.Monolith = x.primary()
	}
}

// compare asks the shadow, compares, asks again.
func (x *Exchange) compare(rec *Record) {
	p, m := x.plan, x.mirror
	ctx := p.life.Context
	var epoch uint64
	if !safe(x.method) {
		x.pause()
		of, release, proved := m.prove(ctx, x)
		x.compute()
		if !proved {
			rec.cut(cmp.Or(x.cutOff(), lossNoProof))
			return
		}
		defer release()
		epoch = of
	}
	if !x.askShadow(ctx, rec) {
		return
	}
	if !safe(x.method) {
		m.proof.confirm(epoch)
	}
	// Whether a request is chosen must not depend on how its own comparison ends.
	rec.Chosen = safe(x.method) && p.twin().known() && (x.chosen || x.hastens())
	rec.Result = p.comparer.Compare(rec.Monolith.Answer, rec.Service.Answer, m.all.now())
	var second *reply
	if rec.Chosen {
		second = x.askTwin(ctx, rec)
	}
	switch rec.Result.Verdict {
	case diff.Equal:
		rec.Bucket = Equal
	case diff.EqualByRule:
		rec.Bucket = EqualByRule
	case diff.NotComparable:
		rec.Bucket, rec.Why = NotComparable, string(rec.Result.Reason)
	default:
		rec.Bucket, rec.Why = x.judge(ctx, rec, second)
	}
	if why := x.cutOff(); why != lossNone && rec.Why == whyAgainFailed {
		rec.cut(why) // whoever was asked again, we did not wait
		rec.Result, rec.Again, rec.Crossed = diff.Result{}, nil, nil
	}
}

// askShadow fills in the shadow's side; when there is nothing to compare it says
// where the request ends.
func (x *Exchange) askShadow(ctx context.Context, rec *Record) (ok bool) {
	p, m := x.plan, x.mirror
	answer, err := x.ask(ctx, p.shadow(), rec.ID)
	if why := x.cutOff(); why != lossNone {
		rec.cut(why)
		return false
	}
	if err != nil {
		rec.Why = whyOf(err)
		rec.Bucket = p.bucketOf(rec.Why)
		if !safe(x.method) {
			m.proof.forget()
		}
		return false
	}
	if p.Reverse {
		rec.Monolith = answer.Side
	} else {
		rec.Service = answer.Side
	}
	switch {
	case !safe(x.method) && !answer.ack:
		x.stop()
		rec.Bucket, rec.Why = p.bucketOf("no_ack"), "no_ack"
		return false
	case answer.looped:
		m.quiet.looped.Store(m.all.now().UnixNano())
		rec.Bucket, rec.Why = NotComparable, whyLooped
		return false
	}
	return true
}

// count puts a record into its bucket.
func (m *Mirror) count(rec *Record) {
	if rec.Rare {
		m.extra.Add(1)
		return
	}
	m.buckets[rec.Bucket].Add(1)
	if rec.Bucket.Compared() {
		m.compared(rec.Hollow())
	}
}
