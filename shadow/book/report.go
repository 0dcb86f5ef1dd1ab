package book

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/report"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

// sampled is how many signatures of a route have a sample in a report.
const sampled = 20

// Report is the evidence of the routes named, of all that are in the table or
// have evidence when none is named. The error wraps [ErrUnknownRoute], or is that
// of the context: samples that cannot be read are left out with a notice.
func (b *Book) Report(ctx context.Context, names ...string) (*report.Report, error) {
	out := &report.Report{Version: report.Version, At: b.now().UTC(), Routes: []report.Route{}}
	if len(names) == 0 {
		b.each(func(name string, _ *route) { names = append(names, name) })
	}
	b.notices(out)
	newest := map[SampleKey]*report.Signature{}
	for _, name := range names {
		b.mu.RLock()
		rt := b.routes[name]
		b.mu.RUnlock()
		if rt == nil {
			return nil, fmt.Errorf("%s: %w", name, ErrUnknownRoute)
		}
		r, keys := b.routeReport(name, rt, out.At)
		out.Routes = append(out.Routes, r)
		for i, key := range keys {
			if key.Slot >= 0 {
				newest[key] = &r.Signatures[i]
			}
		}
	}
	if err := b.samples(ctx, newest); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out.Notices = append(out.Notices, "the samples cannot be read: "+err.Error())
	}
	slices.SortFunc(out.Routes, func(a, b report.Route) int {
		return cmp.Or(cmp.Compare(rank(a.Verdict.State), rank(b.Verdict.State)), cmp.Compare(a.Route, b.Route))
	})
	return out, nil
}

func rank(s report.State) int {
	return slices.Index([]report.State{report.Failing, report.Blind, report.NotYet, report.Met}, s)
}

func (b *Book) notices(out *report.Report) {
	s := b.Status()
	if s.Notice != "" {
		out.Notices = append(out.Notices, s.Notice)
	}
	if s.Failures > 0 {
		out.Notices = append(out.Notices, fmt.Sprintf("the evidence is not stored since %d attempts, it is in memory alone: %s", s.Failures, s.LastError))
	}
}

// routeReport is a route's report, and where the newest sample of each of its
// signatures lies (slot -1: it has none).
func (b *Book) routeReport(name string, rt *route, now time.Time) (r report.Route, keys []SampleKey) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.drain(now)
	e := rt.read()
	findings := e.findings()
	j := rt.judge(e, now, findings)
	r = report.Route{
		Route: name, Owner: rt.config.Owner, Reverse: e.Reverse, Verdict: j.verdict(), Era: eraReport(&e.Era),
		Coverage: coverage(&e.Era), Rules: j.rules, Noise: noiseReport(&e.Era, rt.config.Owner), Latency: latency(&e.Era),
		Advice:     advice(&rt.config, &e.Era),
		Signatures: make([]report.Signature, 0, len(findings)),
	}
	for i := range findings {
		s := e.signatures[findings[i].Path]
		r.Signatures = append(r.Signatures, signatureReport(&s.Signature, &findings[i], e.Compared, len(s.slots)))
	}
	slices.SortFunc(r.Signatures, func(a, b report.Signature) int { return worse(&a, &b) })
	if n := len(r.Signatures); n > report.MaxSignatures {
		r.Signatures, r.MoreSignatures = r.Signatures[:report.MaxSignatures:report.MaxSignatures], n-report.MaxSignatures
	}
	for i := range r.Signatures[:min(sampled, len(r.Signatures))] {
		s := &r.Signatures[i]
		key := SampleKey{SignatureKey{EraKey{name, e.Number}, s.Signature}, -1}
		var at int64
		s.Samples = 0
		for slot, x := range e.signatures[s.Signature].slots {
			if x.at > 0 {
				s.Samples++
			}
			if x.at > at {
				at, key.Slot = x.at, slot
			}
		}
		keys = append(keys, key)
	}
	for _, old := range rt.eras[min(1, len(rt.eras)):] {
		earlier := eraReport(&old.Era)
		earlier.Samples = old.samples()
		r.Earlier = append(r.Earlier, earlier)
	}
	return r, keys
}

