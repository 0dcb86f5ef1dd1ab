package cli

import (
	"testing"

	"github.com/strangler-proxy/strangler/shadow/report"
)

func TestToGoSaysWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]report.Verdict{
		"":                        {State: report.Failing, Needed: 117_971, NeededPairs: 5},
		"672 more pairs":          {State: report.NotYet, NeededPairs: 672},
		"1,200 more, 1 more pair": {State: report.NotYet, Needed: 1200, NeededPairs: 1},
		"3,000 more":              {State: report.NotYet, Needed: 3000},
	} {
		if got := toGo(&v); got != want {
			t.Errorf("%+v: %q, want %q", v, got, want)
		}
	}
}
