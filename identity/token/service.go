package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Type is the typ of a token's header.
type Type uint8

const (
	// JWT is any JWT (RFC 7519, section 5.1), the default.
	JWT Type = iota
	// AccessToken is at+jwt, an OAuth 2.0 access token (RFC 9068); it needs a
	// ClientID.
	AccessToken
)

// types are as the header has them, by Type.
var types = [...]string{"JWT", "at+jwt"}

// The bounds of a token.
const (
	// MaxLifetime is how far ahead a token's exp is at most.
	MaxLifetime = time.Minute
	// MinLifetime is the shortest ServiceOptions.Lifetime.
	MinLifetime = 20 * time.Second
	// MaxToken is how many bytes a token has at most: servers refuse header
	// fields of more than 8 KiB, and there are others beside it.
	MaxToken = 4 << 10

	maxClaimName = 64
)

// ServiceOptions say what tokens for a service are like.
type ServiceOptions struct {
	// Audience is the aud: this service and no other.
	Audience string
	Type     Type
	// ClientID is the client_id of an AccessToken: who asks, which is this proxy.
	ClientID string
	// Lifetime is from MinLifetime to MaxLifetime, which 0 means too.
	Lifetime time.Duration
	// Profile adds what a framework wants.
	Profile Profile
	// Claims are further ones, by name. None can be a registered name.
	Claims map[string]Claim
}

// Claim is where a configured claim has its value from.
type Claim struct {
	// Attribute is the subject's attribute that is the value.
	Attribute string `json:",omitempty"`
	// Value is the value without an Attribute, or for subjects that have none
	// or null. Anything that encoding/json writes; nil: there is none.
	Value any `json:",omitempty"`
	// Required: a subject without a value gets no token; else the token does not
	// have the claim.
	Required bool `json:",omitempty"`
	// Kind is what JSON the value must be; empty: any.
	Kind Kind `json:",omitempty"`
}

// registered are the names that only the package itself writes, or that say
// what a token is used for. Verifiers in Go read names in any case.
var registered = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", // RFC 7519, section 4.1
	"sid", "auth_time", "amr", "acr", "azp", "nonce", "at_hash", "c_hash", // OpenID Connect
	"act", "may_act", "client_id", // RFC 8693, RFC 9068
	"cnf", "events", // RFC 7800: bound to a key; RFC 8417: an event, like a logout
}

// Service mints the tokens of one service. It never changes.
type Service struct {
	options ServiceOptions
	scheme  string // of the Authorization header, with a blank
	head    []byte // the claims' first members, with the brace
	claims  []member
	digest  [sha256.Size]byte
}

// member is a claim that comes from the subject.
type member struct {
	name  string
	key   []byte // comma, name, colon
	value []byte // when the subject has none; nil: none either
	Claim
}

// ErrService says that ServiceOptions are wrong.
var ErrService = errors.New("the service's tokens cannot be like that")

// Service checks the options. The error wraps ErrService.
func (r *Ring) Service(o ServiceOptions) (*Service, error) {
	if o.Lifetime == 0 {
		o.Lifetime = MaxLifetime
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Service{scheme: "Bearer "}
	if o.Profile == OpenEDX {
		s.scheme = "JWT "
		if !r.options.Policy.Algorithm.rsa() {
			return nil, fmt.Errorf("%w: profile %s needs keys with %s or %s, the issuer's have %s", ErrService, o.Profile, RS512, RS256, r.options.Policy.Algorithm)
		}
		var err error
		if o.Claims, err = openEDX(o.Claims); err != nil {
			return nil, err
		}
	}
	s.options = o
	s.head = appendMember(nil, "iss", r.options.Issuer)
	s.head[0] = '{'
	s.head = appendMember(s.head, "aud", o.Audience)
	if o.ClientID != "" {
		s.head = appendMember(s.head, "client_id", o.ClientID)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Claims)) {
		if err := s.add(name, o.Claims[name]); err != nil {
			return nil, err
		}
	}
	if len(s.head) > MaxToken {
		return nil, fmt.Errorf("%w: the fixed claims have %d bytes, a whole token at most %d", ErrService, len(s.head), MaxToken)
	}
	return s, s.hash()
}

func (o ServiceOptions) check() error {
	switch {
	case o.Audience == "" || !utf8.ValidString(o.Audience):
		return fmt.Errorf("%w: the audience %q is no name", ErrService, o.Audience)
	case int(o.Type) >= len(types):
		return fmt.Errorf("%w: there is no such type", ErrService)
	case o.Type == AccessToken && o.ClientID == "":
		return fmt.Errorf("%w: a token of type %s needs a client ID (RFC 9068)", ErrService, types[o.Type])
	case o.Lifetime < MinLifetime || o.Lifetime > MaxLifetime:
		return fmt.Errorf("%w: a lifetime of %v; use %v to %v", ErrService, o.Lifetime, MinLifetime, MaxLifetime)
	case o.Profile != "" && o.Profile != OpenEDX:
		return fmt.Errorf("%w: there is no profile %q, only %q", ErrService, string(o.Profile), string(OpenEDX))
	case o.Profile == OpenEDX && o.Type != JWT:
		return fmt.Errorf("%w: tokens of profile %s are of type %s", ErrService, o.Profile, types[JWT])
	}
	for name := range o.Claims {
		if name == "" || len(name) > maxClaimName || !utf8.ValidString(name) {
			return fmt.Errorf("%w: the name of a claim is text of 1 to %d bytes, not %q", ErrService, maxClaimName, name)
		}
		if slices.ContainsFunc(registered, func(r string) bool { return strings.EqualFold(r, name) }) {
			return fmt.Errorf("%w: a claim cannot be called %q, which has a meaning of its own; use another name", ErrService, name)
		}
	}
	return nil
}

// add adds a configured claim.
func (s *Service) add(name string, c Claim) error {
	var value []byte
	if c.Value != nil {
		var err error
		if value, err = json.Marshal(c.Value); err != nil {
			return fmt.Errorf("%w: the value of the claim %q is no JSON", ErrService, name)
		}
		var ok bool
		if value, ok = c.Kind.of(value); !ok {
			return fmt.Errorf("%w: the value of the claim %q is no %s", ErrService, name, c.Kind)
		}
	}
	m := member{name: name, key: appendMember(nil, name, ""), value: value, Claim: c}
	m.key = bytes.TrimSuffix(m.key, []byte(`""`))
	switch {
	case c.Attribute != "":
		s.claims = append(s.claims, m)
	case value == nil:
		return fmt.Errorf("%w: the claim %q has neither an attribute nor a value", ErrService, name)
	default:
		s.head = append(append(s.head, m.key...), value...)
	}
	return nil
}

// same says whether the other's tokens are this one's, to the byte.
func (s *Service) same(other *Service) bool { return s == other || s.digest == other.digest }

// hash computes what tells this service's tokens from those of others.
func (s *Service) hash() error {
	content, err := json.Marshal(struct {
		Head    []byte
		Options ServiceOptions
	}{s.head, s.options})
	s.digest = sha256.Sum256(content)
	return err
}
