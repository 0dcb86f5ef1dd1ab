// Package session says who a request is from by the session that the monolith
// keeps, without asking the monolith.
//
// Each framework has a subpackage that reads its cookie and its store. They all
// answer an [Outcome], one of three things:
//
//   - [Known]: a [Principal]. The monolith would see the same user.
//   - [Anonymous]: nobody is signed in, and the monolith says so too.
//   - [Unavailable]: it could not be found out. The monolith must serve.
//
// Unavailable is never anonymous: a store that is down has logged nobody out.
// It is the zero value, so what is forgotten is never taken for an answer. No
// outcome, reason or error holds a cookie's value.
package session

import (
	"bytes"
	"encoding/json"
	"time"
)

// State is which of the three answers an [Outcome] is.
type State uint8

// The answers. The order is that of trust.
const (
	Unavailable State = iota
	Anonymous
	Known
)

// String answers the state's word in logs and metrics.
func (s State) String() string {
	switch s {
	case Known:
		return "known"
	case Anonymous:
		return "anonymous"
	default:
		return "unavailable"
	}
}

// Reason says why an outcome is no principal, in one word for metrics and logs.
type Reason string

// Why a request is anonymous. The monolith comes to the same end.
const (
	NoCookie     Reason = "no_cookie"     // the request has no session cookie
	BadCookie    Reason = "bad_cookie"    // its value cannot be one of a session
	BadSignature Reason = "bad_signature" // a signed value that no key of ours signed
	Expired      Reason = "expired"       // the session's time is over
	NoSession    Reason = "no_session"    // the store does not have it
	NoUser       Reason = "no_user"       // a session in which nobody signed in
	UserGone     Reason = "user_gone"     // the user was deleted
	UserInactive Reason = "user_inactive" // the user was disabled
	OtherHash    Reason = "other_hash"    // the password changed since
	OtherBackend Reason = "other_backend" // signed in by a way that is not allowed (any more)
)

// Why it could not be found out. The monolith must serve.
const (
	AmbiguousCookie Reason = "ambiguous_session" // the cookie is there twice, with different values
	TimedOut        Reason = "timed_out"         // the caller's deadline passed or it went away
	StoreFailed     Reason = "store_failed"      // the store could not be asked
	Undecodable     Reason = "undecodable"       // the store has something that cannot be read
	Unsupported     Reason = "unsupported"       // it is in a format that is not read here
	Unverified      Reason = "unverified"        // the store has data that no key of ours signed
	Refused         Reason = "refused"           // the monolith knows the user and lets them do nothing (yet)
	Busy            Reason = "busy"              // too many sessions are being looked up
	Resting         Reason = "resting"           // the store failed, and is not asked for a moment
	Misconfigured   Reason = "misconfigured"     // the monolith or its store is not as the configuration says; somebody must look
)

// Reasons are all of them, Known's empty one first, those of most requests next.
func Reasons() []Reason {
	return []Reason{
		"", NoCookie, NoUser, NoSession, AmbiguousCookie, BadCookie, BadSignature, Expired, UserGone, UserInactive, OtherHash, OtherBackend,
		TimedOut, StoreFailed, Busy, Resting, Undecodable, Unsupported, Unverified, Refused, Misconfigured,
	}
}

// Outcome is the answer to who a request is from.
type Outcome struct {
	State State
	// Reason is empty for Known.
	Reason Reason
	// Principal is set for Known only.
	Principal *Principal
	// Err is the detail of an Unavailable for the operator's log.
	Err error
	// Keep is how long this outcome may be kept at most, when its source says
	// so: negative is not at all, zero that the source says nothing.
	Keep time.Duration
}

// Principal is who a session belongs to. It is not changed once it was
// answered, so requests may share it.
type Principal struct {
	// Subject is the user's stable ID, never the name; not empty.
	Subject string
	// Backend is how the user signed in, in the framework's words; may be empty.
	Backend string
	// Expires is when the session ends; zero when the store does not say.
	Expires time.Time
	// AuthTime is when the user signed in, Methods how (RFC 8176), Class how surely
	// (the acr of OpenID Connect); zero and empty when the store does not say.
	AuthTime time.Time
	Methods  []string
	Class    string
	// Actor is the stable ID of who really acts when it is not the subject, as a
	// member of staff in a customer's shoes; mostly empty.
	Actor string
	// Session are the session's own values that the configuration names. What
	// a value can be is up to the format; each marshals to JSON.
	Session map[string]any
	// User are the columns of the user's row that the configuration names.
	User map[string]any
}

// OwnError is an error of one session, while its store works: it is too large, or just
// being written. It is no sign that others cannot be read.
type OwnError string

// Error implements error.
func (o OwnError) Error() string { return string(o) }

// Plain answers a value's JSON text as what stands for it elsewhere: a text, a
// truth or a json.Number, and the JSON itself of lists and objects.
func Plain(raw json.RawMessage) any {
	var out any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || decoder.Decode(&out) != nil {
		return raw
	}
	return out
}

// Is makes an outcome of a principal.
func Is(p Principal) Outcome { return Outcome{State: Known, Principal: &p} }

// Nobody makes an anonymous outcome.
func Nobody(why Reason) Outcome { return Outcome{State: Anonymous, Reason: why} }

// Unknown makes an outcome that leaves the request to the monolith. The error
// must not hold a value of the session.
func Unknown(why Reason, err error) Outcome {
	return Outcome{State: Unavailable, Reason: why, Err: err}
}
