package routes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestConditionKinds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind    ConditionKind
		text    string
		holds   []string
		fails   []string
		missing verdict
	}{
		{Exact, "eu", []string{"eu"}, []string{"", "EU", "eu ", "eux"}, fails},
		{Exact, "", []string{""}, []string{"x"}, fails},
		{Prefix, "eu-", []string{"eu-", "eu-1"}, []string{"", "eu", "EU-1", "xeu-1"}, fails},
		{Regexp, "^eu-[0-9]$", []string{"eu-1"}, []string{"", "eu-12"}, fails},
		{Regexp, "u", []string{"eu", "us"}, []string{"", "x"}, fails},
		{Present, "", []string{"", "x"}, nil, fails},
		{Absent, "", nil, []string{"", "x"}, holds},
	} {
		condition := Condition{test.kind, test.text}
		table := compile(t, &Route{Match: "/", When: When{Headers: map[string]Condition{"X": condition}}})
		ask := func(values ...string) bool {
			return table.Match(&Request{Method: "GET", Path: "/", Header: http.Header{"X": values}}).Entry != nil
		}
		for _, value := range test.holds {
			if !ask(value) {
				t.Errorf("%+v fails for %q", condition, value)
			}
		}
		for _, value := range test.fails {
			if ask(value) {
				t.Errorf("%+v holds for %q", condition, value)
			}
		}
		if ask() != (test.missing == holds) {
			t.Errorf("%+v: %v for no value", condition, ask())
		}
	}
}

func TestQueryValues(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("a=1&", maxParameters-1)
	for query, want := range map[string]value{
		"":                         {},
		"b=1":                      {},
		"X=1":                      {}, // names are case-sensitive
		"x":                        {single, ""},
		"x=":                       {single, ""},
		"x=1":                      {single, "1"},
		"a=2&x=1&b=3":              {single, "1"},
		"&&x=1&&":                  {single, "1"},
		"x=1=2":                    {single, "1=2"},
		"x=a+b%20c%2bd%26":         {single, "a b c+d&"},
		"%78=1":                    {single, "1"},
		"x=%C3%A9":                 {single, "é"},
		"x=1&x=1":                  {single, "1"},
		"x=1&%78=%31":              {single, "1"},
		"x=1&x=2":                  {state: several},
		"x=1&x":                    {state: several},
		"x=1&x=2&x=1":              {state: several},
		"x[]=1":                    {},
		"x=1;y=2":                  {state: doubtful},
		"a=1;x=2":                  {state: doubtful},
		"x=1#":                     {state: doubtful},
		"x=%":                      {state: doubtful},
		"x=%4":                     {state: doubtful},
		"x=%zz":                    {state: doubtful},
		"%zz=1":                    {state: doubtful},
		"a%u0078=1":                {state: doubtful},
		"x%00=1":                   {state: doubtful},
		"a=%zz&x=1":                {single, "1"}, // another's value
		many + "x=1":               {single, "1"},
		many + "a=1&x=1":           {state: doubtful},
		many + "x=1&a=1":           {state: doubtful},
		many + "x=1&" + many + "b": {state: doubtful},
	} {
		if got := queryValue(query, "x"); got != want {
			t.Errorf("%.60s: %+v, want %+v", query, got, want)
		}
	}
	if got := queryValue("a+b%21=1", "a b!"); got.text != "1" {
		t.Errorf("an encoded name: %+v", got)
	}
}

func TestCookieValues(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]value{
		"":                  {},
		"a=1; b=2":          {},
		"X=1":               {},
		"x=1":               {single, "1"},
		"a=2; x=1; b=3":     {single, "1"},
		"a=2;x=1;":          {single, "1"},
		"a=2;\t x=1 \t; b=": {single, "1"},
		"x =1":              {state: doubtful},
		"x= 1":              {state: doubtful},
		"x=":                {single, ""},
		"x=a=b%20+c":        {single, "a=b%20+c"},
		"x=1; x=1":          {single, "1"},
		"x=1|x=1":           {single, "1"},
		"x=1; x=2":          {state: several},
		"x=1|a=2; x=2":      {state: several},
		"x":                 {state: doubtful},
		"x; x=1":            {state: doubtful},
		`x="1"`:             {state: doubtful},
		"xx=1; ax=2; x-=3":  {},
	} {
		if got := cookieValue(strings.Split(lines, "|"), "x"); got != want {
			t.Errorf("%s: %+v, want %+v", lines, got, want)
		}
	}
}

