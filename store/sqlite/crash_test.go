package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// childEnv tells this test's binary to be a child that works on a store.
const (
	childEnv = "STRANGLER_TEST_STORE"
	crashes  = 20
)

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
	fmt.Println("open") //nolint:forbidigo // how the child talks to its parent
	for i := 0; ; i++ {
		c, err := changeOnce(ctx, ledger, i)
		if err != nil {
			return err
		}
		if !c.Stored {
			return fmt.Errorf("%s was not stored: %s", c.ID, ledger.Snapshot().StoreError)
		}
		if _, err := fmt.Println(c.Seq, c.ID, c.Route, c.After.Version, uint32(c.After.Share), c.After.Hold != nil); err != nil { //nolint:forbidigo // as above
			return err // the parent has gone
		}
	}
}

// changeOnce makes the i-th change of a child: raises, lowers, holds, releases
// and brakes, so that both ways to the store are taken.
func changeOnce(ctx context.Context, l *rollout.Ledger, i int) (rollout.Change, error) {
	act := rollout.Act{By: "child", Reason: fmt.Sprint("change ", i), Source: rollout.SourceCLI}
	route := fmt.Sprint("route-", i/5%3)
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
		if l.Snapshot().Brake != nil {
			return l.ReleaseBrake(ctx, act)
		}
		return l.Brake(ctx, act)
	default:
		return l.Set(ctx, route, l.Snapshot().Route(route).Share/2, act)
	}
}

// TestKilledWriterLosesNothing kills writers at random moments: what they
// acknowledged is there, whole, and the journal has no hole and no half change.
func TestKilledWriterLosesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	acknowledged := map[uint64]string{}
	for crash := range crashes {
		killOne(t, path, crash, acknowledged)
		checkJournal(t, path, acknowledged)
		if t.Failed() {
			t.Fatalf("after kill %d", crash+1)
		}
	}
	if len(acknowledged) < 5*crashes {
		t.Errorf("only %d changes were acknowledged: nothing was tested", len(acknowledged))
	}
	t.Logf("%d changes acknowledged over %d kills", len(acknowledged), crashes)
}

// killOne lets a child work until it has acknowledged a random number of
// changes and a random moment more, and notes what it acknowledged.
func killOne(t *testing.T, path string, crash int, acknowledged map[uint64]string) {
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
}

// checkJournal reads the whole journal of a dead child.
func checkJournal(t *testing.T, path string, acknowledged map[uint64]string) {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	all, err := s.records(t.Context(), `SELECT `+columns+` FROM change ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	newest := map[string]rollout.Change{}
	for i, c := range all {
		if c.Seq != uint64(i+1) {
			t.Fatalf("record %d stands at place %d", c.Seq, i+1)
		}
		before := newest[c.Route].After
		if diff := cmp.Diff(before, c.Before); diff != "" {
			t.Fatalf("record %d does not start where the one before ended:\n%s", c.Seq, diff)
		}
		newest[c.Route] = c
		line := fmt.Sprint(c.Seq, " ", c.ID, " ", c.Route, " ", c.After.Version, " ", uint32(c.After.Share), " ", c.After.Hold != nil)
		if told, ok := acknowledged[c.Seq]; ok && told != line {
			t.Errorf("acknowledged %q, stored %q", told, line)
		}
	}
	for seq, line := range acknowledged {
		if seq > uint64(len(all)) {
			t.Errorf("acknowledged and lost: %s", line)
		}
	}
	saved, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newest, saved.Newest); diff != "" {
		t.Errorf("the present is not what the journal says:\n%s", diff)
	}
}
