package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

// arm is an upstream that answers after a while, in the bubble's time.
type arm struct {
	takes  time.Duration
	status int
	build  string
	hangs  int // every so many requests one takes 5 s and fails; 0: none
	served int
}

func (a *arm) Serve(w http.ResponseWriter, r *http.Request, _ *proxy.Call) error {
	takes, status := a.takes, a.status
	if a.served++; a.hangs > 0 && a.served%a.hangs == 0 {
		takes, status = 5*time.Second, http.StatusServiceUnavailable
	}
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		return &proxy.Failure{Kind: proxy.KindCanceled, Status: proxy.StatusClientClosedRequest, Err: r.Context().Err()}
	}
	w.Header().Set("X-Version", a.build)
	w.WriteHeader(status)
	return nil
}

// stage is an engine over a ledger in a synctest bubble: its time passes when
// everybody waits. Nothing in it does I/O but the reading of the table.
type stage struct {
	*Engine
	t        *testing.T
	store    rollout.Store
	ledger   *rollout.Ledger
	path     string
	site     Site
	service  *arm
	monolith *arm
	logs     *log
	served   int
}

const stagedTable = `
targets: { monolith: {}, s: { build: x-version } }
monolith: monolith
routes:
  - name: r
    match: /r
    service: s
    owner: o
    sticky: header:X-Tenant
    fallback: [connect, 503]
    rollout: { steps: [10, 25, 50, 100], every: 30m, gates: { requests: 300 }, MORE }
`

func newStage(t *testing.T, more string) *stage {
	t.Helper()
	s := &stage{
		t: t, store: &storetest.Memory{}, path: filepath.Join(t.TempDir(), "routes.yaml"), logs: &log{},
		service: &arm{takes: 20 * time.Millisecond, status: 200}, monolith: &arm{takes: 25 * time.Millisecond, status: 200},
	}
	s.site = Site{"monolith": s.monolith, "s": s.service}
	must(t, os.WriteFile(s.path, []byte(strings.Replace(stagedTable, "MORE", more, 1)), 0o600))
	s.open()
	return s
}

// open starts ledger and engine over what the store holds.
func (s *stage) open() {
	s.t.Helper()
	var err error
	s.ledger, err = rollout.Open(context.Background(), rollout.Options{Store: s.store, Now: time.Now})
	must(s.t, err)
	s.Engine = s.engine(nil)
}

func (s *stage) engine(leads func() bool) *Engine {
	s.t.Helper()
	e, err := New(Options{Ledger: s.ledger, Logger: slog.New(slog.NewTextHandler(s.logs, nil)), Leads: leads})
	must(s.t, err)
	_, err = e.first(s.path) // as Watch does, but nobody watches: that would be I/O
	must(s.t, err)
	return e
}

func (s *stage) close() {
	s.t.Helper()
	must(s.t, s.Close())
	must(s.t, s.ledger.Close(context.Background()))
}

func (s *stage) start() {
	s.t.Helper()
	plan, err := s.PlanOf("r")
	must(s.t, err)
	_, err = s.ledger.Start(context.Background(), "r", plan, act)
	must(s.t, err)
}

// ask sends one request of the next of many tenants.
func (s *stage) ask(e *Engine) {
	s.served++
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/r", http.NoBody)
	must(s.t, err)
	r.Header.Set("X-Tenant", fmt.Sprint("tenant-", s.served))
	var result Result
	_ = e.ServeHTTP(newAnswer(), r, clientForTest, s.site, &result)
}

// until sends requests, twenty a second or so for some seconds of each minute,
// until the condition holds, and says how long it took.
func (s *stage) until(what string, holds func(rollout.RouteState) bool) time.Duration {
	s.t.Helper()
	start := time.Now()
	for time.Since(start) < 4*24*time.Hour {
		for range 100 {
			s.ask(s.Engine)
		}
		if holds(s.state()) {
			return time.Since(start)
		}
		<-time.After(time.Minute)
	}
	s.t.Fatalf("never: %s; %+v\n%s", what, s.ControllerStatus()["r"], s.logs.String())
	return 0
}

