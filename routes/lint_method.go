package routes

import (
	"net/http"
	"slices"
)

// everyday are the methods that a typo is likely meant to be (RFC 9110 §9, RFC
// 5789). Others are legal: WebDAV has a dozen, and anybody may have their own.
var everyday = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions, http.MethodTrace,
}

// oddMethods finds methods that are almost one that everybody knows: a route
// for GTE waits for requests that never come.
func oddMethods(doc *Document) (found Problems) {
	for _, r := range doc.Routes {
		methods := r.Methods
		if match, err := parsePattern(r.Match); err == nil && match.method != "" {
			methods = append([]string{match.method}, methods...)
		}
		for _, method := range methods {
			if meant := meantMethod(method); meant != "" {
				found = append(found, r.finding(r.at.match, codeOddMethod, method,
					"no client sends this method unless it is told to", "did you mean "+meant+"?"))
			}
		}
	}
	return found
}

// meantMethod is the everyday method that is one slip away. Empty: none is.
func meantMethod(method string) string {
	if slices.Contains(everyday, method) || len(method) > len(http.MethodOptions)+1 {
		return ""
	}
	for _, known := range everyday {
		if slips(method, known) <= 1 {
			return known
		}
	}
	return ""
}
