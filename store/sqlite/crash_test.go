package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// childEnv tells this test's binary to be a child that works on a store.
const childEnv = "STRANGLER_TEST_STORE"

// crashes is how often a writer is killed.
func crashes() int {
	if testing.Short() {
		return 20
	}
	return 200
}

// childMain is the life of a child: it changes rollouts until it is killed and
// says which changes were acknowledged.
func childMain() {
	path := os.Getenv(childEnv)
	if path == "" {
		return
	}
	if err := changeForever(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// changeForever makes changes by hand and by a controller, and snapshots, all
// at once.
func changeForever(path string) error {
	s, err := Open(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	ledger, err := rollout.Open(ctx, rollout.Options{Store: s, Now: time.Now, Wait: time.Minute})
	if err != nil {
		return err
	}
	if !ledger.Snapshot().Known {
		return errors.New("the state is not known: " + ledger.Snapshot().StoreError)
	}
	controller, err := rollout.NewController(rollout.ControllerOptions{
		Ledger: ledger, Now: time.Now, Source: new(healthy), Events: announced{}, Every: time.Millisecond,
		Plans: func() map[string]rollout.Plan { return map[string]rollout.Plan{rolling: walk} },
	})
	if err != nil {
		return err
	}
	fmt.Println("open") //nolint:forbidigo // how the child talks to its parent
	go controller.Run(ctx)
	if rand.N(4) == 0 {
		time.AfterFunc(rand.N(30*time.Millisecond), func() {
			if _, err := s.snapshot(ctx, time.Now()); err != nil {
				fmt.Fprintln(os.Stderr, "snapshot:", err)
			}
		})
	}
	for i := 0; ; i++ {
		c, err := changeOnce(ctx, ledger, i)
		switch {
		case errors.As(err, new(*rollout.Conflict)): // the controller was faster
			continue
		case err != nil:
			return err
		case c.ID == "":
			continue
		}
		if err := tell(c); err != nil {
			return err
		}
	}
}

// tell says that a change was acknowledged.
func tell(c rollout.Change) error {
	if !c.Stored {
		return fmt.Errorf("%s was not stored", c.ID)
	}
	_, err := fmt.Println(said(c)) //nolint:forbidigo // how the child talks to its parent
	return err                     // the parent has gone
}

func said(c rollout.Change) string {
	step := 0
	if c.After.Rollout != nil {
		step = c.After.Rollout.Step
	}
	return fmt.Sprint(c.Seq, " ", c.ID, " ", c.Route, " ", c.After.Version, " ", uint32(c.After.Share), " ", c.After.Hold != nil, " ", step)
}

// rolling is the route that the controller moves, by the plan walk: as fast as
// it can, through many steps.
const rolling = "rolling"

var walk = func() (p rollout.Plan) {
	for i := range 20 {
		p.Steps = append(p.Steps, routes.One/20*routes.PPM(i+1))
	}
	return p
}()

// healthy is a source of more and more requests that all go well.
type healthy struct{ totals evidence.Totals }

func (h *healthy) Read(_ string, into *rollout.Reading) error {
	for range 200 {
		h.totals.Service.Latency.Count(time.Millisecond)
		h.totals.Monolith.Latency.Count(time.Millisecond)
	}
	into.Totals = h.totals
	return nil
}

// announced tells of what the controller did.
type announced struct{}

func (announced) Emit(_ context.Context, e rollout.Event) { _ = tell(e.Change) }

// changeOnce makes the i-th change of a child: raises, lowers, holds, releases
// and brakes, so that both ways to the store are taken.
func changeOnce(ctx context.Context, l *rollout.Ledger, i int) (rollout.Change, error) {
	act := rollout.Act{By: "child", Reason: fmt.Sprint("change ", i), Source: rollout.SourceCLI}
	route := fmt.Sprint("route-", i/5%3)
	if share := l.Snapshot().Route(rolling); i%5 == 0 && (share.Share == 0 || share.Share == routes.One) {
		return again(ctx, l, share.Share, act)
	}
	if i%10 == 5 {
		return byHand(ctx, l, act)
	}
	switch i % 5 {
	case 0:
		share := routes.PPM(rand.N(500_000) + 1)
		if l.Snapshot().Route(route).Share >= share {
			share = routes.One - share
		}
		return l.Set(ctx, route, share, act)
	case 1:
		return l.Hold(ctx, route, time.Time{}, act)
	case 2:
		return l.Release(ctx, route, act)
	case 3:
		switch { // the brake stops the rollout too
		case l.Snapshot().Brake != nil:
			return l.ReleaseBrake(ctx, act)
		case i%20 == 3:
			return l.Brake(ctx, act)
		}
		return l.Hold(ctx, route, time.Now().Add(time.Hour), act)
	default:
		return l.Set(ctx, route, l.Snapshot().Route(route).Share/2, act)
	}
}

// byHand changes the rollout that the controller moves. What it refuses at this
// moment is left.
func byHand(ctx context.Context, l *rollout.Ledger, act rollout.Act) (c rollout.Change, err error) {
	switch state := l.Snapshot().Route(rolling); rand.N(5) {
	case 0:
		c, err = l.Advance(ctx, rolling, walk, act)
	case 1:
		act.By = fmt.Sprint("approver ", state.Version)
		c, err = l.Approve(ctx, rolling, act)
	case 2:
		c, err = l.Pause(ctx, rolling, act)
	case 3:
		c, err = l.Resume(ctx, rolling, act)
	default:
		c, err = l.Undo(ctx, rolling, max(state.Version, 1)-1, act)
	}
	for _, refused := range []error{rollout.ErrNotStarted, rollout.ErrLastStep, rollout.ErrNotPaused, rollout.ErrNoVersion} {
		if errors.Is(err, refused) {
			return rollout.Change{}, nil
		}
	}
	return c, err
}

// again starts the rollout, or takes it back when it is at its end.
func again(ctx context.Context, l *rollout.Ledger, share routes.PPM, act rollout.Act) (rollout.Change, error) {
	if share == 0 {
		return l.Start(ctx, rolling, walk, act)
	}
	return l.Abort(ctx, rolling, act)
}

// TestKilledWriterLosesNothing kills writers at random moments: what they
// acknowledged is there, whole, and the journal has no hole and no half change.
func TestKilledWriterLosesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	seen := &journal{newest: map[string]rollout.Change{}, lines: map[uint64]string{}, verbs: map[rollout.Verb]int{}}
	acknowledged := 0
	for crash := range crashes() {
		lines := killOne(t, path, crash)
		acknowledged += len(lines)
		seen.check(t, path, lines)
		if crash%10 == 9 {
			seen.checkSnapshots(t, path)
		}
		if t.Failed() {
			t.Fatalf("after kill %d", crash+1)
		}
	}
	if acknowledged < 5*crashes() || seen.steps < crashes() || seen.snapshots == 0 {
		t.Errorf("only %d changes were acknowledged, of them %d steps: nothing was tested", acknowledged, seen.steps)
	}
	for _, verb := range []rollout.Verb{rollout.VerbAdvance, rollout.VerbApprove, rollout.VerbPause, rollout.VerbResume, rollout.VerbUndo} {
		if seen.verbs[verb] == 0 && !testing.Short() {
			t.Errorf("no %s by hand was tested", verb)
		}
	}
	t.Logf("by hand: %v", seen.verbs)
	t.Logf("%d changes acknowledged over %d kills, %d steps of a rollout, %d snapshots read", acknowledged, crashes(), seen.steps, seen.snapshots)
}

// killOne lets a child work until it has acknowledged a random number of
// changes and a random moment more, and answers what it acknowledged.
func killOne(t *testing.T, path string, crash int) (acknowledged map[uint64]string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = child.Process.Kill() }
	patience := rand.N(40)
	if crash%10 == 9 { // also while it opens the file
		time.AfterFunc(time.Duration(rand.N(30))*time.Millisecond, kill)
	}
	acknowledged = map[uint64]string{}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		line := lines.Text()
		var seq uint64
		if _, err := fmt.Sscan(line, &seq); err == nil {
			acknowledged[seq] = line
		} else if line != "open" {
			t.Errorf("the child says %q", line)
		}
		if n == patience {
			time.AfterFunc(time.Duration(rand.N(3000))*time.Microsecond, kill)
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Errorf("the child was not killed: %v", err)
	}
	return acknowledged
}

// journal is what was read of a store after the crashes so far.
type journal struct {
	last      uint64
	newest    map[string]rollout.Change
	lines     map[uint64]string // of what was acknowledged
	steps     int
	snapshots int
	verbs     map[rollout.Verb]int // by hand
}

// check reads what a dead child has written.
func (j *journal) check(t *testing.T, path string, acknowledged map[uint64]string) {
	t.Helper()
	maps.Copy(j.lines, acknowledged)
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, s)
	for {
		page, err := s.History(t.Context(), rollout.Query{After: j.last, OldestFirst: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			j.take(t, c)
		}
	}
	for seq, line := range acknowledged {
		if seq > j.last {
			t.Errorf("acknowledged and lost: %s", line)
		}
	}
	saved, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(j.newest, saved.Newest); diff != "" {
		t.Errorf("the present is not what the journal says:\n%s", diff)
	}
}

// take holds the next record against those before it.
func (j *journal) take(t *testing.T, c rollout.Change) {
	t.Helper()
	if c.Act.Source == rollout.SourceCLI {
		j.verbs[c.Verb]++
	}
	if j.last++; c.Seq != j.last {
		t.Fatalf("record %d stands at place %d", c.Seq, j.last)
	}
	if diff := cmp.Diff(j.newest[c.Route].After, c.Before); diff != "" {
		t.Fatalf("record %d does not start where the one before ended:\n%s", c.Seq, diff)
	}
	j.newest[c.Route] = c
	if told, ok := j.lines[c.Seq]; ok && told != said(c) {
		t.Errorf("acknowledged %q, stored %q", told, said(c))
	}
	if c.Verb != rollout.VerbAdvance {
		return
	}
	j.steps++
	before, after := c.Before.Rollout.Step, c.After.Rollout.Step
	if after != before+1 || c.After.Share != walk.Steps[after-1] || c.Before.Share != walk.Steps[before-1] {
		t.Errorf("record %d goes from step %d (%s) to %d (%s)", c.Seq, before, c.Before.Share, after, c.After.Share)
	}
}

// checkSnapshots reads every snapshot: it is whole, and has the journal as it
// was.
func (j *journal) checkSnapshots(t *testing.T, path string) {
	t.Helper()
	kept, err := snapshots(path)
	if err != nil || len(kept) > snapshotCount+1 { // a kill may come before the oldest is removed
		t.Fatalf("%v, %v", kept, err)
	}
	for _, name := range kept {
		newest, err := tryCopy(name, path+".restoring")
		if err != nil {
			t.Fatal(err)
		}
		j.snapshots++
		if told, ok := j.lines[newest.Seq]; ok && told != said(newest) || newest.Seq > j.last {
			t.Errorf("acknowledged %q, in the snapshot %q", told, said(newest))
		}
	}
}
