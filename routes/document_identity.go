package routes

// Identity says what a route's service gets to know of who a request is from.
// The Caddyfile's identity block says whose sessions are read.
type Identity struct {
	// Token is required (nobody without a session reaches the service), optional
	// (who is anonymous passes without a token; who is known never does) or none.
	// When it cannot be found out who it is, the monolith serves. Default: required.
	Token string `yaml:"token,omitempty" jsonschema:"enum=required,enum=optional,enum=none"`
	// Audience is the token's aud. Default: the name of the route's service.
	Audience string `yaml:"audience,omitempty" is:"line"`
	// Claims are what the token says beside the standard ones: the name of each
	// claim, and the column of the user, or session.KEY, that is its value. What
	// somebody has no value for is left out. Default: none.
	Claims map[string]string `yaml:"claims,omitempty" is:"claim"`
	// Anonymous is what becomes of requests without a session that the service
	// would get: monolith serves them, 401 refuses them, login sends browsers to
	// the login page and refuses the rest. Default: monolith.
	Anonymous Anonymous `yaml:"anonymous,omitempty"`
	// Header is where the token goes. With another than Authorization it goes
	// without Bearer before it, and no client can send that header. Default:
	// Authorization.
	Header string `yaml:"header,omitempty" is:"token"`
	// KeepCookie leaves the monolith's session cookie in the requests to the
	// service. Default: false.
	KeepCookie bool `yaml:"keep_cookie,omitempty"`
	// CSRF is how writing requests are held to come from the site: origin by what
	// browsers say of where they come from, django by Django's cookie and header or
	// field as well, off not at all. Default: origin.
	CSRF string `yaml:"csrf,omitempty" jsonschema:"enum=origin,enum=django,enum=off"`
	// Profile makes tokens as a framework wants them: openedx. Default: none.
	Profile string `yaml:"profile,omitempty" jsonschema:"enum=openedx"`
	// Line is where the block starts in the document.
	Line int `yaml:"-"`

	at position
}

// Anonymous is what becomes of a request without a session.
type Anonymous string

// What becomes of it.
const (
	AnonymousMonolith Anonymous = "monolith"
	AnonymousRefused  Anonymous = "401"
	AnonymousLogin    Anonymous = "login"
)

// The words of an Identity.
const (
	TokenRequired = "required"
	TokenOptional = "optional"
	TokenNone     = "none"

	CSRFOrigin = "origin"
	CSRFDjango = "django"
	CSRFOff    = "off"

	ProfileOpenEDX = "openedx"
)

// DefaultTokenHeader is Identity.Header when the document does not say.
const DefaultTokenHeader = "Authorization"

// DefaultIdentity is what `identity: {}` means.
func DefaultIdentity() Identity {
	return Identity{Token: TokenRequired, Anonymous: AnonymousMonolith, Header: DefaultTokenHeader, CSRF: CSRFOrigin}
}

// UsesIdentity reports whether the route needs to know who requests are from:
// only with an identity block in the Caddyfile it can.
func (r *Route) UsesIdentity() bool {
	if r.Identity != nil && (r.Identity.Token != TokenNone || r.Identity.CSRF != CSRFOff && r.Identity.KeepCookie) {
		return true
	}
	for i := range r.FlagAttributes {
		if from := r.FlagAttributes[i].From; from == FromUser || from == FromClaim {
			return true
		}
	}
	return false
}
