package book

import (
	"fmt"
	"strings"
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
	return out
}
