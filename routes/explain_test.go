package routes

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestExplainSaysWhichConditionFailed(t *testing.T) {
	t.Parallel()
	table := compile(t,
		&Route{Name: "write", Match: "POST /faq/{id}"},
		&Route{Name: "json", Match: "GET /faq/{id}", Service: "s", When: When{
			Headers: map[string]Condition{"Accept": {Exact, "application/json"}}, Query: map[string]Condition{"draft": {Absent, ""}},
		}},
		&Route{Name: "beta", Match: "GET /faq/{id}", When: When{Cookies: map[string]Condition{"beta": {Regexp, "^(a|b)$"}}}},
		&Route{Name: "new", Match: "GET /faq/new", When: When{Query: map[string]Condition{"v": {Prefix, "2"}}}},
		&Route{Name: "faq", Match: "/faq/{rest...}", Service: "faq"},
		&Route{Name: "all", Match: "/"},
	)
	state := func(e *Entry) State { return State{Known: true, Share: 500_000, Salt: e.Route.Name} }
	key := func(*Entry) (string, string) { return "secret-user", "visitor cookie" }
	r := &Request{Method: "GET", Host: "Example.com:443", Path: "/faq/new", RawQuery: "v=secret-query&draft", Header: http.Header{
		"Accept": {"application/json"}, "Cookie": {"beta=secret-cookie"}, "Authorization": {"secret-header"},
	}}
	x := table.Explain(r, state, key, nil, noon)
	want := []Candidate{
		{Route: "new", Match: "GET /faq/new", Line: 4, Failed: &FailedCondition{"query", "v", "prefix", "2", "different"}},
		{Route: "write", Match: "POST /faq/{id}", Line: 1, Failed: &FailedCondition{On: "method", Test: "exact", Expected: "POST", Found: "different"}},
		{Route: "json", Match: "GET /faq/{id}", Line: 2, Failed: &FailedCondition{"query", "draft", "absent", "", "present"}},
		{Route: "beta", Match: "GET /faq/{id}", Line: 3, Failed: &FailedCondition{"cookie", "beta", "regexp", "^(a|b)$", "different"}},
		{Route: "faq", Match: "/faq/{rest...}", Line: 5, Won: true},
	}
	if got, want := asJSON(t, x.Candidates), asJSON(t, want); got != want {
		t.Errorf("candidates\n%s, want\n%s", got, want)
	}
	bucket := Bucket("faq", "secret-user")
	if x.Host != "example.com" || x.KeySource != "visitor cookie" || x.Decision.Bucket != bucket || x.Decision.Reason != ReasonSplit {
		t.Errorf("%+v", x)
	}
	if text := asJSON(t, x); strings.Contains(text, "secret") {
		t.Errorf("a value of the client is shown: %s", text)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestExplainEndsWhereTheWalkEnds(t *testing.T) {
	t.Parallel()
	table := compile(t,
		&Route{Name: "first", Match: "/a", When: When{Headers: map[string]Condition{"X": {Exact, "1"}}}},
		&Route{Name: "second", Match: "/a"},
	)
	x := table.Explain(&Request{Method: "GET", Path: "/a", Header: http.Header{"X": {"1", "2"}}}, nil, nil, nil, noon)
	if len(x.Candidates) != 1 || x.Candidates[0].Failed.Found != "ambiguous" || x.Decision.Reason != ReasonAmbiguousCondition {
		t.Errorf("%+v", x)
	}
	x = table.Explain(&Request{Method: "GET", Path: "/a//b"}, nil, nil, nil, noon)
	if x.Candidates == nil || len(x.Candidates) != 0 || x.Decision.Reason != ReasonAmbiguousPath {
		t.Errorf("%+v", x)
	}
	x = table.Explain(&Request{Method: "GET", Path: "/a"}, nil, nil, nil, noon)
	if len(x.Candidates) != 2 || x.Candidates[0].Failed.Found != "missing" || x.Decision.Reason != ReasonNoService {
		t.Errorf("%+v", x)
	}
}

// The key is asked for only when it would decide.
func TestExplainAsksForTheKeyOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	table := compile(t, &Route{Match: "/", Service: "s"})
	for share, want := range map[PPM]bool{0: false, 1: true, One - 1: true, One: false} {
		asked := false
		table.Explain(&Request{Method: "GET", Path: "/"},
			func(*Entry) State { return State{Known: true, Share: share, Salt: "s"} },
			func(*Entry) (string, string) { asked = true; return "", "" }, nil, noon)
		if asked != want {
			t.Errorf("share %d: asked %v, want %v", share, asked, want)
		}
	}
}

// Among many routes of one pattern, those that the index leaves out are listed
// as well: an operator asks why a route was not taken.
func TestExplainListsRoutesThatTheIndexLeavesOut(t *testing.T) {
	t.Parallel()
	table := compile(t, conditionRoutes(50, Exact, "tenant-%d/eu")...)
	x := table.Explain(tenantRequest(21), nil, nil, nil, noon)
	if n := len(x.Candidates); n != 22 || !x.Candidates[21].Won {
		t.Errorf("%d candidates, want the 21 before the winner and the winner", n)
	}
	if !slices.ContainsFunc(x.Candidates, func(c Candidate) bool { return c.Failed != nil && c.Failed.Name == "X-Tenant" }) {
		t.Errorf("%+v", x.Candidates[0])
	}
}
