package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/routes"
)

// option reads the rest of one word's line, and its block if it has one.
type option func() error

// parseBlock reads a block of options, in any order and each at most once, but
// those that may repeat. The block's name goes into every error.
func parseBlock(d *caddyfile.Dispenser, name string, options map[string]option, repeat ...string) error {
	seen := make(map[string]bool, len(options))
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		word := d.Val()
		read, known := options[word]
		if !known {
			return unknownWord(d, name, word, slices.Sorted(maps.Keys(options)))
		}
		if seen[word] && !slices.Contains(repeat, word) {
			return d.Errf("%s: %s is there twice", name, word)
		}
		seen[word] = true
		if err := read(); err != nil {
			return err
		}
		if d.NextArg() {
			return d.Errf("%s: %s: %q is one word too many", name, word, d.Val())
		}
	}
	return nil
}

// oneArg reads exactly one argument into value.
func oneArg(d *caddyfile.Dispenser, name, what string, value *string) error {
	if !d.NextArg() || d.Val() == "" {
		return d.Errf("%s: there is no <%s> behind it", name, what)
	}
	*value = d.Val()
	return noMoreArgs(d, name)
}

func noMoreArgs(d *caddyfile.Dispenser, name string) error {
	if d.NextArg() {
		return d.Errf("%s: %q is one word too many", name, d.Val())
	}
	return nil
}

// unknownWord is the error for a word that the block does not know; it names
// the nearest one that it does.
func unknownWord(d *caddyfile.Dispenser, name, word string, known []string) error {
	hint := "it knows: " + strings.Join(known, ", ")
	if near := routes.Nearest(word, known); len(near) > 0 {
		hint = fmt.Sprintf("did you mean %q?", near[0])
	}
	return d.Errf("%s: unknown word %q; %s", name, word, hint)
}
