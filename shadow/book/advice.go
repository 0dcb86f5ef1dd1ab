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
// that is no accident.
func unpaired(c *Route, e *Era) []string {
	chosen := e.Unpaired + e.Pairs
	if e.Unpaired < leastUnanswered || share(e.Unpaired, chosen) <= maxUnanswered {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s of %s gave no answer when asked a second time in the monolith's name, so how often the monolith differs from itself is known the less; "+
		"see whether it runs, and what strangler shadow status says of it", cmp.Or(c.Control, c.Monolith.Name, "the monolith"), report.Number(e.Unpaired), report.Number(chosen))}
}
