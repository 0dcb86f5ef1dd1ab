package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //#nosec G505 -- what cookie-session signs with
	"encoding/base64"
	"fmt"
	"net/http"
)

// sessionKey signs the users' sessions.
const sessionKey = "the-key-of-the-bench"

// sessionCookie is a session of Express' cookie-session, which a proxy that has the
// key can read without a store.
func sessionCookie(user int) string {
	value := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"passport":{"user":"user-%d"}}`, user))
	mac := hmac.New(sha1.New, []byte(sessionKey))
	mac.Write([]byte("session=" + value))
	return "session=" + value + "; session.sig=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// sessionCounts is what the admin API says of how sessions were read.
type sessionCounts struct {
	// Hits were known, Looked were looked up.
	Hits   uint64 `json:"hits"`
	Looked uint64 `json:"looked_up"`
	// Minted is how many tokens were made.
	Minted uint64 `json:"tokens_minted"`
}

// proveSessions holds that every session of the run was read, and that the tokens
// for them were made.
func (s *subject) proveSessions(ctx context.Context, fresh bool) (*sessionCounts, error) {
	var status struct {
		Identity struct {
			Sessions struct {
				Lookups map[string]uint64 `json:"lookups"`
				Hits    uint64            `json:"hits"`
			} `json:"sessions"`
			Minted uint64 `json:"tokens_minted"`
			Failed uint64 `json:"tokens_failed"`
		} `json:"identity"`
	}
	if err := s.call(ctx, http.MethodGet, "/strangler/status", nil, &status); err != nil {
		return nil, err
	}
	i := &status.Identity
	c := &sessionCounts{Hits: i.Sessions.Hits, Looked: i.Sessions.Lookups["known"], Minted: i.Minted}
	switch {
	case len(i.Sessions.Lookups) != 1 || i.Failed > 0 || c.Hits+c.Looked < uint64(s.answered) || c.Minted == 0:
		return nil, fmt.Errorf("not all sessions were read, for %d requests: %+v", s.answered, i)
	case fresh && c.Minted < uint64(s.answered):
		return nil, fmt.Errorf("%d tokens for %d new sessions", c.Minted, s.answered)
	}
	return c, nil
}
