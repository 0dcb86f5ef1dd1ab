package flags

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/strangler-proxy/strangler/routes"
)

// The edges of flagd's testbed (github.com/open-feature/flagd-testbed,
// gherkin/targeting.feature, "Fractional operator hash edge cases"), by the
// evaluator that answers here: their hashes are 00000000, 00000001, 7fffffff,
// 80000000 and ffffffff, so halves meet between the third and the fourth.
func TestPublishedFractionalVectors(t *testing.T) {
	t.Parallel()
	e := start(t, Options{Sources: []Source{FlagdFile(flagFile(t, `{"flags": {"half": {"state": "ENABLED",
		"variants": {"lower": true, "upper": false}, "defaultVariant": "upper",
		"targeting": {"fractional": [{"var": "targetingKey"}, ["lower", 50], ["upper", 50]]}}}}`))}})
	for key, lower := range map[string]bool{"ejOoVL": true, "bY9fO-": true, "SI7p-": true, "6LvT0": false, "ceQdGm": false} {
		if a := decide(t, e, "half", key); a.Err != "" || a.Value != lower || a.Reason != "TARGETING_MATCH" {
			t.Errorf("%s: %+v", key, a)
		}
	}
}

// A flag with the rule that routes.Bucket names sends the same people to the
// service as a percentage does.
func TestOurBucketsAreFlagds(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, share := range []routes.PPM{1, 10_000, 250_000, 333_333, 500_000, 999_999} {
		salt := fmt.Sprintf("%08x", random.Uint32())
		e := start(t, Options{Sources: []Source{FlagdFile(flagFile(t, fmt.Sprintf(`{"flags": {"tickets": {"state": "ENABLED",
			"variants": {"service": true, "monolith": false}, "defaultVariant": "monolith",
			"targeting": {"fractional": [{"cat": [%q, {"var": "targetingKey"}]}, ["service", %d], ["monolith", %d]]}}}}`,
			salt, share, routes.One-share)))}})
		services := 0
		for i := range 3000 {
			key := fmt.Sprintf("user-%d-%x", i, random.Uint64())
			if i < 5 { // the salt may end anywhere in a block of the hash
				key = key[:i+1]
			}
			want := routes.Bucket(salt, key) < share
			if a := decide(t, e, "tickets", key); a.Err != "" || a.Value != want {
				t.Fatalf("%d ppm, salt %s, key %s: %+v, want %v", share, salt, key, a, want)
			}
			if want {
				services++
			}
		}
		t.Logf("%d ppm: %d of 3000 on the service", share, services)
	}
}
