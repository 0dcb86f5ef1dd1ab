package caddymodule

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/net/http/httpguts"

	"github.com/strangler-proxy/strangler/identity/token"
)

// Identity says whose sessions are read and what tokens services get. What it
// leaves out has its default.
type Identity struct {
	// Issuer is the tokens' iss, an https or http URL of a site with the handler:
	// there the keys are published. Global placeholders are replaced. Required.
	Issuer string `json:"issuer,omitempty"`
	// Algorithm is what keys sign with: ES256 (default), EdDSA, RS256 or RS512.
	Algorithm string `json:"algorithm,omitempty"`
	// Rotate is how long a key signs, 6h at least. Default: 30 days.
	Rotate caddy.Duration `json:"rotate,omitempty"`

	// SessionsRaw is the format of the monolith's sessions with its settings.
	// Required.
	SessionsRaw json.RawMessage `json:"sessions,omitempty" caddy:"namespace=strangler.sessions inline_key=format"`

	// Bound is how long what was read of a session is used: a logout, a new
	// password or a locked user that nobody tells of counts after this time. 100ms
	// to 1m. Default: 5s.
	Bound caddy.Duration `json:"bound,omitempty"`
	// Wait is how long a request waits for the session's store, 10ms to 5s.
	// Default: 250ms.
	Wait caddy.Duration `json:"wait,omitempty"`
	// Cache is how many sessions are kept, at most 10,000,000. Default: 65,536.
	Cache int `json:"cache,omitempty"`

	// RemoveHeaders are headers that services or the monolith believe and no client
	// may send: they are taken off every request, in every spelling.
	RemoveHeaders []string `json:"remove_headers,omitempty"`
	// LoginURL is where routes with `anonymous: login` send browsers; the way back
	// is added as next=. A path of the site, or an absolute URL.
	LoginURL string `json:"login_url,omitempty"`
	// TrustedOrigins are further origins, as https://app.example.com, from which
	// browsers may send writing requests.
	TrustedOrigins []string `json:"trusted_origins,omitempty"`

	format SessionFormat // by provision
}

// The bounds of an Identity's numbers.
const (
	minIdentityBound, maxIdentityBound = 100 * time.Millisecond, time.Minute
	minIdentityWait, maxIdentityWait   = 10 * time.Millisecond, 5 * time.Second
	maxIdentityCache                   = 10_000_000
)

// provision loads the format and checks the rest.
func (i *Identity) provision(ctx caddy.Context) error {
	if len(i.SessionsRaw) == 0 {
		return errors.New("the sessions are missing; write: sessions django { … }")
	}
	loaded, err := ctx.LoadModule(i, "SessionsRaw")
	if err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	i.format = loaded.(SessionFormat)
	if err := replacePlaceholders("issuer", &i.Issuer); err != nil {
		return err
	}
	if err := replacePlaceholders("login_url", &i.LoginURL); err != nil {
		return err
	}
	return i.check()
}

func (i *Identity) check() error {
	bound, wait := time.Duration(i.Bound), time.Duration(i.Wait)
	switch {
	case i.Issuer == "":
		return errors.New("the issuer is missing; write: issuer https://www.example.com")
	case i.Algorithm != "" && !slices.Contains(token.Algorithms, token.Algorithm(i.Algorithm)):
		return fmt.Errorf("algorithm %q is not known; these are: %v", i.Algorithm, token.Algorithms)
	case bound != 0 && (bound < minIdentityBound || bound > maxIdentityBound):
		return fmt.Errorf("bound %s: %s to %s is expected", bound, minIdentityBound, maxIdentityBound)
	case wait != 0 && (wait < minIdentityWait || wait > maxIdentityWait):
		return fmt.Errorf("wait %s: %s to %s is expected", wait, minIdentityWait, maxIdentityWait)
	case i.Cache < 0 || i.Cache > maxIdentityCache:
		return fmt.Errorf("cache %d: 1 to %d is expected", i.Cache, maxIdentityCache)
	case i.LoginURL != "" && !loginURL(i.LoginURL):
		return fmt.Errorf("login_url %q: a path such as /accounts/login/, or an absolute URL, is expected, without next=", i.LoginURL)
	}
	if err := i.checkLists(); err != nil {
		return err
	}
	if _, err := token.NewRing(token.Options{Issuer: i.Issuer, Policy: i.policy()}); err != nil {
		return err
	}
	return nil
}

func (i *Identity) checkLists() error {
	for _, name := range i.RemoveHeaders {
		if err := removable(name); err != nil {
			return fmt.Errorf("remove_headers %s: %w", name, err)
		}
	}
	origins := http.NewCrossOriginProtection()
	for _, origin := range i.TrustedOrigins {
		if err := origins.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("trusted_origins: %w", err)
		}
	}
	return nil
}

func (i *Identity) policy() token.Policy {
	return token.Policy{Algorithm: token.Algorithm(i.Algorithm), Every: time.Duration(i.Rotate)}
}

// kept are headers that requests cannot do without, or that have a meaning for
// the connection.
var kept = []string{"Host", "Cookie", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", "Authorization"}

func removable(name string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return errors.New("this cannot be the name of a header")
	}
	for _, one := range kept {
		if strings.EqualFold(one, name) {
			return errors.New("requests cannot do without it")
		}
	}
	return nil
}

// loginURL reports whether a text is a place to send a browser to: no scheme
// but http and https, and no //host.
func loginURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || strings.ContainsAny(text, "\\\r\n\t ") || u.Query().Has("next") {
		return false
	}
	if u.Scheme == "" {
		return strings.HasPrefix(text, "/") && u.Host == ""
	}
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// key stands for the settings with placeholders replaced; empty without an
// identity. It is a hash, because the settings hold secrets, and a key may be
// printed by whoever keeps something under it.
func (i *Identity) key() (string, error) {
	if i == nil {
		return "", nil
	}
	plain := *i
	plain.SessionsRaw = nil
	text, err := json.Marshal(struct {
		Identity
		Format   caddy.ModuleID
		Settings any
	}{plain, i.format.CaddyModule().ID, i.format})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}
