package book

import (
	"fmt"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// resting says that not one comparison was equal as the answers stand, and most were
// excused: what meets a gate then is what excuses, which may leave nothing to compare.
// Empty when some were equal.
func (j *judge) resting() string {
	of := &j.era.Buckets
	rules, noise := of[shadow.EqualByRule], of[shadow.Noise]
	excused, counted := rules+noise, of[shadow.NotReproducible]+of[shadow.Different]
	if of[shadow.Equal] > 0 || excused <= counted {
		return ""
	}
	what := "rules and noise excuse"
	switch {
	case noise == 0:
		what = "rules excuse"
	case rules == 0:
		what = "noise excuses"
	}
	return fmt.Sprintf("none of %s is equal without what %s: see that something is left to compare (strangler shadow rules)",
		report.Counted(excused+counted, "comparison"), what)
}
