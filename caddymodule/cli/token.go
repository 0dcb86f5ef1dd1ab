package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/identity/token"
)

func tokenFamily(cmd *cobra.Command) { family(cmd, tokenMint()) }

// mintFlags say what a development token is like.
type mintFlags struct {
	service, user, issuer, file string
	claims                      []string
	ttl                         time.Duration
	jwks                        bool
}

// developmentPath ends every development issuer, so that none is a server's.
const developmentPath = "/dev"

func tokenMint() *cobra.Command {
	var f mintFlags
	cmd := command("mint", "Mints a token for local development",
		"Mints a token such as a service gets, for local development: of an issuer of its own that ends in /dev, with keys of its own in a file. No server has these keys, and\n"+
			"none publishes them: a service that verifies by a server's keys refuses the token. With --jwks it prints the keys that a local service verifies it by.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error { return f.run(ctx, t) })
	cmd.Flags().StringVar(&f.service, "for", "", "the service: the token's audience (required)")
	cmd.Flags().StringVar(&f.user, "user", "", "the user's ID: the token's subject (required, but for --jwks)")
	cmd.Flags().StringArrayVar(&f.claims, "claim", nil, "a further claim as NAME=VALUE; what is JSON is taken as that; may repeat")
	cmd.Flags().DurationVar(&f.ttl, "ttl", token.MaxLifetime, "how long it is good for, 20s to 1m")
	cmd.Flags().StringVar(&f.issuer, "issuer", "http://localhost/dev", "the token's issuer; it ends in /dev")
	cmd.Flags().StringVar(&f.file, "key-file", "strangler-dev-keys.json", "the file of the keys; it is made, for its owner alone")
	cmd.Flags().BoolVar(&f.jwks, "jwks", false, "print the public keys in place of a token")
	cmd.Example = `  curl -H "Authorization: Bearer $(strangler token mint --for faq --user 42 --claim staff=true)" http://127.0.0.1:8101/
  strangler token mint --jwks > jwks.json`
	return cmd
}

func (f *mintFlags) run(ctx context.Context, t *terminal) error {
	switch {
	case !strings.HasSuffix(f.issuer, developmentPath):
		return usage("--issuer %q does not end in %s: tokens of a server's issuer are minted by the server alone", f.issuer, developmentPath)
	case !f.jwks && (f.service == "" || f.user == ""):
		return usage("--for SERVICE and --user ID are needed")
	}
	ring, err := token.NewRing(token.Options{Issuer: f.issuer, Store: keyFile{f.file}})
	if err != nil {
		return err
	}
	now := time.Now()
	if err := ring.Refresh(ctx, now); err != nil {
		return fmt.Errorf("the development keys: %w", err)
	}
	if f.jwks {
		keys := []json.RawMessage{}
		for _, key := range ring.Set().Public(now) {
			keys = append(keys, key.JWK())
		}
		return t.printJSON(map[string]any{"keys": keys})
	}
	minted, err := f.mint(ring, now)
	if err != nil {
		return err
	}
	t.problem("warning", "for local development only: the issuer is "+f.issuer+", and no server's keys verify this token")
	text := minted.Text()
	if t.json {
		return t.printJSON(struct {
			Token   string    `json:"token"`
			Expires time.Time `json:"expires"`
		}{text, minted.Expires()})
	}
	t.line("%s", text)
	return nil
}

func (f *mintFlags) mint(ring *token.Ring, now time.Time) (token.Token, error) {
	o := token.ServiceOptions{Audience: f.service, Lifetime: f.ttl, Claims: map[string]token.Claim{}}
	for _, claim := range f.claims {
		name, text, ok := strings.Cut(claim, "=")
		if !ok {
			return token.Token{}, usage("--claim %q is not NAME=VALUE", claim)
		}
		o.Claims[name] = token.Claim{Value: text}
		if json.Valid([]byte(text)) {
			o.Claims[name] = token.Claim{Value: json.RawMessage(text)}
		}
	}
	service, err := ring.Service(o)
	if err != nil {
		return token.Token{}, err
	}
	var session token.SessionID
	_, _ = rand.Read(session[:]) // never fails, see crypto/rand
	var subject token.Prepared
	if err := (token.Subject{ID: f.user, Session: session}).Prepare(&subject); err != nil {
		return token.Token{}, err
	}
	return token.NewMinter(ring).Token(service, &subject, now)
}
