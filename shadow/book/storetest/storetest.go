// Package storetest holds what every store of evidence must do.
package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// Run tests a store. open makes an empty one; reopen closes a store and opens
// what it kept.
func Run(t *testing.T, open func(*testing.T) book.Store, reopen func(*testing.T, book.Store) book.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *subject){
		"empty":               empty,
		"what was written":    written,
		"written again":       again,
		"absolute values":     absolute,
		"routes are dropped":  dropRoute,
		"eras are dropped":    dropEra,
		"signatures, samples": dropSignature,
		"dropped first":       dropFirst,
		"samples":             samples,
		"all or nothing":      whole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &subject{store: open(t), reopen: reopen})
		})
	}
}

type subject struct {
	store  book.Store
	reopen func(*testing.T, book.Store) book.Store
}

var at = time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)

// full is a batch with a row of everything in two eras of two routes.
func full(t *testing.T) *book.Batch {
	t.Helper()
	b := new(book.Batch)
	for _, route := range []string{"faq-read", "tickets"} {
		b.Routes = append(b.Routes, book.Totals{Route: route, Sampled: 9, Compared: 7, Mismatched: 2, LastEra: 2})
		for number := uint64(1); number <= 2; number++ {
			era := book.Era{
				Number: number, Began: at, Cause: "the first evidence", Builds: book.Builds{Monolith: "m1", Service: "s’1", Rules: "ab"},
				Sampled: 3, Whys: map[string]uint64{"shadow_error/connect": 1}, Compared: 2, Mismatched: 1, Pairs: 1,
				Hits: map[string]uint64{"$.a ignore ": 4}, LastCompared: at,
				Noise: book.Noise{Pairs: 30, Places: map[string]*book.Place{"$.at value string→string": {Differed: 20, Service: 9, From: 3, Since: at}},
					Doubtful: map[string]uint64{"not_asked_again\n$.b value string→string": 2}},
			}
			era.Buckets[0], era.Buckets[7] = 2, 1
			era.MonolithTook[3], era.Ratio[4] = 5, 6
			b.Eras = append(b.Eras, book.EraRow{Route: route, Era: era})
			key := book.SignatureKey{EraKey: book.EraKey{Route: route, Number: number}, Signature: "$.a value string→string"}
			b.Signatures = append(b.Signatures, book.SignatureRow{EraKey: key.EraKey, Signature: book.Signature{
				Signature: key.Signature, Count: 3, Both: 1, First: at, Last: at.Add(time.Hour), Paths: []string{"$.a"},
				Statuses: []report.StatusPair{{Monolith: 200, Service: 500, Count: 3}},
			}})
			for slot := range 2 {
				b.Samples = append(b.Samples, sample(t, key, slot, "c-1"))
			}
		}
	}
	return b
}

func sample(t *testing.T, key book.SignatureKey, slot int, id string) book.SampleRow {
	t.Helper()
	data, err := json.Marshal(&report.Sample{ID: id, At: at, Method: "GET", Target: "/faq/{id}"})
	if err != nil {
		t.Fatal(err)
	}
	return book.SampleRow{SampleRef: book.SampleRef{SampleKey: book.SampleKey{SignatureKey: key, Slot: slot}, At: at.Unix(), Size: len(data)}, Data: data}
}

func (s *subject) write(t *testing.T, b *book.Batch) {
	t.Helper()
	if err := s.store.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// want holds what the store has against a batch, now and after it was opened anew.
func (s *subject) want(t *testing.T, b *book.Batch) {
	t.Helper()
	want := &book.Contents{Routes: b.Routes, Eras: b.Eras, Signatures: b.Signatures}
	for i := range b.Samples {
		want.Samples = append(want.Samples, b.Samples[i].SampleRef)
	}
	for range 2 {
		got, err := s.store.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(sorted(want), sorted(got), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		s.store = s.reopen(t, s.store)
	}
}

func sorted(c *book.Contents) *book.Contents {
	out := &book.Contents{
		Routes: slices.Clone(c.Routes), Eras: slices.Clone(c.Eras), Signatures: slices.Clone(c.Signatures), Samples: slices.Clone(c.Samples),
	}
	slices.SortFunc(out.Routes, func(a, b book.Totals) int { return cmp.Compare(a.Route, b.Route) })
	slices.SortFunc(out.Eras, func(a, b book.EraRow) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Number, b.Number))
	})
	slices.SortFunc(out.Signatures, func(a, b book.SignatureRow) int { return byEra(a.EraKey, b.EraKey) })
	slices.SortFunc(out.Samples, func(a, b book.SampleRef) int {
		return cmp.Or(byEra(a.EraKey, b.EraKey), cmp.Compare(a.Slot, b.Slot))
	})
	return out
}

