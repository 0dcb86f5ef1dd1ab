package routes

import (
	"net/http"
	"slices"
)

// openToForgery finds routes whose service takes writing requests from any site
// in the name of whoever is signed in.
func openToForgery(doc *Document) (found Problems) {
	for _, r := range doc.Routes {
		i := r.Identity
		if i == nil || i.CSRF != CSRFOff || i.Token == TokenNone && !i.KeepCookie || r.onlyReads() {
			continue
		}
		found = append(found, r.finding(i.at, codeCSRFOff, CSRFOff,
			"a page of another site can make a browser send writing requests in its user's name",
			"leave csrf out, or csrf: django; off is for services that check it themselves"))
	}
	return found
}

// onlyReads reports whether no request of the route can write.
func (r *Route) onlyReads() bool {
	methods := r.Methods
	if match, err := parsePattern(r.Match); err == nil && match.method != "" {
		methods = []string{match.method}
	}
	return len(methods) > 0 && !slices.ContainsFunc(methods, func(method string) bool {
		return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions && method != http.MethodTrace
	})
}
