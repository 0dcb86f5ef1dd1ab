package django

import (
	"context"
	"errors"
	"slices"

	"github.com/strangler-proxy/strangler/identity/session"
)

// The keys of django.contrib.auth (django/contrib/auth/__init__.py).
const (
	userKey    = "_auth_user_id"
	backendKey = "_auth_user_backend"
	hashKey    = "_auth_user_hash" // #nosec G101 -- the name of a key
)

// lenient are Django's own backends that let inactive users in.
var lenient = []string{
	"django.contrib.auth.backends.AllowAllUsersModelBackend",
	"django.contrib.auth.backends.AllowAllUsersRemoteUserBackend",
}

// who does as django.contrib.auth.get_user with Django's own backends.
func (s *Sessions) who(ctx context.Context, found record) (session.Principal, error) {
	none := session.Principal{}
	session.Step(ctx, "the session's data can be read")
	id, signedIn, err := found.data.text(userKey)
	if err != nil {
		return none, err
	}
	backend, named, err := found.data.text(backendKey)
	if err != nil {
		return none, err
	}
	switch {
	case !signedIn || !named:
		return none, nobody(session.NoUser)
	case !slices.Contains(s.config.Backends, backend):
		return none, nobody(session.OtherBackend)
	case id == "":
		return none, unknown(session.Undecodable, errors.New("an empty user ID"))
	}
	session.Step(ctx, "a user signed in, by a backend that is allowed")
	user, err := s.users.find(ctx, id)
	switch {
	case err != nil:
		return none, err
	case !user.active && !slices.Contains(lenient, backend):
		return none, nobody(session.UserInactive)
	}
	session.Step(ctx, "the user's row is there, and active")
	if !s.users.config.NoPassword {
		hash, _, err := found.data.text(hashKey)
		if err != nil {
			return none, err
		}
		if hash == "" || !s.hashes.signedPassword(user.password, hash) {
			return none, nobody(session.OtherHash)
		}
		session.Step(ctx, "the password is that of the sign-in")
	}
	return session.Principal{
		Subject: user.id, Backend: backend, Expires: found.expires,
		Session: s.claims(found.data), User: user.columns,
	}, nil
}

func (s *Sessions) claims(data values) map[string]any {
	var out map[string]any
	for _, key := range s.config.Claims {
		if value, ok := data[key]; ok {
			if value, ok = plain(value); ok {
				if out == nil {
					out = make(map[string]any, len(s.config.Claims))
				}
				out[key] = value
			}
		}
	}
	return out
}
