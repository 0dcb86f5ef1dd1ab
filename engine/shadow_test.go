package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/report"
)

const shadowTable = `targets:
  monolith: { url: MONOLITH, build: X-Build }
  faq: { url: SERVICE, build: X-Build }
monolith: monolith
routes:
  - name: faq
    match: /faq/{id}
    owner: kb
    service: faq
    sticky: header:X-User
    fallback: []
    shadow: { SHADOW }
`

// withBook compares what routes say is to be.
func withBook(b *bed, o *Options) {
	kept, err := book.Open(context.Background(), book.Options{Now: time.Now})
	must(b.t, err)
	o.Shadowing = &Shadowing{Book: kept}
}

func shadowBed(t *testing.T, shadow string, options ...option) *bed {
	t.Helper()
	return newBed(t, strings.ReplaceAll(shadowTable, "SHADOW", shadow), append(options, withBook)...)
}

// compared waits until as many requests are over as were sampled, and answers how.
func (b *bed) compared(sampled uint64) ShadowRoute {
	b.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := b.ShadowStatus()
		must(b.t, err)
		one, over := status.Routes[0], uint64(0)
		for _, n := range one.Buckets {
			over += n
		}
		if one.Sampled == sampled && over == sampled && one.InFlight == 0 {
			return one
		}
		select {
		case <-deadline:
			b.t.Fatalf("%d sampled, %+v", sampled, one)
		case <-tick.C:
		}
	}
}

