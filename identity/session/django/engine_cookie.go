package django

import (
	"context"

	"github.com/strangler-proxy/strangler/identity/session"
)

// SignedCookies is django.contrib.sessions.backends.signed_cookies: the cookie
// is the session. A logout cannot be seen: who kept the cookie stays signed in
// until it is too old or the password changes.
type SignedCookies struct{}

// Irrevocable implements session.Irrevocable, for engines of this kind.
func (s *Sessions) Irrevocable() string {
	if _, ok := s.engine.(SignedCookies); !ok {
		return ""
	}
	return "the cookie is the session: a logout is not seen; who kept the cookie stays signed in until it is too old, or the password changes"
}

// maxCookie is more than any browser sends.
const maxCookie = 16 << 10

func (SignedCookies) load(ctx context.Context, s *Sessions, cookie string) (record, error) {
	if len(cookie) > maxCookie {
		return record{}, nobody(session.BadCookie)
	}
	payload, at, err := s.cookies.unsign(cookie)
	if err != nil {
		return record{}, err
	}
	session.Step(ctx, "one of the secret keys signed the cookie")
	expires := at.Add(s.config.CookieAge)
	if s.now().After(expires) {
		return record{}, nobody(session.Expired)
	}
	session.Step(ctx, "it is not too old")
	data, err := s.config.Serializer.decode(payload)
	return record{data, expires}, err
}

// unpack reads what the stores' engines sign. Data that is not signed by us was
// not put there by a client, so it is unavailable.
func (s *Sessions) unpack(text string) (values, error) {
	if len(text) > maxData {
		return nil, unknown(session.Undecodable, errTooLarge)
	}
	payload, _, err := s.stored.unsign(text)
	if err != nil {
		old, ok := s.legacy(text)
		switch {
		case ok:
			payload = old
		case err.(*refusal).reason == session.BadSignature: //nolint:errorlint,forcetypeassert // unsign answers nothing else
			return nil, unknown(session.Unverified, errUnverified)
		default:
			return nil, err
		}
	}
	return s.config.Serializer.decode(payload)
}
