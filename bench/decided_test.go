package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// standing serves an admin API's answer, whatever is asked.
func standing(t *testing.T, answer string) *subject {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return &subject{admin: strings.TrimPrefix(server.URL, "http://"), rollouts: []string{"a"}, answered: 100}
}

// A rollout that stopped, or counts not all, has measured something else.
func TestRolloutsThatDoNotRunAreNoticed(t *testing.T) {
	t.Parallel()
	const route = `{"routes": [{"route": "a", "effective_ppm": %d, "rollout": {"phase": %q, "step": %d, "evidence": {"reports": [%s]}}}]}`
	report := `{"guard": "error_rate", "service": {"requests": 48}, "monolith": {"requests": 52}}`
	for _, test := range []struct{ name, answer, want string }{
		{"running", fmt.Sprintf(route, 500_000, "running", 1, report), ""},
		{"held", fmt.Sprintf(route, 0, "running", 1, report), "not running at 50 %"},
		{"paused", fmt.Sprintf(route, 500_000, "paused", 1, report), "not running at 50 %"},
		{"further", fmt.Sprintf(route, 1_000_000, "running", 2, report), "not running at 50 %"},
		{"no guards", fmt.Sprintf(route, 500_000, "running", 1, ""), "no guards"},
		{"not all", fmt.Sprintf(route, 500_000, "running", 1, strings.Replace(report, "48", "47", 1)), "99 of 100"},
		{"not there", `{"routes": []}`, "0 of 1"},
		{"no rollout", `{"routes": [{"route": "a", "effective_ppm": 500000}]}`, "not running at 50 %"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			n, err := standing(t, test.answer).proveRollouts(ctx)
			switch {
			case test.want == "" && (err != nil || n != 100):
				t.Errorf("%d, %v", n, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
}

func TestFlagsInDoubtAreNoticed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flags string
		ok    bool
	}{
		{`"answers": {"TARGETING_MATCH": 101}, "errors": {}`, true},
		{`"answers": {"TARGETING_MATCH": 99}`, false},
		{`"answers": {"TARGETING_MATCH": 100, "DEFAULT": 1}`, false},
		{`"answers": {"TARGETING_MATCH": 100}, "errors": {"timeout": 1}`, false},
		{`"answers": {"TARGETING_MATCH": 100}, "stale": 1`, false},
	} {
		cache, err := standing(t, `{"flags": {"cache": {"hits": 7}, `+test.flags+`}}`).proveFlags(t.Context())
		if (err == nil) != test.ok || test.ok && cache.Hits != 7 {
			t.Errorf("%s: %+v, %v", test.flags, cache, err)
		}
	}
}

func TestDecidedIsHeldAgainstTheFixedPercentage(t *testing.T) {
	t.Parallel()
	o, err := parseOptions(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	w := &workloadResult{Name: "json", Line: 0.75, Subjects: []*subjectResult{
		measured(subjectResult{Name: kindReverseProxy, Kind: kindReverseProxy}, 100),
		measured(subjectResult{Kind: kindStrangler, Routes: 1, Decided: byPercent}, 40),
		measured(subjectResult{Kind: kindStrangler, Routes: 1000, Decided: byPercent}, 60),
		measured(subjectResult{Kind: kindStrangler, Routes: 1000, Decided: byRollout}, 63),
		measured(subjectResult{Kind: kindStrangler, Routes: 1000, Decided: byFlag}, 66),
		measured(subjectResult{Name: againName, Kind: kindReverseProxy}, 100),
	}}
	verdicts := func() string {
		w.compare(o)
		var all []string
		for _, l := range w.lines(o.noise) {
			if strings.Contains(l.What, "decided by") {
				all = append(all, fmt.Sprintf("%s %.2f", l.Verdict, l.Ratio))
			}
		}
		return strings.Join(all, ", ")
	}
	if got, want := verdicts(), "pass 1.05, FAIL 1.05, FAIL 1.10, FAIL 1.10"; got != want { // CPU, allocations of each
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if limit := w.limit(w.Subjects[4]); limit < 0.629 || limit > 0.631 { // 1.05 of 0.60
		t.Errorf("the chart's mark is at %v", limit)
	}
	w.Fresh = true
	if got, want := verdicts(), "measured 1.05, measured 1.05, measured 1.10, measured 1.10"; got != want {
		t.Errorf("new visitors: got  %s\nwant %s", got, want)
	}
	if lines := w.memoryLines(); len(lines) != 8 || lines[4].Ratio != 0.63 || lines[4].Verdict != noLimit {
		t.Errorf("memory: %+v", lines)
	}
}
