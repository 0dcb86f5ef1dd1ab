package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/notify"
	"github.com/strangler-proxy/strangler/rollout"
)

// Webhook is told of every change of a rollout, in order and at least once. See
// docs/webhooks.md for what it is sent.
type Webhook struct {
	// URL is where events are sent. Global placeholders are replaced; a path
	// that is a secret belongs in one, such as {env.SLACK_WEBHOOK}. Required.
	URL string `json:"url,omitempty"`
	// Name is what logs and the status call it, and what its place in the
	// journal is stored by. Default: the URL's host and a hash of the URL.
	Name string `json:"name,omitempty"`
	// Secret signs events: whsec_ and the base64 of 24 to 64 bytes. Global
	// placeholders are replaced; {env.NAME} or {file./path} keeps it out of the
	// configuration. Required for the format json.
	Secret string `json:"secret,omitempty"`
	// Format is json (default) or slack.
	Format string `json:"format,omitempty"`
	// Verbs, Sources and Routes are what it wants to be told of; an empty list
	// means everything. The brake passes any list of routes.
	Verbs   []string `json:"verbs,omitempty"`
	Sources []string `json:"sources,omitempty"`
	Routes  []string `json:"routes,omitempty"`
}

// checkWebhooks replaces placeholders and says what is wrong. No error holds a
// secret or a URL's path.
func checkWebhooks(configured []Webhook) ([]notify.Webhook, error) {
	webhooks := make([]notify.Webhook, 0, len(configured))
	replacer := caddy.NewReplacer()
	for i, c := range configured {
		w := notify.Webhook{Name: c.Name, Format: notify.Format(c.Format), Only: notify.Filter{Sources: c.Sources, Routes: c.Routes}}
		for _, verb := range c.Verbs {
			w.Only.Verbs = append(w.Only.Verbs, rollout.Verb(verb))
		}
		var err error
		if w.URL, err = replacer.ReplaceOrErr(c.URL, true, true); err != nil {
			return nil, fmt.Errorf("webhook %d: its URL: %w", i+1, err)
		}
		if c.Secret != "" {
			secret, err := replacer.ReplaceOrErr(c.Secret, true, true)
			if err == nil {
				w.Secret, err = notify.ParseSecret(secret)
			}
			if err != nil {
				return nil, fmt.Errorf("webhook %d: %w", i+1, err)
			}
		}
		webhooks = append(webhooks, w)
	}
	return notify.Check(webhooks)
}

// parseWebhook reads:
//
//	webhook <url> {
//		name    <name>
//		secret  <secret>
//		format  json|slack
//		verbs   <verbs...>
//		sources <sources...>
//		routes  <routes...>
//	}
func parseWebhook(d *caddyfile.Dispenser, app *App) error {
	const name = "strangler: webhook"
	var w Webhook
	if err := oneArg(d, name, "url", &w.URL); err != nil {
		return err
	}
	list := func(word string, into *[]string) option {
		return func() error {
			if *into = d.RemainingArgs(); len(*into) == 0 {
				return d.Errf("%s: %s: there is nothing behind it", name, word)
			}
			return nil
		}
	}
	err := parseBlock(d, name, map[string]option{
		"name":    func() error { return oneArg(d, name+": name", "name", &w.Name) },
		"secret":  func() error { return oneArg(d, name+": secret", "secret", &w.Secret) },
		"format":  func() error { return parseFormat(d, name+": format", &w.Format) },
		"verbs":   list("verbs", &w.Verbs),
		"sources": list("sources", &w.Sources),
		"routes":  list("routes", &w.Routes),
	})
	app.Webhooks = append(app.Webhooks, w)
	return err
}

func parseFormat(d *caddyfile.Dispenser, name string, into *string) error {
	if err := oneArg(d, name, "json|slack", into); err != nil {
		return err
	}
	for _, format := range notify.Formats {
		if *into == string(format) {
			return nil
		}
	}
	return unknownWord(d, name, *into, []string{string(notify.FormatJSON), string(notify.FormatSlack)})
}