func (s *stage) state() rollout.RouteState { return s.ledger.Snapshot().Route("r") }

func share(percent routes.PPM) func(rollout.RouteState) bool {
	return func(s rollout.RouteState) bool { return s.Share == percent*routes.One/100 }
}

// steps are the journal's changes, oldest first.
func (s *stage) steps() (all []string) {
	s.t.Helper()
	history, err := s.ledger.History(context.Background(), rollout.Query{Route: "r"})
	must(s.t, err)
	slices.Reverse(history)
	for _, c := range history {
		all = append(all, fmt.Sprintf("%s %s", c.Verb, c.After.Share))
	}
	return all
}

func (s *stage) wantSteps(want ...string) {
	s.t.Helper()
	if got := s.steps(); !slices.Equal(got, want) {
		s.t.Errorf("the journal has %q, want %q", got, want)
	}
}

func TestARolloutGoesAllTheWayInItsHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "only: Mon-Fri 09:00-10:00 UTC") // the bubble's time begins on a Saturday
		defer s.close()
		var told []string
		defer s.OnEvent(func(_ context.Context, e rollout.Event) { told = append(told, string(e.Kind)) })()
		s.start()
		began := time.Now()
		s.until("all gates are open", func(rollout.RouteState) bool { return time.Since(began) > time.Hour })
		<-time.After(55 * time.Hour)
		s.wantSteps("start 10 %")
		s.until("25 %", share(25))
		if now := time.Now().UTC(); now.Weekday() != time.Monday || now.Hour() != 9 {
			t.Errorf("the first step after the start was on %s", now)
		}
		status := s.ControllerStatus()["r"]
		if status.Phase != rollout.Running || status.Step != 2 || status.Steps != 4 || status.StartedBy != "ann" {
			t.Errorf("%+v", status)
		}
		if took := s.until("100 %", share(100)); took > 26*time.Hour {
			t.Errorf("two steps in an hour each day took %s", took)
		}
		<-time.After(time.Minute)
		synctest.Wait() // the events were told in a goroutine of their own
		s.wantSteps("start 10 %", "advance 25 %", "advance 50 %", "advance 100 %")
		if want := []string{"advanced", "advanced", "completed"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		// There is no control group any more, and a service that dies is noticed.
		s.service.status = 500
		s.until("held", func(r rollout.RouteState) bool { return r.Hold != nil })
		if !s.logs.contains("rollout rolled_back") {
			t.Error("the log does not tell")
		}
	})
}

func TestASlowServiceIsTakenBackAndHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "on_breach: monolith")
		defer s.close()
		s.start()
		s.until("25 %", share(25))
		s.service.takes = 80 * time.Millisecond
		took := s.until("held", func(r rollout.RouteState) bool { return r.Hold != nil })
		if took > 10*time.Minute {
			t.Errorf("noticed after %s", took)
		}
		<-time.After(24 * time.Hour)
		s.wantSteps("start 10 %", "advance 25 %", "roll_back 10 %")
		if r := s.state(); r.Hold == nil || r.Hold.By != "guard" || !strings.Contains(r.Hold.Reason, "p95 fail") {
			t.Errorf("%+v", r)
		}
	})
}

// TestAHookThatDoesNotReturnDoesNotKeepTheEngine from closing.
func TestAHookThatDoesNotReturnDoesNotKeepTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "on_breach: monolith")
		blocked, over := make(chan struct{}), make(chan struct{})
		s.OnEvent(func(context.Context, rollout.Event) {
			close(blocked)
			<-over
		})
		s.start()
		s.until("25 %", share(25)) // was told
		<-blocked
		begun := time.Now()
		s.close()
		if took := time.Since(begun); took > hookGrace {
			t.Errorf("closed after %s", took)
		}
		if !s.logs.contains("waited for no longer") {
			t.Error("the log does not tell")
		}
		close(over)
	})
}

