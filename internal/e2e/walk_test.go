package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/process"
	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// walk is a rollout of the demo's route tickets, with shorter steps.
type walk struct {
	t       *testing.T
	proxy   *testbed.Strangler
	service *testbed.Program
	crowd   *audience
	hook    *hook
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	django := testbed.StartHelpdesk(t)
	w := &walk{t: t, service: testbed.StartTickets(t, django.Database()), hook: startHook(t)}
	w.proxy = testbed.StartStrangler(t, func(address, admin string) (caddyfile, table string) {
		caddyfile, table = helpdesk.Config(helpdesk.Addresses{
			Proxy: address, Admin: admin, Monolith: django.Address, FAQ: "127.0.0.1:1", Tickets: w.service.Address, Webhook: w.hook.address,
		})
		return caddyfile, strings.NewReplacer("every: 10s", "every: 2s", "requests: 20", "requests: 3").Replace(table)
	})
	w.crowd = newAudience(t, w.proxy.URL(""))
	return w
}

// slow makes the service slow, or quick again with 0.
func (w *walk) slow(ms int) {
	w.t.Helper()
	response, err := http.Post(w.service.URL(fmt.Sprintf("/_demo/slow?ms=%d", ms)), "", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		w.t.Fatal(response.Status, err)
	}
}

// advanced waits for the next step, which must be this one and the controller's.
func (w *walk) advanced(from, to routes.PPM) {
	w.t.Helper()
	c := w.hook.next(rollout.VerbAdvance)
	if c.Before.Share != from || c.After.Share != to || c.Act.Source != rollout.SourceController || !strings.Contains(c.Act.Reason, "p95 pass") {
		w.t.Fatalf("%s to %s: %+v", c.Before.Share, c.After.Share, c.Act)
	}
}

// again ends the proxy, starts it, and sees that the rollout is where it was.
func (w *walk) again(end func()) {
	w.t.Helper()
	w.crowd.leave()
	before := w.proxy.Route(w.t, "tickets")
	end()
	w.proxy.Start()
	w.crowd.come()
	after := w.proxy.WaitRoute(w.t, "tickets", "the state to be read", func(r engine.RouteStatus) bool { return r.Known })
	// The last look before the end may have gone one step further.
	if after.Version == before.Version && (after.Share != before.Share || !after.Rollout.Since.Equal(before.Rollout.Since)) {
		w.t.Errorf("before %s since %s, after %s since %s", before.Share, before.Rollout.Since, after.Share, after.Rollout.Since)
	}
}

const percent = routes.One / 100

// A rollout walks by itself, whatever the proxy's process goes through; a guard
// takes back a service that becomes slow, tells it, and holds the route until a
// person lets it go on. No visitor is ever left without an answer.
func TestRolloutWalks(t *testing.T) {
	t.Parallel()
	w := newWalk(t)
	w.crowd.come()
	waits := w.startWaiting()
	if c := w.hook.next(rollout.VerbStart); c.After.Share != percent || c.Act.By != "anna" {
		t.Fatalf("started: %+v", c)
	}
	w.proxy.WaitRoute(t, "tickets", "evidence of step 1", func(r engine.RouteStatus) bool { return r.Rollout.Evidence.Requests > 0 })
	w.again(w.proxy.Kill)
	w.advanced(percent, 5*percent)
	w.advanced(5*percent, 25*percent)

	w.slow(1500) // also on a busy machine that is more than twice what Django takes
	back := w.hook.next(rollout.VerbRollBack)
	if back.Before.Share != 25*percent || back.After.Hold == nil || back.Act.Source != rollout.SourceGuard || !strings.Contains(back.Act.Reason, "p95 fail: ") {
		t.Fatalf("rolled back: %+v", back)
	}
	w.crowd.wantOnly("rolled back", false)
	w.wantStopped(waits)
	held := w.proxy.WaitRoute(t, "tickets", "the controller to see the hold", func(r engine.RouteStatus) bool {
		return r.Rollout.LookedAt.After(back.At) && len(r.Rollout.Evidence.Reports) == 0
	})
	if held.Decides != engine.DecidesHold || held.Effective != 0 || held.Hold.By != "guard" || held.Version != back.After.Version {
		t.Errorf("held: %+v", held)
	}

	w.slow(0)
	w.proxy.MustCommand(t, "rollout", "release", "tickets", "--reason", "quick again", "--by", "bert")
	if c := w.hook.next(rollout.VerbRelease); c.After.Hold != nil || c.After.Share != percent {
		t.Errorf("released: %+v", c.After)
	}
	w.advanced(percent, 5*percent)
	w.advanced(5*percent, 25*percent)
	w.advanced(25*percent, 50*percent)
	w.again(w.proxy.Stop)
	w.advanced(50*percent, routes.One)
	w.crowd.wantOnly("complete", true)
	w.wantStory()
}

// startWaiting starts the rollout by the command that waits for its end.
func (w *walk) startWaiting() *process.Process {
	w.t.Helper()
	said := &process.Tail{}
	p, err := process.Start(process.Command{
		Name: "rollout start --wait", Path: testbed.Binary(w.t), Dir: w.proxy.Dir, Output: said,
		Args: []string{"rollout", "start", "tickets", "--wait", "--by", "anna", "--reason", "first rollout", "--address", w.proxy.Admin},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		p.Kill()
		w.t.Logf("--- rollout start --wait\n%s", said)
	})
	return p
}

// wantStopped waits for the end of the command that waits, which outlived the
// proxy it asks.
func (w *walk) wantStopped(p *process.Process) {
	w.t.Helper()
	testbed.WaitFor(w.t, "rollout start --wait to end", func() bool {
		select {
		case <-p.Done():
			return true
		default:
			return false
		}
	})
	var exit *exec.ExitError
	if !errors.As(p.Err(), &exit) || exit.ExitCode() != 6 {
		w.t.Errorf("rollout start --wait ended with %v, want 6", p.Err())
	}
}

// wantStory wants the journal to tell all of it, in order and once.
func (w *walk) wantStory() {
	w.t.Helper()
	type entry struct {
		Verb, By, Source string
		Share            routes.PPM
		Held             bool
	}
	var got []entry
	for line := range strings.Lines(w.proxy.MustCommand(w.t, "rollout", "history", "tickets", "--json")) {
		var c rollout.Change
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			w.t.Fatal(err)
		}
		got = append(got, entry{string(c.Verb), c.Act.By, c.Act.Source, c.After.Share / percent, c.After.Hold != nil})
	}
	want := []entry{
		{"start", "anna", "cli", 1, false},
		{"advance", "controller", "controller", 5, false},
		{"advance", "controller", "controller", 25, false},
		{"roll_back", "guard", "guard", 1, true},
		{"release", "bert", "cli", 1, false},
		{"advance", "controller", "controller", 5, false},
		{"advance", "controller", "controller", 25, false},
		{"advance", "controller", "controller", 50, false},
		{"advance", "controller", "controller", 100, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("the journal (-want +got):\n%s", diff)
	}
	status := w.proxy.Route(w.t, "tickets")
	if guarded := status.Rollout; guarded.Step != 5 || guarded.Phase != rollout.Running || status.Effective != routes.One {
		w.t.Errorf("at the end: %+v", status)
	}
	w.proxy.WaitRoute(w.t, "tickets", "the guard of a complete rollout", func(r engine.RouteStatus) bool {
		reports := r.Rollout.Evidence.Reports
		return len(reports) > 0 && reports[0].Guard == evidence.Dead && reports[0].Verdict == evidence.Pass
	})
}
