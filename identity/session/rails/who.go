package rails

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

var (
	errUserID = errors.New("a user's ID that is neither an integer nor a text")
	errWarden = errors.New("a Warden key that is not Devise's")
	errTimes  = errors.New("a time of the last request that is no number")
)

// who says whose a session is.
func (s *Sessions) who(ctx context.Context, found record) (session.Principal, error) {
	claimed, err := s.claimed(found)
	if err != nil {
		return session.Principal{}, err
	}
	session.Step(ctx, "a user signed in")
	expires, err := s.expiry(found)
	if err != nil {
		return session.Principal{}, err
	}
	principal := session.Principal{
		Subject: claimed.id, Backend: claimed.by, Expires: expires, Session: s.claims(found.data),
	}
	if s.users == nil {
		return principal, nil
	}
	user, err := s.users.find(ctx, claimed)
	if err != nil {
		return session.Principal{}, err
	}
	session.Step(ctx, "the user's row agrees")
	principal.Subject, principal.User = user.id, user.columns
	return principal, nil
}

// claim is who a session says it is.
type claim struct {
	id string
	by string // how the user signed in, for the principal
	// salt is the beginning of the password's hash; nil is Ruby's nil.
	salt   *string
	devise bool
}

func (s *Sessions) claimed(found record) (claim, error) {
	if found.user != "" {
		return claim{id: found.user, by: "session_record"}, nil
	}
	if len(s.config.Path) > 0 {
		return s.atPath(found.data)
	}
	return s.devise(found.data)
}

// devise reads what Devise::Models::Authenticatable.serialize_into_session
// writes: [[id], authenticatable_salt].
func (s *Sessions) devise(data values) (claim, error) {
	if !data.truthy(s.warden) {
		return claim{}, nobody(session.NoUser)
	}
	var key []json.RawMessage
	if json.Unmarshal(data[s.warden], &key) != nil || len(key) != 2 {
		return claim{}, unknown(session.Undecodable, errWarden)
	}
	out := claim{devise: true, by: "devise"}
	if json.Unmarshal(key[1], &out.salt) != nil {
		return claim{}, unknown(session.Undecodable, errWarden)
	}
	id := key[0]
	var ids []json.RawMessage
	if json.Unmarshal(id, &ids) == nil && len(ids) == 1 { // orm_adapter's wrap_key
		id = ids[0]
	}
	var ok bool
	if out.id, ok = identifier(id); !ok {
		return claim{}, unknown(session.Undecodable, errUserID)
	}
	return out, nil
}

// atPath reads the user's ID where the configuration says it is.
func (s *Sessions) atPath(data values) (claim, error) {
	last := len(s.config.Path) - 1
	for i, key := range s.config.Path {
		if !data.truthy(key) {
			break
		}
		if i == last {
			id, ok := identifier(data[key])
			if !ok {
				return claim{}, unknown(session.Undecodable, errUserID)
			}
			return claim{id: id, by: "session"}, nil
		}
		inner, err := object(data[key])
		if err != nil {
			return claim{}, unknown(session.Undecodable, err)
		}
		data = inner
	}
	return claim{}, nobody(session.NoUser)
}

// identifier answers an integer or a text that is not empty as a text.
func identifier(raw json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, text != ""
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return strconv.FormatInt(n, 10), err == nil
}

// expiry is the earlier of the store's and Devise's (Devise::Models::Timeoutable).
func (s *Sessions) expiry(found record) (time.Time, error) {
	inner, ok := found.data[s.activity]
	if s.config.Timeout == 0 || !ok {
		return found.expires, nil
	}
	data, err := object(inner)
	if err != nil {
		return time.Time{}, unknown(session.Undecodable, errTimes)
	}
	last, ok := data["last_request_at"]
	if !ok {
		return found.expires, nil
	}
	seconds, err := strconv.ParseInt(string(last), 10, 64)
	if err != nil {
		return time.Time{}, unknown(session.Undecodable, errTimes)
	}
	ends := time.Unix(seconds, 0).Add(s.config.Timeout)
	if !s.now().Before(ends) {
		return time.Time{}, nobody(session.Expired)
	}
	if !found.expires.IsZero() && found.expires.Before(ends) {
		ends = found.expires
	}
	return ends, nil
}

func (s *Sessions) claims(data values) map[string]any {
	var out map[string]any
	for _, key := range s.config.Claims {
		if value, ok := data[key]; ok {
			if out == nil {
				out = make(map[string]any, len(s.config.Claims))
			}
			out[key] = session.Plain(value)
		}
	}
	return out
}
