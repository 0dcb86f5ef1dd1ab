package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/proxy"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler serves a site's requests by the route table: it is the last handler
// that a request comes to. What it decided is in the placeholders
// {strangler.route}, {strangler.arm}, {strangler.reason}, {strangler.bucket},
// {strangler.target}, {strangler.request_id}, {strangler.trace_id} and, when the
// answer has ended, {strangler.fallback}; and in the access log.
type Handler struct {
	// Targets are served by Caddy's handlers instead of a url, by the name
	// that the route table has for them.
	Targets map[string]*Target `json:"targets,omitempty"`

	app  *App
	site engine.Site
}

// CaddyModule returns the module's ID.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers." + appName, New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the app and makes the targets ready.
func (h *Handler) Provision(ctx caddy.Context) error {
	found, err := ctx.AppIfConfigured(appName)
	if errors.Is(err, caddy.ErrNotConfigured) {
		return errors.New("the handler needs the strangler app; add the global option: strangler { routes <file> }")
	}
	if err != nil {
		return err
	}
	h.app = found.(*App)
	h.app.noteSites(ctx)
	if err := h.app.checkBlocks(ctx); err != nil {
		return err
	}
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		h.app.generation.Adopt(server)
	}
	h.site = make(engine.Site, len(h.Targets))
	for name, target := range h.Targets {
		if target == nil || len(target.Routes) == 0 {
			return fmt.Errorf("target %s: there is no handler in it", name)
		}
		if err := target.provision(ctx, name); err != nil {
			return fmt.Errorf("target %s: %w", name, err)
		}
		h.site[name] = target
		h.app.offer(name)
	}
	return nil
}

// ServeHTTP serves one request. An error goes to the site's handle_errors.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	ctx := r.Context()
	if r.TLS != nil && r.ProtoMajor == 1 && h.app.generation.Ending() {
		w.Header().Set("Connection", "close") // it cannot be handed over; the client is told before it asks again
	}
	if len(h.site) > 0 {
		r = r.WithContext(context.WithValue(ctx, siteRequest{}, r))
	}
	result := new(served)
	if repl, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(result.placeholder)
	}
	run, err := h.app.Engine() //nolint:contextcheck // the engine outlives the request
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	err = run.ServeHTTP(w, r, clientOf(r), h.site, &result.Result)
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && server.Logs != nil {
		if fields, ok := ctx.Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
			fields.Add(zap.Object(appName, result))
		}
	}
	if err == nil {
		return nil
	}
	var failure *proxy.Failure
	if errors.As(err, &failure) && failure.Started {
		panic(http.ErrAbortHandler)
	}
	return caddyhttp.Error(engine.HTTPStatus(err), err)
}

// clientOf is the client as Caddy's server computed it by its trusted_proxies.
func clientOf(r *http.Request) proxy.Client {
	client := proxy.Client{Secure: r.TLS != nil}
	if vars, ok := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		client.IP, _ = vars[caddyhttp.ClientIPVarKey].(string)
		client.Trusted, _ = vars[caddyhttp.TrustedProxyVarKey].(bool)
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		client.RemoteIP = host
	}
	return client
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
