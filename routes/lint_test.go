package routes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
)

// TestDeadRoutesAreNeverMatched asks random small tables for every request of a
// small world: what lint calls dead must never win, and most of what never wins
// must be called dead.
func TestDeadRoutesAreNeverMatched(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	dead, missed := 0, 0
	for range 2000 {
		doc := randomDocument(random)
		table, _ := Compile(doc)
		if table == nil {
			continue // patterns that conflict
		}
		won := map[string]bool{}
		everyRequest(func(r *Request) {
			if m := table.Match(r); m.Entry != nil {
				won[m.Entry.Route.Name] = true
			}
		})
		called := map[string]bool{}
		for _, p := range Lint(doc, table) {
			if p.Code != codeNeverMatches {
				continue
			}
			called[p.Route] = true
			dead++
			if won[p.Route] {
				t.Fatalf("%s\nbut a request reaches it, of the routes\n%s", p, describe(doc))
			}
		}
		for _, r := range doc.Routes {
			if !won[r.Name] && !called[r.Name] {
				missed++
			}
		}
	}
	// In so small a world some are unreachable for want of requests; most must
	// be told.
	if dead < 200 || missed > dead/2 {
		t.Errorf("%d dead routes told, %d not", dead, missed)
	}
}

func randomDocument(random *rand.Rand) *Document {
	doc := &Document{Monolith: "monolith", Targets: map[string]*Target{"monolith": {}}}
	conditions := []Condition{
		{Exact, "x"}, {Exact, "xy"}, {Prefix, "x"}, {Prefix, "xy"}, {Regexp, "^x"}, {Regexp, "y$"}, {Kind: Present}, {Kind: Absent},
	}
	for i := range 4 + random.IntN(6) {
		r := &Route{Name: fmt.Sprint("r", i), Owner: "x", Match: []string{"/a", "/{any}"}[random.IntN(2)], Line: i + 1}
		switch random.IntN(4) {
		case 0:
			r.Methods = []string{"GET", "POST"}
		case 1:
			r.Match = "GET " + r.Match
		}
		r.When.Query = map[string]Condition{}
		for _, name := range []string{"p", "q"} {
			if random.IntN(2) == 0 {
				r.When.Query[name] = conditions[random.IntN(len(conditions))]
			}
		}
		doc.Routes = append(doc.Routes, r)
	}
	return doc
}

func everyRequest(visit func(*Request)) {
	queries := []string{"", "x", "xy", "y", "xz"}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead, http.MethodPut} {
		for _, path := range []string{"/a", "/b"} {
			for _, p := range queries {
				for _, q := range queries {
					visit(&Request{Method: method, Path: path, RawQuery: parameter("p", p) + "&" + parameter("q", q)})
				}
			}
		}
	}
}

func parameter(name, value string) string {
	if value == "" {
		return "z=1"
	}
	return name + "=" + value
}

func describe(doc *Document) string {
	text := ""
	for _, r := range doc.Routes {
		text += fmt.Sprintf("%s %s %v %v\n", r.Name, r.Match, r.Methods, r.When.Query)
	}
	return text
}

// TestLintOfRoutesWithoutPlaces: a document that a program made has no lines.
func TestLintOfRoutesWithoutPlaces(t *testing.T) {
	t.Parallel()
	doc := &Document{Targets: map[string]*Target{"unused": {}}, Routes: []*Route{{Name: "a", Match: "/", Service: "b"}}}
	problems := Lint(doc, nil)
	if len(problems) != 3 {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
	for _, p := range problems {
		if p.Line != 1 || p.Column != 1 || p.Severity != Warning {
			t.Errorf("%+v", p)
		}
	}
}
