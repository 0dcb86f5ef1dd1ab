package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("strangler", parseGlobal)
	httpcaddyfile.RegisterHandlerDirective("strangler", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("strangler", httpcaddyfile.Before, "reverse_proxy")
}

// parseGlobal reads the global option:
//
//	strangler {
//		routes <file>
//		store  sqlite <file>
//		webhook <url> { … }
//		recent <number>
//		flags  flagd_file <file> | flagd <host:port> { tls [<file>] } | flagd_rpc <host:port> | ofrep <url> { header <name> <value> } | env
//		identity { … }
//		flags  wait <duration> | max_age <duration> | cache <entries>
//	}
func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next() // the option's own name
	if existing != nil {
		return nil, d.Err("strangler: the option is there twice; one block holds all of it")
	}
	if err := noMoreArgs(d, "strangler"); err != nil {
		return nil, err
	}
	app := &App{Placeholders: placeholders(*d)}
	options := map[string]option{
		"routes": func() error { return oneArg(d, "strangler: routes", "file", &app.Routes) },
		"store":  func() error { return parseStore(d, &app.Store) },
		"recent": func() error { return parseRecent(d, &app.Recent) },
		"flags":  func() error { return parseFlags(d, app) },
	}
	options["identity"] = func() error { return parseIdentity(d, app) }
	options["webhook"] = func() error { return parseWebhook(d, app) }
	if err := parseBlock(d, "strangler", options, "flags", "webhook"); err != nil {
		return nil, err
	}
	if app.Routes == "" {
		return nil, d.Err("strangler: the route table is missing; write: routes <file>")
	}
	return httpcaddyfile.App{Name: appName, Value: caddyconfig.JSON(app, nil)}, nil
}

// parseStore reads: store sqlite <file>
func parseStore(d *caddyfile.Dispenser, store **Store) error {
	if !d.NextArg() {
		return d.Err("strangler: store: the kind is missing; write: store sqlite <file>")
	}
	*store = new(Store)
	switch kind := d.Val(); kind {
	case "sqlite":
		return oneArg(d, "strangler: store sqlite", "file", &(*store).SQLite)
	default:
		return unknownWord(d, "strangler: store", kind, []string{"sqlite"})
	}
}

// parseDirective reads the directive:
//
//	strangler [<matcher>] {
//		target <name> {
//			<directives...>
//		}
//	}
func parseDirective(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // the directive's own name
	if err := noMoreArgs(h.Dispenser, "strangler"); err != nil {
		return nil, err
	}
	handler := new(Handler)
	for nesting := h.Nesting(); h.NextBlock(nesting); {
		if h.Val() != "target" {
			return nil, unknownWord(h.Dispenser, "strangler", h.Val(), []string{"target"})
		}
		if err := parseTarget(h, handler); err != nil {
			return nil, err
		}
	}
	return handler, nil
}

// parseTarget reads one target block, whose inside is made of directives like
// a site's.
func parseTarget(h httpcaddyfile.Helper, handler *Handler) error {
	if !h.NextArg() {
		return h.Err("strangler: target: the name is missing; write: target <name> { … }")
	}
	name := h.Val()
	if strings.HasPrefix(name, "{") {
		return h.Err("strangler: target: the name is missing; write: target <name> { … }")
	}
	if _, twice := handler.Targets[name]; twice {
		return h.Errf("strangler: target %s is there twice", name)
	}
	if err := noMoreArgs(h.Dispenser, "strangler: target "+name); err != nil {
		return err
	}
	parsed, err := httpcaddyfile.ParseSegmentAsSubroute(h.WithDispenser(h.NewFromNextSegment()))
	if err != nil {
		return err
	}
	subroute, ok := parsed.(*caddyhttp.Subroute)
	if !ok || len(subroute.Routes) == 0 {
		return h.Errf("strangler: target %s holds no directive; write what serves it, as in: reverse_proxy 127.0.0.1:8101", name)
	}
	if handler.Targets == nil {
		handler.Targets = make(map[string]*Target)
	}
	handler.Targets[name] = &Target{Routes: subroute.Routes}
	return nil
}
