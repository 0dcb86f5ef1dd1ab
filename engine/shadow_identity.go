package engine

import (
	"context"
	"net/http"
	"slices"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
)

// nobody is who sends a request without a session.
var nobody = &identity.Person{State: session.Anonymous, Reason: session.NoCookie}

// introduce tells a mirror what the service hears of who its requests are from: as
// much as of the client's own, with a token that says that it is a shadow's. Who
// the service would not get is not mirrored to it. The session is looked up by the
// worker: no client waits for it.
func (w *whois) introduce(s *shadow.Settings, r *routes.Route, p *papers) {
	if w == nil {
		return
	}
	if p != nil && p.route.KeepCookie && s.Service.Name == r.Service {
		// This target gets them from the client, too.
		s.KeepCookies = append(slices.Concat(s.KeepCookies, w.Resolver.Names()), w.CSRFCookie)
	}
	if p == nil || p.service == nil {
		return
	}
	s.Token = func(ctx context.Context, value any) (http.Header, error) {
		person := nobody
		if text, _ := value.(string); text != "" {
			person = w.Resolver.Open(ctx, text, w.now())
		}
		switch {
		case person.State == session.Anonymous && p.route.Token == routes.TokenOptional:
			return http.Header{p.route.Header: nil}, nil
		case person.State != session.Known:
			return nil, person.Err
		}
		minted, err := w.Minter.Token(p.shadow, person.Prepared, w.now())
		if err != nil {
			return nil, err
		}
		return http.Header{p.route.Header: {p.show(minted)}}, nil
	}
}
