package shadow_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testlog"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
)

// TestAControlThatIsDownIsTold: how often it was asked in vain, since when it says
// nothing, and in the log when that begins and when it ends; once each.
func TestAControlThatIsDownIsTold(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	down.Store(true)
	var log testlog.Log
	b := newBed(t, func(w http.ResponseWriter, r *http.Request) {
		if shadow.Marked(r.Header) && down.Load() {
			panic(http.ErrAbortHandler)
		}
		says(`1`)(w, r)
	}, says(`1`), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		s.Chosen = routes.One
	})
	for n := range 5 {
		b.get(t, "/")
		b.records.wait(t, n+1)
	}
	if s := b.status().Second; s.Target != "monolith" || s.Asked != 5 || s.Failed != 5 || s.Why != "broken" || s.SilentSince.IsZero() {
		t.Errorf("%+v", s)
	}
	down.Store(false)
	for n := range 2 {
		b.get(t, "/")
		b.records.wait(t, 6+n)
	}
	if s := b.status().Second; s.Asked != 7 || s.Failed != 5 || !s.SilentSince.IsZero() {
		t.Errorf("%+v", s)
	}
	if said := log.String(); strings.Count(said, "no second answers of the monolith") != 1 || strings.Count(said, "second answers come again") != 1 {
		t.Error(said)
	}
}

// TestAControlThatIsAStranglerGivesNoSecondAnswers: what it answers may be the service's,
// and where that is wrong both would look like a change between two requests.
func TestAControlThatIsAStranglerGivesNoSecondAnswers(t *testing.T) {
	t.Parallel()
	control := newBed(t, says(`1`), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(shadow.NotMirroredHeader, shadow.NotMirrored)
		says(`2`)(w, r)
	})
	b := newBed(t, says(`1`), says(`2`), func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
		s.Control, s.Chosen = shadow.Target{Name: "control", URLs: []string{control.service.URL}}, routes.One
	})
	b.get(t, "/")
	if rec := b.records.wait(t, 1)[0]; rec.Bucket != shadow.Different || rec.Why != "again_failed" || rec.Again != nil {
		t.Errorf("%s %s %v", rec.Bucket, rec.Why, rec.Again)
	}
	if s := b.status().Second; s.Target != "control" || s.Failed != 1 || s.Why != "looped" {
		t.Errorf("%+v", s)
	}
}

// TestASecondAnswerWithoutRoomIsNoFailure of who was to give it: the record says so,
// and it is not counted as asked.
func TestASecondAnswerWithoutRoomIsNoFailure(t *testing.T) {
	t.Parallel()
	control := newBed(t, says(`1`), says(`"`+strings.Repeat("a", 512<<10)+`"`))
	b := newBed(t, says(`1`), says(`1`), func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		o.Bytes, s.Body = 128<<10, 1<<20
		s.Control, s.Chosen = shadow.Target{Name: "control", URLs: []string{control.service.URL}}, routes.One
	})
	b.get(t, "/")
	if rec := b.records.one(t); rec.Bucket != shadow.Equal || !rec.Chosen || !rec.Unasked || rec.Again != nil {
		t.Errorf("%s %s, chosen %v, unasked %v, %v", rec.Bucket, rec.Why, rec.Chosen, rec.Unasked, rec.Again)
	}
	if s := b.status().Second; s.Asked != 0 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}
