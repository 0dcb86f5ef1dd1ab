package routes

import "time"

// Shadow says how a route's answers are compared: requests that the monolith
// serves are sent to the shadow too, and its answers are held against the
// monolith's. No client ever gets what a shadow says. What is left out has its
// default.
type Shadow struct {
	// Sample is the percentage of the route's requests that is compared, chosen by
	// their correlation ID. Default: 100.
	Sample PPM `yaml:"sample,omitempty" is:"above"`
	// Target names the target that is the shadow. Default: the route's service.
	Target string `yaml:"target,omitempty" is:"name"`
	// Reverse compares the requests that the service serves with the monolith
	// instead, for a route that is past its cutover. Default: false.
	Reverse bool `yaml:"reverse,omitempty"`
	// Control names a second monolith, which tells how often the monolith differs
	// from itself. Default: the monolith is asked again.
	Control string `yaml:"control,omitempty" is:"name"`
	// Unsafe says what becomes of requests that may change something: dry_run sends
	// them to a shadow that has proved that it changes nothing for them. Default:
	// they are not compared.
	Unsafe string `yaml:"unsafe,omitempty" jsonschema:"enum=dry_run"`
	// Presets are rules for what every deployment of a framework differs in:
	// django, drf. Default: none.
	Presets []string `yaml:"presets,omitempty" jsonschema:"uniqueItems=true,enum=django,enum=drf"`
	// Headers are names of headers to compare beside those that always are.
	// Default: none.
	Headers []string `yaml:"headers,omitempty" is:"token" jsonschema:"maxItems=64"`
	// Ignore are paths that are not compared, each with path, because and owner:
	// rules whose compare is ignore, written shorter.
	Ignore []*ShadowRule `yaml:"ignore,omitempty" jsonschema:"maxItems=200"`
	// Rules excuse differences, each at a path and in one way. The first that
	// applies counts; those of ignore come before them.
	Rules []*ShadowRule `yaml:"rules,omitempty" jsonschema:"maxItems=200"`
	// Clear are paths whose values samples keep as they are, such as $.status: what
	// cannot be about a person. Of the request itself request.path and
	// request.query.NAME may be named. Of all others only a keyed hash is kept.
	// Default: none.
	Clear []string `yaml:"clear,omitempty" is:"line" jsonschema:"maxItems=200"`
	// KeepCookies are names of cookies that a service hears of the requests that
	// are mirrored to it, such as a language; of all others it hears none, for any of them
	// may be what somebody is signed in by. Default: none.
	KeepCookies []string `yaml:"keep_cookies,omitempty" is:"token" jsonschema:"uniqueItems=true,maxItems=64"`
	// KeepHeaders are names of headers that it hears though their names say that
	// they may be credentials: auth, token, key, session and such; and Referer and
	// HX-Current-URL, of which it hears the origin alone. Default: none.
	KeepHeaders []string `yaml:"keep_headers,omitempty" is:"token" jsonschema:"uniqueItems=true,maxItems=64"`
	// Timeout is how long the shadow may take to the end of its answer. Default:
	// 10s.
	Timeout time.Duration `yaml:"timeout,omitempty"`
	// InFlight is how many of the route's requests the shadow is asked at once.
	// Default: 16.
	InFlight int `yaml:"in_flight,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// Body is how much of a request's and of an answer's body is kept to be
	// compared, up to 16MiB; what is larger is counted, not compared. Default: 1MiB.
	Body Size `yaml:"body,omitempty"`
	// Silence is after how long without any comparison an alarm is raised, up to
	// 720h. Default: 15m.
	Silence time.Duration `yaml:"silence,omitempty"`
	// Again is the percentage of the compared safe requests for which the monolith
	// is asked a second time, to learn how often it differs from itself. Default: 1.
	Again PPM `yaml:"again,omitempty" is:"above"`

	at shadowPositions
}

// shadowPositions are where the parts of a shadow stand that problems found
// after parsing point at.
type shadowPositions struct {
	start, target, control, reverse, cookies, headers position

	clear []position // by entry
}

// ShadowRule excuses differences at a path, for a reason and for a time. It has
// one of compare, tolerance, time, regexp and key.
type ShadowRule struct {
	// Path says where, as a part of RFC 9535: $.served_at, $.items[*].id, $..updated;
	// $ is the body. Beside it there are status, header.NAME and trailer.NAME.
	Path string `yaml:"path" is:"line"`
	// Compare is how the two values are held against each other: ignore not at all,
	// same_type by their JSON type, unordered as a list in any order, uuid any two
	// UUIDs, url_host URLs without scheme and host, static_name file names without
	// a content hash, number_as_string a number and a text that spells it.
	Compare string `yaml:"compare,omitempty" jsonschema:"enum=ignore,enum=same_type,enum=unordered,enum=uuid,enum=url_host,enum=static_name,enum=number_as_string"`
	// Tolerance is how far apart two numbers may be: 0.01.
	Tolerance Number `yaml:"tolerance,omitempty"`
	// Time is how far apart two times may be; 0s only allows other spellings of one
	// instant.
	Time string `yaml:"time,omitempty" is:"duration"`
	// Regexp is an RE2 expression that both texts must match whole.
	Regexp string `yaml:"regexp,omitempty" is:"text"`
	// Key is the member by which the elements of two lists are paired: $.id.
	Key string `yaml:"key,omitempty" is:"line"`
	// Because says why the difference is right.
	Because string `yaml:"because" is:"line"`
	// Owner is the team that answers for the rule.
	Owner string `yaml:"owner" is:"line"`
	// Until is the last day, in UTC, on which the rule applies: 2027-01-31.
	// Default: it never ends.
	Until time.Time `yaml:"until,omitempty"`
	// Line is where the rule starts in the document, from 1.
	Line int `yaml:"-"`

	at struct{ start, path, way, until position }
}

// Comparator is the rule's one way to compare, with its argument as the document
// has it; both are empty when it has none.
func (r *ShadowRule) Comparator() (name, arg string) {
	switch {
	case r.Tolerance != "":
		return "tolerance", string(r.Tolerance)
	case r.Time != "":
		return "time", r.Time
	case r.Regexp != "":
		return "regexp", r.Regexp
	case r.Key != "":
		return "key", r.Key
	}
	return r.Compare, ""
}

// AllRules are the rules in the order in which they apply: ignore, then rules.
func (s *Shadow) AllRules() []*ShadowRule {
	all := make([]*ShadowRule, 0, len(s.Ignore)+len(s.Rules))
	return append(append(all, s.Ignore...), s.Rules...)
}

// Size is a number of bytes, in the document such as 512KiB or 1MiB.
type Size int

// Number is a number as the document has it, so that it stays exact.
type Number string

// UnsafeDryRun is Shadow.Unsafe for a shadow that proves that it changes nothing.
const UnsafeDryRun = "dry_run"

// DefaultShadow is what `shadow: {}` means.
func DefaultShadow() Shadow {
	return Shadow{
		Sample: One, Timeout: 10 * time.Second, InFlight: 16, Body: 1 << 20,
		Silence: 15 * time.Minute, Again: onePercent,
	}
}
