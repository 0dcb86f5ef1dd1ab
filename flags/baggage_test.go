package flags

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/baggage"
)

func TestCleanBaggage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want []string }{
		{in: nil, want: nil},
		{in: []string{"a=1, b=2;p=3"}, want: []string{"a=1, b=2;p=3"}},
		{in: []string{"strangler.flag.x=true"}, want: nil},
		{in: []string{"a=1 , strangler.flag.x=true ,b=%20"}, want: []string{"a=1 ,b=%20"}},
		{in: []string{"strangler.flag.x=true,a=1", "b=2,STRANGLER.FLAG.y=true"}, want: []string{"a=1", "b=2"}},
		{in: []string{"\tstrangler.flag.x =true;p=1"}, want: nil},
		{in: []string{"%73trangler.flag.x=true,strangle=1,stranglers.x=2"}, want: []string{"strangle=1,stranglers.x=2"}},
		{in: []string{"strangler.flag.x", "strangler.;p"}, want: nil},
		{in: []string{",,a=1,,"}, want: []string{",,a=1,,"}}, // not ours to mend
	} {
		h := http.Header{}
		if test.in != nil {
			h[BaggageHeader] = slices.Clone(test.in)
		}
		CleanBaggage(h)
		if diff := cmp.Diff(test.want, h[BaggageHeader]); diff != "" {
			t.Errorf("%q: %s", test.in, diff)
		}
	}
}

// add puts decisions into a header.
func add(h http.Header, decisions []Carried) (dropped int) {
	h[BaggageHeader], dropped = Baggage(h[BaggageHeader], decisions)
	return dropped
}

func TestBaggage(t *testing.T) {
	t.Parallel()
	h := http.Header{BaggageHeader: {"a=1"}}
	before := h[BaggageHeader]
	if n := add(h, []Carried{{"tickets-service", true}, {"a flag, with/ö%", false}}); n != 0 {
		t.Errorf("%d dropped", n)
	}
	want := []string{"a=1", "strangler.flag.tickets-service=true,strangler.flag.a%20flag%2C%20with%2F%C3%B6%25=false"}
	if diff := cmp.Diff(want, h[BaggageHeader]); diff != "" {
		t.Error(diff)
	}
	if len(before) != 1 {
		t.Error("the header that was given has changed")
	}
	if diff := cmp.Diff([]Carried{{"tickets-service", true}, {"a flag, with/ö%", false}}, ReadBaggage(h)); diff != "" {
		t.Error(diff)
	}
	// Another's reader takes it, too.
	parsed, err := baggage.Parse(strings.Join(h[BaggageHeader], ","))
	if err != nil || parsed.Member("strangler.flag.tickets-service").Value() != "true" || parsed.Len() != 3 {
		t.Errorf("%v: %v", parsed, err)
	}
}

func TestBaggageLimits(t *testing.T) {
	t.Parallel()
	many := make([]Carried, 100)
	for i := range many {
		many[i] = Carried{Flag: fmt.Sprint("flag-", i), Value: true}
	}
	h := http.Header{BaggageHeader: {"a=1,b=2", "c=3"}}
	if n := add(h, many); n != 39 {
		t.Errorf("%d dropped, want 100 - (64 - 3)", n)
	}
	h = http.Header{BaggageHeader: {"a=" + strings.Repeat("x", 8000)}}
	dropped := add(h, many)
	if all := strings.Join(h[BaggageHeader], ","); len(all) > 8192 || len(all) < 8192-30 || dropped == 0 {
		t.Errorf("%d bytes, %d dropped", len(all), dropped)
	}
	h = http.Header{BaggageHeader: {strings.Repeat("x", 10_000)}}
	if n := add(h, many); n != 100 || len(h[BaggageHeader]) != 1 {
		t.Errorf("a client's that is too large: %d dropped, %d lines", n, len(h[BaggageHeader]))
	}
}

func TestBaggageRoundTrip(t *testing.T) {
	t.Parallel()
	err := quick.Check(func(flag string, value bool) bool {
		h := http.Header{}
		add(h, []Carried{{flag, value}})
		return slices.Equal(ReadBaggage(h), []Carried{{flag, value}})
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

// Whatever a client sends: nothing that a reader takes for ours is left, and all
// that a reader takes for the client's is.
func FuzzBaggage(f *testing.F) {
	for _, seed := range []string{"", "a=1", "strangler.flag.x=true,a=1;b", " a = 1 , STRANGLER.x", "%73trangler.flag.x=true", ",,=,;,%", "a=1,\"strangler.flag.x=true\""} {
		f.Add(seed, "strangler.flag.y=true", "flag")
	}
	f.Fuzz(func(t *testing.T, first, second, flag string) {
		h := http.Header{BaggageHeader: {first, second}}
		before := members(h)
		CleanBaggage(h)
		if left := ReadBaggage(h); len(left) != 0 {
			t.Fatalf("%q, %q: left %v", first, second, left)
		}
		for key, value := range before {
			ours := strings.HasPrefix(strings.ToLower(strings.TrimSpace(unescape(key))), "strangler.")
			if got, there := members(h)[key]; !ours && (!there || got != value) {
				t.Fatalf("%q, %q: lost %s", first, second, key)
			} else if ours && there {
				t.Fatalf("%q, %q: kept %s", first, second, key)
			}
		}
		size := len(strings.Join(h[BaggageHeader], ","))
		if add(h, []Carried{{flag, true}}) == 0 {
			if got := ReadBaggage(h); len(got) != 1 || got[0] != (Carried{flag, true}) {
				t.Fatalf("%q: %v", flag, got)
			}
		}
		if after := len(strings.Join(h[BaggageHeader], ",")); after > max(size, maxBaggage) {
			t.Fatalf("%d bytes", after)
		}
	})
}

// members are what OpenTelemetry's reader finds, line by line.
func members(h http.Header) map[string]string {
	found := map[string]string{}
	for _, line := range h[BaggageHeader] {
		for member := range strings.SplitSeq(line, ",") {
			if parsed, err := baggage.Parse(member); err == nil {
				for _, m := range parsed.Members() {
					found[m.Key()] = m.Value()
				}
			}
		}
	}
	return found
}