func byEra(a, b book.EraKey) int {
	return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Number, b.Number))
}

func empty(t *testing.T, s *subject) {
	t.Helper()
	s.want(t, new(book.Batch))
	s.write(t, new(book.Batch))
	s.want(t, new(book.Batch))
}

func written(t *testing.T, s *subject) {
	t.Helper()
	b := full(t)
	s.write(t, b)
	s.want(t, b)
}

func again(t *testing.T, s *subject) {
	t.Helper()
	b := full(t)
	for range 3 {
		s.write(t, b)
	}
	s.want(t, b)
}

func absolute(t *testing.T, s *subject) {
	t.Helper()
	b := full(t)
	s.write(t, b)
	b.Routes[0].Compared = 70
	b.Eras[0].Sampled, b.Eras[0].Buckets[0] = 30, 29
	b.Signatures[0].Count = 30
	b.Samples[0].At++
	s.write(t, &book.Batch{Routes: b.Routes[:1], Eras: b.Eras[:1], Signatures: b.Signatures[:1], Samples: b.Samples[:1]})
	s.want(t, b)
}

func dropEra(t *testing.T, s *subject) {
	t.Helper()
	b := full(t)
	s.write(t, b)
	s.write(t, &book.Batch{DropEras: []book.EraKey{{Route: "faq-read", Number: 1}}})
	b.Eras, b.Signatures, b.Samples = b.Eras[1:], b.Signatures[1:], b.Samples[2:]
	s.want(t, b)
}

func dropSignature(t *testing.T, s *subject) {
	t.Helper()
	b := full(t)
	s.write(t, b)
	s.write(t, &book.Batch{
		DropSignatures: []book.SignatureKey{b.Samples[0].SignatureKey},
		DropSamples:    []book.SampleKey{b.Samples[2].SampleKey, b.Samples[0].SampleKey},
	})
	b.Signatures, b.Samples = b.Signatures[1:], b.Samples[3:]
	s.want(t, b)
}

func dropRoute(t *testing.T, s *subject) {
	t.Helper()
	b := full(t)
	s.write(t, b)
	s.write(t, &book.Batch{DropRoutes: []string{"tickets"}})
	b.Routes, b.Eras, b.Signatures, b.Samples = b.Routes[:1], b.Eras[:2], b.Signatures[:2], b.Samples[:4]
	s.want(t, b)
}

func dropFirst(t *testing.T, s *subject) {
	t.Helper()
	b := full(t)
	s.write(t, b)
	b.DropEras = []book.EraKey{{Route: "faq-read", Number: 1}, {Route: "tickets", Number: 2}}
	b.DropSamples = []book.SampleKey{b.Samples[2].SampleKey}
	s.write(t, b)
	s.want(t, b)
}

func samples(t *testing.T, s *subject) {
	t.Helper()
	b := full(t)
	s.write(t, b)
	absent := b.Samples[0].SampleKey
	absent.Slot = 9
	got, err := s.store.Samples(t.Context(), []book.SampleKey{b.Samples[0].SampleKey, absent, b.Samples[3].SampleKey})
	if err != nil || len(got) != 2 || got[b.Samples[0].SampleKey].Target != "/faq/{id}" || !got[b.Samples[3].SampleKey].At.Equal(at) {
		t.Errorf("%v %v", got, err)
	}
}

// whole: a call that was given up has written all or nothing.
func whole(t *testing.T, s *subject) {
	t.Helper()
	first := full(t)
	s.write(t, first)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("given up"))
	second := full(t)
	for i := range second.Eras {
		second.Eras[i].Sampled++
	}
	if err := s.store.Write(ctx, second); err != nil {
		s.want(t, first)
	} else {
		s.want(t, second)
	}
}
