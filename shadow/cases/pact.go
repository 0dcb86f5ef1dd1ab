package cases

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/strangler-proxy/strangler/shadow/report"
)

// Pact is a contract of version 4.0 of the Pact specification
// (pact-foundation/pact-specification, branch version-4), of interactions of the
// type Synchronous/HTTP.
type Pact struct {
	Consumer     Pacticipant   `json:"consumer"`
	Provider     Pacticipant   `json:"provider"`
	Interactions []Interaction `json:"interactions"`
	Metadata     struct {
		Specification struct {
			Version string `json:"version"`
		} `json:"pactSpecification"`
	} `json:"metadata"`
}

// Pacticipant is one side.
type Pacticipant struct {
	Name string `json:"name"`
}

// Interaction is one request and what is expected.
type Interaction struct {
	Type        string       `json:"type"`
	Key         string       `json:"key"`
	Description string       `json:"description"`
	Pending     bool         `json:"pending"`
	Request     PactRequest  `json:"request"`
	Response    PactResponse `json:"response"`
	Comments    *Comments    `json:"comments,omitempty"`
}

// Comments are for people.
type Comments struct {
	Text []string `json:"text"`
}

// PactRequest is the request.
type PactRequest struct {
	Method  string              `json:"method"`
	Path    string              `json:"path"`
	Query   map[string][]string `json:"query,omitempty"`
	Headers map[string][]string `json:"headers,omitempty"`
}

// PactResponse is what is expected.
type PactResponse struct {
	Status  int                         `json:"status"`
	Headers map[string][]string         `json:"headers,omitempty"`
	Body    *PactBody                   `json:"body,omitempty"`
	Rules   map[string]map[string]Match `json:"matchingRules,omitempty"`
}

// PactBody is a body of JSON. The hint says how the content is to be taken whatever
// its type says; the JSON Schema of version 4 (pactflow/pact-schemas) requires all
// four members.
type PactBody struct {
	ContentType string `json:"contentType"`
	Hint        string `json:"contentTypeHint"` // TEXT or BINARY
	Encoded     bool   `json:"encoded"`
	Content     any    `json:"content"`
}

// Match says how what is at a path is held against the example.
type Match struct {
	Combine  string    `json:"combine"`
	Matchers []Matcher `json:"matchers"`
}

// Matcher is one way; Match names it.
type Matcher struct {
	Match string `json:"match"`
	Regex string `json:"regex,omitempty"`
	Min   int    `json:"min,omitempty"`
}

// NewPact makes a contract of cases whose targets are filled with values. Left out
// are those that a contract cannot say: with a body that is not kept, or with a
// placeholder without a value; their IDs are answered. Cases that ask and expect
// the same are one interaction; same is how many more there were.
//
// A contract knows less than a case: a provider may add members to an object.
func NewPact(consumer, provider string, all []*Case, values map[string]string) (p *Pact, left []string, same int) {
	p = &Pact{Consumer: Pacticipant{consumer}, Provider: Pacticipant{provider}, Interactions: []Interaction{}}
	p.Metadata.Specification.Version = "4.0"
	seen := map[string]bool{}
	for _, c := range all {
		target, missing := c.Request.Fill(values)
		if len(missing) > 0 || c.Request.BodySize > 0 {
			left = append(left, c.ID)
			continue
		}
		i := c.interaction(target)
		text, err := json.Marshal([]any{i.Request, i.Response})
		if err != nil || seen[string(text)] { // it is text and numbers
			same++
			continue
		}
		seen[string(text)] = true
		p.Interactions = append(p.Interactions, i)
	}
	return p, left, same
}

func (c *Case) interaction(target string) Interaction {
	path, query, _ := strings.Cut(target, "?")
	out := Interaction{
		Type: "Synchronous/HTTP", Key: c.ID,
		Description: fmt.Sprintf("%s %s, comparison %s of %s", c.Request.Method, c.Request.Target, c.ID, c.Route),
		Request:     PactRequest{Method: c.Request.Method, Path: path, Headers: headersOf(c.Request.Header)},
		Response:    PactResponse{Status: c.Expected.Status},
	}
	if parsed, err := url.ParseQuery(query); err == nil && len(parsed) > 0 {
		out.Request.Query = parsed
	}
	if c.Expected.Type != "" {
		out.Response.Headers = map[string][]string{"Content-Type": {c.Expected.Type}}
	}
	example, err := tree(c.Expected.Body)
	if len(c.Expected.Body) == 0 || err != nil {
		return out
	}
	e := exampler{rules: c.Rules, matches: map[string]Match{}}
	content, _ := e.value(example, "$", "$")
	out.Response.Body = &PactBody{ContentType: cmp.Or(c.Expected.Type, "application/json"), Hint: "TEXT", Content: content}
	// Types are compared by the body's own; parameters are not known.
	out.Response.Rules = map[string]map[string]Match{"header": {"Content-Type": {Combine: "AND", Matchers: []Matcher{{Match: "regex", Regex: contentType(c.Expected.Type)}}}}}
	if len(e.matches) > 0 {
		out.Response.Rules["body"] = e.matches
	}
	if unsaid := e.unsaid(); len(unsaid) > 0 {
		out.Comments = &Comments{Text: unsaid}
	}
	return out
}

// contentType is an expression for a media type with any parameters.
func contentType(media string) string {
	return strings.NewReplacer(".", `\.`, "+", `\+`).Replace(media) + `(\s*;.*)?`
}

func headersOf(list []report.Header) map[string][]string {
	out := map[string][]string{}
	for _, h := range list {
		out[h.Name] = append(out[h.Name], h.Value)
	}
	return out
}
