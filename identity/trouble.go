package identity

import (
	"errors"
	"log/slog"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// trouble is why a session was unavailable.
type trouble struct {
	since, last time.Time
	reason      session.Reason
	detail      string // holds nothing of a session
}

// oddEvery is how often the log tells of sessions that cannot be read for one
// reason.
const oddEvery = time.Minute

// note remembers what went wrong. It says when the store begins to fail and when
// that is over; of sessions that the store has and that cannot be read, one a
// minute.
func (r *Resolver) note(found session.Outcome) {
	_, own := errors.AsType[session.OwnError](found.Err)
	switch {
	case found.Reason == session.Busy, found.Reason == session.Resting, found.Reason == session.Refused: // no news
	case own, found.Reason == session.Undecodable, found.Reason == session.Unsupported, found.Reason == session.Unverified:
		r.strange(r.seen(found))
	case found.Reason == session.StoreFailed, found.Reason == session.TimedOut, found.Reason == session.Misconfigured:
		r.failing(r.seen(found))
	default:
		if before := r.trouble.Load(); before != nil && r.trouble.CompareAndSwap(before, nil) {
			r.log.Info("sessions can be looked up again", slog.Duration("after", r.options.Now().Sub(before.since)))
		}
	}
}

// strange remembers a session that cannot be read.
func (r *Resolver) strange(next *trouble) {
	before := r.odd.Load()
	news := before == nil || before.reason != next.reason || next.last.Sub(before.since) >= oddEvery
	if !news {
		next.since = before.since // when the log was told
	}
	if r.odd.CompareAndSwap(before, next) && news {
		r.log.Warn("a session could not be read; its requests stay on the monolith", next.fields()...)
	}
}

func (r *Resolver) seen(found session.Outcome) *trouble {
	now := r.options.Now()
	t := &trouble{since: now, last: now, reason: found.Reason}
	switch {
	case found.Err != nil:
		t.detail = found.Err.Error()
	case found.Reason == session.TimedOut:
		t.detail = "no answer within " + r.options.Wait.String()
	}
	return t
}

func (r *Resolver) failing(next *trouble) {
	before := r.trouble.Load()
	if before != nil {
		next.since = before.since
	}
	if r.trouble.CompareAndSwap(before, next) && (before == nil || before.reason != next.reason) {
		r.log.Warn("sessions cannot be looked up; requests that need to know who they are from stay on the monolith", next.fields()...)
	}
}

func (t *trouble) fields() []any {
	return []any{slog.String("reason", string(t.reason)), slog.String("error", t.detail)}
}
