package routes

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestParsePattern(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]pattern{
		"/":              {segments: []segment{{segRest, ""}}},
		"/{$}":           {segments: []segment{{segSlash, ""}}},
		"GET /a":         {method: "GET", segments: []segment{{segLiteral, "a"}}},
		"GET \t /a":      {method: "GET", segments: []segment{{segLiteral, "a"}}},
		"Example.COM./a": {host: "example.com", segments: []segment{{segLiteral, "a"}}},
		"PUT [::1]/{a}/b%20c/{r...}": {
			method: "PUT", host: "[::1]", segments: []segment{{segWild, "a"}, {segLiteral, "b c"}, {segRest, "r"}},
		},
		"/a/": {segments: []segment{{segLiteral, "a"}, {segRest, ""}}},
	} {
		got, err := parsePattern(text)
		if err != nil || got.method != want.method || got.host != want.host || !slices.Equal(got.segments, want.segments) {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestPatternErrorsSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                "empty pattern",
		"example.com":     "has no path",
		"GET":             "has no path",
		"get /a":          "write GET",
		" /a":             "starts with a space",
		"GE(T /a":         `"GE(T" cannot be a method`,
		"example.com:80/": "a port is never compared",
		"*.example.com/":  "cannot be part of a host name",
		"bücher.example/": "xn--",
		"{host}/a":        "wildcards stand in the path",
		"/a{b}":           "a wildcard is the whole segment",
		"/{a}b":           "a wildcard is the whole segment",
		"/{}":             "a wildcard's name",
		"/{...}":          "a wildcard's name",
		"/{1a}":           "a wildcard's name",
		"/{a-b}":          "a wildcard's name",
		"/{$}/a":          "must be the last",
		"/{a...}/b":       "must be the last",
		"/{a}/{a}":        `two wildcards are named "a"`,
		"/{a}/{a...}":     `two wildcards are named "a"`,
		"/a//b":           "can never match",
		"/a/../b":         "can never match",
		"/a%2fb":          "can never match",
		"/a;b":            "can never match",
		"/a%00":           "can never match",
		"/a%2":            "invalid URL escape",
		"/a?b=c":          "`when`",
		"/a#b":            "%23",
	} {
		if _, err := parsePattern(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// ServeMux takes every pattern that is taken here, and none that it refuses.
func FuzzParsePattern(f *testing.F) {
	for _, seed := range []string{"/", "GET /a/{b}", "a.io/{c...}", "/{$}", "/a%20b/", "POST [::1]/x", "/{a}/{a}", "GET  /"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePattern(text)
		if err != nil {
			return
		}
		if err := register(http.NewServeMux(), text); err != nil {
			t.Errorf("%q: we take it, ServeMux says %v", text, err)
		}
		if len(p.segments) == 0 {
			t.Errorf("%q: no segments", text)
		}
	})
}