// samples reads samples into the signatures that they are of.
func (b *Book) samples(ctx context.Context, into map[SampleKey]*report.Signature) error {
	var ask []SampleKey
	for key, s := range into {
		row := b.outbox.waiting(key)
		if row == nil {
			ask = append(ask, key)
			continue
		}
		s.Sample = new(report.Sample)
		if err := json.Unmarshal(row.Data, s.Sample); err != nil {
			return err
		}
	}
	if len(ask) == 0 {
		return nil
	}
	found, err := b.store.Samples(ctx, ask)
	for key, sample := range found {
		into[key].Sample = sample
	}
	return err
}

func signatureReport(s *Signature, f *stats.Finding, compared uint64, slots int) report.Signature {
	low, high := evidence.Wilson(min(s.Unbiased, compared), compared)
	statuses := slices.Clone(s.Statuses)
	slices.SortStableFunc(statuses, func(a, b report.StatusPair) int { return cmp.Compare(b.Count, a.Count) })
	return report.Signature{
		Signature: s.Signature, Judgement: s.judge(f.Worse, compared), Count: s.Count,
		Rate: share(s.Unbiased, compared), Low: low, High: high, Confirmed: s.Confirmed,
		Noise: share(max(s.Unsteady, s.Both+s.Monolith), f.Compared), Pairs: f.Compared, P: f.P,
		Paths: slices.Clone(s.Paths), FirstSeen: s.First, LastSeen: s.Last, Statuses: statuses,
		Slower: s.Ratio.median(), Samples: slots,
	}
}

func eraReport(e *Era) report.Era {
	return report.Era{
		Number: e.Number, Began: e.Began, Cause: e.Cause, Monolith: e.Monolith, Service: e.Service, Rules: e.Rules,
		Sampled: e.Sampled, Compared: e.Compared, Mismatched: e.Mismatched - e.excused(), Mixed: e.Mixed,
	}
}

// coverage lists every bucket, so that what never happened can be seen too.
func coverage(e *Era) report.Coverage {
	c := report.Coverage{Sampled: e.Sampled, Rare: e.Rare, Formats: counts(e.Formats)}
	for i, n := range e.Buckets {
		bucket := report.Bucket{
			Bucket: shadow.Bucket(i).String(), Count: n, Share: share(n, e.Sampled), Compared: shadow.Bucket(i).Compared(),
		}
		why := map[string]uint64{}
		for name, n := range e.Whys {
			if word, ours := strings.CutPrefix(name, bucket.Bucket+"/"); ours {
				why[word] = n
			}
		}
		bucket.Why = counts(why)
		c.Buckets = append(c.Buckets, bucket)
	}
	return c
}

// counts sorts counts, the most frequent first.
func counts(of map[string]uint64) (out []report.Count) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, report.Count{Name: name, Count: of[name]})
	}
	slices.SortStableFunc(out, func(a, b report.Count) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

// ruleReport tells what became of the route's rules. Whether one is never hit
// can be told when as much was compared as the gate asks for.
func ruleReport(c *Route, e *Era, now time.Time) []report.Rule {
	out := make([]report.Rule, 0, len(c.Rules))
	enough := e.Compared >= max(gate(c).Compared, 1)
	for _, r := range c.Rules {
		rule := report.Rule{
			Path: r.Path, Compare: r.Compare, Arg: r.Arg, Because: r.Because, Owner: r.Owner,
			Until: r.Until, Preset: r.Preset, Hits: e.Hits[ruleKey(r)], State: report.RuleActive,
		}
		switch {
		case r.Expired(now):
			rule.State = report.RuleExpired
		case rule.Hits == 0 && r.Preset == "" && enough:
			rule.State = report.RuleNeverHit
		case rule.Hits == 0:
			rule.State = report.RuleUnproven
		case !r.Until.IsZero() && r.Until.Sub(now) < expiring:
			rule.State = report.RuleExpiring
		}
		out = append(out, rule)
	}
	return out
}

func latency(e *Era) report.Latency {
	l := report.Latency{Pairs: e.Ratio.total(), Cold: e.Cold, Ratio: e.Ratio.median(), Slower: e.Ratio.above()}
	if l.Pairs == 0 {
		return l
	}
	for _, q := range []float64{0.5, 0.95, 0.99} {
		l.Quantiles = append(l.Quantiles, report.LatencyAtRank{
			Quantile: q, Monolith: millis(e.MonolithTook.Quantile(q)), Service: millis(e.ServiceTook.Quantile(q)),
		})
	}
	return l
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
