package rollout_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) // a Monday

// passing is evidence with which a step of the default plan ends.
func passing() rollout.Evidence {
	return rollout.Evidence{Requests: 3000, Reports: []evidence.Report{
		{Guard: evidence.Dead, Verdict: evidence.Pass}, {Guard: evidence.ErrorRate, Verdict: evidence.Pass},
	}}
}

func failing(guard evidence.Guard, breaches int) rollout.Evidence {
	e := passing()
	e.Reports[1] = evidence.Report{Guard: guard, Verdict: evidence.Fail}
	e.Breaches = breaches
	return e
}

func at(share routes.PPM) rollout.RouteState {
	return rollout.RouteState{Route: "a", Share: share, Version: 3,
		Rollout: &rollout.Progress{Phase: rollout.Running, Step: 1, Since: noon.Add(-time.Hour)}}
}

func in(phase rollout.Phase, s rollout.RouteState) rollout.RouteState {
	progress := *s.Rollout
	progress.Phase = phase
	s.Rollout = &progress
	return s
}

func TestNext(t *testing.T) {
	t.Parallel()
	plan := func(change func(*rollout.Plan)) rollout.Plan {
		p := rollout.DefaultPlan()
		change(&p)
		return p
	}
	onBreach := func(b rollout.Breach) rollout.Plan {
		return plan(func(p *rollout.Plan) { p.OnBreach = b })
	}
	with := func(change func(*rollout.Evidence)) rollout.Evidence {
		e := passing()
		change(&e)
		return e
	}
	held := at(5 * percent)
	held.Hold = &rollout.Hold{By: "bob", Reason: "it burns"}
	over := at(5 * percent)
	over.Hold = &rollout.Hold{By: "bob", Reason: "it burns", Until: noon.Add(-10 * time.Minute)}
	young := at(5 * percent)
	young.Rollout.Since = noon.Add(-29 * time.Minute)
	frozen := in(rollout.Paused, at(25*percent))
	frozen.Rollout.Frozen = true
	approved := at(5 * percent)
	approved.Rollout.ApprovedBy = "carla"
	usual := rollout.DefaultPlan()
	compared := plan(func(p *rollout.Plan) { p.Gates.Compared, p.Gates.MismatchBelow = 3000, percent/10 })
	approval := plan(func(p *rollout.Plan) { p.Gates.Approval = []string{"anna", "carla"} })
	nights := plan(func(p *rollout.Plan) { p.Only = schedule(t, "Mon-Fri 22:00-24:00 UTC") })
	for name, test := range map[string]struct {
		state    rollout.RouteState
		plan     rollout.Plan
		evidence rollout.Evidence
		do       rollout.Do
		share    routes.PPM
		why      string
		until    time.Time
	}{
		"never started":            {rollout.RouteState{Share: percent}, usual, passing(), rollout.Nothing, percent, "no rollout", time.Time{}},
		"aborted":                  {in(rollout.Aborted, at(0)), usual, failing(evidence.Dead, 9), rollout.Nothing, 0, "no rollout", time.Time{}},
		"held":                     {held, usual, failing(evidence.Dead, 9), rollout.Nothing, 5 * percent, "held by bob: it burns", time.Time{}},
		"a step passed":            {at(5 * percent), usual, passing(), rollout.Advance, 25 * percent, "3000 requests", time.Time{}},
		"the first step":           {at(0), usual, rollout.Evidence{}, rollout.Advance, percent, "", time.Time{}},
		"between steps":            {at(7 * percent), usual, passing(), rollout.Advance, 25 * percent, "", time.Time{}},
		"the last step":            {at(routes.One), usual, passing(), rollout.Nothing, routes.One, "where only a dead service takes it back", time.Time{}},
		"too early":                {young, usual, passing(), rollout.Wait, 5 * percent, "30m0s", noon.Add(time.Minute)},
		"a hold just ended":        {over, usual, passing(), rollout.Wait, 5 * percent, "30m0s", noon.Add(20 * time.Minute)},
		"a new build":              {at(5 * percent), usual, with(func(e *rollout.Evidence) { e.Anew = noon.Add(-time.Minute) }), rollout.Wait, 5 * percent, "30m0s", noon.Add(29 * time.Minute)},
		"no data":                  {at(5 * percent), usual, rollout.Evidence{}, rollout.Wait, 5 * percent, "0 of 3000", time.Time{}},
		"few requests":             {at(5 * percent), usual, with(func(e *rollout.Evidence) { e.Requests = 2999 }), rollout.Wait, 5 * percent, "2999 of 3000", time.Time{}},
		"not measured":             {at(5 * percent), usual, with(func(e *rollout.Evidence) { e.Error = "no recorder" }), rollout.Wait, 5 * percent, "no recorder", time.Time{}},
		"not settled":              {at(5 * percent), usual, with(func(e *rollout.Evidence) { e.Reports[1].Verdict = evidence.NotEnoughData }), rollout.Wait, 5 * percent, "error rate not enough data", time.Time{}},
		"no control group":         {at(5 * percent), usual, with(func(e *rollout.Evidence) { e.Reports[1].Verdict = evidence.CouldNotMeasure }), rollout.Wait, 5 * percent, "could not measure", time.Time{}},
		"no control group at 100":  {at(routes.One), usual, with(func(e *rollout.Evidence) { e.Reports[1].Verdict = evidence.CouldNotMeasure }), rollout.Nothing, routes.One, "where only a dead service takes it back", time.Time{}},
		"paused":                   {in(rollout.Paused, at(5*percent)), usual, passing(), rollout.Nothing, 5 * percent, "paused", time.Time{}},
		"few comparisons":          {at(5 * percent), compared, with(func(e *rollout.Evidence) { e.Compared = 2999 }), rollout.Wait, 5 * percent, "2999 of 3000 comp", time.Time{}},
		"a mismatch too many":      {at(5 * percent), compared, with(func(e *rollout.Evidence) { e.Compared, e.Mismatched = 3000, 1 }), rollout.Wait, 5 * percent, "1 mismatch in 3000", time.Time{}},
		"compared":                 {at(5 * percent), compared, with(func(e *rollout.Evidence) { e.Compared = 3000 }), rollout.Advance, 25 * percent, "", time.Time{}},
		"compared, in doubt":       {at(5 * percent), compared, with(func(e *rollout.Evidence) { e.Compared, e.Doubt = 3000, "blind" }), rollout.Wait, 5 * percent, "the comparisons: blind", time.Time{}},
		"in doubt, first step":     {at(0), compared, rollout.Evidence{Compared: 3000, Doubt: "blind"}, rollout.Wait, 0, "the comparisons: blind", time.Time{}},
		"in doubt, no such gate":   {at(5 * percent), usual, with(func(e *rollout.Evidence) { e.Doubt = "blind" }), rollout.Advance, 25 * percent, "", time.Time{}},
		"compared, first step":     {at(0), compared, rollout.Evidence{Compared: 3000}, rollout.Advance, percent, "", time.Time{}},
		"not compared, first step": {at(0), compared, rollout.Evidence{Compared: 12}, rollout.Wait, 0, "12 of 3000 comp", time.Time{}},
		"mismatches, first step":   {at(0), usual, failing(evidence.Mismatch, 1), rollout.Wait, 0, "mismatch fail", time.Time{}},
		"mismatches":               {at(5 * percent), usual, failing(evidence.Mismatch, 2), rollout.RollBack, percent, "mismatch fail", time.Time{}},
		"not approved":             {at(5 * percent), approval, passing(), rollout.Wait, 5 * percent, "anna or carla", time.Time{}},
		"nor the first step":       {at(0), approval, rollout.Evidence{}, rollout.Wait, 0, "anna or carla", time.Time{}},
		"approved":                 {approved, approval, passing(), rollout.Advance, 25 * percent, "", time.Time{}},
		"approved by somebody":     {approved, plan(func(p *rollout.Plan) { p.Gates.Approval = []string{"anna"} }), passing(), rollout.Wait, 5 * percent, "anna", time.Time{}},
		"not at this time":         {at(5 * percent), nights, passing(), rollout.Wait, 5 * percent, "only Mon-Fri", noon.Add(10 * time.Hour)},
		"nor to the first step":    {at(0), nights, passing(), rollout.Wait, 0, "only Mon-Fri", noon.Add(10 * time.Hour)},
		"guards at any time":       {at(5 * percent), nights, failing(evidence.P95, 2), rollout.RollBack, percent, "p95 fail", time.Time{}},
		"one breach":               {at(5 * percent), usual, failing(evidence.P95, 1), rollout.Wait, 5 * percent, "p95 fail", time.Time{}},
		"two breaches":             {at(5 * percent), usual, failing(evidence.P95, 2), rollout.RollBack, percent, "p95 fail", time.Time{}},
		"dead":                     {at(5 * percent), usual, failing(evidence.Dead, 1), rollout.RollBack, percent, "service dead", time.Time{}},
		"dead at the last step":    {at(routes.One), usual, failing(evidence.Dead, 1), rollout.RollBack, percent, "service dead", time.Time{}},
		"dead while paused":        {in(rollout.Paused, at(25*percent)), usual, failing(evidence.Dead, 1), rollout.RollBack, percent, "service dead", time.Time{}},
		"breach at 0 %":            {in(rollout.Paused, at(0)), usual, failing(evidence.Dead, 1), rollout.Nothing, 0, "paused", time.Time{}},
		"to the step before":       {at(25 * percent), onBreach(rollout.BreachPreviousStep), failing(evidence.P95, 2), rollout.RollBack, 5 * percent, "", time.Time{}},
		"before the first step":    {at(percent), onBreach(rollout.BreachPreviousStep), failing(evidence.P95, 2), rollout.RollBack, percent, "", time.Time{}},
		"freeze":                   {at(25 * percent), onBreach(rollout.BreachFreeze), failing(evidence.P95, 2), rollout.RollBack, 25 * percent, "", time.Time{}},
		"freeze, paused by hand":   {in(rollout.Paused, at(25*percent)), onBreach(rollout.BreachFreeze), failing(evidence.P95, 2), rollout.RollBack, 25 * percent, "p95 fail", time.Time{}},
		"frozen":                   {frozen, onBreach(rollout.BreachFreeze), failing(evidence.P95, 2), rollout.Nothing, 25 * percent, "frozen: p95 fail", time.Time{}},
		"a breach before the time": {young, usual, failing(evidence.P95, 2), rollout.RollBack, percent, "", time.Time{}},
	} {
		got := rollout.Next(test.state, test.plan, test.evidence, noon)
		if got.Do != test.do || got.Share != test.share || !strings.Contains(got.Why, test.why) || !got.Until.Equal(test.until) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPlansAreChecked(t *testing.T) {
	t.Parallel()
	if err := rollout.DefaultPlan().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*rollout.Plan){
		"it has 0 steps":                 func(p *rollout.Plan) { p.Steps = nil },
		"it has 101 steps":               func(p *rollout.Plan) { p.Steps = make([]routes.PPM, 101) },
		"step 1 is 0 %":                  func(p *rollout.Plan) { p.Steps = []routes.PPM{0, percent} },
		"step 3 is 5 %, not more than 5": func(p *rollout.Plan) { p.Steps[2] = 5 * percent },
		"step 5 is above 100 %":          func(p *rollout.Plan) { p.Steps[4] = routes.One + 1 },
		"every is negative":              func(p *rollout.Plan) { p.Every = -1 },
		"mismatch_below":                 func(p *rollout.Plan) { p.Gates.MismatchBelow = routes.One + 1 },
		"error_rate_above_monolith":      func(p *rollout.Plan) { p.Guards.ErrorRateAboveMonolith = routes.One + 1 },
		"p95_above_monolith is 0.5":      func(p *rollout.Plan) { p.Guards.P95AboveMonolith = 0.5 },
		"p99_above_monolith is 1,":       func(p *rollout.Plan) { p.Guards.P99AboveMonolith = 1 },
		"consecutive is negative":        func(p *rollout.Plan) { p.Guards.Consecutive = -1 },
		`on_breach is "explode"`:         func(p *rollout.Plan) { p.OnBreach = "explode" },
	} {
		p := rollout.DefaultPlan()
		change(&p)
		if err := p.Validate(); !errors.Is(err, rollout.ErrPlan) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Before the first step there is no step that lasts.
func TestEveryHoldsNoFirstStep(t *testing.T) {
	t.Parallel()
	plan := rollout.Plan{Steps: []routes.PPM{5 * percent, 50 * percent}, Every: 30 * time.Minute}
	begun := time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)
	for share, want := range map[routes.PPM]time.Time{0: begun, 5 * percent: begun.Add(30 * time.Minute)} {
		state := rollout.RouteState{Share: share, Rollout: &rollout.Progress{Phase: rollout.Running, Since: begun}}
		if got := plan.Earliest(state, rollout.Evidence{}); !got.Equal(want) {
			t.Errorf("at %v: %v, want %v", share, got, want)
		}
	}
}
