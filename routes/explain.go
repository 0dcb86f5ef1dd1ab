package routes

import (
	"net/http"
	"time"
)

// Explanation says which routes a request was held against, which won and why,
// and what was decided. It holds no value of a header, cookie or parameter that
// the client sent, and not the sticky key.
type Explanation struct {
	// Table is the table's version.
	Table string `json:"table"`
	// Method, Host and Path are what was matched.
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	// Candidates are the routes whose pattern matches host and path, in the
	// order they were asked, up to the one that ended the walk.
	Candidates []Candidate `json:"candidates"`
	// KeySource says where the sticky key came from; empty when there is none
	// or neither Decision nor Otherwise needed one.
	KeySource string `json:"key_source,omitempty"`
	// Decision is what the request would get.
	Decision Decision `json:"decision"`
	// Otherwise is what it would get without the brake and the hold; nil when
	// neither decided.
	Otherwise *Decision `json:"otherwise,omitempty"`
}

// Candidate is a route that a request was held against.
type Candidate struct {
	Route string `json:"route"`
	// Match is the route's pattern, Line where it stands in the document.
	Match string `json:"match"`
	Line  int    `json:"line"`
	// Won says that the route is the request's.
	Won bool `json:"won"`
	// Failed is the first condition that does not hold, or that cannot be
	// known; nil when the route won.
	Failed *FailedCondition `json:"failed,omitempty"`
}

// FailedCondition is why a candidate is not the request's route.
type FailedCondition struct {
	// On is what the condition looks at: method, header, query or cookie; Name
	// which header, parameter or cookie.
	On   string `json:"on"`
	Name string `json:"name,omitempty"`
	// Test is exact, prefix, regexp, present or absent; Expected the text it
	// tests for, from the route table.
	Test     string `json:"test"`
	Expected string `json:"expected,omitempty"`
	// Found says what the request has there: missing, present, different, or,
	// when the walk ends because it cannot be known, ambiguous.
	Found string `json:"found"`
}

// Explain does what Match and Decide do and notes each step. stateOf and keyOf
// give what the engine would: the state of a route, and for a route that needs
// one the sticky key with a word on where it came from; for a route with a flag
// flagOf gives both, and the flag's value. Each may be nil: then states are not
// known, no request has a key, and no flag is.
func (t *Table) Explain(r *Request, stateOf func(*Entry) State, keyOf func(*Entry) (key, source string),
	flagOf func(*Entry) (value FlagValue, key, source string), now time.Time,
) Explanation {
	x := Explanation{Table: t.version, Method: r.Method, Host: HostName(r.Host), Path: r.Path, Candidates: []Candidate{}}
	w := walk{table: t, request: *r, trace: &trace{}}
	facts := Facts{Match: w.run()}
	x.Candidates = append(x.Candidates, w.trace.candidates...)
	e := facts.Match.Entry
	if e != nil && stateOf != nil {
		facts.State = stateOf(e)
	}
	free := facts
	free.State.Brake, free.State.Hold = false, false
	if e != nil && NeedsKey(e, free.State, now) {
		switch {
		case e.Route.Flag != "":
			if flagOf != nil {
				free.Flag, free.Key, x.KeySource = flagOf(e)
			}
		case keyOf != nil:
			free.Key, x.KeySource = keyOf(e)
		}
	}
	facts.Key, facts.Flag = free.Key, free.Flag
	x.Decision = Decide(facts, now)
	if e != nil && (x.Decision.Reason == ReasonBrake || x.Decision.Reason == ReasonHold) {
		otherwise := Decide(free, now)
		x.Otherwise = &otherwise
	}
	return x
}

// trace is what a walk notes for an explanation.
type trace struct {
	candidates []Candidate
}

// others notes the routes of a pattern that are for other methods.
func (tr *trace) others(t *tree, first uint32, method string) {
	for at := first; ; at++ {
		g := t.groups[at]
		if of := t.methods[g.method]; of != "" && of != method && (of != http.MethodGet || method != http.MethodHead) {
			for _, e := range t.choices[at].entries {
				tr.add(e, &FailedCondition{On: "method", Test: "exact", Expected: of, Found: "different"})
			}
		}
		if !g.more {
			return
		}
	}
}

// group notes the routes of a group up to the one that ended the search.
func (tr *trace) group(w *walk, g *choice, rank int, v verdict) {
	for i, e := range g.entries {
		if i == rank && v == holds {
			tr.add(e, nil)
			return
		}
		tr.add(e, w.failed(e))
		if i == rank && v == unclear {
			return
		}
	}
}

func (tr *trace) add(e *Entry, failed *FailedCondition) {
	tr.candidates = append(tr.candidates, Candidate{
		Route: e.Route.Name, Match: e.Route.Match, Line: e.Route.Line, Won: failed == nil, Failed: failed,
	})
}

// failed is the condition that settled the verdict on e, which does not hold.
func (w *walk) failed(e *Entry) *FailedCondition {
	settled := w.verdict(e)
	for i := range e.tests {
		t := &e.tests[i]
		v := w.value(t.source)
		if t.verdict(v) != settled {
			continue
		}
		from := w.table.sources[t.source]
		return &FailedCondition{
			On: sourceWords[from.kind], Name: from.name,
			Test: testWords[t.Kind], Expected: t.Text, Found: found(t, v, settled),
		}
	}
	return nil
}

var (
	sourceWords = [...]string{fromHeader: "header", fromQuery: "query", fromCookie: "cookie"}
	testWords   = [...]string{Exact: "exact", Prefix: "prefix", Regexp: "regexp", Present: "present", Absent: "absent"}
)

func found(t *test, v value, settled verdict) string {
	switch {
	case settled == unclear:
		return "ambiguous"
	case v.state == missing:
		return "missing"
	case t.Kind == Absent:
		return "present"
	}
	return "different"
}
