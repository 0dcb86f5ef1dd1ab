package shadow_test

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
)

func TestEqualAnswersAreEqual(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`{"a":1,"b":2}`), says(`{"b":2.0,"a":1}`))
	b.get(t, "/v1/faq/7?full=1")
	rec := b.records.one(t)
	if rec.Bucket != shadow.Equal || rec.Request.Target != "/v1/faq/7?full=1" || rec.Service.Took <= 0 || rec.Monolith.Took <= 0 || !rec.Service.Cold {
		t.Errorf("%+v", rec)
	}
}

// counting gives the n-th answer to the n-th request, the last one from there on.
func counting(answers ...string) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		i := min(int(n.Add(1)), len(answers)) - 1
		if status, err := strconv.Atoi(answers[i]); err == nil && status >= 400 {
			w.WriteHeader(status)
			return
		}
		says(answers[i])(w, r)
	}
}

func TestADifferenceIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first         string   // the monolith's, to the client
		twin, service []string // what they say from then on
		want          shadow.Bucket
		why           string
	}{
		"it repeats":                           {`{"a":1}`, []string{`{"a":1}`}, []string{`{"a":2}`}, shadow.Different, ""},
		"it repeats with another value":        {`{"a":1}`, []string{`{"a":1}`}, []string{`{"a":2}`, `{"a":3}`}, shadow.Different, ""},
		"it does not repeat":                   {`{"a":1}`, []string{`{"a":1}`}, []string{`{"a":2}`, `{"a":1}`}, shadow.NotReproducible, ""},
		"another one comes instead":            {`{"a":1,"b":1}`, []string{`{"a":1,"b":1}`}, []string{`{"a":2,"b":1}`, `{"a":1,"b":2}`}, shadow.Different, ""},
		"the monolith differs from itself":     {`{"a":1}`, []string{`{"a":5}`}, []string{`{"a":2}`}, shadow.Noise, ""},
		"it does so elsewhere":                 {`{"a":1,"b":1}`, []string{`{"a":1,"b":2}`}, []string{`{"a":2,"b":1}`}, shadow.Different, ""},
		"it has come to the same":              {`{"a":1}`, []string{`{"a":2}`}, []string{`{"a":2}`}, shadow.Raced, ""},
		"the monolith fails the second time":   {`{"a":1}`, []string{`500`}, []string{`{"a":2}`}, shadow.Different, "again_failed"},
		"the service fails the second time":    {`{"a":1}`, []string{`{"a":1}`}, []string{`{"a":2}`, `500`}, shadow.Different, ""},
		"the service fails once":               {`{"a":1}`, []string{`{"a":1}`}, []string{`503`, `{"a":1}`}, shadow.NotReproducible, ""},
		"the service fails":                    {`{"a":1}`, []string{`{"a":1}`}, []string{`503`}, shadow.Different, ""},
		"the monolith had failed for a moment": {`500`, []string{`{"a":1}`}, []string{`{"a":1}`}, shadow.Raced, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, counting(append([]string{test.first}, test.twin...)...), counting(test.service...))
			b.get(t, "/")
			rec := b.records.one(t)
			if rec.Bucket != test.want || rec.Why != test.why || rec.Chosen {
				t.Errorf("%s %q, want %s %q", rec.Bucket, rec.Why, test.want, test.why)
			}
			if rec.Again == nil {
				t.Error("the monolith was not asked again")
			}
		})
	}
}

func TestNoBudgetToAskAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t, says(`1`), says(`2`), func(o *shadow.Options, _ *shadow.Settings, _ *bed) { o.AgainShare = 0.001 })
	const n = 40
	for range n {
		b.get(t, "/")
	}
	got := buckets(b.records.wait(t, n))
	// The burst of 20, and no more than the share of 40.
	if got["different "] != 20 || got["different not_asked_again"] != 20 {
		t.Errorf("%v", got)
	}
	if again := b.status().Again; again != 40 {
		t.Errorf("asked %d times, want 20 times each side", again)
	}
}

