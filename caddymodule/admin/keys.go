package admin

import (
	"net/http"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
)

// KeyRequest is the body for PathKeyRotate and PathKeyRevoke; the answer is
// engine.KeyChange.
type KeyRequest struct {
	Act
	// Key is the ID (kid) of the key to revoke; not for PathKeyRotate.
	Key string `json:"kid,omitempty"`
	// NoTokens says that a key may be revoked though then none signs for a while.
	NoTokens bool `json:"no_tokens,omitempty"`
}

func keys(e *engine.Engine, _ *http.Request) (any, error) { return e.Keys() }

func rotateKey(e *engine.Engine, r *http.Request) (any, error) {
	body, act, err := keyRequest(r)
	if err == nil && (body.Key != "" || body.NoTokens) {
		err = refuse(http.StatusBadRequest, "the next key is rotated to: kid and no_tokens are for %s", PathKeyRevoke)
	}
	if err != nil {
		return nil, err
	}
	return e.RotateKey(r.Context(), act)
}

func revokeKey(e *engine.Engine, r *http.Request) (any, error) {
	body, act, err := keyRequest(r)
	if err == nil && body.Key == "" {
		err = refuse(http.StatusBadRequest, "kid is missing; GET %s lists them", PathKeys)
	}
	if err != nil {
		return nil, err
	}
	return e.RevokeKey(r.Context(), body.Key, body.NoTokens, act)
}

func keyRequest(r *http.Request) (body KeyRequest, act rollout.Act, err error) {
	if err := decode(r, &body); err != nil {
		return body, act, err
	}
	if act, err = body.act(); err != nil {
		err = refuse(http.StatusBadRequest, "%w", err)
	}
	return body, act, err
}
