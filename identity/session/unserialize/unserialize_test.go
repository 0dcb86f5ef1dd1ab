package unserialize_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/identity/session/unserialize"
	"github.com/strangler-proxy/strangler/identity/session/unserialize/unserializetest"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data string
		want error
	}{
		"deep":         {strings.Repeat("a:1:{i:0;", 65) + "N;" + strings.Repeat("}", 65), unserialize.ErrLimit},
		"deep objects": {strings.Repeat(`O:1:"x":1:{i:0;`, 65) + "N;" + strings.Repeat("}", 65), unserialize.ErrLimit},
		"not too deep": {strings.Repeat("a:1:{i:0;", 64) + "N;" + strings.Repeat("}", 64), nil},
		"large":        {`s:1048576:"` + strings.Repeat("a", 1<<20) + `";`, unserialize.ErrLimit},
		"many":         {"a:60000:{" + strings.Repeat("i:0;N;", 60_000) + "}", unserialize.ErrLimit},
		"promised":     {"a:200000:{" + strings.Repeat("i:0;N;", 70_000) + "}", unserialize.ErrLimit},
		"not too many": {"a:49000:{" + strings.Repeat("i:0;N;", 49_000) + "}", nil},
		"hidden":       {`a:2:{i:0;C:1:"x":2:{ab}i:1;R:3;}`, unserialize.ErrUnsupported},
		"before it":    {`a:3:{i:0;i:7;i:1;C:1:"x":2:{ab}i:2;R:2;}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if v, _, err := unserialize.Decode(test.data); !errors.Is(err, test.want) || (err != nil) != (test.want != nil) {
				t.Errorf("%v, %v; want %v", v, err, test.want)
			}
		})
	}
}

func decode(t *testing.T, data string) any {
	t.Helper()
	v, _, err := unserialize.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLookup(t *testing.T) {
	t.Parallel()
	v := decode(t, `a:4:{s:4:"auth";a:2:{s:2:"id";i:42;i:7;s:1:"x";}s:1:"o";O:1:"x":1:{s:2:"id";i:1;}s:1:"n";N;s:1:"t";s:1:"a";}`)
	for path, want := range map[string]string{
		"auth.id": "42 true", "auth.7": "x true", "auth.8": "<nil> false", "none": "<nil> false", "n": "<nil> true",
		"o": "{} true", "o.id": "{} true", "t.a": "<nil> false", "n.a": "<nil> false",
	} {
		found, ok := unserialize.Lookup(v, strings.Split(path, "."))
		if got := fmt.Sprintf("%v %v", found, ok); got != want {
			t.Errorf("%s: %s; want %s", path, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]any{
		`a:2:{i:0;i:5;i:1;a:1:{s:1:"k";N;}}`: []any{int64(5), map[string]any{"k": nil}},
		`a:1:{i:1;b:1;}`:                     map[string]any{"1": true},
		`a:0:{}`:                             []any{},
		`d:NAN;`:                             nil,
		"s:1:\"\xff\";":                      nil,
		`a:1:{i:0;O:1:"x":0:{}}`:             nil,
		`a:1:{i:0;R:1;}`:                     nil, // holds itself
		// 40 levels of two that are the same: little to read, endless to write.
		"a:2:{i:0;" + strings.Repeat("a:2:{i:0;", 39) + "N;" + references(40): nil,
	} {
		got, ok := unserialize.Plain(decode(t, data))
		if ok != (want != nil) || ok && !reflect.DeepEqual(got, want) {
			t.Errorf("%.60s: %#v, %v", data, got, ok)
		}
	}
}

// references closes so many arrays, each of which has its first value twice.
func references(count int) string {
	var out strings.Builder
	for level := count; level > 0; level-- {
		fmt.Fprintf(&out, "i:1;R:%d;}", level+1)
	}
	return out.String()
}

const typical = `a:5:{s:6:"_token";s:40:"8vDyRwtVBbkMlcgWSJhfVQnYpGdMkeyAvLxwTJ0a";s:9:"_previous";a:1:{s:3:"url";s:24:"http://localhost/account";}` +
	`s:6:"_flash";a:2:{s:3:"old";a:0:{}s:3:"new";a:0:{}}s:50:"login_web_59ba36addc2b2f9401580f014c7f58ea4e30989d";i:42;` +
	`s:4:"cart";a:2:{i:0;a:2:{s:3:"sku";s:4:"A-17";s:3:"qty";i:2;}i:1;a:2:{s:3:"sku";s:4:"B-03";s:3:"qty";i:1;}}}`

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := unserialize.Decode(typical); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		typical, `a:2:{s:1:"5";a:1:{i:0;i:7;}i:5;R:3;}`, `O:8:"stdClass":1:{s:1:"a";r:1;}`, `C:11:"ArrayObject":2:{x:}`, `E:11:"Suit:Hearts";`,
		`a:3:{i:0;d:-1.5e+3;i:1;S:2:"a\62";i:2;d:INF;}`, `a:1:{i:0;R:1;}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		v, rest, err := unserialize.Decode(data)
		if err != nil {
			if v != nil {
				t.Error("a value and an error")
			}
			return
		}
		if !strings.HasSuffix(data, rest) || len(rest) == len(data) {
			t.Errorf("the rest %q", rest)
		}
		unserializetest.Notation(v)
		unserialize.Plain(v)
	})
}
