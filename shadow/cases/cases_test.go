package cases_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow/cases"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
)

const structure = `{"id":"<number>","title":"How?","open":"<bool>","asked":"<string>","none":null,
"by":{"<name~1a2b3c4d>":{"votes":"<number>"}},"tags":["<string>","<string>","<2 more>"]}`

func sample() *report.Kept {
	return &report.Kept{Signature: "$.title value", Sample: report.Sample{
		ID: "c-1", At: time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC), Method: "GET",
		Target:   "/v1/{tenant~0a0b0c0d}/faq/{~01020304}?q={~0a0b0c0d}&{~01020304}={~05060708}&page=2",
		Header:   []report.Header{{Name: "Accept", Value: "application/json"}, {Name: "Accept-Encoding", Value: "gzip"}},
		Monolith: report.Side{Status: 200, Body: report.Body{Type: "application/json", Size: 80}},
		Expected: structure, Parts: []report.Part{{Path: "$.title", Kind: "value", Own: true, Clear: true}},
	}}
}

func TestACaseOfASample(t *testing.T) {
	t.Parallel()
	c := cases.New("faq", sample(), []report.Rule{
		{Path: "$.at", Compare: "ignore", Because: "clock", Owner: "kb"},
		{Path: "$.x", Compare: "ignore", Preset: "django"}, {Path: "$.y", Compare: "ignore", Preset: "django"},
	})
	if c.Request.Target != "/v1/{tenant}/faq/{name}?q={q}&{name}={name}&page=2" || len(c.Request.Header) != 1 || len(c.Redacted) != 0 {
		t.Errorf("%+v", c)
	}
	if len(c.Rules) != 1 || len(c.Presets) != 1 {
		t.Errorf("%+v %+v", c.Rules, c.Presets)
	}
	target, missing := c.Request.Fill(map[string]string{"tenant": "a", "name": "7"})
	if target != "/v1/a/faq/7?q={q}&7=7&page=2" || strings.Join(missing, " ") != "{q}" {
		t.Error(target, missing)
	}
	if names := strings.Join(c.Request.Placeholders(), " "); names != "tenant name q" {
		t.Error(names)
	}
	target, _ = c.Request.Fill(map[string]string{"tenant": "../a b", "name": "1/../2?x=1", "q": "a&b=c #"})
	if target != "/v1/..%2Fa%20b/faq/1%2F..%2F2%3Fx=1?q=a%26b%3Dc+%23&1%2F..%2F2%3Fx%3D1=1%2F..%2F2%3Fx%3D1&page=2" {
		t.Error("values leave their place:", target)
	}
	if cases.CheckValue("..") == nil || cases.CheckValue("") == nil || cases.CheckValue("1 2") != nil {
		t.Error("what is no segment")
	}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cases.Parse(data); err != nil {
		t.Error(err)
	}
}

// TestWhatIsKnownIsCompared: values by their types, what is in clear exactly, a
// list that was cut by its length, members of redacted names by their number.
func TestWhatIsKnownIsCompared(t *testing.T) {
	t.Parallel()
	const right = `{"id":9007199254740993,"title":"How?","open":false,"asked":"x","none":null,"by":{"4711":{"votes":1}},"tags":["a","b","c","d"]}`
	c := cases.New("faq", sample(), nil)
	by, err := diff.New(c.Options())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		from, to, signature string
	}{
		"right":             {"", "", ""},
		"a value in clear":  {"How?", "Why?", "$.title value"},
		"another type":      {`"asked":"x"`, `"asked":null`, "$.asked type string→null"},
		"a number":          {"9007199254740993", `"9007199254740993"`, "$.id type number→string"},
		"a bool":            {"false", "0", "$.open type bool→number"},
		"missing":           {`"asked":"x",`, "", "$.asked missing string→none"},
		"extra":             {`"none":null`, `"none":null,"more":1`, "$.more extra none→number"},
		"another length":    {`,"d"`, ``, "$.tags length"},
		"a name less":       {`"4711":{"votes":1}`, ``, "$.by"},
		"a name more":       {`"4711":{"votes":1}`, `"4711":{"votes":1},"4712":{"votes":1}`, "$.by.* extra"},
		"an object no more": {`{"4711":{"votes":1}}`, `[]`, "$.by type object→array"},
		"no JSON":           {right, "<p>", ""},
	} {
		body := strings.Replace(right, test.from, test.to, 1)
		got := diff.Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: []byte(body)}
		result, sight, redacted := c.Compare(by, got, time.Now())
		if name == "right" {
			if result.Verdict != diff.Equal || sight != cases.Redacted || redacted != 8 {
				t.Errorf("%+v %s %d", result, sight, redacted)
			}
			continue
		}
		if result.Verdict != diff.Different || !strings.HasPrefix(result.Differences[0].Signature, test.signature) {
			t.Errorf("%s: %+v", name, result)
		}
	}
}

