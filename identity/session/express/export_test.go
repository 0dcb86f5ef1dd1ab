package express

import (
	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/rediskv"
)

// Read says whose session data is, as Redis has it.
func (s *Sessions) Read(data []byte) session.Outcome { return s.read(rediskv.Value{Data: data}) }

// Unsign answers the ID of a cookie's value; empty when it is nobody's.
func (s *Sessions) Unsign(value string) string {
	id, _ := unsign(decoded(value), s.secrets)
	return id
}
