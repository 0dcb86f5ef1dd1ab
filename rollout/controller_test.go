package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
	"github.com/strangler-proxy/strangler/routes"
)

// traffic is requests to routes, split as the ledger says: perLook between
// two looks.
type traffic struct {
	ledger *rollout.Ledger

	mu       sync.Mutex
	counts   map[string]*rollout.Reading
	builds   map[string]string
	broken   error
	behavior func(route string, arm routes.Arm, i int) (took time.Duration, failed bool)
}

const perLook = 500

func healthy(_ string, _ routes.Arm, i int) (time.Duration, bool) {
	return time.Duration(10+i*37%90) * time.Millisecond, i%100 == 0
}

func newTraffic(l *rollout.Ledger) *traffic {
	return &traffic{ledger: l, counts: map[string]*rollout.Reading{}, builds: map[string]string{}, behavior: healthy}
}

func (f *traffic) behave(b func(string, routes.Arm, int) (time.Duration, bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behavior = b
}

// serve counts one look's requests of the routes.
func (f *traffic) serve(routesNamed ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	snapshot, now := f.ledger.Snapshot(), time.Now()
	for _, route := range routesNamed {
		r := f.counts[route]
		if r == nil {
			r = new(rollout.Reading)
			f.counts[route] = r
		}
		state := snapshot.Route(route)
		service := int(state.Share * perLook / routes.One)
		if snapshot.Brake != nil || state.Hold.Active(now) {
			service = 0
		}
		seen := [2]int{routes.Service: int(r.Totals.Service.Requests()), routes.Monolith: int(r.Totals.Monolith.Requests())}
		for i := range perLook {
			arm, tally := routes.Service, &r.Totals.Service
			if i >= service {
				arm, tally = routes.Monolith, &r.Totals.Monolith
			}
			took, failed := f.behavior(route, arm, seen[arm])
			seen[arm]++
			if failed {
				tally.Failed++
			} else {
				tally.Latency.Count(took)
			}
		}
	}
}

func (f *traffic) Read(route string, into *rollout.Reading) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	if r := f.counts[route]; r != nil {
		*into = *r
	}
	into.Build = f.builds[route]
	return nil
}

// diary notes events.
type diary struct {
	mu      sync.Mutex
	started time.Time
	pages   []string
}

func (d *diary) Emit(_ context.Context, e rollout.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.ID == "" || e.ID != e.Change.ID {
		panic("an event without its change's ID")
	}
	d.pages = append(d.pages, fmt.Sprintf("%s %s %s", e.Change.Route, e.Kind, e.Change.After.Share))
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.pages...)
}

// stage is a ledger with traffic and a controller, on fake time.
type stage struct {
	t      *testing.T
	store  *storetest.Faulty
	ledger *rollout.Ledger
	*traffic
	diary *diary
	plans map[string]rollout.Plan
	c     *rollout.Controller
	stop  func()
}

func play(t *testing.T, plan rollout.Plan, test func(t *testing.T, s *stage)) {
	t.Helper()
	bubble(t, nil, func(t *testing.T, store *storetest.Faulty, l *rollout.Ledger) {
		t.Helper()
		s := &stage{t: t, store: store, ledger: l, traffic: newTraffic(l), diary: &diary{started: time.Now()}, plans: map[string]rollout.Plan{"a": plan}}
		s.start()
		defer func() { s.stop() }()
		test(t, s)
	})
}

// plan gives a route a plan.
func (s *stage) plan(route string, p rollout.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans[route] = p
}

func (s *stage) planned() map[string]rollout.Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.plans)
}

