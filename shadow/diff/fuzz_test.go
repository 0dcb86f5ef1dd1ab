package diff

import (
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// bodies are two of each type that is parsed.
var bodies = map[string][2]string{
	"application/json":                  {`{"a":[1,2,{"b":"x"}]}`, `{"a":[2,1,{"b":"\ud800"}]}`},
	"application/x-ndjson":              {"1\n2\n", "1\n3\n"},
	"text/xml; charset=utf-8":           {"<a xmlns:x='u' x:b='1'><c/>t</a>", "<a b='1'>t<d/></a>"},
	"text/html":                         {djangoPage, "<table><p>x<td>y"},
	"application/x-www-form-urlencoded": {"a=1&b=2", "b=2&a=%31"},
	"multipart/mixed; boundary=b":       {"--b\r\n\r\nx\r\n--b--", "--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--"},
	"text/plain; charset=utf-16":        {"a\x00b\x00", "\xff\xfea\x00"},
	"application/x-protobuf":            {"\x08\x01\x12\x03abc", "\x12\x02\x08\x01\x08\x01"},
	"application/grpc":                  {"\x00\x00\x00\x00\x02\x08\x01", "\x01\x00\x00\x00\x01\x00"},
	"image/png":                         {"a", "b"},
}

// TestAnyTypeAgainstAny compares every body under every type with every other:
// none is equal to another of another type, and all of it at once.
func TestAnyTypeAgainstAny(t *testing.T) {
	t.Parallel()
	c := comparer(t, Options{Presets: Presets()})
	for typeA, pairA := range bodies {
		for typeB, pairB := range bodies {
			t.Run(typeA+" "+typeB, func(t *testing.T) {
				t.Parallel()
				a, b := answer(typeA, pairA[0]), answer(typeB, pairB[1])
				assertMirrored(t, c, a, b)
				if got := c.Compare(a, b, now); got.Verdict != Different && typeA != typeB {
					t.Errorf("%v", found(got))
				}
				assertMirrored(t, c, encoded(t, "gzip", typeA, a.Body), b)
			})
		}
	}
}

// FuzzCompare holds any two bodies of any type against each other: comparing
// ends, an answer equals itself, and the other way round is the mirror image.
func FuzzCompare(f *testing.F) {
	for contentType, pair := range bodies {
		f.Add(contentType, "", []byte(pair[0]), []byte(pair[1]))
		f.Add(contentType, "gzip", compress(f, "gzip", []byte(pair[0])), compress(f, "gzip", []byte(pair[1])))
	}
	for _, name := range encodings {
		f.Add("application/json", name, compress(f, name, []byte(`{"a":1}`)), []byte(`{"a":1}`))
	}
	rules := []Rule{
		rule("$..t", "tolerance", "1"), rule("$..u", "unordered", ""), rule("$.k", "key", "$.id"),
		rule("$..i", "ignore", ""), rule("$..s", "same_type", ""), rule("$..r", "regexp", "a.*"),
	}
	plain := comparer(f, Options{Limits: Limits{Work: 1e6}})
	ruled := comparer(f, Options{Rules: rules, Presets: Presets(), Limits: Limits{Work: 1e6}})
	f.Fuzz(func(t *testing.T, contentType, encoding string, x, y []byte) {
		a, b := answer(contentType, string(x)), answer(contentType, string(y))
		if encoding != "" {
			a.Header.Set("Content-Encoding", encoding)
			b.Header.Set("Content-Encoding", encoding)
		}
		for _, c := range []*Comparer{plain, ruled} {
			there, back := c.Compare(a, b, now), c.Compare(b, a, now)
			if there.Reason == ParserFailed {
				t.Fatal("a parser panicked")
			}
			if there.Reason == "" {
				assertMirrored(t, c, a, b)
			}
			if there.Verdict != back.Verdict && there.Reason == "" {
				t.Fatalf("%v, and back %v", found(there), found(back))
			}
			// The same body again, read by the parsers instead of by the fast path.
			other := a
			other.Header = a.Header.Clone()
			other.Header["Grpc-Encoding"] = []string{""}
			if got := c.Compare(a, other, now); got.Total != 0 || len(got.Excuses) != 0 {
				t.Fatalf("it differs from itself: %v", found(got))
			}
		}
	})
}

// FuzzJSONOracle holds the verdict against encoding/json and math/big.
func FuzzJSONOracle(f *testing.F) {
	for _, pair := range [][2]string{
		{`{"a":[1,2.50,{"b":null}]}`, `{"a":[1.0,25e-1,{"b":null}]}`}, {`"\u00e9"`, `"é"`}, {`[1,2]`, `[2,1]`},
		{`-0`, `0`}, {`1e400`, `10e399`}, {`9007199254740993`, `9007199254740992`}, {`{"a":1,"b":2}`, `{"b":2,"a":1}`},
		{`[]`, `[[]]`}, {`"\ud83d\ude00"`, `"😀"`}, {`0.1e+2`, `10`}, {`[1,]`, `[1]`}, {"\"\x7f\"", `"\u007f"`},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	c := comparer(f, Options{})
	f.Fuzz(func(t *testing.T, x, y []byte) {
		got := c.Compare(answer("application/json", string(x)), answer("application/json", string(y)), now)
		if got.Reason != "" {
			return
		}
		a, okA := oracleValue(x)
		b, okB := oracleValue(y)
		if okA != okB && got.Verdict == Equal {
			t.Fatalf("one is no JSON: %q %q", x, y)
		}
		if !okA || !okB || big10(x) || big10(y) {
			return
		}
		// Spelled by encoding/json it is still the same.
		if again, err := json.Marshal(a); err == nil && !lossy(x) {
			if got := c.Compare(answer("application/json", string(x)), answer("application/json", string(again)), now); got.Verdict != Equal {
				t.Errorf("%q and %q are equal: %v", x, again, found(got))
			}
		}
		equal := oracleEqual(a, b)
		if got.Verdict == Equal && !equal {
			t.Errorf("%q and %q are not equal", x, y)
		}
		// The oracle does not see duplicate names and lone surrogates.
		if got.Verdict != Equal && equal && !lossy(x) && !lossy(y) {
			t.Errorf("%q and %q are equal: %v", x, y, found(got))
		}
	})
}

// big10 tells whether a body may hold an exponent that the oracle would take
// for gigabytes.
func big10(body []byte) bool {
	digits := 0
	for _, c := range body {
		if c >= '0' && c <= '9' || c == '_' {
			digits++
		} else {
			digits = 0
		}
		if digits > 3 && bytes.ContainsAny(body, "eE") {
			return true
		}
	}
	return false
}

func lossy(body []byte) bool {
	text := strings.ToLower(string(body))
	return !utf8.Valid(body) || strings.Contains(text, `\ud`) || strings.Count(text, ":") > 1 || strings.Count(text, `:`) > 0 && strings.Count(text, "{") > 1
}

func oracleValue(body []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if !utf8.Valid(body) || d.Decode(&v) != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}

func oracleEqual(a, b any) bool {
	return cmp.Equal(a, b, cmp.Comparer(func(x, y json.Number) bool {
		p, okP := new(big.Rat).SetString(x.String())
		q, okQ := new(big.Rat).SetString(y.String())
		return okP && okQ && p.Cmp(q) == 0
	}))
}

// FuzzPath holds the parser of rule paths: it ends, and what it takes it can
// apply.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"$", "$.a[0]..b.*", "$['a\\'b']", "$..input[?@.@name=='x'].@value", `$[?@["a b"]=="c"]`, "header.Set-Cookie.a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		c, err := New(Options{Rules: []Rule{rule(path, "ignore", "")}})
		if err != nil {
			return
		}
		a, b := answer("application/json", `{"a":[{"b":1}]}`), answer("application/json", `{"a":[{"b":2}]}`)
		if got := c.Compare(a, b, now); got.Verdict != Different && got.Verdict != EqualByRule {
			t.Errorf("%+v", got)
		}
	})
}
