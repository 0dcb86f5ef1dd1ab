package identity

import (
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// suspects are the sessions whose lookups failed since one last succeeded. A store
// that is down fails all; a session that fails alone may be made to, by whoever
// sends it: an introspection that breaks on a cookie, a query that takes too long.
// So the store rests only when several sessions failed, none succeeded in between,
// and that has been so for a while; who fails alone rests alone (ADR 0020).
type suspects struct {
	mu   sync.Mutex
	of   map[digest]*suspect
	good time.Time // when a lookup last succeeded
}

type suspect struct {
	failures int
	until    time.Time // it is not asked for before
}

// A store or a session that fails is left alone for restFor: a session after
// restAfter failures, the store when so many sessions failed in a row.
const (
	restAfter   = 5
	restFor     = time.Second
	maxSuspects = 1024
)

// judge says what an outcome means for the store: nil that it works, errStore that
// it should rest, errNotAsked that it is too early to say.
func (s *suspects) judge(key digest, found session.Outcome, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failure(found) == nil {
		if found.Reason == session.BadCookie || found.Reason == session.BadSignature {
			return errNotAsked // that needs no store
		}
		clear(s.of)
		s.good = now
		return nil
	}
	one := s.of[key]
	if one == nil && len(s.of) < maxSuspects {
		one = new(suspect)
		if s.of == nil {
			s.of = map[digest]*suspect{}
		}
		s.of[key] = one
	}
	if one != nil {
		if one.failures++; one.failures >= restAfter {
			one.until = now.Add(restFor)
		}
	}
	if len(s.of) < restAfter || now.Sub(s.good) < restFor {
		return errNotAsked
	}
	return errStore
}

// rests reports whether a session is not asked for now.
func (s *suspects) rests(key *digest, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.of[*key]
	return one != nil && now.Before(one.until)
}
