package engine

import (
	"bytes"
	"crypto/subtle"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/routes"
)

// genuine reports whether a request may go to the service in its user's name. A
// page of another site can make the browser send writing requests, and open
// WebSockets: the session's cookie goes along whoever asks for it, and the
// service, which sees a token, will not look.
func (e *Engine) genuine(r *http.Request, p *papers, a asked) bool {
	opens := len(r.Header["Upgrade"]) > 0
	if p.route.CSRF == routes.CSRFOff || safe(r.Method) && !opens {
		return true
	}
	writing := r
	if opens {
		copied := *r
		copied.Method, writing = http.MethodPost, &copied
	}
	verdict := tokenFits
	if e.identity.origins.Check(writing) != nil {
		verdict = tokenWrong
	} else if p.route.CSRF == routes.CSRFDjango && !safe(r.Method) {
		if verdict = e.identity.djangoToken(r); verdict == tokenFits && !e.identity.djangoOrigin(r, secure(a.client, r.Header)) {
			verdict = tokenUnclear
		}
	}
	switch verdict {
	case tokenFits:
		return true
	case tokenUnclear:
		a.keep(ReasonCSRFUnclear)
	case tokenWrong:
		e.identity.rejected.Add(1)
		a.Reason = ReasonCSRF
	}
	return false
}

// safe are the methods that Django and net/http take for reading.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions || method == http.MethodTrace
}

type tokenVerdict uint8

const (
	tokenWrong   tokenVerdict = iota
	tokenFits                 // it is the cookie's
	tokenUnclear              // only the monolith can tell: it may be in a body that is not read here
)

// djangoOrigin is what Django asks for beside its token (process_view): that an
// Origin is the site's, and where there is none over https, the Referer, whose
// absence is no sign of the site. Django has settings of its own for others
// (CSRF_TRUSTED_ORIGINS with wildcards, CSRF_COOKIE_DOMAIN), so who does not pass
// here is for the monolith to judge.
func (w *whois) djangoOrigin(r *http.Request, secure bool) bool {
	origin, given := r.Header["Origin"]
	if !given && !secure {
		return true
	}
	if !given {
		origin = r.Header["Referer"]
	}
	from, err := url.Parse(single(origin))
	switch {
	case err != nil || from.Host == "" || from.User != nil:
		return false
	case !given && from.Scheme != "https":
		return false
	case strings.EqualFold(from.Host, r.Host):
		return from.Scheme == "https" || from.Scheme == "http" && !secure
	}
	return slices.Contains(w.TrustedOrigins, from.Scheme+"://"+from.Host)
}

// djangoToken holds the header X-CSRFToken, or else the field csrfmiddlewaretoken
// of a form, against the cookie (django/middleware/csrf.py). A form of several
// parts, one that is too long for memory and one that Go cannot read only the
// monolith can check.
func (w *whois) djangoToken(r *http.Request) tokenVerdict {
	secret, _, _ := cookie(r.Header["Cookie"], w.CSRFCookie)
	if secret = unmask(secret); secret == "" {
		return tokenWrong
	}
	sent := single(r.Header["X-Csrftoken"])
	if sent == "" && r.Method == http.MethodPost {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch kind {
		case "multipart/form-data":
			return tokenUnclear
		case "application/x-www-form-urlencoded":
			body, whole := ahead(r)
			if !whole {
				return tokenUnclear
			}
			form, err := url.ParseQuery(string(body))
			if err != nil { // Django reads what Go does not
				return tokenUnclear
			}
			if fields := form["csrfmiddlewaretoken"]; len(fields) > 0 {
				sent = fields[len(fields)-1] // as QueryDict has it
			}
		}
	}
	sent = unmask(sent)
	if sent != "" && subtle.ConstantTimeCompare([]byte(sent), []byte(secret)) == 1 {
		return tokenFits
	}
	return tokenWrong
}

// The forms of Django's tokens: a secret, or a mask and the secret under it.
const (
	csrfSecret = 32
	csrfChars  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// unmask is the secret of a token; empty when it is none.
func unmask(text string) string {
	if len(text) != csrfSecret && len(text) != 2*csrfSecret {
		return ""
	}
	var places [2 * csrfSecret]int
	for i := range len(text) {
		if places[i] = bytes.IndexByte([]byte(csrfChars), text[i]); places[i] < 0 {
			return ""
		}
	}
	if len(text) == csrfSecret {
		return text
	}
	var secret [csrfSecret]byte
	for i := range secret {
		secret[i] = csrfChars[(places[csrfSecret+i]-places[i]+len(csrfChars))%len(csrfChars)]
	}
	return string(secret[:])
}

// maxForm is how much of a form is read ahead.
const maxForm = 64 << 10

// ahead reads the body, and puts it back. whole is false when it has more than
// maxForm bytes, or broke off.
func ahead(r *http.Request) (body []byte, whole bool) {
	if r.Body == nil || r.ContentLength > maxForm {
		return nil, r.Body == nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	rest := r.Body
	r.Body = putBack{io.MultiReader(bytes.NewReader(body), rest), rest}
	return body, err == nil && len(body) <= maxForm
}

type putBack struct {
	io.Reader
	io.Closer
}