// TestStatusTellsNothingOfAnEarlierState: between a change and the next look.
func TestStatusTellsNothingOfAnEarlierState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "on_breach: monolith")
		defer s.close()
		wantNow := func(when, why string) {
			t.Helper()
			if now := s.ControllerStatus()["r"]; !now.LookedAt.IsZero() || !strings.Contains(now.Action.Why, why) {
				t.Errorf("%s: looked at %s: %s", when, now.LookedAt, now.Action.Why)
			}
			<-time.After(10 * time.Second)
			synctest.Wait() // also for who looks at this very moment
			if now := s.ControllerStatus()["r"]; now.LookedAt.IsZero() || !strings.Contains(now.Action.Why, why) {
				t.Errorf("%s, later: looked at %s: %s", when, now.LookedAt, now.Action.Why)
			}
		}
		s.start()
		wantNow("started", "the step lasts")
		_, err := s.ledger.Hold(t.Context(), "r", time.Time{}, act)
		must(t, err)
		wantNow("held", "held by")
		_, err = s.ledger.Release(t.Context(), "r", act)
		must(t, err)
		wantNow("released", "the step lasts")
	})
}

// TestFailuresHiddenByTheFallbackCount: the clients see nothing but good answers.
func TestFailuresHiddenByTheFallbackCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "guards: { error_rate_above_monolith: 1 }")
		defer s.close()
		s.service.status = http.StatusServiceUnavailable
		s.start()
		s.until("held", func(r rollout.RouteState) bool { return r.Hold != nil })
		s.wantSteps("start 10 %", "roll_back 10 %")
	})
}

// TestTimeoutsAreSlowAnswers for a plan that guards nothing but the latency; how
// long the monolith then takes to answer instead is not the service's time.
func TestTimeoutsAreSlowAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "guards: { p95_above_monolith: 1.5 }")
		defer s.close()
		s.start()
		s.until("25 %", share(25))
		s.service.hangs = 6 // some of them: it is not dead
		s.until("held", func(r rollout.RouteState) bool { return r.Hold != nil })
		if r := s.state(); r.Hold == nil || !strings.Contains(r.Hold.Reason, "p95 fail: 5") {
			t.Errorf("%+v", r.Hold)
		}
	})
}

// TestAFastFailureIsNotSlowForItsFallback.
func TestAFastFailureIsNotSlowForItsFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "guards: { p95_above_monolith: 1.5 }")
		defer s.close()
		s.start()
		s.service.takes, s.service.status, s.monolith.takes = time.Millisecond, http.StatusServiceUnavailable, time.Second
		for range 100 {
			s.ask(s.Engine)
		}
		var reading rollout.Reading
		must(t, source{s.Engine}.Read("r", &reading))
		service := &reading.Totals.Service
		if service.Failed == 0 || service.FailedAfter.Total() != service.Failed || service.FailedAfter.Quantile(1) > 2*time.Millisecond {
			t.Errorf("%d failed after %s", service.Failed, service.FailedAfter.Quantile(1))
		}
	})
}

// TestABreachOfAPlanThatGoesBackOneStep: the previous step, paused; a person lets
// it go on from there. From the first step it goes to the monolith.
func TestABreachOfAPlanThatGoesBackOneStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, ctx := newStage(t, "on_breach: previous_step"), context.Background()
		defer s.close()
		s.start()
		s.until("50 %", share(50))
		s.service.takes = 80 * time.Millisecond
		s.until("back", share(25))
		want := func(phase rollout.Phase, step int, why string) {
			t.Helper()
			<-time.After(5 * time.Second) // a look later
			status := s.ControllerStatus()["r"]
			if status.Phase != phase || status.Step != step || !strings.HasPrefix(status.Action.Why, why) {
				t.Errorf("%s at step %d, %q; want %s at %d, %q", status.Phase, status.Step, status.Action.Why, phase, step, why)
			}
		}
		if r := s.state(); r.Hold != nil || r.By != "guard" || !strings.Contains(r.Reason, "p95 fail") {
			t.Errorf("%+v", r)
		}
		want(rollout.Paused, 2, "paused")
		_, err := s.Release(ctx, "r", act)
		equal(t, "released though not held", errors.Is(err, rollout.ErrNotHeld), true)
		// The guards are on while it is paused: still slow, it goes on down.
		s.until("back again", share(10))
		s.until("held", func(r rollout.RouteState) bool { return r.Hold != nil })
		want(rollout.Paused, 1, "held by guard: p95 fail")
		s.service.takes = 20 * time.Millisecond
		_, err = s.Release(ctx, "r", act)
		must(t, err)
		want(rollout.Paused, 1, "paused")
		_, err = s.Resume(ctx, "r", act)
		must(t, err)
		s.until("25 %", share(25))
		s.until("100 %", share(100))
		s.wantSteps("start 10 %", "advance 25 %", "advance 50 %", "roll_back 25 %", "roll_back 10 %", "roll_back 10 %",
			"release 10 %", "resume 10 %", "advance 25 %", "advance 50 %", "advance 100 %")
	})
}

