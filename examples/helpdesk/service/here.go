package service

import (
	"net"
	"net/http"
)

// OnlyHere lets a demo's switch be used by who sits at this machine and asks
// directly: not from another machine, not through a proxy, not by a web page.
func OnlyHere(next http.HandlerFunc) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := net.ResolveTCPAddr("tcp", r.RemoteAddr)
		if err != nil || !from.IP.IsLoopback() || r.Header.Get("X-Forwarded-For") != "" {
			http.Error(w, "only from this machine, and not through a proxy", http.StatusForbidden)
			return
		}
		next(w, r)
	}))
}