func same(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"path":%q}`, r.URL.Path)
}

// TestShadowComparesWhatTheMonolithServes: each request of the route ends in one
// bucket, and the service never answers a client.
func TestShadowComparesWhatTheMonolithServes(t *testing.T) {
	t.Parallel()
	b := shadowBed(t, "")
	b.monolith.answers(same)
	b.service.answers(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Build", "7")
		if r.URL.Path == "/faq/3" {
			_, _ = io.WriteString(w, "something else")
			return
		}
		same(w, r)
	})
	for i := range 10 {
		if by := b.servedBy(fmt.Sprintf("/faq/%d", i), nil); by != "monolith" {
			t.Fatal("served by", by)
		}
	}
	b.do(http.MethodPost, "/faq/1", nil)
	got := b.compared(11)
	if got.Buckets["equal"] != 9 || got.Buckets["different"] != 1 || got.Buckets["skipped_unsafe"] != 1 || got.Shadow != "faq" || got.Idle != "" {
		t.Errorf("%+v", got)
	}
	if got.Verdict.Compared != 10 || got.Verdict.Mismatched != 1 {
		t.Errorf("%+v", got.Verdict)
	}
	want := ShadowSummary{
		Route: "faq", Shadow: "faq", Sampled: 11, Compared: 10, Mismatched: 1, Verdict: got.Verdict.State,
		Proof: shadow.Proof{State: shadow.ProofOff}, Second: shadow.Second{Target: "monolith", Asked: got.Second.Asked},
	}
	if all := b.Status().Shadows; len(all) != 1 || all[0] != want || want.Verdict == "" {
		t.Errorf("%+v", all)
	}
	if have := b.metrics(); !strings.Contains(have, `strangler_shadow_duration_seconds_count{route="faq"} 10`) {
		t.Error(have)
	}
	report, err := b.ShadowReport(t.Context(), "faq")
	must(t, err)
	if era := report.Routes[0].Era; era.Service != "7" || era.Monolith != "" {
		t.Errorf("the builds of the evidence: %+v", era)
	}
}

// TestShadowChangesNothingForTheClient: status, header and body are those of the
// same table without a shadow, whatever the shadow does.
func TestShadowChangesNothingForTheClient(t *testing.T) {
	t.Parallel()
	large := make([]byte, 3<<20)
	_, _ = rand.Read(large)
	answer := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Set-Cookie", "a=b")
		w.Header()["X-Two"] = []string{"1", "2"}
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(append(large[:len(large)-len(body)], body...))
	}
	plain := newBed(t, strings.ReplaceAll(shadowTable, "    shadow: { SHADOW }\n", ""))
	plain.monolith.answers(answer)
	want, wantBody := plain.do(http.MethodGet, "/faq/1", nil)
	constant := func(h http.Header) http.Header {
		h = h.Clone()
		h.Del("Date")
		h.Del("X-Request-Id")
		return h
	}
	wantHeader := fmt.Sprint(constant(want.Header))
	for name, service := range map[string]http.HandlerFunc{
		"equal": answer,
		"hung":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"dies":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"huge": func(w http.ResponseWriter, _ *http.Request) {
			for range 8 {
				_, _ = w.Write(large)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := shadowBed(t, "timeout: 200ms")
			b.monolith.answers(answer)
			b.service.answers(service)
			got, gotBody := b.do(http.MethodGet, "/faq/1", nil)
			header := fmt.Sprint(constant(got.Header))
			if got.StatusCode != want.StatusCode || gotBody != wantBody || header != wantHeader {
				t.Errorf("status %d, %d bytes, %s; want %d, %d, %s", got.StatusCode, len(gotBody), header, want.StatusCode, len(wantBody), wantHeader)
			}
			b.compared(1)
		})
	}
}

// TestMarkedRequestsAreCounted: who says that a request is a shadow's hides it
// from comparison, so it shows; and no target hears it from a client.
func TestMarkedRequestsAreCounted(t *testing.T) {
	t.Parallel()
	b := shadowBed(t, "")
	b.servedBy("/faq/1", http.Header{"X-Strangler-Shadow": {"mine"}})
	if got := b.monolith.seen().Get("X-Strangler-Shadow"); got != "" {
		t.Errorf("the monolith heard %q", got)
	}
	if got := b.compared(0); got.Marked != 1 || got.Seen != 0 {
		t.Errorf("%+v", got)
	}
}

// TestReverseShadow: what the service serves is compared with the monolith; what
// falls back to the monolith is no answer of the service.
func TestReverseShadow(t *testing.T) {
	t.Parallel()
	b := shadowBed(t, "reverse: true")
	b.monolith.answers(same)
	b.service.answers(same)
	b.servedBy("/faq/1", nil)
	if got := b.compared(0); !strings.Contains(got.Idle, "with reverse") {
		t.Errorf("idle at 0 %%: %q", got.Idle)
	}
	b.set("faq", "100")
	if by := b.servedBy("/faq/1", http.Header{"X-User": {"u"}}); by != "service" {
		t.Fatal("served by", by)
	}
	if got := b.compared(1); got.Buckets["equal"] != 1 || got.Shadow != "monolith" || got.Idle != "" {
		t.Errorf("%+v", got)
	}
	b.service.Close() // a refused dial falls back
	if by := b.servedBy("/faq/1", http.Header{"X-User": {"u"}}); by != "monolith" {
		t.Skip("the connection was not refused") // it may have been idle
	}
	if got := b.compared(2); got.Buckets["equal"] != 1 {
		t.Errorf("after the fallback: %+v", got.Buckets)
	}
}

// TestShadowOutlivesTables: what was counted stays when a table is loaded that
// leaves the shadow as it is, and is gone from the status when it is taken out.
func TestShadowOutlivesTables(t *testing.T) {
	t.Parallel()
	b := shadowBed(t, "")
	b.monolith.answers(same)
	b.service.answers(same)
	b.servedBy("/faq/1", nil)
	b.compared(1)
	table := strings.ReplaceAll(shadowTable, "SHADOW", "")
	b.write(table + "# more\n")
	must(t, b.Reload())
	b.servedBy("/faq/1", nil)
	b.compared(2)
	b.write(strings.ReplaceAll(table, "    shadow: {  }\n", ""))
	must(t, b.Reload())
	if status, err := b.ShadowStatus(); err != nil || len(status.Routes) != 0 {
		t.Errorf("%+v, %v", status, err)
	}
	b.write(strings.ReplaceAll(strings.ReplaceAll(table, "{ url: SERVICE, build: X-Build }", "{}"), "url: MONOLITH", "url: MONOLITH"))
	if err := b.Reload(); err == nil || !strings.Contains(err.Error(), "without url") {
		t.Errorf("a shadow without url: %v", err)
	}
}

// TestShadowGateOpensTheFirstStep: what was compared is what the controller sees.
func TestShadowGateOpensTheFirstStep(t *testing.T) {
	t.Parallel()
	b := shadowBed(t, "}\n    rollout: { steps: [50], every: 1ms, gates: { requests: 1, compared: 5 }", func(_ *bed, o *Options) { o.Look = 10 * time.Millisecond })
	b.monolith.answers(same)
	b.service.answers(same)
	_, err := b.Start(context.Background(), "faq", act)
	must(t, err)
	b.until(func(s RouteStatus) bool { return strings.Contains(s.Rollout.Action.Why, "0 of 5 comparisons") })
	for i := range 5 {
		b.servedBy(fmt.Sprintf("/faq/%d", i), nil)
	}
	b.until(func(s RouteStatus) bool { return s.Share == routes.One/2 })
}

// TestAnAlarmIsBlind: a shadow that is silent has one reason for it, in the status
// and in the verdict that the gates go by.
func TestAnAlarmIsBlind(t *testing.T) {
	t.Parallel()
	b := shadowBed(t, "silence: 1s")
	b.monolith.answers(same)
	b.service.answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	deadline := time.After(20 * time.Second)
	for {
		b.servedBy("/faq/1", nil)
		status, err := b.ShadowStatus()
		must(t, err)
		if r := &status.Routes[0]; r.Alarm != "" {
			if v := b.options.Shadowing.Book.Verdict("faq"); v.State != report.Blind || !strings.HasPrefix(v.Reasons[0], r.Alarm) {
				t.Errorf("%+v, the alarm is %q", v, r.Alarm)
			}
			return
		}
		select {
		case <-deadline:
			t.Fatalf("no alarm: %+v", status.Routes[0])
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// until waits for a status of the first route.
func (b *bed) until(is func(RouteStatus) bool) {
	b.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		status, err := b.RolloutStatus()
		must(b.t, err)
		if is(status.Routes[0]) {
			return
		}
		select {
		case <-deadline:
			b.t.Fatalf("%+v", status.Routes[0].Rollout)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
