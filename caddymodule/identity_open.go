package caddymodule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/store/sqlite"
)

// sessionSecret is the name under which the secret is stored that makes the sid
// of tokens.
const sessionSecret = "session"

// identified is an engine's identity with what it is made of.
type identified struct {
	*engine.Identity
	sessions *Sessions
	cancel   context.CancelFunc
	keys     sync.WaitGroup
}

// openIdentity makes the identity of a configuration; nil without one. Its keys
// are in the store that holds the rollouts, too.
func openIdentity(c *Identity, db *sqlite.Store, log *slog.Logger) (*identified, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // a configuration need not have one
	}
	i := &identified{}
	if err := i.open(c, db, log); err != nil {
		return nil, errors.Join(fmt.Errorf("identity: %w", err), i.Close())
	}
	return i, nil
}

func (i *identified) open(c *Identity, db *sqlite.Store, log *slog.Logger) (err error) {
	var running context.Context
	running, i.cancel = context.WithCancel(context.Background())
	if i.sessions, err = c.format.Open(time.Now); err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	ctx, cancel := context.WithTimeout(running, openTimeout)
	defer cancel()
	secret, err := db.Secret(ctx, sessionSecret, func() []byte {
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // never fails, see crypto/rand
		return fresh
	})
	if err != nil {
		return err
	}
	// After a damaged or lost store verifiers know keys that we do not.
	ring, err := token.NewRing(token.Options{Issuer: c.Issuer, Policy: c.policy(), Store: db, Cautious: db.Notice() != ""})
	if err != nil {
		return err
	}
	if err := ring.Refresh(ctx, time.Now()); err != nil {
		log.Warn("the keys that sign tokens are not known yet", slog.Any("error", err))
	}
	if until := ring.Set().Gap(time.Now()); !until.IsZero() {
		log.Warn("no key signs tokens: verifiers must learn the new one first; the monolith serves routes that need one", slog.Time("until", until))
	}
	i.keys.Go(func() { ring.Run(running, time.Now, log) })
	resolver, err := identity.NewResolver(identity.ResolverOptions{
		Reader: i.sessions.Reader, Watch: i.sessions.Watch, Secret: secret, Now: time.Now, Logger: log,
		Bound: time.Duration(c.Bound), Wait: time.Duration(c.Wait), Sessions: c.Cache,
	})
	if err != nil {
		return err
	}
	i.Identity = &engine.Identity{
		Resolver: resolver, Ring: ring, Minter: token.NewMinter(ring),
		Attributes: i.sessions.Attributes, CSRFCookie: i.sessions.CSRFCookie,
		Open: func(now func() time.Time) (session.Reader, func() error, error) {
			another, err := c.format.Open(now)
			if err != nil {
				return nil, nil, err
			}
			return another.Reader, another.Close, nil
		},
		RemoveHeaders: c.RemoveHeaders, LoginURL: c.LoginURL, TrustedOrigins: c.TrustedOrigins,
	}
	return nil
}

// forEngine is what the engine gets; nil without an identity.
func (i *identified) forEngine() *engine.Identity {
	if i == nil {
		return nil
	}
	return i.Identity
}

// Close ends it, after the lookups that are under way.
func (i *identified) Close() error {
	if i == nil {
		return nil
	}
	i.cancel()
	i.keys.Wait()
	if i.Identity != nil {
		i.Resolver.Close()
	}
	if i.sessions == nil {
		return nil
	}
	return i.sessions.Close()
}
