package diff

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func answer(contentType, body string) Answer {
	return Answer{Status: 200, Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body)}
}

func comparer(tb testing.TB, o Options) *Comparer {
	tb.Helper()
	c, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func rule(path, compare, arg string) Rule {
	return Rule{Path: path, Compare: compare, Arg: arg, Because: "test", Owner: "kb"}
}

// found is a result as one text: the verdict, and each difference.
func found(r Result) []string {
	out := append(make([]string, 0, 1+len(r.Differences)), string(r.Verdict))
	if r.Reason != "" {
		out[0] += " " + string(r.Reason)
	}
	for _, d := range r.Differences {
		out = append(out, d.Path+" "+string(d.Kind)+" "+d.Monolith.Text+"|"+d.Service.Text)
	}
	return out
}

type comparison struct {
	name, a, b string
	want       string // differences, separated by ;
	rules      []Rule
}

func runComparisons(t *testing.T, contentType string, tests []comparison) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := comparer(t, Options{Rules: test.rules})
			got := strings.Join(found(c.Compare(answer(contentType, test.a), answer(contentType, test.b), now)), "; ")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			assertMirrored(t, c, answer(contentType, test.a), answer(contentType, test.b))
		})
	}
}

// assertMirrored holds both directions of a comparison against each other.
func assertMirrored(t *testing.T, c *Comparer, a, b Answer) {
	t.Helper()
	there, back := c.Compare(a, b, now), c.Compare(b, a, now)
	for i := range back.Differences {
		d := &back.Differences[i]
		d.Monolith, d.Service = d.Service, d.Monolith
		switch d.Kind {
		case Missing:
			d.Kind = Extra
		case Extra:
			d.Kind = Missing
		}
		d.Signature, d.Place = turned(t, d.Signature, d.Kind), turned(t, d.Place, d.Kind)
	}
	there.Format, back.Format = "", "" // that of the monolith's answer
	if diff := cmp.Diff(there, back); diff != "" {
		t.Errorf("the other way round it is not the same (-there +back):\n%s", diff)
	}
}

// turned is a signature or place as the comparison the other way round has it.
func turned(t *testing.T, name string, k Kind) string {
	t.Helper()
	left, right, ok := strings.Cut(name[strings.LastIndexByte(name, ' ')+1:], "→")
	if !ok {
		t.Fatalf("%q has no types", name)
	}
	at := strings.TrimSuffix(strings.TrimSuffix(name, left+"→"+right), " ")
	return at[:strings.LastIndexByte(at, ' ')+1] + string(k) + " " + right + "→" + left
}