func TestAmbiguousConditions(t *testing.T) {
	t.Parallel()
	table := compile(t,
		&Route{Name: "tenant", Match: "/a", When: When{Headers: map[string]Condition{"X-Tenant": {Exact, "eu"}}}},
		&Route{Name: "beta", Match: "/a", When: When{
			Cookies: map[string]Condition{"beta": {Exact, "1"}}, Query: map[string]Condition{"v": {Present, ""}},
		}},
		&Route{Name: "all", Match: "/"},
	)
	for _, test := range []struct {
		name, path, query string
		header            http.Header
		want              string
		reason            Reason
	}{
		{"clean", "/a", "v", http.Header{"Cookie": {"beta=1"}}, "beta", ""},
		{"header twice", "/a", "", http.Header{"X-Tenant": {"eu", "us"}}, "", ReasonAmbiguousCondition},
		{"header twice, order turned", "/a", "", http.Header{"X-Tenant": {"us", "eu"}}, "", ReasonAmbiguousCondition},
		{"same header twice", "/a", "", http.Header{"X-Tenant": {"eu", "eu"}}, "tenant", ""},
		{"cookie twice", "/a", "v", http.Header{"Cookie": {"beta=1; beta=0"}}, "", ReasonAmbiguousCondition},
		{"semicolon", "/a", "a=1;v=2", http.Header{"Cookie": {"beta=1"}}, "", ReasonAmbiguousCondition},
		{"present is certain when repeated", "/a", "v=1&v=2", http.Header{"Cookie": {"beta=1"}}, "beta", ""},
		{"another condition fails", "/a", "", http.Header{"Cookie": {"beta=1; beta=0"}}, "all", ""},
		{"a stronger route holds", "/a", "a;v", http.Header{"X-Tenant": {"eu"}, "Cookie": {"beta=0"}}, "tenant", ""},
		{"nobody asks", "/b", "v=1;v=2", http.Header{"X-Tenant": {"eu", "us"}, "Cookie": {"beta=1; beta=0"}}, "all", ""},
	} {
		m := table.Match(&Request{Method: "GET", Path: test.path, RawQuery: test.query, Header: test.header})
		if m.name() != test.want || m.Reason != test.reason {
			t.Errorf("%s: %q %q, want %q %q", test.name, m.name(), m.Reason, test.want, test.reason)
		}
	}
}

// With an index as without one, a doubtful value ends the walk at the first
// route that asks for it.
func TestAmbiguousConditionsUnderAnIndex(t *testing.T) {
	t.Parallel()
	routes := make([]*Route, 0, 2*indexFrom)
	for i := range 2 * indexFrom {
		routes = append(routes, &Route{Match: "/", When: When{
			Headers: map[string]Condition{"X": {Exact, fmt.Sprint(i)}}, Cookies: map[string]Condition{"c": {Present, ""}},
		}})
	}
	table := compile(t, routes...)
	r := &Request{Method: "GET", Path: "/", Header: http.Header{"X": {"3", "4"}, "Cookie": {"c=1"}}}
	if m := table.Match(r); m.Reason != ReasonAmbiguousCondition {
		t.Errorf("%+v", m)
	}
	r.Header.Del("Cookie")
	if m := table.Match(r); m.Reason != ReasonNoRoute {
		t.Errorf("without the cookie every route fails, yet: %+v", m)
	}
}

