package shadow_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
)

// settled waits until all that was sampled is over, and answers the status.
func (b *bed) settled(tb testing.TB, sampled int) shadow.Status {
	tb.Helper()
	b.records.wait(tb, sampled)
	s, over := b.status(), uint64(0)
	for _, n := range s.Buckets {
		over += n
	}
	if over != s.Sampled || s.Sampled != uint64(sampled) {
		tb.Errorf("%d are over, %d were sampled: %+v", over, s.Sampled, s)
	}
	return s
}

// TestReplacedSettingsEndAtOnce: a shadow that hangs is mended by an edit of the
// table, and what had queued up for it keeps nothing waiting.
func TestReplacedSettingsEndAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), hung(t), func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
		s.InFlight, s.Timeout = 2, time.Hour
	})
	for range 20 {
		b.get(t, "/")
	}
	more := b.settings
	more.Sample, more.InFlight, more.Silence, more.Chosen = routes.One/2, 3, time.Minute, routes.One/2
	if err := b.mirrors.Apply([]shadow.Settings{more}); err != nil {
		t.Fatal(err)
	}
	if s := b.status(); s.Buckets["dropped_queue_full"] != 0 {
		t.Errorf("an edit that asks the same has ended requests: %+v", s)
	}
	good := httptest.NewServer(says(`1`))
	t.Cleanup(good.Close)
	mended := b.settings
	mended.Service.URLs = []string{good.URL}
	if err := b.mirrors.Apply([]shadow.Settings{mended}); err != nil {
		t.Fatal(err)
	}
	b.get(t, "/")
	s := b.settled(t, 21)
	if s.Buckets["dropped_queue_full"] != 20 || s.Buckets["equal"] != 1 {
		t.Errorf("%+v", s.Buckets)
	}
	if got := buckets(b.records.wait(t, 21)); got["dropped_queue_full replaced"] != 20 {
		t.Errorf("%v", got)
	}
}

// TestARouteThatIsGoneIsAskedNoMore: who takes the shadow out of the table wants
// the service left alone.
func TestARouteThatIsGoneIsAskedNoMore(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), hung(t), func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
		s.InFlight, s.Timeout = 2, time.Hour
	})
	for range 9 {
		b.get(t, "/")
	}
	if err := b.mirrors.Apply(nil); err != nil {
		t.Fatal(err)
	}
	if got := buckets(b.records.wait(t, 9)); got["dropped_queue_full replaced"] != 9 {
		t.Errorf("%v", got)
	}
	if err := b.mirrors.Apply([]shadow.Settings{b.settings}); err != nil { // it comes back
		t.Fatal(err)
	}
	b.get(t, "/")
	if s := b.status(); s.Sampled != 10 || s.Buckets["dropped_queue_full"] != 9 {
		t.Errorf("%+v", s)
	}
}

// TestWhatWaitedTooLongIsNotCompared: a hung shadow is not asked for a minute
// what queued up in a second.
func TestWhatWaitedTooLongIsNotCompared(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), hung(t), func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
		s.InFlight, s.Timeout = 1, 500*time.Millisecond
	})
	for range 100 {
		b.get(t, "/")
	}
	s := b.settled(t, 100)
	got := buckets(b.records.wait(t, 100))
	if got["shadow_timeout timeout"] == 0 || got["dropped_queue_full late"] < 90 || len(got) != 2 || s.Bytes != 0 {
		t.Errorf("%v, %d bytes held", got, s.Bytes)
	}
}

// TestAnOldPlanProvesNothing: a request that may change something, on its way by
// settings that are gone, neither proves nor stops the dry run of those in force.
func TestAnOldPlanProvesNothing(t *testing.T) {
	t.Parallel()
	arrived, answer := make(chan struct{}), make(chan struct{})
	b := newBed(t, says(`1`), func(_ http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-answer // without an ack
	}, func(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.DryRun = true })
	b.do(t, http.MethodPost, "/", nil)
	<-arrived
	other := b.settings
	other.Timeout = time.Hour
	if err := b.mirrors.Apply([]shadow.Settings{other}); err != nil {
		t.Fatal(err)
	}
	if rec := b.records.one(t); rec.Why != "replaced" {
		t.Errorf("%s %s", rec.Bucket, rec.Why)
	}
	close(answer)
	if p := b.status().Proof; p.State != shadow.ProofUnknown || p.Reason != "" {
		t.Errorf("%+v", p)
	}
}

// TestAHungShadowIsNotCopiedFor: once requests have waited in vain, no more are copied
// than may be asked at a time; when the shadow answers again, so many as before.
func TestAHungShadowIsNotCopiedFor(t *testing.T) {
	t.Parallel()
	var hangs atomic.Bool
	hangs.Store(true)
	b := newBed(t, says(`1`), func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			<-r.Context().Done()
			return
		}
		says(`1`)(w, r)
	}, func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		o.Queue, s.InFlight, s.Timeout = 64, 2, 20*time.Millisecond
	})
	total, most := 0, int64(0)
	for range 6 { // each finds the queue as the one before has left it
		for range 70 {
			b.get(t, "/")
		}
		total += 70
		most = b.status().Queued
		b.settled(t, total)
	}
	if most > 8 {
		t.Errorf("%d still wait for a shadow that hangs", most)
	}
	hangs.Store(false)
	before := b.status().Buckets["equal"]
	for range 200 {
		b.get(t, "/")
		total++
		b.settled(t, total)
	}
	if s := b.status(); s.Buckets["equal"]-before < 190 {
		t.Errorf("it answers again: %+v", s)
	}
}
