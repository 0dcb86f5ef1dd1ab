package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
)

// waiter waits for what a change leads to. A server that does not answer, or
// has nothing to say yet, as while it is restarted, is asked again.
type waiter struct {
	*terminal
	server *server
	made   engine.Made
	told   string
}

// poll is the time between questions.
const poll = 500 * time.Millisecond

func (w *waiter) wait(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		done, err := w.look(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("interrupted; the change was made")
		case <-tick.C:
		}
	}
}

// look asks once; done ends the wait.
func (w *waiter) look(ctx context.Context) (done bool, err error) {
	path := admin.PathRollout
	if w.made.Route != rollout.AllRoutes {
		path += "?" + url.Values{"route": {w.made.Route}}.Encode()
	}
	var now engine.RolloutStatus
	if err := w.server.get(ctx, path, &now); err != nil {
		if f := (*failure)(nil); errors.As(err, &f) && (f.code == ExitUnreachable || f.later) {
			w.tell("%v; trying on", err)
			return false, nil
		}
		return false, err
	}
	switch {
	case w.made.Route == rollout.AllRoutes:
		return w.brake(&now)
	case len(now.Routes) != 1:
		return false, noRoute(w.made.Route)
	case w.made.Verb == rollout.VerbStart:
		return w.rollout(&now.Routes[0], now.Brake)
	}
	return w.inForce(&now.Routes[0], now.Brake)
}

// tell says what is waited for, once.
func (w *waiter) tell(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); text != w.told {
		w.told = text
		w.problem(time.Now().Format(time.TimeOnly), text)
	}
}

func (w *waiter) brake(now *engine.RolloutStatus) (done bool, err error) {
	if version := w.made.After.Version; now.BrakeVersion != version {
		return false, superseded("the brake", version, now.BrakeVersion, "")
	}
	return true, nil // it is in force when it was made
}

func superseded(what string, mine, now uint64, by string) error {
	return &failure{code: ExitConflict, err: fmt.Errorf("%s was changed again meanwhile: version %d, not %d%s", what, now, mine, by)}
}

// inForce waits until requests get what the change says.
func (w *waiter) inForce(r *engine.RouteStatus, brake *rollout.Brake) (done bool, err error) {
	after := w.made.After
	switch {
	case r.Version != after.Version:
		return false, superseded(r.Route, after.Version, r.Version, ", by "+who(r.By, r.Reason))
	case r.Unsaved:
		w.tell("%s: not stored yet", r.Route)
	case after.Hold.Active(time.Now()), after.Share == 0, r.Decides == engine.DecidesShare, r.Decides == engine.DecidesTable, r.Decides == engine.DecidesFlag:
		w.tell("%s: in force", r.Route)
		return true, nil
	default:
		w.tell("%s: waiting, %s", r.Route, decider(r, brake))
	}
	return false, nil
}

// rollout waits for the end of a rollout.
func (w *waiter) rollout(r *engine.RouteStatus, brake *rollout.Brake) (done bool, err error) {
	progress := r.Rollout
	if progress == nil {
		return false, &failure{code: ExitStopped, err: fmt.Errorf("%s: the route table gives it no rollout any more", r.Route)}
	}
	switch stopped := stoppedBy(r); {
	case r.Source == rollout.SourceGuard && stopped != "":
		hint := "to let it go on: strangler rollout resume " + r.Route
		if r.Hold != nil {
			hint = "everybody is on the monolith until: strangler rollout release " + r.Route
		}
		return false, &failure{code: ExitRolledBack, err: fmt.Errorf("%s: %s by %s", r.Route, stopped, who(r.By, r.Reason)), hint: hint}
	case stopped != "":
		by, reason := r.By, r.Reason
		if r.Hold != nil {
			by, reason = r.Hold.By, r.Hold.Reason
		}
		return false, &failure{code: ExitStopped, err: fmt.Errorf("%s: %s by %s", r.Route, stopped, who(by, reason))}
	case progress.Step == progress.Steps && brake == nil && !r.Unsaved:
		w.tell("%s: complete, %v on the service", r.Route, r.Share)
		return true, nil
	}
	waits := cmp.Or(progress.Action.Why, "not looked at yet")
	if stronger := decider(r, brake); r.Decides != engine.DecidesShare {
		waits = stronger
	}
	w.tell("%s: step %d of %d, %v: %s", r.Route, progress.Step, progress.Steps, r.Share, waits)
	return false, nil
}

// stoppedBy is what keeps a rollout from going on, "" when nothing does.
func stoppedBy(r *engine.RouteStatus) string {
	switch {
	case r.Hold != nil && r.Source == rollout.SourceGuard:
		return "rolled back"
	case r.Hold != nil:
		return "held"
	case r.Rollout.Phase == rollout.Paused && r.Source == rollout.SourceGuard:
		return "stopped at " + r.Share.String()
	case r.Rollout.Phase != rollout.Running:
		return string(r.Rollout.Phase)
	}
	return ""
}
