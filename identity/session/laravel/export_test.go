package laravel

import (
	"context"

	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

// Vars answers all that a session has.
func (s *Sessions) Vars(ctx context.Context, cookie string) (*unserialize.Array, error) {
	id, err := s.id(cookie)
	if err != nil {
		return nil, err
	}
	found, err := s.store.load(ctx, s, id)
	if err != nil {
		return nil, err
	}
	return s.decode(found.data)
}

// Decode64 is the decoder of base64.
var Decode64 = decode64

// ID answers the ID that a cookie has inside.
func (s *Sessions) ID(cookie string) (string, error) { return s.id(cookie) }

// Decode reads a session's data.
func (s *Sessions) Decode(data string) (*unserialize.Array, error) { return s.decode(data) }
