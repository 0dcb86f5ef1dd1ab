package routes

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// conditions are random ones over few names and values.
func (d *dice) conditions() When {
	when := When{Headers: map[string]Condition{}, Query: map[string]Condition{}, Cookies: map[string]Condition{}}
	for range d.roll(4) {
		condition := pick(d,
			Condition{Exact, "eu"}, Condition{Exact, "us-1"}, Condition{Prefix, "us"}, Condition{Present, ""}, Condition{Absent, ""},
			Condition{Regexp, "^us-[0-9]+$"}, Condition{Regexp, "(?i)EU|asia"}, Condition{Regexp, "s.*2|^$"}, Condition{Regexp, "[0-9]"},
		)
		name := pick(d, "X", "Y")
		pick(d, when.Headers, when.Query, when.Cookies)[name] = condition
	}
	return when
}

// routes are random routes of few patterns, so that many share one, without
// those that conflict.
func (d *dice) routes(n int) []*Route {
	patterns := make([]string, 0, 6)
	mux := http.NewServeMux()
	for range 6 {
		if p := d.pattern(); register(mux, p) == nil {
			patterns = append(patterns, p)
		}
	}
	routes := make([]*Route, n)
	for i := range routes {
		routes[i] = &Route{Name: fmt.Sprintf("r%d", i), Line: i + 1, Match: pick(d, patterns...), When: d.conditions(), Service: "s"}
	}
	return routes
}

