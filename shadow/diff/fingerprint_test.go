package diff

import (
	"testing"
	"time"
)

func TestFingerprintIsThatOfWhatIsFound(t *testing.T) {
	t.Parallel()
	fingerprint := func(o Options) string {
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		return c.Fingerprint()
	}
	rule := Rule{Path: "$.at", Compare: "time", Arg: "5s", Because: "clock", Owner: "kb"}
	base := fingerprint(Options{Rules: []Rule{rule}})
	longer := rule
	longer.Until, longer.Owner = time.Unix(1, 0), "faq"
	if fingerprint(Options{Rules: []Rule{longer}}) != base {
		t.Error("another term or owner finds the same")
	}
	other := rule
	other.Arg = "6s"
	for name, o := range map[string]Options{
		"argument": {Rules: []Rule{other}},
		"no rule":  {},
		"preset":   {Rules: []Rule{rule}, Presets: []string{"drf"}},
		"header":   {Rules: []Rule{rule}, Headers: []string{"X-Total"}},
		"limit":    {Rules: []Rule{rule}, Limits: Limits{Depth: 10}},
	} {
		if fingerprint(o) == base {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
}
