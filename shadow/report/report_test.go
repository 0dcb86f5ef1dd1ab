package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// A gate that is met by a rule for everything says so in every form; one mismatch is one.
func TestWhatWasComparedIsSplit(t *testing.T) {
	t.Parallel()
	r := &Report{Version: Version, Routes: []Route{{
		Route:    "faq-read",
		Verdict:  Verdict{State: Met, Compared: 3200, Mismatched: 1, Excused: 2, Gate: Gate{Compared: 3000, MismatchBelow: 0.001}, RestsOn: "none of them is equal"},
		Coverage: Coverage{Sampled: 3201, Buckets: []Bucket{{Bucket: "equal_by_rule", Count: 3200, Compared: true}, {Bucket: "raced", Count: 1}}},
	}, {
		Route:      "tickets",
		Verdict:    Verdict{State: NotYet, Compared: 1, NeededPairs: 672, Idle: "no request came to be compared for 8 hours"},
		Signatures: []Signature{{Signature: "$.a", Judgement: Open, Count: 1}},
		Coverage:   Coverage{Buckets: []Bucket{{Bucket: "equal", Count: 20, Compared: true}, {Bucket: "not_reproducible", Count: 3, Compared: true}}},
	}}}
	for name, write := range map[string]func(io.Writer, *Report) error{
		"text": func(w io.Writer, r *Report) error { return Text(w, r, false) }, "markdown": Markdown, "html": HTML,
	} {
		var out bytes.Buffer
		if err := write(&out, r); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"compared: 3,200 equal by rule", "none of them is equal", "1 mismatch in 3,200 comparisons", "2 more did not come again",
			"compared: 20 equal, 3 not reproducible", "672 more pairs meet it", "for 8 hours", "1 time, ", "0 mismatches in 1 comparison:",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s has not %q:\n%s", name, want, out.String())
			}
		}
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// example has something of everything, and hostile text wherever text is foreign.
func example() *Report {
	at := time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)
	return &Report{
		Version: Version, At: at,
		Notices: []string{"the evidence is not stored since 3 attempts, it is in memory alone: the disk is full"},
		Routes: []Route{
			{
				Route: "faq-read", Owner: "knowledge-base",
				Verdict: Verdict{
					State: Failing, Reasons: []string{"the service differs certainly more often than the monolith does from itself, in $.items[*].price type number→string"},
					Compared: 12_345, Mismatched: 42, Rate: 0.0034, Upper: 0.0044, Gate: Gate{Compared: 3000, MismatchBelow: 0.001}, Needed: 51_234, LastCompared: at,
				},
				Era: Era{Number: 3, Began: at.Add(-48 * time.Hour), Cause: "the service's build changed: s1 → s2", Monolith: "m7", Service: "s2", Sampled: 12_500, Compared: 12_345, Mismatched: 42},
				Signatures: []Signature{{
					Signature: "$.items[*].price type number→string", Judgement: Worse, Count: 42, Rate: 0.0034, Low: 0.0025, High: 0.0046, Confirmed: 42,
					Pairs: 130, P: 1.2e-5, Paths: []string{"$.items[0].price", "$.items[1].price"}, FirstSeen: at.Add(-time.Hour), LastSeen: at,
					Statuses: []StatusPair{{200, 200, 42}}, Slower: 1.2, Samples: 20,
					Sample: &Sample{
						ID: "c-1", At: at, RequestID: "r-1", TraceID: "0af7651916cd43dd8448eb211c80319c", Method: "GET", Target: "/v1/faq/{id~9f2c41d0}?lang={~11aa22bb}",
						Header:   []Header{{"Accept", "application/json"}},
						Monolith: Side{Build: "m7", Status: 200, Took: 21.5, Body: Body{Type: "application/json", Size: 120, Hash: "aa"}},
						Service:  Side{Build: "s2", Status: 200, Took: 9.25, Body: Body{Type: "application/json", Size: 122, Hash: "bb"}},
						Format:   "json", More: 3,
						Parts: []Part{
							{Path: "$.items[0].price", Kind: "type", Monolith: "12.50", Service: `"12.50"`, Clear: true, Own: true},
							{Path: "$.title", Kind: "value", Monolith: "string:12:0011223344556677", Service: "<script>alert(1)</script>\x1b[31m|`x`", Lapsed: "$.title"},
						},
						Curl:     `curl --globoff -sS -i -X 'GET' -H 'Accept: application/json' "$SERVICE"'/v1/faq/{id}?lang={lang}'`,
						Expected: "{\n  \"title\": \"<string>\"\n}",
					},
				}, {
					Signature: "$.served_at value string→string", Judgement: Noise, Count: 900, Rate: 0.07, Low: 0.06, High: 0.08, Noise: 0.08, Pairs: 130, P: 1,
					Paths: []string{"$.served_at"}, FirstSeen: at.Add(-time.Hour), LastSeen: at,
				}, {
					Signature: "$.old missing", Judgement: Open, Count: 1_541, Rate: 0.12, Low: 0.11, High: 0.13,
					Paths: []string{"$.old"}, FirstSeen: at.Add(-time.Hour), LastSeen: at,
				}},
				MoreSignatures: 2,
				Coverage: Coverage{Sampled: 12_500, Rare: 20, Buckets: []Bucket{
					{Bucket: "equal", Count: 12_303, Share: 0.98424, Compared: true},
					{Bucket: "different", Count: 42, Share: 0.00336, Compared: true},
					{Bucket: "shadow_timeout", Count: 155, Share: 0.0124, Why: []Count{{"timeout", 155}}},
					{Bucket: "raced"},
				}, Formats: []Count{{"json", 12_345}}},
				Rules: []Rule{
					{Path: "$.served_at", Compare: "time", Arg: "5s", Because: "clock", Owner: "kb", Until: at.Add(72 * time.Hour), Hits: 12_000, State: RuleExpiring},
					{Path: "$.old", Compare: "ignore", Because: "a | b", Owner: "kb", State: RuleNeverHit},
					{Path: "$.next", Compare: "url_host", Because: "the service does not know the public host", Owner: "strangler", Preset: "drf", State: RuleUnproven},
				},
				Latency: Latency{Pairs: 12_000, Cold: 35, Ratio: 0.5, Slower: 0.04, Quantiles: []LatencyAtRank{{0.5, 21, 10.5}, {0.95, 80, 31}, {0.99, 210, 95}}},
				Earlier: []Era{{Number: 2, Began: at.Add(-72 * time.Hour), Cause: "reset by anna: fixed the <clock>", Compared: 9000, Mismatched: 81}},
			},
			{
				Route: "tickets", Reverse: true,
				Verdict:  Verdict{State: Met, Compared: 5000, Upper: 0.0006, Gate: Gate{Compared: 3000, MismatchBelow: 0.001, Default: true}, LastCompared: at},
				Era:      Era{Number: 1, Began: at.Add(-time.Hour), Cause: "the first evidence"},
				Advice:   []string{"nothing tells the builds of faq apart"},
				Coverage: Coverage{Sampled: 5000, Buckets: []Bucket{{Bucket: "equal", Count: 5000, Share: 1, Compared: true}}},
			},
		},
	}
}

