package routes

import (
	"net/http"
	"slices"
)

// idleShadows finds shadows that would never be asked, and what in them does
// nothing.
func idleShadows(doc *Document) (found Problems) {
	for _, r := range doc.Routes {
		if r.Shadow == nil {
			continue
		}
		found = append(found, r.idleShadow()...)
		s := r.Shadow
		if s.Control != "" && s.Control == doc.Monolith {
			found = append(found, r.finding(s.at.control, codeNoEffect, s.Control,
				"the control is the monolith, which is asked again anyway", "remove it, or name a second monolith"))
		}
		if s.Reverse && s.Target != "" && s.Target != r.Service {
			found = append(found, r.finding(s.at.target, codeNoEffect, s.Target,
				"with reverse the monolith is the shadow, so this target is not asked", "remove target, or reverse"))
		}
	}
	return found
}

// idleShadow is why nothing, or not all, would be compared.
func (r *Route) idleShadow() (found Problems) {
	s := r.Shadow
	idle := func(at position, message, hint string) {
		found = append(found, r.finding(at, codeIdleShadow, "", message, hint))
	}
	switch {
	case r.Percent == nil:
	case *r.Percent == One && !s.Reverse:
		idle(s.at.start, "all requests go to the service, so nothing is compared", "add reverse: true to compare the service's answers with the monolith")
	case *r.Percent == 0 && s.Reverse:
		idle(s.at.reverse, "no request goes to the service, so with reverse nothing is compared", "remove reverse until after the cutover")
	case *r.Percent < One && s.Reverse:
		idle(s.at.reverse, "with reverse what the monolith serves is not compared", "remove reverse until after the cutover")
	}
	if s.Unsafe == "" && !r.mayBeSafe() {
		idle(s.at.start, "every method of the route may change something, so nothing is compared",
			"add unsafe: dry_run when the service knows a dry run")
	}
	return found
}

// mayBeSafe reports whether a request of the route can have a safe method (RFC
// 9110, section 9.2.1).
func (r *Route) mayBeSafe() bool {
	methods := r.Methods
	if p, err := parsePattern(r.Match); err == nil && p.method != "" {
		methods = []string{p.method}
	}
	safe := []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}
	return len(methods) == 0 || slices.ContainsFunc(methods, func(m string) bool { return slices.Contains(safe, m) })
}
