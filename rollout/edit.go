package rollout

import "time"

// edit is a change of one route before it is known on which state it will be
// made: it can be made again when that state turns out to be another.
type edit struct {
	id    string
	route string
	verb  Verb
	act   Act
	at    time.Time
	// turn makes the new state from the old; it must be pure. An error refuses
	// the change; errUnchanged says that there is nothing to do.
	turn func(before RouteState) (RouteState, error)
	// atOnce is set when the edit was made before it was stored. Whatever state
	// it then lands on, it moves nothing away from the monolith.
	atOnce bool
	// withdraws is the change to take back; only with VerbWithdraw.
	withdraws *Change
}

// on makes the edit on the newest change of its route, nil when it was never
// touched.
func (e *edit) on(newest *Change) (Change, error) {
	c := Change{ID: e.id, Route: e.route, Verb: e.verb, Act: e.act, At: e.at}
	before := RouteState{Route: e.route}
	if newest != nil {
		before = *newest.After
		c.Before = &before
	}
	if e.withdraws != nil {
		after := e.restored(newest, before)
		c.After = &after
		return c, nil
	}
	after, err := e.turn(before)
	if e.atOnce {
		after.Share = min(after.Share, before.Share)
		if !after.Hold.outlasts(before.Hold) {
			after.Hold = before.Hold
		}
		if before.opens(after) {
			after.Rollout = before.Rollout
		}
		err = nil // what it would be refused for has come about since
	}
	if err == nil {
		after.Version = before.Version + 1
	}
	if err == nil && !e.verb.Note() {
		after.By, after.Reason, after.Source, after.Since = e.act.By, e.act.Reason, e.act.Source, e.at
	}
	c.After = &after
	return c, err
}

// restored is the state after a withdrawal: what was before the withdrawn
// change when that one is the newest, else what is. It has a new version in
// either case, so that the withdrawn change, should it still be on its way to
// the store, arrives too late.
func (e *edit) restored(newest *Change, now RouteState) RouteState {
	after := now
	if newest != nil && newest.ID == e.withdraws.ID {
		after = RouteState{Route: e.route}
		if e.withdraws.Before != nil {
			after = *e.withdraws.Before
		}
	}
	after.Version = now.Version + 1
	return after
}

// unsaved is an edit in effect that the store has not taken yet. The ledger's
// lock guards it.
type unsaved struct {
	*edit
	// change is the edit as made on the state now.
	change Change
	// heard is closed when the store has taken the edit or has failed to once;
	// stored is the record in the former case.
	heard  chan struct{}
	told   bool
	stored *Change
}

// tell wakes the one who waits to hear of the edit.
func (u *unsaved) tell() {
	if !u.told {
		u.told = true
		close(u.heard)
	}
}
