package caddymodule

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/strangler-proxy/strangler/flags/ofrepserver"
)

func init() {
	caddy.RegisterModule(new(OFREPHandler))
	httpcaddyfile.RegisterHandlerDirective(ofrepDirective, parseOFREPHandler)
	httpcaddyfile.RegisterDirectiveOrder(ofrepDirective, httpcaddyfile.Before, "metrics")
}

const (
	ofrepDirective = "strangler_ofrep"
	// ofrepPrefix starts the paths of the OpenFeature Remote Evaluation Protocol.
	ofrepPrefix = "/ofrep/v1/"
)

// OFREPHandler tells services which arm a route's requests go to, by the
// OpenFeature Remote Evaluation Protocol: each route with a service is a boolean
// flag by its name. Requests for paths that do not start with /ofrep/v1/ go on to
// the next handler. Whoever may ask can ask about everybody: it belongs on a site
// that only services reach, or behind a token.
type OFREPHandler struct {
	// Token is what a client must send as Authorization: Bearer TOKEN. Global
	// placeholders such as {env.NAME} are replaced.
	Token string `json:"token,omitempty"`
	// Anyone lets clients ask without a token. Either it or Token is set.
	Anyone bool `json:"anyone,omitempty"`

	app   *App
	token [sha256.Size]byte
}

// CaddyModule returns the module's ID.
func (*OFREPHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers." + ofrepDirective, New: func() caddy.Module { return new(OFREPHandler) }}
}

// Provision finds the app and reads the token.
func (h *OFREPHandler) Provision(ctx caddy.Context) error {
	found, err := ctx.AppIfConfigured(appName)
	if errors.Is(err, caddy.ErrNotConfigured) {
		return errors.New(ofrepDirective + " needs the strangler app; add the global option: strangler { routes <file> }")
	}
	if err != nil {
		return err
	}
	h.app = found.(*App)
	if (h.Token == "") != h.Anyone {
		return errors.New(ofrepDirective + ": write token <token>, or anyone where only services can connect; not both")
	}
	if h.Anyone {
		return nil
	}
	token, err := caddy.NewReplacer().ReplaceOrErr(h.Token, true, true)
	if err != nil {
		return fmt.Errorf("%s: token: %w", ofrepDirective, err)
	}
	if len(token) < minToken {
		return fmt.Errorf("%s: the token has %d characters; at least %d are expected, as of: openssl rand -hex 32", ofrepDirective, len(token), minToken)
	}
	h.token = sha256.Sum256([]byte(token))
	return nil
}

// minToken is the shortest token that cannot be guessed in practice.
const minToken = 16

// ServeHTTP answers a question of the protocol.
func (h *OFREPHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if !strings.HasPrefix(r.URL.Path, ofrepPrefix) {
		return next.ServeHTTP(w, r)
	}
	if !h.allowed(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	run, err := h.app.Engine()
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	ofrepserver.New(run.RouteFlags()).ServeHTTP(w, r)
	return nil
}

// allowed compares hashes, so that the time it takes tells nothing of the token.
func (h *OFREPHandler) allowed(r *http.Request) bool {
	if h.Anyone {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], h.token[:]) == 1
}

// parseOFREPHandler reads the directive:
//
//	strangler_ofrep [<matcher>] {
//		token <token> | anyone
//	}
func parseOFREPHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // the directive's own name
	if err := noMoreArgs(h.Dispenser, ofrepDirective); err != nil {
		return nil, err
	}
	handler := new(OFREPHandler)
	err := parseBlock(h.Dispenser, ofrepDirective, map[string]option{
		"token": func() error { return oneArg(h.Dispenser, ofrepDirective+": token", "token", &handler.Token) },
		"anyone": func() error {
			handler.Anyone = true
			return noMoreArgs(h.Dispenser, ofrepDirective+": anyone")
		},
	})
	if err != nil {
		return nil, err
	}
	if (handler.Token == "") != handler.Anyone {
		return nil, h.Err(ofrepDirective + ": who may ask is missing; write: token {env.OFREP_TOKEN}, or: anyone")
	}
	return handler, nil
}

var (
	_ caddy.Provisioner           = (*OFREPHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*OFREPHandler)(nil)
)