// TestABreachOfAPlanThatFreezes: nothing moves until a person lets it go on, in
// the step where it was. A hold in between changes nothing of that.
func TestABreachOfAPlanThatFreezes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, ctx := newStage(t, "on_breach: freeze"), context.Background()
		defer s.close()
		s.start()
		s.until("25 %", share(25))
		s.service.takes = 80 * time.Millisecond
		s.until("frozen", func(r rollout.RouteState) bool { return r.Rollout.Phase == rollout.Paused })
		began := time.Now()
		s.until("a day", func(rollout.RouteState) bool { return time.Since(began) > 24*time.Hour })
		status := s.ControllerStatus()["r"]
		if s.state().Hold != nil || status.Step != 2 || !strings.HasPrefix(status.Action.Why, "frozen: p95 fail") {
			t.Errorf("%+v", status.Action)
		}
		_, err := s.Hold(ctx, "r", time.Time{}, act)
		must(t, err)
		s.service.takes = 20 * time.Millisecond
		_, err = s.Release(ctx, "r", act)
		must(t, err)
		began = time.Now()
		s.until("an hour", func(rollout.RouteState) bool { return time.Since(began) > time.Hour })
		s.wantSteps("start 10 %", "advance 25 %", "roll_back 25 %", "hold 25 %", "release 25 %")
		_, err = s.Resume(ctx, "r", act)
		must(t, err)
		resumed := time.Now()
		s.until("50 %", share(50))
		if took := time.Since(resumed); took < 30*time.Minute {
			t.Errorf("the step that was resumed took %s", took)
		}
		s.wantSteps("start 10 %", "advance 25 %", "roll_back 25 %", "hold 25 %", "release 25 %", "resume 25 %", "advance 50 %")
	})
}

// TestReleasedAfterAGuardItStartsFromTheFirstStep, without anything else.
func TestReleasedAfterAGuardItStartsFromTheFirstStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "on_breach: monolith")
		defer s.close()
		s.start()
		s.until("50 %", share(50))
		s.service.status = 500
		s.until("held", func(r rollout.RouteState) bool { return r.Hold != nil })
		s.service.status = 200
		<-time.After(time.Hour)
		_, err := s.Release(context.Background(), "r", act)
		must(t, err)
		s.until("100 %", share(100))
		s.wantSteps("start 10 %", "advance 25 %", "advance 50 %", "roll_back 10 %", "release 10 %", "advance 25 %", "advance 50 %", "advance 100 %")
	})
}

// TestARestartNeitherSkipsNorRepeatsAStep: the step's time is in the ledger.
func TestARestartNeitherSkipsNorRepeatsAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "on_breach: freeze")
		defer func() { s.close() }()
		s.start()
		began := time.Now()
		for i := range 3 {
			s.until("10 minutes", func(rollout.RouteState) bool { return time.Since(began) > time.Duration(i+1)*9*time.Minute })
			s.close()
			s.open()
		}
		s.wantSteps("start 10 %")
		s.until("25 %", share(25))
		if took := time.Since(began); took < 30*time.Minute || took > 75*time.Minute {
			t.Errorf("with restarts the step took %s", took)
		}
		s.until("100 %", share(100))
		s.wantSteps("start 10 %", "advance 25 %", "advance 50 %", "advance 100 %")
	})
}