// TestASightThatIsNotWhole: what is not kept of a body is said, and that it was
// the very thing.
func TestASightThatIsNotWhole(t *testing.T) {
	t.Parallel()
	k := sample()
	k.Expected, k.Monolith.Body.Type = "", "text/html"
	k.Parts[0].Clear = false
	c := cases.New("faq", k, nil)
	by, err := diff.New(c.Options())
	if err != nil {
		t.Fatal(err)
	}
	got := diff.Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<p>")}
	if result, sight, _ := c.Compare(by, got, time.Now()); result.Verdict != diff.Equal || sight != cases.Blind {
		t.Errorf("%+v %s", result, sight)
	}
	c.Redacted = nil
	if result, sight, n := c.Compare(by, got, time.Now()); result.Verdict != diff.Equal || sight != cases.Redacted || n != 1 {
		t.Errorf("%+v %s %d", result, sight, n)
	}
	got.Body = nil
	if result, _, _ := c.Compare(by, got, time.Now()); result.Verdict != diff.Different {
		t.Errorf("%+v", result)
	}
	got.Body, got.Status = []byte("<p>"), 500
	if result, sight, _ := c.Compare(by, got, time.Now()); result.Verdict != diff.Different || sight == cases.Blind {
		t.Errorf("%+v %s", result, sight)
	}
}

func TestAPactSaysWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	c := cases.New("faq", sample(), []report.Rule{
		{Path: "$.title", Compare: "ignore", Because: "b", Owner: "o"}, {Path: "$.tags", Compare: "unordered", Because: "b", Owner: "o"},
	})
	values := map[string]string{"tenant": "a", "name": "7", "q": "x"}
	p, left, same := cases.NewPact("clients", "faq", []*cases.Case{c, c}, nil)
	if len(p.Interactions) != 0 || len(left) != 2 || same != 0 {
		t.Errorf("%+v %v %d", p, left, same)
	}
	p, left, same = cases.NewPact("clients", "faq", []*cases.Case{c, c}, values)
	if len(p.Interactions) != 1 || len(left) != 0 || same != 1 {
		t.Fatalf("%+v %v %d", p, left, same)
	}
	i := p.Interactions[0]
	content := i.Response.Body.Content.(map[string]any)
	if data, err := json.Marshal(i.Response.Body); err != nil || !strings.Contains(string(data), `"contentTypeHint":"TEXT"`) {
		t.Errorf("%s %v", data, err)
	}
	if _, there := content["title"]; there || i.Request.Query["q"][0] != "x" || len(content["tags"].([]any)) != 1 {
		t.Errorf("%+v", i)
	}
	if i.Comments == nil || len(i.Comments.Text) != 1 || !strings.Contains(i.Comments.Text[0], "$.tags unordered") {
		t.Errorf("%+v", i.Comments)
	}
}

// TestWhatACaseDoesNotHoldIsUndecided: of the headers it has the type alone, so an
// answer without the header that the case was kept for is not called equal.
func TestWhatACaseDoesNotHoldIsUndecided(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]cases.Sight{
		"header.Vary.cookie": cases.Blind, "header.Location": cases.Blind, "header.Content-Type.charset": cases.Blind,
		"trailer.Checksum": cases.Blind, "header.Content-Type.value": cases.Whole, "header.Content-Type": cases.Whole,
	} {
		kept := sample()
		kept.Expected = `{"a":1}`
		kept.Parts = []report.Part{{Path: path, Kind: "missing", Own: true, Clear: true}}
		c := cases.New("faq", kept, nil)
		by, err := diff.New(c.Options())
		if err != nil {
			t.Fatal(err)
		}
		got := diff.Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: []byte(`{"a":1}`)}
		if result, sight, _ := c.Compare(by, got, kept.At); sight != want {
			t.Errorf("%s: %s, %s", path, result.Verdict, sight)
		}
	}
}