func TestChosenBeforeTheComparison(t *testing.T) {
	t.Parallel()
	all := func(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.Chosen = routes.One }
	b := newBed(t, counting(`1`, `2`), says(`1`), all)
	b.get(t, "/")
	rec := b.records.one(t)
	if rec.Bucket != shadow.Equal || !rec.Chosen || rec.Again == nil || rec.Again.Total != 1 {
		t.Errorf("an equal request's second answer: %+v", rec)
	}
	// As many of those that differ as of those that do not, whatever the budget for
	// differences is.
	for _, service := range []string{`1`, `2`} {
		b := newBed(t, says(`1`), says(service), func(_ *shadow.Options, s *shadow.Settings, _ *bed) { s.Chosen = routes.One / 4 })
		const n = 200
		for range n {
			b.get(t, "/")
		}
		count := 0
		for _, rec := range b.records.wait(t, n) {
			if rec.Chosen {
				count++
			}
		}
		if count < 18 || count > 82 { // 5 standard deviations
			t.Errorf("service %s: %d of %d chosen, want about a quarter", service, count, n)
		}
	}
}

func TestAControlIsAskedInPlaceOfTheMonolith(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	control := newBed(t, says(`5`), func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `5`)
	})
	b := newBed(t, counting(`1`, `1`), says(`2`), func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
		s.Control = shadow.Target{Name: "control", URLs: []string{control.service.URL}}
	})
	b.get(t, "/")
	if rec := b.records.one(t); rec.Bucket != shadow.Noise || asked.Load() != 1 {
		t.Errorf("%s, control asked %d times", rec.Bucket, asked.Load())
	}
}

func TestReverse(t *testing.T) {
	t.Parallel()
	reverse := func(_ *shadow.Options, s *shadow.Settings, b *bed) {
		s.Reverse, b.arm = true, routes.Service
	}
	// The front serves as the service here; its URL is b.service.
	b := newBed(t, nil, nil, reverse, func(_ *shadow.Options, s *shadow.Settings, b *bed) {
		b.monolith = says(`{"side":"service"}`)
		b.service.Config.Handler = says(`{"side":"service"}`)
		b.twin.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie") != "sessionid=s" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			says(`{"side":"monolith"}`)(w, r)
		})
		s.Rewrite = func(string, string) (string, string) { return "/rewritten", "" }
	})
	b.get(t, "/", "Cookie", "sessionid=s")
	rec := b.records.one(t)
	if rec.Bucket != shadow.Different || !rec.Reverse || string(rec.Service.Answer.Body) != `{"side":"service"}` || string(rec.Monolith.Answer.Body) != `{"side":"monolith"}` {
		t.Errorf("%s %s: service %s, monolith %s", rec.Bucket, rec.Why, rec.Service.Answer.Body, rec.Monolith.Answer.Body)
	}
	if got := rec.Result.Differences; len(got) != 1 || got[0].Path != "$.side" || got[0].Monolith.Text != "monolith" {
		t.Errorf("%+v", got)
	}
	b.arm = routes.Monolith
	b.get(t, "/")
	if s := b.status(); s.Seen != 1 {
		t.Errorf("a request that the monolith serves was sampled: %+v", s)
	}
}

func TestAnotherValidatorIsNoDifference(t *testing.T) {
	t.Parallel()
	notModified := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }
	b := newBed(t, notModified, says(`1`))
	b.get(t, "/", "If-None-Match", `"a"`)
	if rec := b.records.one(t); rec.Bucket != shadow.NotComparable || rec.Why != "conditional" {
		t.Errorf("%s %s", rec.Bucket, rec.Why)
	}
	c := newBed(t, notModified, says(`1`))
	c.get(t, "/")
	if rec := c.records.one(t); rec.Bucket != shadow.Different {
		t.Errorf("a 304 that nobody asked for: %s %s", rec.Bucket, rec.Why)
	}
}
