package main

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
)

// me shows who is signed in, by the token that comes with the request. It believes
// nobody but the issuer, whose keys it asks for by itself: any OpenID Connect
// library does that.
type me struct {
	issuer string
	logger *slog.Logger

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the issuer has answered
}

// audience is whom tokens must be for.
const audience = "tickets"

// said is what a token says.
type said struct {
	Subject string `json:"sub"`
	Name    string `json:"name"`
	Issuer  string `json:"iss"`
}

var page = template.Must(template.New("me").Parse(`<!doctype html>
<html lang="en">
<title>Me</title>
<h1>You are {{.Name}}</h1>
<p>The tickets service knows it by a token of {{.Issuer}}: user {{.Subject}}. It has no session store and saw no cookie of the session.</p>
<p><a href="/tickets/">Tickets</a></p>
`))

// ServeHTTP implements http.Handler.
func (m *me) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Served-By", "tickets-service")
	w.Header().Set("Cache-Control", "no-store")
	who, err := m.verify(r)
	if err != nil {
		m.logger.WarnContext(r.Context(), "a request without a good token", "error", err)
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "a token of the issuer is needed", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, who); err != nil {
		m.logger.ErrorContext(r.Context(), "no page", "error", err)
	}
}

func (m *me) verify(r *http.Request) (who said, err error) {
	verifier, err := m.keys() //nolint:contextcheck // the keys are for later requests, too
	if err != nil {
		return said{}, err
	}
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	verified, err := verifier.Verify(r.Context(), text)
	if err != nil {
		return said{}, err
	}
	err = verified.Claims(&who)
	return who, err
}

// keys asks the issuer where its keys are, until it has said so once.
func (m *me) keys() (*oidc.IDTokenVerifier, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.verifier != nil {
		return m.verifier, nil
	}
	provider, err := oidc.NewProvider(context.Background(), m.issuer) // it keeps the context for later questions
	if err != nil {
		return nil, err
	}
	m.verifier = provider.Verifier(&oidc.Config{ClientID: audience})
	return m.verifier, nil
}
