package routes

import (
	"fmt"
	"math"
	"strconv"
	"testing"
)

func TestMurmur3KnownHashes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint32{
		// The edges, from flagd's testbed (github.com/open-feature/flagd-testbed,
		// gherkin/targeting.feature, "Fractional operator hash edge cases").
		"ejOoVL": 0, "bY9fO-": 1, "SI7p-": 0x7fffffff, "6LvT0": 0x80000000, "ceQdGm": 0xffffffff,
		// From the tests of github.com/spaolacci/murmur3.
		"": 0, "hello": 0x248bfa47, "hello, world": 0x149bbb7f,
		"19 Jan 2038 at 3:14:07 AM": 0xe31e8a70, "The quick brown fox jumps over the lazy dog.": 0xd5c48bfc,
	} {
		for cut := range len(text) + 1 { // wherever the salt ends
			if got := murmur3(text[:cut], text[cut:]); got != want {
				t.Errorf("%q + %q: %#x, want %#x", text[:cut], text[cut:], got, want)
			}
		}
	}
}

// The examples tagged fractional-v2 in flagd's testbed (gherkin/targeting.feature
// with flags/custom-ops.json): four variants of weight 25, or two of 50.
func TestBucketsAreThoseOfFlagd(t *testing.T) {
	t.Parallel()
	suits := []string{"clubs", "diamonds", "hearts", "spades"}
	for _, test := range []struct {
		salt, key string
		variants  []string
		want      string
	}{
		{"fractional-flag", "jack", suits, "hearts"},
		{"fractional-flag", "queen", suits, "spades"},
		{"fractional-flag", "ten", suits, "clubs"},
		{"fractional-flag", "nine", suits, "diamonds"},
		{"fractional-flag", "3", suits, "clubs"},
		{"shared-seed", "seven", suits, "hearts"},
		{"shared-seed", "eight", suits, "diamonds"},
		{"shared-seed", "nine", suits, "clubs"},
		{"shared-seed", "two", suits, "spades"},
		{"fractional-flag-shorthand", "jon@company.com", []string{"heads", "tails"}, "heads"},
		{"fractional-flag-shorthand", "jane@company.com", []string{"heads", "tails"}, "tails"},
		{"", "ejOoVL", []string{"lower", "upper"}, "lower"},
		{"", "bY9fO-", []string{"lower", "upper"}, "lower"},
		{"", "SI7p-", []string{"lower", "upper"}, "lower"},
		{"", "6LvT0", []string{"lower", "upper"}, "upper"},
		{"", "ceQdGm", []string{"lower", "upper"}, "upper"},
	} {
		bucket := Bucket(test.salt, test.key)
		if got := test.variants[int(bucket)*len(test.variants)/int(One)]; got != test.want {
			t.Errorf("%s + %s: bucket %d is %s, want %s", test.salt, test.key, bucket, got, test.want)
		}
	}
	for key, want := range map[string]PPM{"jon@company.com": 36, "user1": 76} { // "bv(100)" in the same file
		if got := Bucket("", key) / (One / 100); got != want {
			t.Errorf("%s: %d of 100, want %d", key, got, want)
		}
	}
	for key, want := range map[string]PPM{"ejOoVL": 0, "bY9fO-": 0, "SI7p-": 499_999, "6LvT0": 500_000, "ceQdGm": 999_999} {
		if got := Bucket("", key); got != want {
			t.Errorf("%s: bucket %d, want %d", key, got, want)
		}
	}
}

const people = 50_000

// in counts the sequential IDs for which every share of every salt is a yes.
func in(shares map[string]PPM) int {
	count := 0
	for id := range people {
		all := 1
		for salt, share := range shares {
			if Bucket(salt, strconv.Itoa(id)) >= share {
				all = 0
			}
		}
		count += all
	}
	return count
}

// checkShare holds a count against a binomial distribution, at 4.5 standard
// deviations: a good hash fails one of 150,000 such checks. The salts are
// fixed, so the outcome is, too.
func checkShare(t *testing.T, what string, count int, share float64) {
	t.Helper()
	want := people * share
	if bound := 4.5 * math.Sqrt(want*(1-share)); math.Abs(float64(count)-want) > bound {
		t.Errorf("%s: %d of %d, want %.0f ± %.0f", what, count, people, want, bound)
	}
}

func TestShareOverSequentialIDs(t *testing.T) {
	t.Parallel()
	for _, salt := range []string{"faq-read", "5d41402abc4b2a76", "x"} {
		for _, share := range []PPM{100, 1_000, 10_000, 50_000, 250_000, 333_333, 500_000, 900_000, 999_000} {
			checkShare(t, fmt.Sprintf("%s at %d ppm", salt, share), in(map[string]PPM{salt: share}), float64(share)/1e6)
		}
		if in(map[string]PPM{salt: 0}) != 0 || in(map[string]PPM{salt: One}) != people {
			t.Errorf("%s: 0 is not nobody, or 100 %% not everybody", salt)
		}
	}
}

func TestRoutesAreIndependent(t *testing.T) {
	t.Parallel()
	checkShare(t, "10 % and 10 %", in(map[string]PPM{"cart": 100_000, "search": 100_000}), 0.01)
	checkShare(t, "50 % and 50 %", in(map[string]PPM{"cart": 500_000, "search": 500_000}), 0.25)
	checkShare(t, "route-1 and route-2", in(map[string]PPM{"route-1": 100_000, "route-2": 100_000}), 0.01)
}

func TestRaisingMovesNobodyBack(t *testing.T) {
	t.Parallel()
	table := compile(t, &Route{Match: "/", Service: "s"})
	steps := []PPM{0, 1, 10_000, 10_001, 50_000, 250_000, 500_000, 999_999, One}
	for id := range 20_000 {
		before := Monolith
		for _, share := range steps {
			arm := decide(table.Routes()[0], State{Known: true, Share: share, Salt: "s"}, strconv.Itoa(id)).Arm
			if before == Service && arm == Monolith {
				t.Fatalf("id %d goes back at %d ppm", id, share)
			}
			before = arm
		}
		if before != Service {
			t.Fatalf("id %d is not on the service at 100 %%", id)
		}
	}
}

func TestCohortMovesTogether(t *testing.T) {
	t.Parallel()
	table := compile(t, &Route{Match: "/cart/", Service: "s", Cohort: "shop"}, &Route{Match: "/checkout/", Service: "s", Cohort: "shop"})
	state := State{Known: true, Share: 300_000, Salt: "the cohort's"}
	for id := range 1000 {
		cart, checkout := decide(table.Routes()[0], state, strconv.Itoa(id)), decide(table.Routes()[1], state, strconv.Itoa(id))
		if cart.Arm != checkout.Arm || cart.Bucket != checkout.Bucket {
			t.Fatalf("id %d: %+v and %+v", id, cart, checkout)
		}
	}
}