func TestJSONIsComparedByValue(t *testing.T) {
	t.Parallel()
	runComparisons(t, "application/json", []comparison{
		{"key order and space", `{"a":1,"b":[true,null]}`, "{ \"b\" : [true, null],\n \"a\" : 1 }", "equal", nil},
		{"spellings of a number", `[1,100,1e2,0.10,-0,12e-1]`, `[1.0,1e2,100.00,1E-1,0,1.2]`, "equal", nil},
		{"big integers", `9007199254740993`, `9007199254740992`, "different; $ value 9007199254740993|9007199254740992", nil},
		{"big decimals", `0.12345678901234567890123`, `0.12345678901234567890124`, "different; $ value 0.12345678901234567890123|0.12345678901234567890124", nil},
		{"huge exponents", `1e999999999`, `10e999999998`, "equal", nil},
		{"exponents beyond any", `1e99999999999999999999`, `10e99999999999999999998`, "different; $ value 1e99999999999999999999|10e99999999999999999998", nil},
		{"escapes", `["\u00e9\n\/\ud83d\ude00"]`, "[\"é\\u000a/😀\"]", "equal", nil},
		{"lone surrogates", `["\ud800"]`, `["\ud801"]`, "different; $[0] value \uFFFD|\uFFFD", nil},
		{"a lone surrogate is no replacement character", `["\udc00"]`, `["\ufffd"]`, "different; $[0] value \uFFFD|\uFFFD", nil},
		{"number and string", `{"n":12}`, `{"n":"12"}`, "different; $.n type 12|12", nil},
		{"null and absent", `{"n":null}`, `{}`, "different; $.n missing null|", nil},
		{"extra", `{"a":1}`, `{"a":1,"z":{"x":"secret"}}`, "different; $.z extra |", nil},
		{"duplicate names", `{"a":1,"a":2}`, `{"a":2}`, "different; $.a value 1|2; $.a missing 2|", nil},
		{"duplicate names in another order", `{"a":1,"a":2}`, `{"a":2,"a":1}`, "different; $.a value 1|2; $.a value 2|1", nil},
		{"nested panic of others", `{"a":[{"b":[1,{"c":2}]}]}`, `{"a":[{"b":[1,{"c":3}]}]}`, "different; $.a[0].b[1].c value 2|3", nil},
		{"another order is one difference", `[1,2,3,{"a":[1]}]`, `[{"a":[1.0]},3,1,2]`, "different; $ order |", nil},
		{"another order deep inside", `{"a":[[1,2],[3,4]]}`, `{"a":[[4,3],[1,2]]}`, "different; $.a[0][0] value 1|4; $.a[0][1] value 2|3; $.a[1][0] value 3|1; $.a[1][1] value 4|2", nil},
		{"one more at the front", `[{"id":1},{"id":2}]`, `[{"id":0},{"id":1},{"id":2}]`, "different; $ length |", nil},
		{"one less and one changed", `[1,2,3,4]`, `[1,9,4]`, "different; $ length |; $[1] value 2|9", nil},
		{"odd names", `{"a b":1,"x'y":1}`, `{"a b":2,"x'y":2}`, `different; $['a b'] value 1|2; $['x\'y'] value 1|2`, nil},
		{"one is malformed", `{"a":1}`, `{"a":1`, "different; $ type |", nil},
		{"both are malformed", `{"a":1`, `{"a":2`, "different; $ value |", nil},
		{"an empty body is no JSON", ``, `{}`, "different; $ type |", nil},
		{"bad UTF-8 is no JSON", "\"\xff\"", `"x"`, "different; $ type |", nil},
		{"a number as text with a word", `"12 Main St"`, `12`, "different; $ type 12 Main St|12", nil},
	})
}

