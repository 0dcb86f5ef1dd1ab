package engine

import (
	"net/http"

	"github.com/strangler-proxy/strangler/routes"
)

// published is what serves a request for the issuer's keys; nil for any other.
func (w *whois) published(r *http.Request) http.Handler {
	if w == nil {
		return nil
	}
	for i, path := range w.paths {
		if r.URL.Path == path && routes.HostName(r.Host) == w.host {
			return w.publish[i]
		}
	}
	return nil
}

// statusWriter notes the status of what we answer.
type statusWriter struct {
	http.ResponseWriter
	status *int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	*w.status = status
	w.ResponseWriter.WriteHeader(status)
}