func render(t *testing.T, write func(io.Writer, *Report) error, r *Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

var renderings = map[string]func(io.Writer, *Report) error{
	"report.json": JSON, "report.md": Markdown, "report.html": HTML,
	"report.txt":    func(w io.Writer, r *Report) error { return Text(w, r, false) },
	"report.colour": func(w io.Writer, r *Report) error { return Text(w, r, true) },
}

func TestRenderings(t *testing.T) {
	t.Parallel()
	for name, write := range renderings {
		got := render(t, write, example())
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestJSONIsReadBack(t *testing.T) {
	t.Parallel()
	var got Report
	if err := json.Unmarshal([]byte(render(t, JSON, example())), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), &got); diff != "" {
		t.Error(diff)
	}
}

func TestNoValueLeavesItsPlace(t *testing.T) {
	t.Parallel()
	hostile := "</code></pre><script>x</script>`\x1b]0;t\a| ** \n# [a](javascript:x) \u202e"
	r := example()
	route := &r.Routes[0]
	route.Route, route.Owner, route.Verdict.Reasons[0], route.Era.Cause, route.Era.Service = hostile, hostile, hostile, hostile, hostile
	s := &route.Signatures[0]
	s.Signature, s.Paths[0] = hostile, hostile
	s.Sample.Target, s.Sample.Curl, s.Sample.RequestID, s.Sample.TraceID, s.Sample.Expected, s.Sample.Method = hostile, hostile, hostile, hostile, hostile, hostile
	s.Sample.Parts[0] = Part{Path: hostile, Kind: hostile, Monolith: hostile, Service: hostile}
	route.Rules[0] = Rule{Path: hostile, Compare: hostile, Arg: hostile, Because: hostile, Owner: hostile}
	route.Coverage.Buckets[2].Why[0].Name = hostile
	r.Notices[0], route.Advice = hostile, []string{hostile}
	for _, name := range []string{"report.md", "report.txt"} {
		got := render(t, renderings[name], r)
		if strings.ContainsAny(got, "\x1b\a\u202e") || name == "report.md" && strings.Contains(strings.ReplaceAll(got, "`", ""), "\n# [a]") {
			t.Errorf("%s: %s", name, got)
		}
	}
	page, err := html.Parse(strings.NewReader(render(t, HTML, r)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "img" || n.Data == "link") {
			t.Errorf("the page has a %s", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.Contains(a.Val, "javascript") {
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
}

// TestThePageIsAccessible holds what a screen reader needs: a language, headings
// in order, names of columns, targets of links.
func TestThePageIsAccessible(t *testing.T) {
	t.Parallel()
	page, err := html.Parse(strings.NewReader(render(t, HTML, example())))
	if err != nil {
		t.Fatal(err)
	}
	ids, level := map[string]bool{}, 0
	var targets []string
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
		}
		if id := attributes["id"]; id != "" && ids[id] {
			t.Errorf("id %s is there twice", id)
		}
		ids[attributes["id"]] = true
		switch n.Data {
		case "html":
			if attributes["lang"] == "" {
				t.Error("no language")
			}
		case "h1", "h2", "h3":
			next := int(n.Data[1] - '0')
			if next > level+1 {
				t.Errorf("%s after h%d", n.Data, level)
			}
			level = next
		case "th":
			if attributes["scope"] == "" {
				t.Error("a th without scope")
			}
		case "a":
			targets = append(targets, strings.TrimPrefix(attributes["href"], "#"))
		}
		if label := attributes["aria-labelledby"]; label != "" {
			targets = append(targets, label)
		}
	}
	for _, target := range targets {
		if !ids[target] {
			t.Errorf("nothing has the id %s", target)
		}
	}
}

func TestMetNeedsEveryRoute(t *testing.T) {
	t.Parallel()
	r := example()
	if r.Met() {
		t.Error("a failing route")
	}
	r.Routes = r.Routes[1:]
	if !r.Met() {
		t.Error("all met")
	}
	if (&Report{}).Met() {
		t.Error("no route")
	}
}

// Who reads a report at night must find the request in the logs, whichever rendering
// it is, and what a word means that stands in it.
func TestEveryRenderingSaysWhatItsReaderNeeds(t *testing.T) {
	t.Parallel()
	for name, write := range renderings {
		got := render(t, write, example())
		for _, want := range []string{"r-1", "0af7651916cd43dd8448eb211c80319c", "nothing tells the builds of faq apart"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not have %q", name, want)
			}
		}
		if name == "report.json" {
			if strings.Contains(got, `\u003c`) || !strings.Contains(got, "<string>") {
				t.Error("< is escaped for a page that there is not")
			}
			continue
		}
		for _, want := range []string{"not known whose fault it is", "1,541"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not have %q", name, want)
			}
		}
		if strings.Contains(got, "1541") {
			t.Errorf("%s has a number without a comma", name)
		}
	}
	var samples bytes.Buffer
	if err := TextSamples(&samples, []Kept{{"$.a missing", *example().Routes[0].Signatures[0].Sample}, {"$.a missing", Sample{}}}, false); err != nil {
		t.Fatal(err)
	}
	if got := samples.String(); !strings.Contains(got, "request_id r-1, trace_id 0af7651916cd43dd8448eb211c80319c\n") || !strings.Contains(got, "without an ID in the logs") {
		t.Error(got)
	}
}
