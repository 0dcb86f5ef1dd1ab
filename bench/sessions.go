package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //#nosec G505 -- what Flask signs with
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"
)

// sessionKey signs the users' sessions.
const sessionKey = "the-key-of-the-bench"

// sessionCookie is a session of Flask's (itsdangerous' URLSafeTimedSerializer),
// which a proxy that has the key can read without a store.
func sessionCookie(user int) string {
	encode := base64.RawURLEncoding.EncodeToString
	made := binary.BigEndian.AppendUint32(nil, uint32(started.Unix())) //#nosec G115 -- until 2106
	text := encode(fmt.Appendf(nil, `{"_fresh":true,"_user_id":"user-%d"}`, user)) + "." + encode(made)
	return "session=" + text + "." + encode(hash(hash([]byte(sessionKey), "cookie-session"), text))
}

// started is when sessions began.
var started = time.Now()

func hash(key []byte, text string) []byte {
	mac := hmac.New(sha1.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
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
