package token

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Subject is whom tokens speak of, as the monolith knows it now.
type Subject struct {
	// ID is the sub: stable, never used for somebody else, never the user name.
	ID string
	// Session is the session it comes from.
	Session SessionID
	// End is when the session ends; no token is good for longer. Zero: not known.
	End time.Time
	// AuthTime is when the user logged in; zero: not known, and no claim.
	AuthTime time.Time
	// Methods is how, as RFC 8176 names it: the amr. Empty: no claim.
	Methods []string
	// Class is the acr. Empty: no claim.
	Class string
	// Actor is the sub of who really acts, when it is not the subject itself: a
	// member of staff in a customer's shoes (RFC 8693, section 4.1). Empty: no claim.
	Actor string
	// Attributes are what configured claims take their values from: anything that
	// encoding/json writes.
	Attributes map[string]any
}

// The bounds of a subject; a token has its own.
const (
	maxID         = 255 // bytes, as OpenID Connect Core 1.0, section 2, has it
	maxAttributes = 256
	maxAttribute  = 8 << 10 // bytes of JSON
)

// ErrSubject says that a subject cannot be in a token.
var ErrSubject = errors.New("the subject is not fit for a token")

// Prepared is a subject, written out once for all its tokens, and those tokens. It
// is few objects: there is one for every session that is known, and the garbage
// collector walks them all. It must not be copied.
type Prepared struct {
	end     int64                  // of the session, Unix seconds; 0: not known
	tokens  atomic.Pointer[minted] // the latest first
	minting sync.Mutex
	taken   bool   // first is a token; changed under minting only
	first   minted // mostly the only one; it stays what it is

	text       string // the ID, members of the claims, each with a comma before it, and the attributes
	id, claims int    // where they end in it
}

// Prepare writes the subject out, to p, which must be new. What it takes is paid
// once a session, not once a token. The error wraps ErrSubject, and holds no value.
func (s Subject) Prepare(p *Prepared) error {
	if err := s.check(); err != nil {
		return err
	}
	text := []byte(s.ID)
	p.id = len(text)
	text = appendMember(text, "sub", s.ID)
	text = appendMember(text, "sid", s.Session.String())
	if !s.AuthTime.IsZero() {
		text = appendMember(text, "auth_time", s.AuthTime.Unix())
	}
	if len(s.Methods) > 0 {
		text = appendMember(text, "amr", s.Methods)
	}
	if s.Class != "" {
		text = appendMember(text, "acr", s.Class)
	}
	if s.Actor != "" {
		text = appendMember(text, "act", map[string]string{"sub": s.Actor})
	}
	p.claims = len(text)
	text, err := appendAttributes(text, s.Attributes)
	if err != nil {
		return err
	}
	if p.text = string(text); !s.End.IsZero() {
		p.end = cmp.Or(s.End.Unix(), -1) // 1970 is over in any case
	}
	return nil
}

// ID is the subject's.
func (p *Prepared) ID() string { return p.text[:p.id] }

// End is when the session ends, to the second; zero: not known.
func (p *Prepared) End() time.Time {
	if p.end == 0 {
		return time.Time{}
	}
	return time.Unix(p.end, 0)
}

// Adopt takes over the tokens of what is known of the same session from before,
// if they say the same to the byte. To be called before p is shared.
func (p *Prepared) Adopt(before *Prepared) {
	if before != nil && p.text == before.text && p.id == before.id && p.claims == before.claims {
		p.chain(slices.Collect(before.all()))
	}
}

// Attribute is the JSON of an attribute; empty when there is none of that name.
func (p *Prepared) Attribute(name string) string { return packed(p.text[p.claims:]).value(name) }

func (s Subject) check() error {
	texts := append([]string{s.ID, s.Class, s.Actor}, s.Methods...)
	for _, text := range texts {
		if len(text) > maxID || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return fmt.Errorf("%w: an ID or method of it is longer than %d bytes, or no text", ErrSubject, maxID)
		}
	}
	switch {
	case s.ID == "":
		return fmt.Errorf("%w: it has no ID", ErrSubject)
	case s.Session == SessionID{}:
		return fmt.Errorf("%w: it has no session", ErrSubject)
	case len(s.Methods) > maxAttributes || len(s.Attributes) > maxAttributes:
		return fmt.Errorf("%w: it has more than %d attributes", ErrSubject, maxAttributes)
	}
	return nil
}

// appendMember appends a comma and a member of a JSON object. The value must
// be one that encoding/json writes.
func appendMember(to []byte, name string, value any) []byte {
	key, err := json.Marshal(name)
	if err != nil {
		panic(err) // a string is always written
	}
	content, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings, numbers, and what was written before
	}
	to = append(append(to, ','), key...)
	return append(append(to, ':'), content...)
}