// TestTwoEnginesOverOneLedger: during a reload that changes the table's path two
// generations overlap; each step is made once, by the one that leads or, should
// both think so, by the first.
func TestTwoEnginesOverOneLedger(t *testing.T) {
	for _, both := range []bool{false, true} {
		t.Run(fmt.Sprint("both lead: ", both), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "on_breach: freeze")
				defer s.close()
				second := s.engine(func() bool { return both })
				defer func() { must(t, second.Close()) }()
				s.start()
				s.until("100 %", func(r rollout.RouteState) bool {
					for range 100 {
						s.ask(second)
					}
					return share(100)(r)
				})
				s.wantSteps("start 10 %", "advance 25 %", "advance 50 %", "advance 100 %")
				if looked := len(second.controller.Status()) > 0; looked != both {
					t.Errorf("the second engine looked: %v", looked)
				}
			})
		})
	}
}

func TestAnotherBuildStartsTheStepAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "on_breach: freeze")
		defer s.close()
		s.service.build = "1"
		s.start()
		began := time.Now()
		s.until("20 minutes", func(rollout.RouteState) bool { return time.Since(began) > 20*time.Minute })
		if status := s.ControllerStatus()["r"]; status.Evidence.Build != "1" || !status.Evidence.Anew.IsZero() {
			t.Errorf("%+v", status.Evidence)
		}
		s.service.build = "2"
		s.until("25 %", share(25))
		if took := time.Since(began); took < 50*time.Minute {
			t.Errorf("the second build was tried for %s only", took-20*time.Minute)
		}
	})
}

// TestARollingDeployStartsTheStepAnewOnce, however its builds take turns.
func TestARollingDeployStartsTheStepAnewOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "on_breach: freeze")
		defer s.close()
		s.service.build = "1"
		s.start()
		began, anew := time.Now(), time.Time{}
		s.until("25 %", func(r rollout.RouteState) bool {
			s.service.build = strconv.Itoa(1 + int(time.Since(began)/time.Minute)%2)
			switch at := s.ControllerStatus()["r"].Evidence.Anew; {
			case share(25)(r):
				return true
			case anew.IsZero():
				anew = at
			case !at.Equal(anew):
				t.Fatalf("anew at %s, and again at %s", anew, at)
			}
			return false
		})
		if took := time.Since(began); anew.IsZero() || took > 45*time.Minute {
			t.Errorf("two builds that take turns took %s, anew at %s", took, anew)
		}
	})
}

// TestEvidenceOutlivesTables that leave the route's service as it was.
func TestEvidenceOutlivesTables(t *testing.T) {
	t.Parallel()
	b := newBed(t, strings.NewReplacer("MONOLITH", "{ url: MONOLITH }", "SERVICE", "{ url: SERVICE }", "FIELD", "rollout: { steps: [100] }").Replace(fieldTable))
	plan, err := b.PlanOf("r")
	must(t, err)
	_, err = b.ledger.Start(t.Context(), "r", plan, act)
	must(t, err)
	b.servedBy("/r", http.Header{"X-Tenant": {"7"}})
	requests := func() uint64 {
		var reading rollout.Reading
		must(t, source{b.Engine}.Read("r", &reading))
		return reading.Totals.Service.Requests()
	}
	eventually(t, "counted", func() bool { return requests() == 1 })
	b.write(strings.NewReplacer("MONOLITH", "{ url: MONOLITH }", "SERVICE", "{ url: SERVICE, owner: new }", "FIELD", "rollout: {}").Replace(fieldTable))
	must(t, b.Reload())
	equal(t, "requests after a reload", requests(), 1)
	b.write(strings.NewReplacer("MONOLITH", "{ url: MONOLITH }", "SERVICE", "{ url: MONOLITH }", "FIELD", "rollout: {}").Replace(fieldTable))
	must(t, b.Reload())
	equal(t, "requests of another service", requests(), 0)
}