func TestRulesExcuse(t *testing.T) {
	t.Parallel()
	runComparisons(t, "application/json", []comparison{
		{"ignore", `{"served_at":1,"a":{"x":1}}`, `{"served_at":2,"a":{"y":1}}`, "equal_by_rule", []Rule{rule("$.served_at", "ignore", ""), rule("$.a", "ignore", "")}},
		{"ignore what is absent", `{"served_at":1}`, `{}`, "equal_by_rule", []Rule{rule("$.served_at", "ignore", "")}},
		{"ignore elsewhere", `{"b":1}`, `{"b":2}`, "different; $.b value 1|2", []Rule{rule("$.served_at", "ignore", "")}},
		{"ignore at any depth", `{"l":[{"t":1},{"m":{"t":1}}]}`, `{"l":[{"t":2},{"m":{"t":2}}]}`, "equal_by_rule", []Rule{rule("$..t", "ignore", "")}},
		{"wildcard", `{"l":[{"t":1,"v":1}]}`, `{"l":[{"t":2,"v":2}]}`, "different; $.l[0].v value 1|2", []Rule{rule("$.l[*].t", "ignore", "")}},
		{"index", `[1,1]`, `[2,2]`, "different; $[0] value 1|2", []Rule{rule("$[1]", "ignore", "")}},
		{"filter", `[{"n":"a","v":1},{"n":"b","v":1}]`, `[{"n":"a","v":2},{"n":"b","v":2}]`, "different; $[1].v value 1|2", []Rule{rule("$[?@.n=='a'].v", "ignore", "")}},
		{"tolerance", `[1.005,1]`, `[1.01,1.02]`, "different; $[1] value 1|1.02", []Rule{rule("$[*]", "tolerance", "0.01")}},
		{"tolerance is exact", `[0.3]`, `[0.4]`, "equal_by_rule", []Rule{rule("$[*]", "tolerance", "0.1")}},
		{"time", `"2026-01-01T00:00:00Z"`, `"2026-01-01 02:00:04.5+02:00"`, "equal_by_rule", []Rule{rule("$", "time", "5s")}},
		{"time too far", `"2026-01-01T00:00:00Z"`, `"2026-01-01T00:00:06Z"`, "different; $ value 2026-01-01T00:00:00Z|2026-01-01T00:00:06Z", []Rule{rule("$", "time", "5s")}},
		{"a time without a zone is no instant", `"2026-01-01T00:00:00Z"`, `"2026-01-01T00:00:00"`, "different; $ value 2026-01-01T00:00:00Z|2026-01-01T00:00:00", []Rule{rule("$", "time", "5s")}},
		{"uuid", `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, `"7BA7B8109DAD11D180B400C04FD430C8"`, "equal_by_rule", []Rule{rule("$", "uuid", "")}},
		{"uuid and none", `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, `""`, "different; $ value 6ba7b810-9dad-11d1-80b4-00c04fd430c8|", []Rule{rule("$", "uuid", "")}},
		{"regexp matches whole", `["r-1","r-1"]`, `["r-22","r-2x"]`, "different; $[1] value r-1|r-2x", []Rule{rule("$[*]", "regexp", "r-[0-9]+")}},
		{"same type", `{"a":1,"b":{"x":1},"c":1}`, `{"a":2,"b":{"y":[]},"c":"1"}`, "different; $.c type 1|1", []Rule{rule("$.*", "same_type", "")}},
		{"url host", `{"next":"http://a/x?p=2"}`, `{"next":"https://b:8000/x?p=2"}`, "equal_by_rule", []Rule{rule("$.next", "url_host", "")}},
		{"number as string", `{"p":"12.50"}`, `{"p":12.5}`, "equal_by_rule", []Rule{rule("$.p", "number_as_string", "")}},
		{"two strings are not numbers", `{"v":"1.10"}`, `{"v":"1.1"}`, "different; $.v value 1.10|1.1", []Rule{rule("$.v", "number_as_string", "")}},
		{"unordered", `{"l":[1,2,2]}`, `{"l":[2,1,2]}`, "equal_by_rule", []Rule{rule("$.l", "unordered", "")}},
		{"unordered counts", `{"l":[1,2,2]}`, `{"l":[2,1,1]}`, "different; $.l[2] value 2|1", []Rule{rule("$.l", "unordered", "")}},
		{"unordered with ignored parts", `[{"id":9,"v":"a"},{"id":8,"v":"b"}]`, `[{"id":1,"v":"b"},{"id":2,"v":"a"}]`, "equal_by_rule", []Rule{rule("$", "unordered", ""), rule("$[*].id", "ignore", "")}},
		{"unordered in unordered", `[[1,2],[3,4]]`, `[[4,3],[2,1]]`, "equal_by_rule", []Rule{rule("$", "unordered", ""), rule("$[*]", "unordered", "")}},
		{"unordered with one more", `[3,1]`, `[1,2,3]`, "different; $[1] extra |2", []Rule{rule("$", "unordered", "")}},
		{"key", `[{"id":1,"v":1},{"id":2,"v":1}]`, `[{"id":2.0,"v":1},{"id":1,"v":7},{"id":3}]`, "different; $[0].v value 1|7; $[2] extra |", []Rule{rule("$", "key", "$.id")}},
		{"ignored reordering", `[1,2]`, `[2,1]`, "equal_by_rule", []Rule{rule("$", "ignore", "")}},
	})
}

func TestExpiredRuleDoesNotApply(t *testing.T) {
	t.Parallel()
	r := rule("$.a", "ignore", "")
	r.Until = now
	c := comparer(t, Options{Rules: []Rule{r}})
	got := c.Compare(answer("application/json", `{"a":1}`), answer("application/json", `{"a":2}`), now)
	if got.Verdict != Different || got.Differences[0].Lapsed == nil || got.Differences[0].Lapsed.Path != "$.a" {
		t.Errorf("%+v", got)
	}
	if expired := c.Expired(now); len(expired) != 1 || len(c.Expired(now.Add(-time.Second))) != 0 {
		t.Errorf("expired: %v", expired)
	}
	got = c.Compare(answer("application/json", `{"a":1}`), answer("application/json", `{"a":2}`), now.Add(-time.Second))
	if rules := c.Rules(); len(rules) != 1 || rules[0] != got.Excuses[0].Rule {
		t.Errorf("the excuse points to no rule: %v", rules)
	}
	if got.Verdict != EqualByRule || len(got.Excuses) != 1 || got.Excuses[0].Count != 1 {
		t.Errorf("before it expired: %+v", got)
	}
}

