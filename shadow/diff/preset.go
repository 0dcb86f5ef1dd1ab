package diff

import (
	"maps"
	"slices"
)

// A presetRule is a path, a comparator with its argument, and the reason.
type presetRule struct{ path, compare, arg, because string }

// presets are rule sets for what every deployment of a framework differs in.
// They excuse nothing but what two right answers of one page differ in.
var presets = map[string][]presetRule{
	"django": {
		// django/middleware/csrf.py masks the token anew in every answer.
		{"$..input[?@.@name=='csrfmiddlewaretoken'].@value", "ignore", "", "a CSRF token is new in every answer"},
		{"$..meta[?@.@name=='csrf-token'].@content", "ignore", "", "a CSRF token is new in every answer"},
		{"$.csrfmiddlewaretoken", "ignore", "", "a CSRF token is new in every answer"},
		// A shadow request carries no session, so its answer may set one.
		{"header.Set-Cookie.csrftoken", "ignore", "", "the monolith's cookie, not a part of the answer"},
		{"header.Set-Cookie.sessionid", "ignore", "", "the monolith's cookie, not a part of the answer"},
		// Content Security Policy Level 3, section 7.1: new in every answer.
		{"$..@nonce", "ignore", "", "a CSP nonce is new in every answer"},
		{"$..script.@src", "static_name", "", "the hash in a static file's name is that of a build"},
		{"$..link.@href", "static_name", "", "the hash in a static file's name is that of a build"},
		{"$..img.@src", "static_name", "", "the hash in a static file's name is that of a build"},
		{"header.Location.url", "url_host", "", "the service does not know the public host"},
		{"$..*", "time", "0s", "ISO 8601 has many spellings of one instant"},
	},
	"drf": {
		// rest_framework/pagination.py writes absolute URLs.
		{"$.next", "url_host", "", "the service does not know the public host"},
		{"$.previous", "url_host", "", "the service does not know the public host"},
		// COERCE_DECIMAL_TO_STRING of rest_framework/settings.py.
		{"$..*", "number_as_string", "", "REST framework writes decimals as strings"},
	},
}

// Presets are the names that [Options.Presets] may have, sorted.
//
//   - django: CSRF tokens in forms and meta tags, the csrftoken and sessionid
//     cookies, CSP nonces, hashed names of static files, the host in Location,
//     and spellings of one instant.
//   - drf: the host in pagination links, and decimals as strings.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

func presetRules(name string, of []presetRule) []Rule {
	out := make([]Rule, len(of))
	for i, r := range of {
		out[i] = Rule{Path: r.path, Compare: r.compare, Arg: r.arg, Because: r.because, Owner: "strangler", Preset: name}
	}
	return out
}
