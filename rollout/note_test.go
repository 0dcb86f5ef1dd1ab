package rollout_test

import (
	"errors"
	"testing"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
)

// TestANoteIsRecordedAndChangesNothing: who, when and why are in the journal, and
// the state is as it was, with the one who led to it.
func TestANoteIsRecordedAndChangesNothing(t *testing.T) {
	t.Parallel()
	l := open(t, new(storetest.Memory))
	bert := rollout.Act{By: "bert", Reason: "other test data", Source: rollout.SourceAPI}
	dry := bert
	dry.DryRun = true
	must(t)(l.Set(t.Context(), "a", 5*percent, anna))
	set := must(t)(l.Set(t.Context(), "a", 25*percent, anna))
	if _, err := l.Note(t.Context(), "a", rollout.VerbShadowReset, dry); err != nil {
		t.Fatal(err)
	}
	c := must(t)(l.Note(t.Context(), "a", rollout.VerbShadowReset, bert))
	want := *set.After
	want.Version = 3
	same(t, "the state", l.Snapshot().Route("a"), want)
	same(t, "what it says", c.Summary(), `bert shadow reset: "other test data"`)
	must(t)(l.Note(t.Context(), "b", rollout.VerbShadowReset, bert))
	same(t, "a route that was never touched", l.Snapshot().Route("b"), rollout.RouteState{Route: "b", Version: 1})
	journal, err := l.History(t.Context(), rollout.Query{Verb: rollout.VerbShadowReset})
	if err != nil || len(journal) != 2 || journal[1].Act != bert || journal[1].At.IsZero() {
		t.Errorf("%+v %v", journal, err)
	}
	for name, c := range map[string]struct {
		route string
		verb  rollout.Verb
		act   rollout.Act
		want  error
	}{
		"a change":  {"a", rollout.VerbSet, bert, rollout.ErrInvalid},
		"no reason": {"a", rollout.VerbShadowReset, rollout.Act{By: "b", Source: rollout.SourceAPI}, rollout.ErrReasonRequired},
		"nobody":    {"a", rollout.VerbShadowReset, rollout.Act{Reason: "b", Source: rollout.SourceAPI}, rollout.ErrActorRequired},
		"no route":  {"", rollout.VerbShadowReset, bert, rollout.ErrInvalid},
	} {
		if _, err := l.Note(t.Context(), c.route, c.verb, c.act); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnUndoLooksPastNotes: it takes back the last change, not the note after it.
func TestAnUndoLooksPastNotes(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, s *storetest.Faulty, l *rollout.Ledger) { //nolint:thelper // the test itself
		before := func() uint64 {
			t.Helper()
			version, err := l.BeforeLast(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			return version
		}
		must(t)(l.Note(t.Context(), "a", rollout.VerbShadowReset, anna))
		if _, err := l.BeforeLast(t.Context(), "a"); !errors.Is(err, rollout.ErrNoVersion) {
			t.Errorf("nothing but a note: %v", err)
		}
		must(t)(l.Set(t.Context(), "a", 25*percent, anna))
		must(t)(l.Note(t.Context(), "a", rollout.VerbShadowReset, anna))
		same(t, "after a note", before(), uint64(1))
		s.Set(storetest.Broken(errDown))
		if c, err := l.Set(t.Context(), "a", 5*percent, anna); err != nil || c.Stored {
			t.Fatalf("%+v %v", c, err)
		}
		if c, err := l.Note(t.Context(), "a", rollout.VerbShadowReset, anna); err != nil || c.Stored {
			t.Fatalf("a note needs no store: %+v %v", c, err)
		}
		same(t, "after a change that is not stored", before(), uint64(3))
		settled(t, s, l)
		same(t, "after it was stored", before(), uint64(3))
	})
}

// TestAStoppedShadowStaysStopped: over a restart, a change of the share and an undo,
// until it is resumed; who and why are in the journal.
func TestAStoppedShadowStaysStopped(t *testing.T) {
	t.Parallel()
	store := new(storetest.Memory)
	l := open(t, store)
	must(t)(l.Set(t.Context(), "a", 5*percent, anna))
	guard := rollout.Act{By: "strangler", Reason: "no ack", Source: rollout.SourceGuard}
	stop := must(t)(l.StopShadow(t.Context(), "a", guard)).After.ShadowStop
	if stop == nil || stop.Reason != "no ack" || stop.Since.IsZero() {
		t.Fatalf("%+v", stop)
	}
	if c := must(t)(l.StopShadow(t.Context(), "a", guard)); c.ID != "" {
		t.Errorf("stopped twice: %+v", c)
	}
	must(t)(l.Set(t.Context(), "a", 25*percent, anna))
	must(t)(l.Undo(t.Context(), "a", 0, anna))
	again := open(t, store)
	now := again.Snapshot().Route("a")
	if now.ShadowStop == nil || *now.ShadowStop != *stop || now.Share != 0 || now.By != anna.By {
		t.Errorf("%+v", now)
	}
	if c := must(t)(again.ResumeShadow(t.Context(), "a", anna)); c.After.ShadowStop != nil || c.Before.ShadowStop == nil {
		t.Errorf("%+v", c)
	}
	if _, err := again.ResumeShadow(t.Context(), "a", anna); !errors.Is(err, rollout.ErrNotStopped) {
		t.Error(err)
	}
	nobody := anna
	nobody.Reason = ""
	if _, err := again.ResumeShadow(t.Context(), "a", nobody); !errors.Is(err, rollout.ErrReasonRequired) {
		t.Error(err)
	}
	if _, err := again.Note(t.Context(), "a", rollout.VerbShadowResume, anna); !errors.Is(err, rollout.ErrInvalid) {
		t.Error(err)
	}
}
