package caddymodule

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/identity/session/rediskv"
	"github.com/strangler-proxy/strangler/identity/session/sqldb"
)

// placeholder is a global placeholder: {env.NAME}, {file./path}.
var placeholder = regexp.MustCompile(`\{[a-z]+\.[^{}\s]+\}`)

// placeholders are those of a block, with where they stand first, as FILE:LINE.
// They are replaced when the configuration is loaded, which may be in another
// process, by its JSON.
func placeholders(d caddyfile.Dispenser) map[string]string {
	var found map[string]string
	for d.Reset(); d.Next(); {
		for _, one := range placeholder.FindAllString(d.Val(), -1) {
			if found == nil {
				found = map[string]string{}
			}
			if _, there := found[one]; !there {
				found[one] = fmt.Sprintf("%s:%d", d.File(), d.Line())
			}
		}
	}
	return found
}

// placed puts where the Caddyfile has the placeholder before an error that it is
// empty or unknown.
func (a *App) placed(err error) error {
	if err == nil {
		return nil
	}
	replacer := caddy.NewReplacer()
	for _, one := range slices.Sorted(maps.Keys(a.Placeholders)) {
		if _, empty := replacer.ReplaceOrErr(one, true, true); empty != nil && strings.Contains(err.Error(), empty.Error()) {
			return fmt.Errorf("%s: %w", a.Placeholders[one], err)
		}
	}
	return err
}

// checked makes of an option one that also holds what was read so far against what
// an identity can be, so that an error has the option's line. What has placeholders
// is not known yet.
func (i *Identity) checked(d *caddyfile.Dispenser, name string, read option) option {
	return func() error {
		if err := read(); err != nil {
			return err
		}
		known := *i
		if known.Issuer == "" || strings.Contains(known.Issuer, "{") {
			known.Issuer = "https://localhost"
		}
		if strings.Contains(known.LoginURL, "{") {
			known.LoginURL = ""
		}
		if err := known.check(); err != nil {
			return d.Errf("%s: %v", name, err)
		}
		return nil
	}
}

// addresses checks the stores' addresses in a block of sessions, but those with
// placeholders. The cursor of d is copied, not moved.
func addresses(d caddyfile.Dispenser, name string) error {
	var line int
	var word string
	for block := d.NewFromNextSegment(); block.Next(); {
		if block.Line() != line {
			line, word = block.Line(), block.Val()
			continue
		}
		if !slices.Contains([]string{"engine", "database", "redis", "store"}, word) || strings.Contains(block.Val(), "{") {
			continue
		}
		if err := address(block.Val()); err != nil {
			return block.Errf("%s: %s: %v", name, word, err)
		}
	}
	return nil
}

// address checks the URL of a store; a word that is none is fine. The error does
// not hold it, for it has a password.
func address(text string) error {
	scheme, _, ok := strings.Cut(text, "://")
	switch {
	case !ok:
		return nil
	case slices.Contains([]string{"redis", "rediss", "unix"}, scheme):
		client, err := rediskv.Open(text)
		if err != nil {
			return err
		}
		return client.Close()
	}
	db, _, err := sqldb.Open(text)
	if err != nil {
		return err
	}
	return db.Close()
}
