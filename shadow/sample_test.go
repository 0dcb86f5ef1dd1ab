package shadow_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

func share(s routes.PPM) change {
	return func(_ *shadow.Options, set *shadow.Settings, _ *bed) { set.Sample = s }
}

// The same key samples the same requests, another one others; a larger share
// keeps all that a smaller one had.
func TestSamplingIsReproducible(t *testing.T) {
	t.Parallel()
	sampled := func(key string, share routes.PPM) map[int]bool {
		mirrors, err := shadow.New(shadow.Options{Connect: connect, Recorder: forgetful{}, Key: []byte(key), ExtraPerSecond: -1, Queue: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer mirrors.Close()
		err = mirrors.Apply([]shadow.Settings{{Route: "faq", Sample: share, Service: shadow.Target{URLs: []string{"http://" + unused(t)}}}})
		if err != nil {
			t.Fatal(err)
		}
		out := map[int]bool{}
		r := benchRequest(t)
		for i := range 20_000 {
			if x := mirrors.Route("faq").Sample(r, &shadow.Arrival{RequestID: strconv.Itoa(i)}); x != nil {
				out[i] = true
				x.End(shadow.Ending{Failure: "canceled"})
			}
		}
		return out
	}
	a, same, more, other := sampled("k", 100_000), sampled("k", 100_000), sampled("k", 300_000), sampled("l", 100_000)
	if len(a) < 1850 || len(a) > 2150 { // 3.5 standard deviations
		t.Errorf("%d of 20000, want 10 %%", len(a))
	}
	both := 0
	for i := range a {
		if !same[i] || !more[i] {
			t.Fatalf("request %d: %v %v", i, same[i], more[i])
		}
		if other[i] {
			both++
		}
	}
	if len(same) != len(a) || both > 300 {
		t.Errorf("%d and %d; %d with another key too", len(a), len(same), both)
	}
}

// A client that sends one ID over and over can neither make each of its requests
// a pair nor none.
func TestNoClientChoosesPairs(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), says(`1`), func(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.Chosen = routes.One / 2 })
	const asked = 64
	for range asked {
		b.get(t, "/", "X-Request-Id", "always-me")
	}
	chosen := 0
	for _, rec := range b.records.wait(t, asked) {
		if rec.Chosen {
			chosen++
		}
	}
	if chosen < 8 || chosen > asked-8 { // 6 standard deviations
		t.Errorf("%d of %d are pairs", chosen, asked)
	}
}

// Many short fields take more than their text.
func TestManyFieldsCountAgainstTheBudget(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), says(`1`), func(o *shadow.Options, _ *shadow.Settings, _ *bed) { o.Bytes = 32 << 10 })
	many := make([]string, 0, 2*1000)
	for i := range 1000 {
		many = append(many, "A"+strconv.Itoa(i), "")
	}
	b.get(t, "/", many...)
	if rec := b.records.one(t); rec.Bucket != shadow.DroppedQueueFull || rec.Why != "memory" {
		t.Errorf("%s %s", rec.Bucket, rec.Why)
	}
}

// What is rare is compared though the hash has not sampled it, within a budget,
// and counts in no rate.
func TestRareRequestsArePreferred(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/faq/666" {
			w.WriteHeader(http.StatusTeapot)
		}
		says(`1`)(w, r)
	}, says(`1`), share(0), func(o *shadow.Options, _ *shadow.Settings, _ *bed) { o.ExtraPerSecond = 1000 })
	for i := range 600 {
		b.get(t, "/v1/faq/"+strconv.Itoa(i))
	}
	b.get(t, "/v1/faq/7/history?page=2")
	all := b.records.until(t, func(all []shadow.Record) bool {
		return slices.ContainsFunc(all, func(rec shadow.Record) bool { return strings.Contains(rec.Request.Target, "history") })
	})
	if len(all) > 60 {
		t.Errorf("%d of 601 are no rare ones", len(all))
	}
	for _, rec := range all {
		if !rec.Rare || rec.Chosen || len(rec.Rules) != 16 {
			t.Errorf("%+v", rec)
		}
	}
	s := b.status()
	for name, n := range s.Buckets {
		if n != 0 {
			t.Errorf("%d in %s", n, name)
		}
	}
	if s.Sampled != 0 || s.Seen != 601 || s.Extra == 0 {
		t.Errorf("%+v", s)
	}
}

