package routes

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// FlagAttribute is a part of a request that the source of a flag gets to know:
// method, path, host, ip, headers.NAME, user or claims.NAME in the document, and
// under that name in the evaluation context.
type FlagAttribute struct {
	From AttributeFrom
	// Header is the header's name in canonical form; empty for the others.
	Header string
	// Claim is the attribute of the user that a FromClaim is; empty for the others.
	Claim string
	// Text is the attribute as the document has it: a source's rules are
	// sensitive to case.
	Text string
}

// HeaderText is the header's name as the document has it; empty for the others.
func (a FlagAttribute) HeaderText() string {
	if a.From != FromHeader {
		return ""
	}
	return a.Text[len(headerAttribute):]
}

// AttributeFrom is where an attribute's value comes from.
type AttributeFrom uint8

// Where an attribute comes from.
const (
	FromMethod AttributeFrom = iota // GET
	FromPath                        // the path, decoded, without the query
	FromHost                        // the host, in lower case, without a port
	FromIP                          // the client's address
	FromUser                        // who is signed in, by the stable ID
	FromHeader                      // a header's value
	FromClaim                       // an attribute of who is signed in
)

// MarshalText is the attribute as the document has it.
func (a FlagAttribute) MarshalText() ([]byte, error) { return []byte(a.Text), nil }

// Each attribute and each flag is one more thing to know about each request.
const (
	// MaxFlagAttributes is how many attributes a route may have.
	MaxFlagAttributes = 8
	// MaxBaggage is how many flags a route may tell its service of beside its own.
	MaxBaggage = 16
)

// attributeWords are the attributes without a name.
var attributeWords = [...]string{FromMethod: "method", FromPath: "path", FromHost: "host", FromIP: "ip", FromUser: "user"}

// attributeForms are all, for hints.
var attributeForms = append(attributeWords[:], headerAttribute+"NAME", claimAttribute+"NAME")

const (
	headerAttribute = "headers."
	claimAttribute  = "claims."
)

// secretHeaders prove who somebody is. A source of flags keeps what it is told,
// in logs and in lists of who got what.
var secretHeaders = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "X-Auth-Token", "X-Access-Token",
	"X-Csrf-Token", "X-Csrftoken", "X-Xsrf-Token", "X-Session-Id", "X-Amz-Security-Token",
}

// parseAttribute reads one attribute.
func parseAttribute(text string) (FlagAttribute, error) {
	if from := slices.Index(attributeWords[:], text); from >= 0 {
		return FlagAttribute{From: AttributeFrom(from), Text: text}, nil
	}
	if claim, found := strings.CutPrefix(text, claimAttribute); found {
		if !attributeText.MatchString(claim) {
			return FlagAttribute{}, errors.New("this can be no attribute of a user")
		}
		return FlagAttribute{From: FromClaim, Claim: claim, Text: text}, nil
	}
	name, found := strings.CutPrefix(text, headerAttribute)
	if !found {
		return FlagAttribute{}, errors.New("there is no such attribute")
	}
	if !isToken(name) || strings.Contains(name, ".") {
		return FlagAttribute{}, errors.New("this cannot be the name of a header that rules can read")
	}
	header := http.CanonicalHeaderKey(name)
	if slices.Contains(secretHeaders, header) {
		return FlagAttribute{}, fmt.Errorf("%s holds a secret, which is not told to a source of flags", header)
	}
	if why := unusableHeaders[header]; why != "" {
		return FlagAttribute{}, errors.New(why)
	}
	return FlagAttribute{From: FromHeader, Header: header, Text: text}, nil
}

// attributes reads the list of attributes.
func (p *parser) attributes(n *yaml.Node) []FlagAttribute {
	texts := p.distinct(n, "flag_attributes", (*parser).attribute)
	if len(texts) > MaxFlagAttributes {
		p.add(resolve(n), codeBadAttribute, "", fmt.Sprintf("flag_attributes has %d entries", len(texts)), fmt.Sprintf("at most %d", MaxFlagAttributes))
		return nil
	}
	all := make([]FlagAttribute, 0, len(texts))
	for _, text := range texts {
		a, _ := parseAttribute(text) // it was good
		if a.From == FromHeader && slices.ContainsFunc(all, func(b FlagAttribute) bool { return a.Header == b.Header }) {
			p.add(entry(n, text), codeRepeated, text, "this header stands twice in flag_attributes", "the case of a header's name does not matter")
		}
		all = append(all, a)
	}
	return all
}

// entry is the node of a text in a list.
func entry(list *yaml.Node, text string) *yaml.Node {
	list = resolve(list)
	for _, one := range list.Content {
		if one = resolve(one); one.Value == text {
			return one
		}
	}
	return list
}

// attribute checks one; empty when it is not good.
func (p *parser) attribute(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if _, err := parseAttribute(text); err != nil {
		p.add(resolve(n), codeBadAttribute, text, what+": "+err.Error(), p.suggest(text, slices.Values(attributeForms), "known"))
		return ""
	}
	return text
}

// baggage reads the list of flags that a service is told of.
func (p *parser) baggage(n *yaml.Node) []string {
	keys := p.distinct(n, "baggage", (*parser).flagKey)
	if len(keys) > MaxBaggage {
		p.add(resolve(n), codeBadAttribute, "", fmt.Sprintf("baggage has %d entries", len(keys)), fmt.Sprintf("at most %d", MaxBaggage))
	}
	return keys
}

// checkFlag checks what the fields about flags say of each other: the route's
// own flag travels anyway, and attributes are for a flag.
func (p *parser) checkFlag(r *Route, pairs []pair) {
	if r.Flag != "" && slices.Contains(r.Baggage, r.Flag) {
		p.add(entry(valueOf(pairs, "baggage"), r.Flag), codeRepeated, r.Flag, "the flag that decides travels anyway", "take it out of baggage")
	}
	if len(r.FlagAttributes) > 0 && r.Flag == "" && len(r.Baggage) == 0 {
		p.add(resolve(valueOf(pairs, "flag_attributes")), codeNoEffect, "flag_attributes", "without a flag or baggage this has no effect",
			"add flag: …, or remove it")
	}
}
