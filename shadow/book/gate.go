package book

import (
	"time"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

// Verdict is what the gate of a route says now; an unknown route is blind.
func (b *Book) Verdict(name string) report.Verdict {
	b.mu.RLock()
	rt := b.routes[name]
	b.mu.RUnlock()
	if rt == nil {
		return report.Verdict{State: report.Blind, Reasons: []string{ErrUnknownRoute.Error()}, Upper: 1}
	}
	now := b.now()
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.drain(now)
	e := rt.read()
	return rt.judge(e, now, e.findings()).verdict()
}

// read is the present era, an empty one when there is none. The caller holds mu.
func (rt *route) read() *era {
	if len(rt.eras) == 0 {
		return newEra(new(Era))
	}
	return rt.eras[0]
}

func (rt *route) judge(e *era, now time.Time, findings []stats.Finding) *judge {
	return &judge{
		now: now, since: rt.since, alarm: rt.alarm, config: &rt.config, era: &e.Era, findings: findings, signatures: e.signatures,
		rules: ruleReport(&rt.config, &e.Era, now),
	}
}

// doubt is why no gate of a rollout may open, empty when one may.
func (j *judge) doubt() string {
	outdated := j.outdated()
	v := j.verdict()
	switch {
	case v.State == report.Failing || v.State == report.Blind || outdated:
		return v.Reasons[0]
	case j.contradiction != "":
		return j.contradiction
	case j.undecided != "":
		return j.undecided
	default:
		return v.Idle
	}
}

// Comparisons are those of a route's present era, for a rollout's gates and guard,
// and the era's number; zero when nothing is known of the route. doubt says why
// no gate may open by them however many there are, empty when one may: the
// report's verdict is failing or blind, or they are of rules or targets that the
// table has no more.
func (b *Book) Comparisons(name string) (era uint64, c evidence.Comparisons, doubt string) {
	b.mu.RLock()
	rt := b.routes[name]
	b.mu.RUnlock()
	if rt == nil {
		return 0, c, ""
	}
	now := b.now()
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.drain(now)
	e := rt.read()
	c = evidence.Comparisons{Compared: e.Compared, Mismatched: e.Mismatched, Excused: e.excused(), Pairs: e.Pairs, Noisy: e.Noisy,
		Unstable:    e.Unstable + e.Buckets[shadow.Raced],
		Unconfirmed: e.Whys["different/not_asked_again"] + e.Whys["different/again_failed"]}
	j := rt.judge(e, now, e.findings())
	return e.Number, c, j.doubt()
}
