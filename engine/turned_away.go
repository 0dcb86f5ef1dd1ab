package engine

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/strangler-proxy/strangler/routes"
)

// answersItself reports whether a decision means that no target is asked.
func answersItself(d *routes.Decision) bool {
	return d.Reason == ReasonUnauthenticated || d.Reason == ReasonLogin || d.Reason == ReasonCSRF
}

// problem is a refusal as RFC 9457 has it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// RequestID is what logs name the request by.
	RequestID string `json:"request_id"`
}

// turnAway answers a request that nobody serves, and gives the status.
func (e *Engine) turnAway(w http.ResponseWriter, r *http.Request, d *routes.Decision, requestID string) int {
	header := w.Header()
	header["Cache-Control"] = []string{"no-store"}
	switch d.Reason {
	case ReasonLogin:
		header["Location"] = []string{e.identity.loginFor(r)}
		w.WriteHeader(http.StatusFound)
		return http.StatusFound
	case ReasonUnauthenticated:
		header["Www-Authenticate"] = []string{"Bearer realm=" + strconv.Quote(e.identity.host)}
		return refuse(w, problem{Title: "Sign in", Status: http.StatusUnauthorized, Detail: "nobody is signed in; sign in at the site, and send its session cookie", RequestID: requestID})
	default:
		return refuse(w, problem{Title: "Not from this site", Status: http.StatusForbidden, Detail: "the request could have been sent by a page of another site; reload the page and try again", RequestID: requestID})
	}
}

func refuse(w http.ResponseWriter, p problem) int {
	p.Type = "about:blank"
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and a number
	}
	w.Header()["Content-Type"] = []string{"application/problem+json"}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the client may have left
	return p.Status
}

// loginRoute is the route that the login page is in, as far as that is this site's
// and can be told without a request; nil for none.
func (w *whois) loginRoute(table *routes.Table) *routes.Route {
	if w == nil || w.login == nil || w.login.Host != "" && routes.HostName(w.login.Host) != w.host {
		return nil
	}
	match := table.Match(&routes.Request{Method: http.MethodGet, Host: w.host, Path: w.login.Path, RawPath: w.login.RawPath, RawQuery: w.login.RawQuery, Header: http.Header{}})
	if match.Entry == nil {
		return nil
	}
	return match.Entry.Route
}

// isLogin reports whether a request is for the login page itself, which would be
// sent to itself for ever.
func (w *whois) isLogin(r *http.Request) bool {
	return w.login != nil && r.URL.Path == w.login.Path && (w.login.Host == "" || strings.EqualFold(w.login.Host, r.Host))
}

// loginFor is the login page with the way back to where r wanted to go: a path of
// this site, hence with one slash at its beginning, for //host is another site.
func (w *whois) loginFor(r *http.Request) string {
	glue := "?"
	if strings.Contains(w.LoginURL, "?") {
		glue = "&"
	}
	return w.LoginURL + glue + "next=" + url.QueryEscape("/"+strings.TrimLeft(r.URL.RequestURI(), "/"))
}