func TestBadRulesAreRefused(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Rule{
		`begins with "served_at"`: rule("served_at", "ignore", ""),
		"is no comparator":        rule("$.a", "ignroe", ""),
		"because and owner":       {Path: "$.a", Compare: "ignore"},
		"no tolerance":            rule("$.a", "tolerance", "-1"),
		"no duration":             rule("$.a", "time", "5"),
		"takes no argument":       rule("$.a", "ignore", "x"),
		"names alone":             rule("$.a", "key", "$[0]"),
		"missing closing":         rule("$.a", "regexp", "("),
		"] is missing":            rule("$.a[0", "ignore", ""),
		"a name is missing":       rule("$.a.", "ignore", ""),
		"the quote is not closed": rule("$['a", "ignore", ""),
		"a filter is written":     rule("$[?@.a]", "ignore", ""),
		"is too long":             rule("$..a..b..c", "ignore", ""),
		"inside the brackets":     rule("$[x]", "ignore", ""),
	} {
		if _, err := New(Options{Rules: []Rule{r}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", r, err, want)
		}
	}
	if _, err := New(Options{Presets: []string{"rails"}}); err == nil || !strings.Contains(err.Error(), "[django drf]") {
		t.Error(err)
	}
}

func TestSignaturesClusterDifferences(t *testing.T) {
	t.Parallel()
	c := comparer(t, Options{})
	got := c.Compare(
		answer("application/json", `{"items":[{"price":1,"by":{"ann@example.com":1}},{"price":2}],"9":{"a":1}}`),
		answer("application/json", `{"items":[{"price":"1","by":{"ann@example.com":2}},{"price":"2"}],"9":{"a":null}}`), now)
	signatures := make([]string, 0, len(got.Differences))
	for _, d := range got.Differences {
		signatures = append(signatures, d.Signature)
	}
	want := []string{
		"$.items[*].price type number→string", "$.items[*].by.* value number→number",
		"$.items[*].price type number→string", "$.*.a type number→null",
	}
	slices.Sort(signatures)
	slices.Sort(want)
	if diff := cmp.Diff(want, signatures); diff != "" {
		t.Error(diff)
	}
}

func TestStatusClassOutranksAll(t *testing.T) {
	t.Parallel()
	c := comparer(t, Options{})
	a, b := answer("application/json", `{"a":1}`), answer("text/html", `<p>error`)
	b.Status = 500
	got := c.Compare(a, b, now)
	if len(got.Differences) != 1 || got.Differences[0].Signature != "status value 200→500" {
		t.Errorf("%+v", got)
	}
	ruled := comparer(t, Options{Rules: []Rule{rule("status", "ignore", "")}})
	if got := ruled.Compare(a, b, now); got.Total != 2 {
		t.Errorf("with the status excused the rest counts: %+v", got)
	}
	b = answer("application/json", `{"a":2}`)
	b.Status = 201
	if got := c.Compare(a, b, now); got.Total != 2 {
		t.Errorf("within a class the rest counts too: %+v", got)
	}
}

func TestValuesAreRedactable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	c := comparer(t, Options{})
	got := c.Compare(answer("application/json", `"`+long+`a"`), answer("application/json", `"`+long+`b"`), now).Differences[0]
	if len(got.Monolith.Text) != 200 || got.Monolith.Size != 5001 || got.Monolith.Digest == got.Service.Digest {
		t.Errorf("%+v", got)
	}
	key := []byte("k")
	if m := got.Monolith.Redacted(key); strings.Contains(m, "xx") || m == got.Service.Redacted(key) || m != got.Monolith.Redacted(key) || m == got.Monolith.Redacted([]byte("l")) {
		t.Error(m)
	}
}
