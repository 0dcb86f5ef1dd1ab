package book

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/strangler-proxy/strangler/shadow/report"
)

// advice is what the set-up of a route lacks so that its evidence is of one build
// of each side. Of a header that no answer had nothing is said before something was
// compared.
func advice(c *Route, e *Era) (out []string) {
	var unset []string
	for _, side := range []struct {
		Target

		seen string
	}{{c.Monolith, e.Monolith}, {c.Service, e.Service}} {
		switch {
		case side.Name == "" || side.seen != "":
		case side.Build == "":
			unset = append(unset, side.Name)
		case e.Compared > 0:
			out = append(out, fmt.Sprintf("no answer of %s had the header %s, in which the route table says it names its build (build:), "+
				"so its builds are not told apart; have it send that header", side.Name, side.Build))
		}
	}
	if len(unset) > 0 {
		out = append(out, fmt.Sprintf("the builds of %s are not told apart; have each answer with its build in a header, "+
			"and write build: HEADER at the target in the route table: then another build begins the evidence anew", strings.Join(unset, " and of ")))
	}
	return append(out, unpaired(c, e)...)
}

// unpaired tells that the monolith's second answers do not come, from the count on
// that is no accident, and apart from these that there was no room to ask for them.
func unpaired(c *Route, e *Era) (out []string) {
	who := cmp.Or(c.Control, c.Monolith.Name, "the monolith")
	const known = "so how often the monolith differs from itself is known the less; "
	many := func(n, of uint64) bool { return n >= leastUnanswered && share(n, of) > maxUnanswered }
	if asked := e.Unpaired + e.Pairs; many(e.Unpaired, asked) {
		out = append(out, fmt.Sprintf("%s: %s of %s gave no answer when asked a second time in the monolith's name, "+known+
			"see whether it runs, and what strangler shadow status says of it", who, report.Number(e.Unpaired), report.Number(asked)))
	}
	if chosen := e.Unasked + e.Unpaired + e.Pairs; many(e.Unasked, chosen) {
		out = append(out, fmt.Sprintf("%s was not asked a second time for %s of the %s requests chosen for it, since there was no room (too many under way, or no memory), "+known+
			"lower sample: in the route's shadow, or name a control: with time to spare", who, report.Number(e.Unasked), report.Number(chosen)))
	}
	return out
}