// Whatever happens, each sampled request is in exactly one bucket, the recorder
// hears of each once, and no memory stays behind.
func TestBucketsAddUpUnderChaos(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(w http.ResponseWriter, r *http.Request) {
		switch rand.IntN(12) {
		case 0:
			w.Header().Set("Content-Type", "text/event-stream")
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			_, _ = w.Write(make([]byte, 20_000))
		case 3:
			return
		}
		says(strconv.Itoa(rand.IntN(2)))(w, r)
	}, func(w http.ResponseWriter, r *http.Request) {
		if rand.IntN(3) > 0 {
			w.Header().Set(shadow.DryRunHeader, shadow.DryRunAck)
		}
		switch rand.IntN(12) {
		case 0:
			panic(http.ErrAbortHandler)
		case 1:
			closesEarly(w, r)
			return
		case 2:
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice
			<-r.Context().Done()
			return
		}
		says(strconv.Itoa(rand.IntN(2)))(w, r)
	}, dryRun, small, func(o *shadow.Options, s *shadow.Settings, _ *bed) {
		o.Queue, o.Bytes, s.InFlight, s.Timeout, s.Chosen = 20, 200_000, 4, 50*time.Millisecond, routes.One/3
	})
	const clients, each = 8, 60
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for i := range each {
				method := []string{"GET", "GET", "GET", "POST", "HEAD"}[rand.IntN(5)]
				r, _ := http.NewRequestWithContext(t.Context(), method, b.URL+"/"+strconv.Itoa(i), strings.NewReader(strings.Repeat("b", rand.IntN(15_000))))
				if response, err := b.Client().Do(r); err == nil {
					_ = response.Body.Close()
				}
				if i%8 == 7 { // comparing gives way to clients: there are times with few
					<-time.After(60 * time.Millisecond)
				}
				// Other settings now and then, while requests are under way.
				if i%20 == 0 {
					s := b.settings
					s.Compare = diff.Options{Headers: []string{strconv.Itoa(i)}}
					if err := b.mirrors.Apply([]shadow.Settings{s}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	b.Close()
	b.mirrors.Close()
	s := b.status()
	sum := uint64(0)
	for _, n := range s.Buckets {
		sum += n
	}
	// A client may send a request twice when its connection breaks.
	if sum != s.Sampled || s.Sampled < clients*each || s.Open != 0 || s.Queued != 0 || s.InFlight != 0 || s.Bytes != 0 || s.Panics != 0 {
		t.Errorf("%d in buckets: %+v", sum, s)
	}
	told := map[string]uint64{}
	for _, rec := range b.records.wait(t, int(s.Sampled)) {
		told[rec.Bucket.String()]++
	}
	for name, n := range s.Buckets {
		if told[name] != n {
			t.Errorf("%s: counted %d, told %d", name, n, told[name])
		}
	}
	if len(told) < 8 {
		t.Errorf("little chaos: %v", told)
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), says(`1`))
	m := b.mirrors.Route("faq")
	b.get(t, "/")
	b.records.wait(t, 1)
	bad := b.settings
	bad.Compare.Rules = []diff.Rule{{Path: "$.a", Compare: "nonsense", Because: "b", Owner: "o"}}
	if err := b.mirrors.Apply([]shadow.Settings{bad}); err == nil || !strings.Contains(err.Error(), "faq") {
		t.Errorf("%v", err)
	}
	none := b.settings
	none.Service = shadow.Target{}
	if err := b.mirrors.Apply([]shadow.Settings{none}); err == nil {
		t.Error("a shadow without url was accepted")
	}
	if err := b.mirrors.Apply([]shadow.Settings{b.settings}); err != nil || b.mirrors.Route("faq") != m || b.status().Sampled != 1 {
		t.Errorf("%v: not the same mirror", err)
	}
	if err := b.mirrors.Apply(nil); err != nil || b.mirrors.Route("faq") != nil || len(b.mirrors.Status()) != 0 {
		t.Errorf("%v: the route is still mirrored", err)
	}
	if m.Sample(benchRequest(t), &shadow.Arrival{}) != nil {
		t.Error("a mirror that is gone samples")
	}
}
