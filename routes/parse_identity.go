package routes

import (
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Bounds of an identity.
const maxClaims = 64

var (
	// claimName is the name of a claim or of an attribute, as JSON and databases
	// have them.
	claimName     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.:/-]{0,63}$`)
	attributeText = regexp.MustCompile(`^(session\.)?[A-Za-z0-9_$:-]{1,64}$`)
)

var identityFields = fields[Identity]{
	"token": func(p *parser, n *yaml.Node, i *Identity) {
		i.Token = p.word(n, "token", TokenRequired, TokenOptional, TokenNone)
	},
	"audience":    func(p *parser, n *yaml.Node, i *Identity) { i.Audience = p.line(n, "audience") },
	"claims":      func(p *parser, n *yaml.Node, i *Identity) { i.Claims = p.claims(n) },
	"anonymous":   func(p *parser, n *yaml.Node, i *Identity) { i.Anonymous = p.anonymous(n) },
	"header":      func(p *parser, n *yaml.Node, i *Identity) { i.Header = p.tokenHeader(n) },
	"keep_cookie": func(p *parser, n *yaml.Node, i *Identity) { i.KeepCookie = p.truth(n, "keep_cookie") },
	"csrf": func(p *parser, n *yaml.Node, i *Identity) {
		i.CSRF = p.word(n, "csrf", CSRFOrigin, CSRFDjango, CSRFOff)
	},
	"profile": func(p *parser, n *yaml.Node, i *Identity) { i.Profile = p.word(n, "profile", ProfileOpenEDX) },
}

// aboutTokens are the fields that do nothing without a token.
var aboutTokens = []string{"audience", "claims", "anonymous", "header", "profile"}

// identity reads an identity; what it leaves out is as in DefaultIdentity.
func (p *parser) identity(n *yaml.Node) *Identity {
	i := DefaultIdentity()
	i.Line, i.at = resolve(n).Line, positionOf(resolve(n))
	before := len(p.problems)
	pairs := object(p, n, "identity", identityFields, &i)
	if len(p.problems) > before {
		return &i
	}
	if i.Token == TokenOptional {
		if wrong := valueOf(pairs, "anonymous"); wrong != nil {
			p.add(resolve(wrong), CodeBadIdentity, string(i.Anonymous), "with token: optional who is anonymous passes", "leave anonymous out, or write token: required")
		}
	}
	for _, one := range pairs {
		if i.Token == TokenNone && slices.Contains(aboutTokens, one.name()) {
			p.add(one.key, codeNoEffect, one.name(), "with token: none this has no effect", "write token: required or optional, or remove it")
		}
	}
	return &i
}

// anonymous reads what becomes of who is anonymous; 401 is a number in YAML.
func (p *parser) anonymous(n *yaml.Node) Anonymous {
	n = resolve(n)
	if n.Tag == "!!int" && n.Value == string(AnonymousRefused) {
		return AnonymousRefused
	}
	if n.Tag == "!!str" && n.Value == "pass" {
		p.add(n, codeBadWord, n.Value, "anonymous: nobody passes without a token where one is required", "write token: optional in place of it")
		return ""
	}
	return Anonymous(p.word(n, "anonymous", string(AnonymousMonolith), string(AnonymousRefused), string(AnonymousLogin)))
}

// tokenHeader reads the name of the token's header.
func (p *parser) tokenHeader(n *yaml.Node) string {
	name := p.header(n, "header")
	if name == "" {
		return ""
	}
	if unusableHeaders[name] != "" || slices.Contains(connectionHeaders, name) {
		p.add(resolve(n), codeBadName, name, "header: a token cannot be there", "Authorization, or a name of your own such as X-User-Token")
	}
	return name
}

// connectionHeaders mean something to servers and connections.
var connectionHeaders = []string{
	"Connection", "Content-Length", "Content-Type", "Te", "Upgrade", "Keep-Alive", "Expect", "Proxy-Authorization",
	"Baggage", "Traceparent", "Tracestate", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded",
}

// claims reads which attribute is which claim.
func (p *parser) claims(n *yaml.Node) map[string]string {
	pairs := p.pairs(n, "claims")
	p.checkLength(n, "claims", len(pairs), maxClaims)
	claims := make(map[string]string, len(pairs))
	for _, one := range pairs {
		if !claimName.MatchString(one.name()) {
			p.add(one.key, codeBadName, one.name(), "claims: this cannot be the name of a claim", "at most 64 letters, digits, _, ., :, / and -, the first a letter or _")
			continue
		}
		text, ok := p.text(one.value, "the claim "+one.name())
		if !ok {
			continue
		}
		if !attributeText.MatchString(text) {
			p.add(resolve(one.value), codeBadAttribute, text, "the claim "+one.name()+": this can be no attribute of a user", "a column, such as email, or session.KEY")
			continue
		}
		claims[one.name()] = text
	}
	return claims
}
