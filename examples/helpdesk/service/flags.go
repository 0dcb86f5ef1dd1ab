package service

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// flagPrefix starts the keys of Strangler's members in baggage
// (https://www.w3.org/TR/baggage/).
const flagPrefix = "strangler.flag."

// Flags are the flags that Strangler sent along with a request, by their keys:
// the one that sent it here, and those that the route lists. One that is missing
// is not known. They can be believed as long as only Strangler, and services that
// it sent here, can reach this one.
func Flags(r *http.Request) map[string]bool {
	all := map[string]bool{}
	for member := range strings.SplitSeq(strings.Join(r.Header["Baggage"], ","), ",") {
		member, _, _ = strings.Cut(member, ";") // properties
		key, value, _ := strings.Cut(member, "=")
		name, ours := strings.CutPrefix(strings.TrimSpace(key), flagPrefix)
		value = strings.TrimSpace(value)
		if name, err := url.PathUnescape(name); ours && err == nil && (value == "true" || value == "false") {
			all[name] = value == "true"
		}
	}
	return all
}

// logFlags logs the flags of each request that has some.
func logFlags(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if all := Flags(r); len(all) > 0 {
			logger.Info("flags", "path", r.URL.Path, "flags", all)
		}
		next.ServeHTTP(w, r)
	})
}
