package caddymodule

import (
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"golang.org/x/net/http/httpguts"
)

// flagWords are the kinds of source and the options, as they are written in a
// Caddyfile.
var flagWords = []string{"cache", "env", "flagd", "flagd_file", "flagd_rpc", "max_age", "ofrep", "wait"}

// parseFlags reads one line: a source, of which more are asked in their order,
// or an option for all of them.
func parseFlags(d *caddyfile.Dispenser, app *App) error {
	if !d.NextArg() {
		return d.Err("strangler: flags: the kind is missing; write: flags flagd_file <file>")
	}
	word := d.Val()
	name := "strangler: flags " + word
	var source FlagSource
	var err error
	switch word {
	case "wait":
		return parseFlagDuration(d, name, &app.FlagOptions.Wait)
	case "max_age":
		return parseFlagDuration(d, name, &app.FlagOptions.MaxAge)
	case "cache":
		return parseFlagCache(d, name, &app.FlagOptions.Cache)
	case "flagd_file":
		err = oneArg(d, name, "file", &source.FlagdFile)
	case "flagd":
		err = parseFlagd(d, name, &source)
	case "flagd_rpc":
		err = oneArg(d, name, "host:port", &source.FlagdRPC)
	case "ofrep":
		err = parseOFREP(d, name, &source)
	case "env":
		source.Env = true
		err = noMoreArgs(d, name)
	default:
		err = unknownWord(d, "strangler: flags", word, flagWords)
	}
	app.Flags = append(app.Flags, source)
	return err
}

// parseFlagd reads: <host:port> { tls [<ca file>] }
func parseFlagd(d *caddyfile.Dispenser, name string, source *FlagSource) error {
	if err := oneArg(d, name, "host:port", &source.Flagd); err != nil {
		return err
	}
	return parseBlock(d, name, map[string]option{"tls": func() error {
		source.TLS = new(FlagTLS)
		if d.NextArg() {
			source.TLS.CA = d.Val()
		}
		return nil
	}})
}

// parseOFREP reads: <url> { header <name> <value> }
func parseOFREP(d *caddyfile.Dispenser, name string, source *FlagSource) error {
	if err := oneArg(d, name, "url", &source.OFREP); err != nil {
		return err
	}
	source.Header = http.Header{}
	return parseBlock(d, name, map[string]option{"header": func() error {
		var field, value string
		if !d.Args(&field, &value) {
			return d.Errf("%s: header: a name and a value are expected, as in: header Authorization \"Bearer {env.OFREP_TOKEN}\"", name)
		}
		if !httpguts.ValidHeaderFieldName(field) || !httpguts.ValidHeaderFieldValue(value) {
			return d.Errf("%s: header: %s cannot be sent", name, field) // the value may be secret
		}
		source.Header.Add(field, value)
		return nil
	}}, "header")
}

func parseFlagDuration(d *caddyfile.Dispenser, name string, into *caddy.Duration) error {
	var text string
	if *into != 0 {
		return d.Errf("%s is there twice", name)
	}
	if err := oneArg(d, name, "duration", &text); err != nil {
		return err
	}
	duration, err := caddy.ParseDuration(text)
	if err != nil || duration <= 0 {
		return d.Errf("%s: %q is no duration above 0, such as 20ms or 10m", name, text)
	}
	*into = caddy.Duration(duration)
	return nil
}

func parseFlagCache(d *caddyfile.Dispenser, name string, into *int) error {
	var text string
	if *into != 0 {
		return d.Errf("%s is there twice", name)
	}
	if err := oneArg(d, name, "entries", &text); err != nil {
		return err
	}
	entries, err := strconv.Atoi(text)
	if err != nil || entries <= 0 {
		return d.Errf("%s: %q is no number of answers above 0", name, text)
	}
	*into = entries
	return nil
}
