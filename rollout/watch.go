package rollout

import (
	"slices"
	"time"

	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// Reading is what was counted of a route until now; the counts only grow.
type Reading struct {
	// Totals are what both arms answered.
	Totals evidence.Totals
	// Service says what is counted, and Build names the build that answered last,
	// empty when that is not known. Another service, and a build that was not
	// seen in the step before, starts the evidence anew.
	Service, Build string
	// Comparisons are those of the shadow's present era, the ones before this
	// process began or the rollout did too. Era numbers it: another one begins when
	// a side's build or the rules change. Mismatches become fewer when some are found
	// to be the monolith's own noise.
	Comparisons evidence.Comparisons
	Era         uint64
	// Doubt is why no gate may open by the comparisons, however many there are;
	// empty: one may.
	Doubt string
}

// evidenceAge is how old evidence becomes: after it a route that stays in its
// step is tried anew, or a service that was well for days would take as long to
// be noticed when it is not. Each trial may fail a good service with the plan's
// level, so it is not shorter.
const evidenceAge = 2 * time.Hour

// watch remembers a route between looks. It is not safe for concurrent use.
type watch struct {
	key    watchKey
	trial  *evidence.Trial // nil: there is no evidence
	begun  time.Time       // when the trial was started
	last   Reading         // what had been counted at the last look
	result Evidence
	// mismatched are the step's mismatches with those that are excused; before is how
	// many were excused when it began.
	mismatched, before uint64
	// interrupted says that requests were kept from the service.
	interrupted bool
	// builds are those that were seen in this step, the last one first.
	builds []string
}

// maxBuilds is how many builds of a step are remembered.
const maxBuilds = 16

// watchKey is what evidence belongs to: when it changes, so does what is tried.
type watchKey struct {
	share   routes.PPM
	since   time.Time
	service string
	limits  evidence.Limits
}

// anew starts the evidence from the reading.
func (w *watch) anew(key watchKey, r *Reading, now time.Time) {
	*w = watch{key: key, last: *r, builds: w.builds, before: r.Comparisons.Excused, result: Evidence{Build: r.Build, Since: now}}
	w.compare(r)
	w.retry(now)
}

// retry starts the trial alone; what was counted for the gates stays.
func (w *watch) retry(now time.Time) {
	w.trial, w.begun, w.result.Breaches = evidence.NewTrial(w.key.limits), now, 0
	w.result.Reports = w.trial.Reports()
}

// look takes the next reading of a route and answers what is known now.
func (w *watch) look(s RouteState, p Plan, r *Reading, now time.Time) Evidence {
	key := watchKey{share: s.Share, service: r.Service, limits: p.limits()}
	if s.Rollout != nil {
		key.since = s.Rollout.Since
	}
	interrupted := w.interrupted
	if w.trial != nil && key != w.key {
		interrupted = key.share == w.key.share && key.since.Equal(w.key.since) // in the middle of a step
		w.trial = nil
		if !interrupted {
			w.builds = nil
		}
	}
	if w.meets(r.Build) && w.trial != nil {
		interrupted, w.trial = true, nil
	}
	if w.trial == nil {
		w.anew(key, r, now)
		if interrupted {
			w.result.Anew = now
		}
		return w.result
	}
	w.add(p, r, now)
	w.result.Error, w.result.Build = "", r.Build
	return w.result
}

// meets notes the build that the service named last, and says whether it is
// another than all that were seen in this step. While a deploy rolls, two builds
// take turns: the evidence starts anew once, not at each turn. The first to be
// named is not another: what answered before it is not known.
func (w *watch) meets(build string) (another bool) {
	if build == "" || slices.Contains(w.builds, build) {
		return false
	}
	another = len(w.builds) > 0
	w.builds = append([]string{build}, w.builds[:min(len(w.builds), maxBuilds-1)]...)
	return another
}

// add takes what came since the last look.
func (w *watch) add(p Plan, r *Reading, now time.Time) {
	interval := r.Totals.Since(&w.last.Totals)
	compared := w.compare(r)
	w.last = *r
	asked := interval.Service.Requests()
	if asked == 0 && interval.Monolith.Requests() == 0 && compared.Compared == 0 {
		return
	}
	w.result.Requests += asked
	w.trial.Add(interval)
	w.trial.Compare(compared)
	w.result.Reports = w.trial.Reports()
	if asked == 0 && compared.Compared == 0 {
		return // nothing new of the service: neither a breach nor a success
	}
	if !failed(w.result.Reports) {
		w.result.Breaches = 0
	} else {
		w.result.Breaches++
		return
	}
	if now.Sub(w.begun) >= evidenceAge && w.trial.Totals().Service.Requests() >= max(p.Gates.MinRequests, 1) {
		w.retry(now)
	}
}

// compare notes what was compared in the step and answers what came since the
// last look. Before the first step the whole era counts, in a step what came in it.
func (w *watch) compare(r *Reading) (interval evidence.Comparisons) {
	w.result.Doubt = r.Doubt
	before := w.last.Comparisons
	if r.Era != w.last.Era { // what was compared is not the same any more
		w.result.Compared, w.mismatched, w.before, before = 0, 0, 0, evidence.Comparisons{}
		if w.trial != nil {
			w.trial.CompareAnew()
		}
	}
	if found := settled(r.Comparisons, before); found > 0 {
		// The guard begins anew: what it was told is not so.
		if w.trial != nil {
			w.trial.CompareAnew()
		}
		w.mismatched -= min(found, w.mismatched)
		before.Mismatched, before.Unconfirmed = r.Comparisons.Mismatched, min(before.Unconfirmed, r.Comparisons.Unconfirmed)
	}
	interval = since(r.Comparisons, before)
	if w.key.share == 0 {
		w.result.Compared, w.mismatched, w.before = r.Comparisons.Compared, r.Comparisons.Mismatched, 0
	} else {
		w.result.Compared += interval.Compared
		w.mismatched += interval.Mismatched
	}
	w.result.Mismatched = w.mismatched - min(w.mismatched, grown(r.Comparisons.Excused, w.before))
	return interval
}

// settled is how many mismatches were found to be the monolith's noise since: of
// the same comparisons there are fewer then.
func settled(now, before evidence.Comparisons) uint64 {
	if now.Compared < before.Compared || now.Mismatched >= before.Mismatched {
		return 0
	}
	return before.Mismatched - now.Mismatched
}

// since is what came between two readings.
func since(now, before evidence.Comparisons) evidence.Comparisons {
	return evidence.Comparisons{
		Compared: grown(now.Compared, before.Compared), Mismatched: grown(now.Mismatched, before.Mismatched),
		Unconfirmed: grown(now.Unconfirmed, before.Unconfirmed),
		Pairs:       grown(now.Pairs, before.Pairs), Noisy: grown(now.Noisy, before.Noisy),
		Unstable: grown(now.Unstable, before.Unstable),
	}
}

// grown is by how much a count has grown; one that is lower than it was has
// begun anew.
func grown(now, before uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

func failed(reports []evidence.Report) bool {
	for _, r := range reports {
		if r.Verdict == evidence.Fail {
			return true
		}
	}
	return false
}

// miss notes that nothing could be read.
func (w *watch) miss(err error) Evidence {
	w.result.Error = err.Error()
	return w.result
}

// interrupt forgets the evidence: requests were kept from the service.
func (w *watch) interrupt() { *w = watch{interrupted: true} }
