package cases

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
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

// PactBody is a body of JSON.
type PactBody struct {
	ContentType string `json:"contentType"`
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
// the same are one interaction.
//
// A contract knows less than a case: a provider may add members to an object.
func NewPact(consumer, provider string, all []*Case, values map[string]string) (p *Pact, left []string) {
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
		same, err := json.Marshal([]any{i.Request, i.Response})
		if err != nil || seen[string(same)] {
			continue // it is text and numbers
		}
		seen[string(same)] = true
		p.Interactions = append(p.Interactions, i)
	}
	return p, left
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
	out.Response.Body = &PactBody{ContentType: cmp.Or(c.Expected.Type, "application/json"), Content: content}
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

// exampler makes an example of a structure, with a matcher for each placeholder
// and for each value that a rule is about.
type exampler struct {
	rules   []Rule
	matches map[string]Match
	said    []bool // by rule
}

// matchers are what a rule comes to in a contract; the others are said in words.
var matchers = map[string]Matcher{
	"same_type":        {Match: "type"},
	"uuid":             {Match: "regex", Regex: `[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}`},
	"tolerance":        {Match: "number"},
	"time":             {Match: "type"},
	"url_host":         {Match: "type"},
	"static_name":      {Match: "type"},
	"number_as_string": {Match: "type"},
}

func (e *exampler) match(path string, m Matcher) {
	e.matches[path] = Match{Combine: "AND", Matchers: []Matcher{m}}
}

// rule is the rule about a value, by the general form of its path.
func (e *exampler) rule(general string) *Rule {
	for i := range e.rules {
		if e.rules[i].Path == general {
			if e.said == nil {
				e.said = make([]bool, len(e.rules))
			}
			e.said[i] = true
			return &e.rules[i]
		}
	}
	return nil
}

// value is the example of a part; keep is false when a rule ignores it.
func (e *exampler) value(v any, path, general string) (example any, keep bool) {
	if rule := e.rule(general); rule != nil {
		if rule.Compare == "ignore" {
			return nil, false
		}
		if m, known := matchers[rule.Compare]; known {
			e.match(path, m)
		}
		if rule.Compare == "regexp" {
			e.match(path, Matcher{Match: "regex", Regex: rule.Arg})
		}
	}
	switch v := v.(type) {
	case map[string]any:
		return e.object(v, path, general), true
	case []any:
		return e.list(v, path, general), true
	case string:
		return e.leaf(v, path), true
	}
	return v, true
}

func (e *exampler) leaf(text, path string) any {
	var kind string
	var example any
	switch text {
	case "<string>":
		kind, example = "type", "text"
	case "<number>":
		kind, example = "number", 1
	case "<bool>":
		kind, example = "boolean", true
	default:
		return text
	}
	if _, ruled := e.matches[path]; !ruled || kind != "type" {
		e.match(path, Matcher{Match: kind})
	}
	if m := e.matches[path].Matchers[0]; m.Match == "regex" {
		e.match(path, Matcher{Match: "type"}) // there is no example of it
	}
	return example
}

func (e *exampler) object(members map[string]any, path, general string) map[string]any {
	out := make(map[string]any, len(members))
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at, generalAt := path+member(name), general+member(name)
		if isName(name) {
			e.match(path, Matcher{Match: "values"})
			at, generalAt = path+".*", general+".*"
		}
		if value, keep := e.value(members[name], at, generalAt); keep {
			out[name] = value
		}
	}
	return out
}

// list is whole, or of one element when it was cut: then all must be like that.
func (e *exampler) list(all []any, path, general string) []any {
	shown, more := elements(all)
	if more > 0 {
		e.match(path, Matcher{Match: "type", Min: 1})
		value, _ := e.value(all[0], path+"[*]", general+"[*]")
		return []any{value}
	}
	out := make([]any, shown)
	for i := range out {
		out[i], _ = e.value(all[i], path+"["+strconv.Itoa(i)+"]", general+"[*]")
	}
	return out
}

// member is a name in a path.
func member(name string) string {
	plain := func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}
	if name != "" && strings.IndexFunc(name, plain) < 0 {
		return "." + name
	}
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}

// unsaid are the rules that no matcher says.
func (e *exampler) unsaid() (texts []string) {
	for i := range e.rules {
		r := &e.rules[i]
		_, known := matchers[r.Compare]
		if e.said == nil || !e.said[i] || !known && r.Compare != "ignore" && r.Compare != "regexp" {
			texts = append(texts, fmt.Sprintf("not in this contract: %s %s %s, because %s (%s)", r.Path, r.Compare, r.Arg, r.Because, r.Owner))
		}
	}
	return texts
}