// valued is a random request with values for conditions, none of them there
// more than once.
func (d *dice) valued() *Request {
	r := d.request()
	query := url.Values{}
	var cookies []string
	for _, name := range []string{"X", "Y"} {
		value := func() string { return pick(d, "", "eu", "us", "us-1", "us-12", "ASIA", "é", "a b+c%d") }
		if d.roll(2) == 0 {
			r.Header.Set(name, value())
		}
		if d.roll(2) == 0 {
			query.Set(name, value())
		}
		if d.roll(2) == 0 {
			cookies = append(cookies, name+"="+value())
		}
	}
	r.RawQuery = query.Encode()
	if cookies != nil {
		r.Header["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	return r
}

// slowHolds tests conditions with the standard library's own parsers.
func slowHolds(t *testing.T, when When, r *Request) bool {
	t.Helper()
	query, err := url.ParseQuery(r.RawQuery)
	if err != nil {
		t.Fatal(err)
	}
	cookies := url.Values{}
	for _, pair := range strings.Split(r.Header.Get("Cookie"), "; ") {
		if name, value, found := strings.Cut(pair, "="); found {
			cookies.Set(name, value)
		}
	}
	for values, conditions := range map[*url.Values]map[string]Condition{
		(*url.Values)(&r.Header): when.Headers, &query: when.Query, &cookies: when.Cookies,
	} {
		for name, c := range conditions {
			value, present := values.Get(name), values.Has(name)
			ok := present
			switch c.Kind {
			case Absent:
				ok = !present
			case Exact:
				ok = present && value == c.Text
			case Prefix:
				ok = present && strings.HasPrefix(value, c.Text)
			case Regexp:
				ok = present && regexp.MustCompile(c.Text).MatchString(value)
			}
			if !ok {
				return false
			}
		}
	}
	return true
}

// slowMatch asks ServeMux for the pattern that wins, and when no route of it
// holds, again without that pattern. It is not ok where ServeMux redirects.
func slowMatch(t *testing.T, routes []*Route, r *Request) (name string, ok bool) {
	t.Helper()
	left := slices.Clone(routes)
	for {
		mux := http.NewServeMux()
		byPattern := map[string][]*Route{}
		for _, route := range left {
			if byPattern[route.Match] == nil {
				if err := register(mux, route.Match); err != nil {
					t.Fatal(err)
				}
			}
			byPattern[route.Match] = append(byPattern[route.Match], route)
		}
		winner, ok := muxWinner(mux, r)
		if !ok || winner == "" {
			return "", ok
		}
		asked := byPattern[winner]
		slices.SortStableFunc(asked, func(a, b *Route) int { return cmp.Compare(b.When.Count(), a.When.Count()) })
		for _, route := range asked {
			if slowHolds(t, route.When, r) {
				return route.Name, true
			}
		}
		left = slices.DeleteFunc(left, func(route *Route) bool { return route.Match == winner })
	}
}

func (m Match) name() string {
	if m.Entry == nil {
		return ""
	}
	return m.Entry.Route.Name
}

func TestConditionsAndBacktracking(t *testing.T) {
	t.Parallel()
	won, compared := 0, 0
	for seed := range uint64(400) {
		d := &dice{random: rand.New(rand.NewPCG(seed, 3))}
		routes := d.routes(2 + d.roll(60))
		table := compile(t, routes...)
		for range 40 {
			r := d.valued()
			want, ok := slowMatch(t, routes, r)
			if !ok {
				continue
			}
			if got := table.Match(r).name(); got != want {
				t.Fatalf("seed %d: %+v: got %q, want %q", seed, r, got, want)
			}
			compared++
			if want != "" {
				won++
			}
		}
	}
	if won < 2000 || compared-won < 500 {
		t.Errorf("of %d requests %d found a route: that tests too little", compared, won)
	}
}

// Only routes of one pattern with as many conditions may depend on their order.
func TestOrderOfTheDocumentDoesNotMatter(t *testing.T) {
	t.Parallel()
	same, ties := 0, 0
	for seed := range uint64(200) {
		d := &dice{random: rand.New(rand.NewPCG(seed, 4))}
		routes := d.routes(2 + d.roll(40))
		table := compile(t, routes...)
		shuffled := slices.Clone(routes)
		d.random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		other, problems := Compile(&Document{Routes: shuffled})
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		for range 50 {
			r := d.valued()
			a, b := table.Match(r), other.Match(r)
			if a.name() == b.name() && a.Reason == b.Reason {
				same++
				continue
			}
			x, y := a.Entry, b.Entry
			if x == nil || y == nil || !samePattern(t, x.Route.Match, y.Route.Match) || x.Route.When.Count() != y.Route.When.Count() {
				t.Fatalf("seed %d: %+v: %q, with another order %q", seed, r, a.name(), b.name())
			}
			ties++
		}
	}
	if ties > same/5 {
		t.Errorf("%d ties beside %d decisions: that tests too little", ties, same)
	}
}

func TestExplainNamesTheRouteThatMatchTakes(t *testing.T) {
	t.Parallel()
	state := State{Known: true, Share: One / 2, Salt: "salt"}
	for seed := range uint64(200) {
		d := &dice{random: rand.New(rand.NewPCG(seed, 5))}
		table := compile(t, d.routes(2+d.roll(40))...)
		for range 50 {
			r := d.valued()
			if d.roll(4) == 0 { // also what cannot be known
				r.Header["X"] = []string{"eu", "us"}
			}
			m := table.Match(r)
			key := fmt.Sprint(d.roll(1000))
			x := table.Explain(r, func(*Entry) State { return state }, func(*Entry) (string, string) { return key, "test" }, nil, time.Time{})
			if want := Decide(Facts{Match: m, State: stateIf(m.Entry != nil, state), Key: key}, time.Time{}); x.Decision != want {
				t.Fatalf("seed %d: %+v: explained %+v, decided %+v", seed, r, x.Decision, want)
			}
			checkCandidates(t, x, m)
		}
	}
}

func stateIf(known bool, s State) State {
	if known {
		return s
	}
	return State{}
}

// checkCandidates: at most the last one won, and only it may be ambiguous.
func checkCandidates(t *testing.T, x Explanation, m Match) {
	t.Helper()
	for i, c := range x.Candidates {
		last := i == len(x.Candidates)-1
		if c.Won != (last && m.Entry != nil) || c.Won != (c.Failed == nil) || c.Won && c.Route != m.name() {
			t.Fatalf("candidate %d of %+v, match %q", i, x, m.name())
		}
		if c.Failed != nil && (c.Failed.Found == "ambiguous") != (last && m.Reason == ReasonAmbiguousCondition) {
			t.Fatalf("candidate %d of %+v, match %+v", i, x, m)
		}
	}
	if m.Entry != nil && len(x.Candidates) == 0 {
		t.Fatalf("no candidates: %+v", x)
	}
}
