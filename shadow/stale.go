package shadow

import "context"

// life is how long requests are asked by one plan: until its settings change. A
// table that leaves them as they are passes it on.
type life struct {
	context.Context

	end context.CancelFunc
}

// live gives p the life of the plan before it, or one of its own when that asked
// otherwise; then what waits or is under way by the old one ends.
func (m *Mirror) live(p, old *plan) {
	if old != nil && old.life.Err() == nil && asksLike(old.Settings, p.Settings) {
		p.life = old.life
		return
	}
	p.life.Context, p.life.end = context.WithCancel(m.all.background)
	m.end(old)
}

// asksLike tells whether a request that came with a may as well be asked and
// compared by b.
func asksLike(a, b Settings) bool {
	a.Sample, a.Chosen, a.InFlight, a.Silence = b.Sample, b.Chosen, b.InFlight, b.Silence
	return sameSettings(a, b)
}

// end ends what waits or is under way by a plan.
func (m *Mirror) end(old *plan) {
	if old == nil {
		return
	}
	old.life.end()
	for range len(m.queue) {
		select {
		case x := <-m.queue:
			m.submit(x)
		default:
			return
		}
	}
}

// cutOff is why an exchange must end before its time.
func (x *Exchange) cutOff() loss {
	switch {
	case x.mirror.all.closed.Load():
		return lossClosed
	case x.plan.life.Err() != nil:
		return lossReplaced
	}
	return lossNone
}

// stale is why an exchange that waited is not compared. What was answered longer
// ago than the shadow may take has likely changed since; and a shadow that hangs is
// not to be asked what has queued up meanwhile.
func (x *Exchange) stale() loss {
	if why := x.cutOff(); why != lossNone {
		return why
	}
	if x.mirror.all.now().Sub(x.queued) > x.plan.Timeout {
		return lossLate
	}
	return lossNone
}

// useful lets fewer requests wait when one has waited too long, down to one for each
// worker, and more again when one has not: a shadow that hangs, or a process without
// time for comparing, would have all of them copied for nothing.
func (m *Mirror) useful(inFlight int, why loss) {
	room, all := m.room.Load(), int64(cap(m.queue))
	if why == lossLate {
		m.room.Store(max(min(int64(inFlight), all), room-room/8-1))
	}
	if why == lossNone {
		m.room.Store(min(all, room+room/8+1))
	}
}

// cut puts a record whose exchange was cut off into its bucket.
func (rec *Record) cut(why loss) {
	rec.Bucket, rec.Why = lossIs[why].bucket, lossIs[why].why
}
