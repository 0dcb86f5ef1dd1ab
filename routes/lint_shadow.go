package routes

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// idleShadows finds shadows that would never be asked, and what in them does
// nothing.
func idleShadows(doc *Document) (found Problems) {
	for _, r := range doc.Routes {
		if r.Shadow == nil {
			continue
		}
		found = append(found, slices.Concat(r.idleShadow(), r.unheardByShadow(), r.signedInShadow(), r.repeatedRules(), r.hidingRules())...)
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

// repeatedRules finds paths that two rules are about: the first that applies counts.
func (r *Route) repeatedRules() (found Problems) {
	first := map[string]*ShadowRule{}
	for _, rule := range r.Shadow.AllRules() {
		path := strings.TrimSpace(rule.Path)
		if before := first[path]; before != nil && path != "" {
			found = append(found, r.finding(rule.at.path, codeNoEffect, rule.Path,
				fmt.Sprintf("the rule on line %d is about the same path, and the first that applies counts", before.at.path.line), "keep one of them"))
			continue
		}
		first[path] = rule
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

// everything are the paths of a whole body.
var everything = []string{"$", "$.*", "$[*]", "$..*", "$..[*]"}

// hidingRules finds rules that leave nothing of a body to be compared.
func (r *Route) hidingRules() (found Problems) {
	for _, rule := range r.Shadow.AllRules() {
		if name, _ := rule.Comparator(); name == "ignore" && slices.Contains(everything, rule.Path) {
			found = append(found, r.finding(rule.at.path, codeRuleHidesAll, rule.Path,
				"the rule excuses the whole body, so a gate is met whatever the service says", "name the paths that may differ"))
		}
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

// unheardByShadow finds cookies that tell the route's requests apart, and that its
// shadow does not hear.
func (r *Route) unheardByShadow() (found Problems) {
	s := r.Shadow
	if s.Reverse {
		return nil // the monolith hears them all
	}
	for _, name := range slices.Sorted(maps.Keys(r.When.Cookies)) {
		if !slices.Contains(s.KeepCookies, name) && !signsIn(name) {
			found = append(found, r.finding(s.at.start, codeShadowUnheard, name,
				"the route tells requests apart by this cookie, and its shadow does not hear it", "keep_cookies: ["+name+"] when nobody is signed in by it"))
		}
	}
	return found
}

// signedInShadow finds credentials among what the shadow is to hear.
func (r *Route) signedInShadow() (found Problems) {
	s := r.Shadow
	if r.Identity != nil && r.Identity.KeepCookie && s.Target == "" {
		return nil // said once
	}
	say := func(at position, name string) {
		found = append(found, r.finding(at, codeShadowSignedIn, name,
			"the shadow gets what users are signed in by", "remove it; identity: {} gives the service a token of its own, which says that it is a shadow's"))
	}
	for _, name := range s.KeepCookies {
		if signsIn(name) {
			say(s.at.cookies, name)
		}
	}
	for _, name := range s.KeepHeaders {
		if name == "Authorization" || name == "Proxy-Authorization" {
			say(s.at.headers, name)
		}
	}
	return found
}

// sessionCookies are the names that frameworks give the cookie of a session when
// nobody names it: Django, Express, PHP, Servlet containers, ASP.NET and its Core,
// Flask, Laravel, Symfony.
var sessionCookies = []string{
	"sessionid", "connect.sid", "phpsessid", "jsessionid", "asp.net_sessionid", ".aspnetcore.session", ".aspnetcore.cookies",
	"session", "laravel_session", "remember_token", "rememberme",
}

// signsIn tells whether somebody is signed in by a cookie of that name, as far as
// names tell; Rails' end in _session. The prefixes are of RFC 6265bis, 4.1.3.
func signsIn(name string) bool {
	name = strings.ToLower(name)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "__host-"), "__secure-")
	return slices.Contains(sessionCookies, name) || strings.HasSuffix(name, "_session")
}