// controller runs another controller on the stage.
func (s *stage) controller(l *rollout.Ledger) (c *rollout.Controller, stop func()) {
	s.t.Helper()
	c, err := rollout.NewController(rollout.ControllerOptions{
		Ledger: l, Plans: s.planned, Source: s.traffic, Events: s.diary, Now: time.Now, Every: 10 * time.Second,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	return c, func() { cancel(); <-done }
}

// start runs the controller, and goes on between two of its looks.
func (s *stage) start() {
	s.t.Helper()
	s.c, s.stop = s.controller(s.ledger)
	time.Sleep(5 * time.Second) //nolint:forbidigo // fake time
}

// pass lets fake time pass, with traffic before every look, until done
// answers true or so much has passed.
func (s *stage) pass(most time.Duration, done func() bool) time.Duration {
	s.t.Helper()
	begun := time.Now()
	for time.Since(begun) < most && (done == nil || !done()) {
		s.serve("a")
		time.Sleep(10 * time.Second) //nolint:forbidigo // fake time
		synctest.Wait()
	}
	return time.Since(begun)
}

func (s *stage) place() string { return place(s.ledger.Snapshot().Route("a")) }

func (s *stage) is(want string) func() bool { return func() bool { return s.place() == want } }

func (s *stage) want(what, want string) {
	s.t.Helper()
	if got := s.place(); got != want {
		s.t.Errorf("%s: %s, want %s; %+v", what, got, want, s.c.Status()["a"].Action)
	}
}

// brisk is a plan for simulated days: the default's steps, 150 requests each.
func brisk(change func(*rollout.Plan)) rollout.Plan {
	p := rollout.DefaultPlan()
	p.Gates.MinRequests = 150
	p.Guards.P99AboveMonolith = 2
	if change != nil {
		change(&p)
	}
	return p
}

func TestARolloutWalksToTheEnd(t *testing.T) {
	t.Parallel()
	play(t, brisk(nil), func(t *testing.T, s *stage) {
		t.Helper()
		s.pass(time.Hour, nil)
		s.want("before it is started", "0 %")
		must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
		begun := time.Now()
		s.pass(4*time.Hour, nil)
		s.want("hours later", "100 % step 5 running")
		same(t, "events", s.diary.read(), []string{"a advanced 5 %", "a advanced 25 %", "a advanced 50 %", "a completed 100 %"})
		found, err := s.ledger.History(t.Context(), rollout.Query{Route: "a"})
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range found {
			at := begun
			if i < 4 {
				at = found[i+1].At
				if c.Act.By != "controller" || c.Act.Source != rollout.SourceController || c.Act.Reason == "" {
					t.Errorf("record: %+v", c.Act)
				}
			}
			if took := c.At.Sub(at); i < 4 && took < 30*time.Minute || took > time.Hour {
				t.Errorf("step %d lasted %s", 4-i, took)
			}
		}
	})
}

func TestASlowServiceIsRolledBackAndGoesOnOnceReleased(t *testing.T) {
	t.Parallel()
	play(t, brisk(nil), func(t *testing.T, s *stage) {
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
		s.pass(24*time.Hour, s.is("25 % step 3 running"))
		s.behave(func(route string, arm routes.Arm, i int) (time.Duration, bool) {
			took, failed := healthy(route, arm, i)
			if arm == routes.Service {
				took *= 2
			}
			return took, failed
		})
		if took := s.pass(time.Hour, s.is("1 % held step 1 running")); took > 2*time.Minute {
			t.Errorf("it took %s", took)
		}
		s.want("slow", "1 % held step 1 running")
		hold := s.ledger.Snapshot().Route("a").Hold
		if hold == nil || hold.By != "guard" || hold.Reason == "" || !hold.Until.IsZero() {
			t.Errorf("hold: %+v", hold)
		}
		s.behave(healthy)
		s.pass(4*time.Hour, nil)
		s.want("nobody released it", "1 % held step 1 running")
		must(t)(s.ledger.Release(t.Context(), "a", anna))
		s.pass(29*time.Minute, nil)
		s.want("released", "1 % step 1 running")
		s.pass(4*time.Hour, nil)
		s.want("hours later", "100 % step 5 running")
		same(t, "events", s.diary.read(), []string{"a advanced 5 %", "a advanced 25 %", "a rolled_back 1 %",
			"a advanced 5 %", "a advanced 25 %", "a advanced 50 %", "a completed 100 %"})
	})
}

func TestADeadServiceIsRolledBackInSeconds(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]string{"1 % step 1 running": "1 % held step 1 running", "100 % step 5 running": "1 % held step 1 running"} {
		play(t, brisk(nil), func(t *testing.T, s *stage) {
			t.Helper()
			must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
			s.pass(24*time.Hour, s.is(step))
			s.pass(10*time.Minute, nil)
			s.behave(func(route string, arm routes.Arm, i int) (time.Duration, bool) {
				took, _ := healthy(route, arm, i)
				return took, arm == routes.Service
			})
			if took := s.pass(time.Hour, s.is(want)); took > 40*time.Second { // four looks, 5 requests each at 1 %
				t.Errorf("at %s: %s after %s", step, s.place(), took)
			}
		})
	}
}

func TestOnBreach(t *testing.T) {
	t.Parallel()
	for breach, want := range map[rollout.Breach][2]string{
		rollout.BreachPreviousStep: {"5 % step 2 paused", "a rolled_back 5 %"},
		rollout.BreachFreeze:       {"25 % step 3 paused", "a frozen 25 %"},
		rollout.BreachMonolith:     {"1 % held step 1 running", "a rolled_back 1 %"},
	} {
		play(t, brisk(func(p *rollout.Plan) { p.OnBreach = breach }), func(t *testing.T, s *stage) {
			t.Helper()
			must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
			s.pass(24*time.Hour, s.is("25 % step 3 running"))
			s.behave(func(route string, arm routes.Arm, i int) (time.Duration, bool) {
				took, failed := healthy(route, arm, i)
				return took, failed || arm == routes.Service && i%5 == 0 && s.ledger.Snapshot().Route("a").Share > 5*percent
			})
			s.pass(2*time.Hour, nil)
			s.want(string(breach), want[0])
			same(t, "events", s.diary.read()[2:], []string{want[1]})
		})
	}
}

// TestAFrozenRolloutThatWasPausedIsTold: that a guard fired is recorded and told
// once, though nothing moves.
func TestAFrozenRolloutThatWasPausedIsTold(t *testing.T) {
	t.Parallel()
	play(t, brisk(func(p *rollout.Plan) { p.OnBreach = rollout.BreachFreeze }), func(t *testing.T, s *stage) {
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
		s.pass(24*time.Hour, s.is("5 % step 2 running"))
		before := must(t)(s.ledger.Pause(t.Context(), "a", anna)).After.Version
		s.behave(func(route string, arm routes.Arm, i int) (time.Duration, bool) {
			took, failed := healthy(route, arm, i)
			return took, failed || arm == routes.Service && i%5 == 0
		})
		s.pass(4*time.Hour, nil)
		s.want("paused, and then bad", "5 % step 2 paused")
		same(t, "events", s.diary.read()[1:], []string{"a frozen 5 %"})
		a := s.ledger.Snapshot().Route("a")
		if a.Version != before+1 || a.By != "guard" || !strings.Contains(a.Reason, "fail") || !a.Rollout.Frozen {
			t.Errorf("%+v, %+v", a, a.Rollout)
		}
		if resumed := must(t)(s.ledger.Resume(t.Context(), "a", anna)).After.Rollout; resumed.Frozen {
			t.Errorf("resumed: %+v", resumed)
		}
	})
}

func TestARestartGoesOnInTheSameStep(t *testing.T) {
	t.Parallel()
	play(t, brisk(nil), func(t *testing.T, s *stage) {
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
		s.pass(24*time.Hour, s.is("5 % step 2 running"))
		begun := s.ledger.Snapshot().Route("a").Rollout.Since
		for range 8 { // every three minutes
			s.pass(3*time.Minute, nil)
			s.stop()
			if err := s.ledger.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.ledger = open(t, s.store)
			s.traffic.ledger = s.ledger
			s.counts = map[string]*rollout.Reading{} // the counts of a new process
			s.start()
		}
		s.want("24 minutes later", "5 % step 2 running")
		s.pass(time.Hour, s.is("25 % step 3 running"))
		if took := time.Since(begun); took < 30*time.Minute || took > 32*time.Minute {
			t.Errorf("the step lasted %s", took)
		}
		same(t, "events", s.diary.read(), []string{"a advanced 5 %", "a advanced 25 %"})
	})
}

func TestOneOfManyControllersActs(t *testing.T) {
	t.Parallel()
	play(t, brisk(nil), func(t *testing.T, s *stage) {
		t.Helper()
		for range 3 { // two generations, and a fleet's others on the same store
			_, stop := s.controller(s.ledger)
			defer stop()
			_, stop = s.controller(open(t, s.store))
			defer stop()
		}
		must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
		s.pass(24*time.Hour, s.is("25 % step 3 running"))
		s.behave(func(route string, arm routes.Arm, i int) (time.Duration, bool) {
			took, _ := healthy(route, arm, i)
			return took, arm == routes.Service
		})
		s.pass(time.Hour, nil)
		same(t, "events", s.diary.read(), []string{"a advanced 5 %", "a advanced 25 %", "a rolled_back 1 %"})
		found, err := s.ledger.History(t.Context(), rollout.Query{Route: "a"})
		if err != nil || len(found) != 4 {
			t.Errorf("%d records, %v", len(found), err)
		}
	})
}

func TestNoDataNeitherFailsNorPasses(t *testing.T) {
	t.Parallel()
	play(t, brisk(nil), func(t *testing.T, s *stage) {
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
		time.Sleep(12 * time.Hour) //nolint:forbidigo // fake time
		s.want("no request in half a day", "1 % step 1 running")
		if a := s.c.Status()["a"].Action; a.Do != rollout.Wait || a.Why != "0 of 150 requests" {
			t.Errorf("waiting: %+v", a)
		}
		s.mu.Lock()
		s.broken = errors.New("no recorder")
		s.mu.Unlock()
		s.pass(4*time.Hour, nil)
		s.want("nothing measured", "1 % step 1 running")
		if a := s.c.Status()["a"].Action; a.Do != rollout.Wait || a.Why != "could not measure: no recorder" {
			t.Errorf("waiting: %+v", a)
		}
		if events := s.diary.read(); len(events) != 0 {
			t.Errorf("events: %v", events)
		}
	})
}

func TestAnotherBuildStartsTheStepAnew(t *testing.T) {
	t.Parallel()
	play(t, brisk(nil), func(t *testing.T, s *stage) {
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
		for i := range 5 {
			s.mu.Lock()
			s.builds["a"] = fmt.Sprint("v", i)
			s.mu.Unlock()
			s.pass(20*time.Minute, nil)
			s.want("deployed every twenty minutes", "1 % step 1 running")
		}
		s.pass(15*time.Minute, s.is("5 % step 2 running"))
		s.want("then left alone", "5 % step 2 running")
	})
}

func TestTheBrakeStopsTheSteps(t *testing.T) {
	t.Parallel()
	play(t, brisk(nil), func(t *testing.T, s *stage) {
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
		s.pass(20*time.Minute, nil)
		must(t)(s.ledger.Brake(t.Context(), anna))
		s.pass(4*time.Hour, nil)
		s.want("braked", "1 % step 1 running")
		if a := s.c.Status()["a"].Action; a.Do != rollout.Nothing || a.Why != "braked by anna: because" {
			t.Errorf("status: %+v", a)
		}
		must(t)(s.ledger.ReleaseBrake(t.Context(), anna))
		s.pass(29*time.Minute, nil)
		s.want("released", "1 % step 1 running")
		s.pass(10*time.Minute, nil)
		s.want("a whole step later", "5 % step 2 running")
	})
}

func TestAScheduleAndAnApproval(t *testing.T) {
	t.Parallel()
	plan := brisk(func(p *rollout.Plan) {
		p.Steps = []routes.PPM{percent, routes.One}
		p.Only = schedule(t, "Mon-Fri 09:00-16:00 Europe/Berlin")
		p.Gates.Approval = []string{"carla"}
	})
	play(t, plan, func(t *testing.T, s *stage) { // fake time begins on Saturday, 1 January 2000, 00:00 UTC
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", plan, anna))
		s.pass(time.Minute, nil)
		s.want("the first step is one, too", "0 % step 0 running")
		if a := s.c.Status()["a"].Action; a.Do != rollout.Wait || a.Why != "approval by carla" {
			t.Errorf("nobody has approved: %+v", a)
		}
		must(t)(s.ledger.Approve(t.Context(), "a", rollout.Act{By: "carla", Source: rollout.SourceConsole}))
		must(t)(s.ledger.Advance(t.Context(), "a", plan, anna))
		must(t)(s.ledger.Approve(t.Context(), "a", anna))
		s.pass(time.Hour, nil)
		if a := s.c.Status()["a"].Action; a.Do != rollout.Wait || a.Why != "approval by carla" {
			t.Errorf("approved by somebody else: %+v", a)
		}
		must(t)(s.ledger.Approve(t.Context(), "a", rollout.Act{By: "carla", Source: rollout.SourceConsole}))
		s.pass(time.Hour, nil)
		monday := time.Date(2000, 1, 3, 8, 0, 0, 0, time.UTC)
		if a := s.c.Status()["a"].Action; a.Do != rollout.Wait || !a.Until.Equal(monday) {
			t.Errorf("on a Saturday: %+v", a)
		}
		time.Sleep(time.Until(monday) - time.Second) //nolint:forbidigo // fake time
		s.want("before the hour", "1 % step 1 running approved by carla")
		time.Sleep(20 * time.Second) //nolint:forbidigo // fake time
		synctest.Wait()
		s.want("after the hour", "100 % step 2 running")
	})
}

// TestAGuardDoesNotWaitForTheStore: while the store hangs, many services die.
func TestAGuardDoesNotWaitForTheStore(t *testing.T) {
	t.Parallel()
	play(t, brisk(nil), func(t *testing.T, s *stage) {
		t.Helper()
		names := make([]string, 0, 30)
		for i := range cap(names) {
			name := fmt.Sprintf("r%02d", i)
			names = append(names, name)
			s.plan(name, brisk(nil))
			must(t)(s.ledger.Start(t.Context(), name, brisk(nil), anna))
		}
		for range 12 {
			s.serve(names...)
			time.Sleep(10 * time.Second) //nolint:forbidigo // fake time
		}
		s.store.Set(storetest.Hung())
		s.behave(func(route string, arm routes.Arm, i int) (time.Duration, bool) {
			took, _ := healthy(route, arm, i)
			return took, arm == routes.Service
		})
		for range 4 {
			s.serve(names...)
			time.Sleep(10 * time.Second) //nolint:forbidigo // fake time
		}
		synctest.Wait()
		snapshot := s.ledger.Snapshot()
		for _, name := range names {
			if snapshot.Route(name).Hold == nil {
				t.Errorf("%s is not held: %+v", name, s.c.Status()[name])
			}
		}
		if n := len(snapshot.Unsaved); n != len(names) {
			t.Errorf("%d unsaved", n)
		}
		settled(t, s.store, s.ledger)
	})
}

func TestAControllerWantsItsOptions(t *testing.T) {
	t.Parallel()
	if _, err := rollout.NewController(rollout.ControllerOptions{}); err == nil {
		t.Error("made")
	}
	play(t, brisk(func(p *rollout.Plan) { p.Steps = nil }), func(t *testing.T, s *stage) {
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", brisk(nil), anna))
		s.pass(4*time.Hour, nil)
		s.want("with a plan that is not valid", "1 % step 1 running")
		if a := s.c.Status()["a"].Action; a.Do != rollout.Nothing || a.Why == "" {
			t.Errorf("status: %+v", a)
		}
	})
}

// TestAServiceThatWasWellForLongIsStillNoticed: what a step has seen long ago
// does not outweigh what it sees now.
func TestAServiceThatWasWellForLongIsStillNoticed(t *testing.T) {
	t.Parallel()
	plan := brisk(func(p *rollout.Plan) {
		p.Gates.Approval, p.Gates.ApprovalAbove = []string{"carla"}, 25*percent
	})
	play(t, plan, func(t *testing.T, s *stage) {
		t.Helper()
		must(t)(s.ledger.Start(t.Context(), "a", plan, anna))
		must(t)(s.ledger.Advance(t.Context(), "a", plan, anna))
		must(t)(s.ledger.Advance(t.Context(), "a", plan, anna))
		s.pass(6*time.Hour+10*time.Minute, nil)
		s.want("waiting for an approval", "25 % step 3 running")
		if e := s.c.Status()["a"].Evidence; e.Requests < 6*360*120 || e.Breaches != 0 {
			t.Errorf("the step has seen %d requests", e.Requests)
		}
		s.behave(func(route string, arm routes.Arm, i int) (time.Duration, bool) {
			took, failed := healthy(route, arm, i)
			return took, failed || arm == routes.Service && i%20 == 0
		})
		if took := s.pass(time.Hour, s.is("1 % held step 1 running")); took > 10*time.Minute {
			t.Errorf("%s after %s: %+v", s.place(), took, s.c.Status()["a"])
		}
	})
}

func TestAnAdvanceWaitsForTheStore(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]storetest.Fault{
		"broken": storetest.Broken(errDown), "hung": storetest.Hung(), "answers lost": storetest.Lost(errDown),
	} {
		play(t, brisk(nil), func(t *testing.T, s *stage) {
			t.Helper()
			must(t)(s.ledger.Start(t.Context(), "a", s.plans["a"], anna))
			s.pass(20*time.Minute, nil)
			s.store.Set(fault)
			s.pass(3*time.Hour, nil)
			s.want(name, "1 % step 1 running")
			if n := len(s.ledger.Snapshot().Unsaved); n > 1 {
				t.Errorf("%s: %d changes wait for the store", name, n)
			}
			s.store.Set(nil)
			s.pass(2*time.Minute, s.is("5 % step 2 running"))
			s.want("the store answers again", "5 % step 2 running")
			same(t, "events", s.diary.read(), []string{"a advanced 5 %"})
		})
	}
}