func TestRequiredLiterals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tenant-1":              "[[tenant-1]]",
		"^tenant-(1|2)$":        "[[tenant-1 tenant-2]]",
		"^a.*-b$":               "[[a] [-b]]",
		"(?i)EU":                "[[eu]]",
		"(?i)us":                "[[us]]",
		"(?i)KIOSK-ÉTÉ-1":       "[[kiosk-ÉtÉ-1]]",
		"[KkK]s":                "[[ks]]",
		"[a-c]x":                "[[ax bx cx]]",
		"x?y":                   "[[y xy]]",
		"(ab)+c":                "[[ab] [c]]",
		"a{2,}":                 "[[a] [a]]",
		"foo.*|bar.*":           "[[bar foo]]",
		"foo.*|.":               "[]",
		".*":                    "[]",
		"a*":                    "[]",
		"^$":                    "[]",
		"[a-z]":                 "[]",
		"\ufffd":                "[]",
		"[":                     "[]",
		"[ab][cd][ef][gh][ij]k": "[[aceg aceh acfg acfh adeg adeh adfg adfh bceg bceh bcfg bcfh bdeg bdeh bdfg bdfh] [ik jk]]",
		"[ab][cd][ef][gh]x":     "[[acegx acehx acfgx acfhx adegx adehx adfgx adfhx bcegx bcehx bcfgx bcfhx bdegx bdehx bdfgx bdfhx]]",
		`\bGold\b|\bSilver\b`:   "[[gold silver]]",
	} {
		if got := fmt.Sprint(requiredLiterals(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Whatever matches an expression contains one literal of each set.
func FuzzRequiredLiterals(f *testing.F) {
	for _, seed := range [][2]string{
		{"tenant-(1|2)", "tenant-2"}, {"(?i)k[a-c]+s", "\u212aABſ"}, {"x?y*|z", "z"}, {"(a|b.)(c|d)?", "bxd"}, {"\ufffd", "\xff"}, {"(?s)a.b", "a\nb"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		re, err := regexp.Compile(expression)
		if err != nil || len(expression) > 200 || !re.MatchString(text) {
			t.Skip()
		}
		checkLiterals(t, expression, text)
	})
}

// expression is a random regular expression and a text that matches it.
func (d *dice) expression(depth int) (expression, text string) {
	if depth == 0 {
		one := pick(d, [2]string{"ks", "ks"}, [2]string{"Eu-1", "Eu-1"}, [2]string{"[a-c]", "b"}, [2]string{"[^a]", "K"},
			[2]string{"é", "é"}, [2]string{`\d`, "7"}, [2]string{".", "\xff"}, [2]string{"\ufffd", "\xfe"})
		return one[0], one[1]
	}
	a, x := d.expression(depth - 1)
	b, y := d.expression(depth - 1)
	switch d.roll(8) {
	case 0, 1, 2:
		return a + b, x + y
	case 3, 4:
		return "(?:" + a + "|" + b + ")", pick(d, x, y)
	case 5:
		return "(?:" + a + pick(d, ")*", ")?"), pick(d, "", x)
	case 6:
		return "(?:" + a + pick(d, ")+", "){1,3}"), x
	default:
		return "(?i:" + a + ")", pick(d, strings.ToUpper(x), strings.NewReplacer("k", "\u212a", "s", "\u017f").Replace(x))
	}
}

func TestRequiredLiteralsAreInEveryMatch(t *testing.T) {
	t.Parallel()
	useful := 0
	for seed := range uint64(4_000) {
		d := &dice{random: rand.New(rand.NewPCG(seed, 8))}
		expression, text := d.expression(1 + d.roll(4))
		if !regexp.MustCompile(expression).MatchString(text) {
			t.Fatalf("%q does not match %q", expression, text)
		}
		if checkLiterals(t, expression, text) > 0 {
			useful++
		}
	}
	if useful < 1600 {
		t.Errorf("only %d expressions require a literal", useful)
	}
}

// checkLiterals checks that a literal of each set is in a text that matches.
func checkLiterals(t *testing.T, expression, text string) (sets int) {
	t.Helper()
	all := requiredLiterals(expression)
	for _, set := range all {
		if !slices.ContainsFunc(set, func(literal string) bool { return strings.Contains(fold(text), literal) }) {
			t.Errorf("%q matches %q, but none of %q is in it", expression, text, set)
		}
	}
	return len(all)
}

// A search asks exactly the routes of which a literal is in the text.
func FuzzAutomaton(f *testing.F) {
	f.Add("he she his hers", "ushers")
	f.Add("a aa aaa b", "aaaa")
	f.Add("abcd bc", "abcx")
	f.Add("abc bc c cab", "abcABC")
	f.Add("kS K é ß ẞ", "KſÉẞÃ")
	f.Fuzz(func(t *testing.T, words, text string) {
		literals := strings.Fields(fold(words))
		if len(literals) > 50 {
			t.Skip()
		}
		var a automaton
		entries := make([]*Entry, len(literals))
		for i, literal := range literals {
			a.add(literal, int32(i))
			entries[i] = &Entry{tests: []test{{Condition: Condition{Kind: Present}}}} // fails
		}
		a.build()
		w := walk{table: &Table{sources: []source{{fromHeader, "X"}}}}
		for i, literal := range literals {
			entries[i].tests[0].Kind = Absent // holds
			s := search{walk: &w, entries: entries, best: len(entries)}
			s.scan(&a, text)
			if found, want := s.best == i, strings.Contains(fold(text), literal); found != want {
				t.Errorf("%q in %q: %v, want %v", literal, text, found, want)
			}
			entries[i].tests[0].Kind = Present
		}
	})
}

func TestVisitsAreCountedOncePerRound(t *testing.T) {
	t.Parallel()
	v := &visits{rounds: []uint32{0, 1 << 31}, round: 1<<32 - 2}
	for range 3 { // over the end of the numbers
		v.begin()
		for node := range int32(2) {
			if !v.first(node) || v.first(node) {
				t.Errorf("round %d: the first visit of %d is not the first, or a second one is", v.round, node)
			}
		}
	}
}
