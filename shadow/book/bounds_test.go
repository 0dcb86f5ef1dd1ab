package book_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/report"
)

func TestErasAreBoundedWhenEveryAnswerNamesAnotherBuild(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	for i := range 500 {
		b.Record(comparison(t, c, `{"a":1}`, `{"a":2}`, func(r *shadow.Record) { r.Service.Build = fmt.Sprint("b", i) }))
	}
	r := look(t, b, "faq-read")
	if len(r.Earlier) != 19 || !r.Era.Mixed || r.Verdict.State != report.Failing {
		t.Errorf("%d earlier, mixed %v, %+v", len(r.Earlier), r.Era.Mixed, r.Verdict)
	}
}

func TestSignaturesAndSamplesAreBounded(t *testing.T) {
	t.Parallel()
	store := book.NewMemory()
	b, c := open(t, book.Options{Store: store, Limits: book.Limits{Signatures: 10, Samples: 3, SampleBytes: 20_000}})
	for i := range 100 {
		for range 5 {
			b.Record(comparison(t, c, fmt.Sprintf(`{"x%c%c":1}`, 'a'+i%10, 'a'+i/10), fmt.Sprintf(`{"x%c%c":2}`, 'a'+i%10, 'a'+i/10), nil))
		}
	}
	r := look(t, b, "faq-read")
	if len(r.Signatures) != 11 {
		t.Fatalf("%d signatures", len(r.Signatures))
	}
	var total uint64
	for _, s := range r.Signatures {
		total += s.Count
		if s.Samples > 3 {
			t.Errorf("%s: %d samples", s.Signature, s.Samples)
		}
	}
	if total != 500 {
		t.Errorf("%d comparisons in all signatures", total)
	}
	if got := b.Status().SampleBytes; got > 22_000 || got == 0 {
		t.Errorf("%d bytes of samples", got)
	}
}

func TestOldSamplesGoAndMakeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := book.NewMemory()
		b, err := book.Open(t.Context(), book.Options{Store: store, Now: time.Now, Limits: book.Limits{Samples: 2}})
		if err != nil {
			t.Fatal(err)
		}
		c := &clock{at: time.Now()}
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { b.Run(ctx) })
		many(t, b, c, 5, `{"a":2}`, nil)
		time.Sleep(time.Minute) //nolint:forbidigo // synctest
		if got := stored(t, store); got != 2 {
			t.Errorf("%d samples", got)
		}
		time.Sleep(8 * 24 * time.Hour) //nolint:forbidigo // synctest
		if got := stored(t, store); got != 0 || b.Status().SampleBytes != 0 {
			t.Errorf("%d samples after 8 days, %d bytes", got, b.Status().SampleBytes)
		}
		many(t, b, c, 5, `{"a":2}`, nil)
		stop()
		done.Wait()
		if got := stored(t, store); got != 2 {
			t.Errorf("%d samples after the last flush", got)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	r := comparison(t, c, `{"a":1}`, `{"a":2}`, nil)
	missed := *r
	missed.Bucket, missed.Why = shadow.DroppedQueueFull, "full"
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for range 500 {
				b.Record(r)
				b.Record(&missed)
			}
		})
	}
	for range 20 {
		if err := b.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := b.Report(t.Context()); err != nil {
			t.Error(err)
		}
	}
	done.Wait()
	if got := look(t, b, "faq-read").Coverage.Sampled; got != 8000 {
		t.Errorf("%d sampled", got)
	}
}

func TestRoutesBeyondTheLimitAreCounted(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{Limits: book.Limits{Routes: 1}})
	b.Record(comparison(t, c, `1`, `2`, nil))
	b.Record(comparison(t, c, `1`, `2`, func(r *shadow.Record) { r.Route = "second" }))
	if got := b.Status().Unrecorded; got != 1 {
		t.Errorf("%d unrecorded", got)
	}
	if _, err := b.Report(t.Context(), "second"); !errors.Is(err, book.ErrUnknownRoute) {
		t.Error(err)
	}
}

func BenchmarkRecordMissed(b *testing.B) {
	r := &shadow.Record{Route: "faq-read", Bucket: shadow.DroppedQueueFull, Why: "full"}
	w, _ := book.Open(b.Context(), book.Options{Now: time.Now})
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			w.Record(r)
		}
	})
}
