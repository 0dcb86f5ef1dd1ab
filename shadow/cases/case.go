// Package cases makes of a kept sample something that can be asked again without
// access to production: the request, what the monolith answered as far as that is
// kept, and the rules that it is compared by.
//
// # What is redacted
//
// Evidence holds no values (see package book), so a case has placeholders: in the
// target for path segments and query values ({id}), in the expected answer for
// values ("<string>"), names and the rest of a long list. A placeholder of the
// target has to be filled before the request can be sent. One of the answer is
// held against the type of what came, and counted: an answer is [Whole] only when
// nothing of it was redacted, and [Blind] when the very difference that the case
// was kept for is of redacted values, so that it cannot be seen.
//
// A team that wants more in its cases says so in the route table: clear:.
//
// # Format
//
// One JSON object of [Version] 1 per case, with the members of [Case]: one per file
// (.json), or one per line (.jsonl). An unknown member is an error, for it could be
// one that decides.
package cases

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// Version of the format.
const Version = 1

// Case is one portable case.
type Case struct {
	Version   int       `json:"version"`
	Route     string    `json:"route"`
	Signature string    `json:"signature"`
	ID        string    `json:"id"` // of the comparison that it is of
	At        time.Time `json:"at"`
	Request   Request   `json:"request"`
	Expected  Expected  `json:"expected"`
	// Redacted are the paths of the differences that the case was kept for, of
	// which it holds no value.
	Redacted []string `json:"redacted,omitempty"`
	Presets  []string `json:"presets,omitempty"`
	Rules    []Rule   `json:"rules,omitempty"`
}

// Request is what is asked.
type Request struct {
	Method string `json:"method"`
	// Target has placeholders in braces.
	Target string          `json:"target"`
	Header []report.Header `json:"header,omitempty"`
	// BodySize is the size of the body that is not kept, 0 without one.
	BodySize int `json:"body_size,omitempty"`
}

// Expected is the monolith's answer as far as it is kept.
type Expected struct {
	Status int `json:"status"`
	// Type is the media type without parameters, Size the body's in bytes.
	Type string `json:"type,omitempty"`
	Size int    `json:"size"`
	// Body is the structure of a body of JSON with placeholders; absent when
	// nothing of the body is kept.
	Body json.RawMessage `json:"body,omitempty"`
}

// Rule excuses differences, see diff.Rule.
type Rule struct {
	Path    string    `json:"path"`
	Compare string    `json:"compare"`
	Arg     string    `json:"arg,omitempty"`
	Because string    `json:"because"`
	Owner   string    `json:"owner"`
	Until   time.Time `json:"until,omitzero"`
}

// New makes a case of a sample of a route.
func New(route string, k *report.Kept, rules []report.Rule) *Case {
	c := &Case{
		Version: Version, Route: route, Signature: k.Signature, ID: k.ID, At: k.At,
		Request:  Request{Method: k.Method, Target: fillable(k.Target), BodySize: k.Body.Size},
		Expected: Expected{Status: k.Monolith.Status, Type: k.Monolith.Body.Type, Size: k.Monolith.Body.Size},
	}
	for _, h := range k.Header {
		if h.Name != "Accept-Encoding" { // the structure is of a body that was decoded
			c.Request.Header = append(c.Request.Header, h)
		}
	}
	if k.Expected != "" {
		c.Expected.Body = json.RawMessage(k.Expected)
	}
	for i := range k.Parts {
		if p := &k.Parts[i]; p.Own && (!p.Clear && diff.Kind(p.Kind) == diff.Value || left(p.Path)) {
			c.Redacted = append(c.Redacted, p.Path)
		}
	}
	seen := map[string]bool{}
	for i := range rules {
		r := &rules[i]
		switch {
		case r.Preset == "":
			c.Rules = append(c.Rules, Rule{r.Path, r.Compare, r.Arg, r.Because, r.Owner, r.Until})
		case !seen[r.Preset]:
			seen[r.Preset] = true
			c.Presets = append(c.Presets, r.Preset)
		}
	}
	return c
}

// left tells whether a difference is where a case holds nothing of the answer: of
// the headers and trailers it has the type alone.
func left(path string) bool {
	return path != "header.Content-Type" && path != "header.Content-Type.value" && (strings.HasPrefix(path, "header.") || strings.HasPrefix(path, "trailer."))
}

// Options are how the case is compared.
func (c *Case) Options() diff.Options {
	o := diff.Options{Presets: c.Presets}
	for _, r := range c.Rules {
		o.Rules = append(o.Rules, diff.Rule{Path: r.Path, Compare: r.Compare, Arg: r.Arg, Because: r.Because, Owner: r.Owner, Until: r.Until})
	}
	return o
}

// ErrVersion says that a case was written by another version of this program.
var ErrVersion = errors.New("this version of cases is not known here")

// MaxCase is how large one case may be, in bytes.
const MaxCase = 1 << 20

// Parse reads one case.
func Parse(data []byte) (*Case, error) {
	if len(data) > MaxCase {
		return nil, fmt.Errorf("the case is larger than %d bytes", MaxCase)
	}
	var head struct{ Version int }
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("no case: %w", err)
	}
	if head.Version != Version {
		return nil, fmt.Errorf("%w: version %d, known is %d", ErrVersion, head.Version, Version)
	}
	c := new(Case)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("no case: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("no case: there is more behind it")
	}
	if !strings.HasPrefix(c.Request.Target, "/") {
		return nil, fmt.Errorf("no case: the target %q does not begin with /", c.Request.Target)
	}
	return c, nil
}
