package admin

import (
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// Shadow is how a route's answers are compared, in a Document, its defaults
// filled in.
type Shadow struct {
	Sample      float64      `json:"sample"`
	Target      string       `json:"target,omitempty"`
	Reverse     bool         `json:"reverse,omitempty"`
	Control     string       `json:"control,omitempty"`
	Unsafe      string       `json:"unsafe,omitempty"`
	Presets     []string     `json:"presets,omitempty"`
	Headers     []string     `json:"headers,omitempty"`
	Ignore      []ShadowRule `json:"ignore,omitempty"`
	Rules       []ShadowRule `json:"rules,omitempty"`
	Clear       []string     `json:"clear,omitempty"`
	KeepCookies []string     `json:"keep_cookies,omitempty"`
	KeepHeaders []string     `json:"keep_headers,omitempty"`
	Timeout     string       `json:"timeout"`
	InFlight    int          `json:"in_flight"`
	Body        int          `json:"body_bytes"`
	Silence     string       `json:"silence"`
	Again       float64      `json:"again"`
}

// ShadowRule is one rule of a Shadow; Compare names its comparator, Arg what that
// needs.
type ShadowRule struct {
	Path    string `json:"path"`
	Compare string `json:"compare"`
	Arg     string `json:"arg,omitempty"`
	Because string `json:"because"`
	Owner   string `json:"owner"`
	Until   string `json:"until,omitempty"`
	Line    int    `json:"line"`
}

func shadowOf(s *routes.Shadow) *Shadow {
	if s == nil {
		return nil
	}
	return &Shadow{
		Sample: s.Sample.Percent(), Target: s.Target, Reverse: s.Reverse, Control: s.Control, Unsafe: s.Unsafe,
		Presets: s.Presets, Headers: s.Headers, Ignore: shadowRulesOf(s.Ignore), Rules: shadowRulesOf(s.Rules), Clear: s.Clear,
		KeepCookies: s.KeepCookies, KeepHeaders: s.KeepHeaders,
		Timeout: s.Timeout.String(), InFlight: s.InFlight, Body: int(s.Body), Silence: s.Silence.String(), Again: s.Again.Percent(),
	}
}

func shadowRulesOf(of []*routes.ShadowRule) []ShadowRule {
	all := make([]ShadowRule, 0, len(of))
	for _, r := range of {
		one := ShadowRule{Path: r.Path, Because: r.Because, Owner: r.Owner, Line: r.Line}
		one.Compare, one.Arg = r.Comparator()
		if !r.Until.IsZero() {
			one.Until = r.Until.Format(time.DateOnly)
		}
		all = append(all, one)
	}
	return all
}