// TestWhatCounts holds what becomes of a request against what is counted of it.
func TestWhatCounts(t *testing.T) {
	t.Parallel()
	failure := func(kind proxy.Kind) error { return &proxy.Failure{Kind: kind, Status: 502, Err: ErrNoTarget} }
	for name, test := range map[string]struct {
		outcome        proxy.Outcome
		err            error
		stream         bool
		served, failed uint64
	}{
		"an answer":                     {outcome: proxy.Outcome{Status: 200}, served: 1},
		"not found":                     {outcome: proxy.Outcome{Status: 404}, served: 1},
		"an error":                      {outcome: proxy.Outcome{Status: 500}, failed: 1},
		"a fallback":                    {outcome: proxy.Outcome{Status: 200, Fallback: proxy.KindTimeout}, failed: 1},
		"no connection":                 {err: failure(proxy.KindConnect), failed: 1},
		"no answer in time":             {err: failure(proxy.KindTimeout), failed: 1},
		"an answer that broke off":      {err: failure(proxy.KindBroken), failed: 1},
		"a handler that panicked":       {err: errAborted, failed: 1},
		"a client that left":            {err: failure(proxy.KindCanceled)},
		"a client that sent nonsense":   {err: failure(proxy.KindClient)},
		"a stream":                      {outcome: proxy.Outcome{Status: 200}, stream: true, served: 1},
		"a stream that the client left": {err: failure(proxy.KindCanceled), stream: true, served: 1},
	} {
		c := &counts{}
		result := Result{Decision: routes.Decision{Arm: routes.Service, Reason: routes.ReasonSplit}, Outcome: test.outcome}
		if !result.tally.begin(c, &result.Decision, time.Now, time.Now()) {
			t.Fatal(name)
		}
		if test.stream {
			result.tally.Head(200, nil, true)
		}
		result.tally.end(&result, test.err)
		var reading rollout.Reading
		c.read(&reading)
		tally := reading.Totals.Service
		if tally.Latency.Total() != test.served || tally.Failed != test.failed || reading.Totals.Monolith.Requests() != 0 {
			t.Errorf("%s: %d served, %d failed", name, tally.Latency.Total(), tally.Failed)
		}
	}
	for _, reason := range []routes.Reason{routes.ReasonNoKey, routes.ReasonHold, routes.ReasonOff, ReasonNoTarget} {
		if new(tally).begin(&counts{}, &routes.Decision{Reason: reason}, time.Now, time.Now()) {
			t.Errorf("%s is in the control group", reason)
		}
	}
}

// TestRaisingNeedsASecondPersonLoweringNever, by hand as by the controller.
func TestRaisingNeedsASecondPersonLoweringNever(t *testing.T) {
	t.Parallel()
	const field = "rollout: { gates: { approval: [ann, ben], approval_above: 5, second_person: true } }"
	b := newBed(t, strings.NewReplacer("MONOLITH", "{ url: MONOLITH }", "SERVICE", "{ url: SERVICE }", "FIELD", field).Replace(fieldTable))
	ctx, ben := t.Context(), rollout.Act{By: "ben", Source: rollout.SourceCLI}
	plan, err := b.PlanOf("r")
	must(t, err)
	_, err = b.ledger.Start(ctx, "r", plan, act) // by ann
	must(t, err)
	b.set("r", "5")
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, rollout.ErrNotApproved) || HTTPStatus(err) != http.StatusForbidden || !strings.Contains(err.Error(), "ben") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = b.Set(ctx, "r", routes.One/2, act)
	refused("set", err)
	_, err = b.ledger.Advance(ctx, "r", plan, act)
	refused("advance", err)
	_, err = b.ledger.Approve(ctx, "r", act)
	must(t, err)
	_, err = b.Set(ctx, "r", routes.One/2, act)
	refused("set, approved by who started it", err)
	_, err = b.ledger.Approve(ctx, "r", ben)
	must(t, err)
	_, err = b.ledger.Advance(ctx, "r", plan, act)
	must(t, err)
	_, err = b.ledger.Advance(ctx, "r", plan, act)
	refused("the step after the approved one", err)
	b.set("r", "1")
}
