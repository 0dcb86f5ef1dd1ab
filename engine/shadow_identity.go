package engine

import (
	"context"
	"net/http"
	"slices"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/shadow"
)

// introduce tells a mirror what the service hears of who its requests are from: as
// much as of the client's own, with a token that says that it is a shadow's. Who
// the service would not get is not mirrored to it. The session is looked up by the
// worker: no client waits for it.
func (w *whois) introduce(s *shadow.Settings, p *papers) {
	if w == nil {
		return
	}
	if p == nil { // a route without a service, whose shadow names a target
		s.Secrets = append(slices.Clone(w.Resolver.Names()), "sessionid", "csrftoken", w.CSRFCookie, identity.CarryCookie)
		return
	}
	if s.Secrets = p.strip; p.strip == nil {
		s.Secrets = []string{} // the route keeps them
	}
	if p.service == nil {
		return
	}
	s.Token = func(ctx context.Context, value any) (http.Header, error) {
		text, _ := value.(string)
		if text == "" {
			return nil, nil
		}
		person := w.Resolver.Open(ctx, text, w.now())
		if person.State != session.Known {
			return nil, person.Err
		}
		minted, err := w.Minter.Token(p.shadow, person.Prepared, w.now())
		if err != nil {
			return nil, err
		}
		return http.Header{p.route.Header: {p.show(minted)}}, nil
	}
}
