package diff

import (
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A scope says what of a tree a comparator has a say in.
type scope uint8

const (
	scopeLeaf scope = iota // single values
	scopeTree              // the value and everything below it
	scopeType              // everything, as long as the type is the same
	scopeList              // how the elements of a list find each other
)

// A comparator is what a rule does with two values.
type comparator struct {
	scope scope
	// canon gives values that may be equal under the rule the same text. It
	// declines a value that the rule is not about.
	canon func(n *node) (string, bool)
	// close, if there is one, has the last word on two values whose canon is
	// the same.
	close func(a, b *node) bool
	// key of the elements of a list.
	key []selector
}

func (c *comparator) equal(a, b *node) bool {
	x, okA := c.canon(a)
	y, okB := c.canon(b)
	return okA && okB && x == y && (c.close == nil || c.close(a, b))
}

// comparators by name, each built from the argument of its rule.
var comparators = map[string]func(arg string) (comparator, error){
	"ignore":           noArg(comparator{scope: scopeTree}),
	"same_type":        noArg(comparator{scope: scopeType}),
	"unordered":        noArg(comparator{scope: scopeList}),
	"uuid":             noArg(comparator{canon: canonUUID}),
	"url_host":         noArg(comparator{canon: canonURL}),
	"static_name":      noArg(comparator{canon: canonStatic}),
	"number_as_string": noArg(comparator{canon: canonNumber, close: oneIsNumber}),
	"key":              newKey,
	"tolerance":        newTolerance,
	"time":             newTime,
	"regexp":           newRegexp,
}

// Comparators are the names that [Rule.Compare] may have, sorted.
//
//   - ignore: the value, and all below it, is not compared.
//   - same_type: any two values of one JSON type are equal.
//   - unordered: the elements of a list are compared as a multiset.
//   - key: the elements of a list are paired by a member, such as $.id.
//   - tolerance: two numbers at most that far apart are equal, such as 0.01.
//   - time: two RFC 3339 times at most that far apart are equal, such as 5s;
//     0s makes spellings of one instant equal.
//   - uuid: any two UUIDs are equal.
//   - regexp: any two strings that match the whole expression are equal.
//   - url_host: two URLs that differ in scheme and host alone are equal.
//   - static_name: two file names that differ in a content hash alone are
//     equal, such as app.55e7cbb9ba48.css (Django's ManifestStaticFilesStorage).
//   - number_as_string: a number equals a string that spells that number.
func Comparators() []string { return slices.Sorted(maps.Keys(comparators)) }

func noArg(c comparator) func(string) (comparator, error) {
	return func(arg string) (comparator, error) {
		if arg != "" {
			return comparator{}, fmt.Errorf("it takes no argument, got %q", arg)
		}
		return c, nil
	}
}

func newKey(arg string) (comparator, error) {
	path, err := parsePath(arg)
	if err != nil {
		return comparator{}, err
	}
	for _, sel := range path.selectors {
		if sel.name == "" || sel.descend {
			return comparator{}, fmt.Errorf("%q: the path of a key has names alone, such as $.id", arg)
		}
	}
	if path.root != rootBody || len(path.selectors) == 0 {
		return comparator{}, fmt.Errorf("%q: write the member that tells elements apart, such as $.id", arg)
	}
	return comparator{scope: scopeList, key: path.selectors}, nil
}

func newTolerance(arg string) (comparator, error) {
	limit, ok := rat(arg)
	if !ok || limit.Sign() < 0 {
		return comparator{}, fmt.Errorf("%q is no tolerance: write a number such as 0.01", arg)
	}
	return comparator{
		canon: func(n *node) (string, bool) { return "number", n.kind == kindNumber },
		close: func(a, b *node) bool {
			x, okA := rat(a.text)
			y, okB := rat(b.text)
			if !okA || !okB {
				return false
			}
			gap := new(big.Rat).Sub(x, y)
			return gap.Abs(gap).Cmp(limit) <= 0
		},
	}, nil
}

func newTime(arg string) (comparator, error) {
	limit, err := time.ParseDuration(arg)
	if err != nil || limit < 0 {
		return comparator{}, fmt.Errorf("%q is no duration: write one such as 5s, or 0s for spellings of one instant", arg)
	}
	canon := func(n *node) (string, bool) {
		t, zoned, ok := parseTime(n)
		if limit > 0 {
			return "time " + strconv.FormatBool(zoned), ok
		}
		if !ok {
			return "", false
		}
		return "time " + strconv.FormatBool(zoned) + strconv.FormatInt(t.Unix(), 10), true
	}
	closeTo := func(a, b *node) bool {
		x, _, _ := parseTime(a)
		y, _, _ := parseTime(b)
		return x.Equal(y) || x.Sub(y).Abs() <= limit
	}
	return comparator{canon: canon, close: closeTo}, nil
}

// parseTime reads an ISO 8601 date and time as RFC 3339 profiles it, with the
// spellings that Python's isoformat adds: a space for the T, an offset without
// a colon, or none, which leaves the instant open.
func parseTime(n *node) (t time.Time, zoned, ok bool) {
	s := n.text
	if n.kind != kindString || len(s) < len("2006-01-02T15:04:05") || s[4] != '-' || s[7] != '-' {
		return t, false, false
	}
	for _, layout := range [...]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		spelled := layout[:10] + s[10:11] + layout[11:]
		if s[10] != 'T' && s[10] != ' ' {
			return t, false, false
		}
		if t, err := time.Parse(spelled, s); err == nil {
			return t, len(layout) > len("2006-01-02T15:04:05"), true
		}
	}
	return t, false, false
}

func newRegexp(arg string) (comparator, error) {
	re, err := regexp.Compile(`\A(?:` + arg + `)\z`)
	if err != nil {
		return comparator{}, err
	}
	return comparator{canon: func(n *node) (string, bool) {
		return "match", n.kind == kindString && re.MatchString(n.text)
	}}, nil
}

// uuidPattern is the text form of RFC 9562 section 4, in either case, with or
// without hyphens (Python's uuid.hex).
var uuidPattern = regexp.MustCompile(`\A(?i)[0-9a-f]{8}(-?)[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\z`)

func canonUUID(n *node) (string, bool) {
	return "uuid", n.kind == kindString && uuidPattern.MatchString(n.text)
}

func canonURL(n *node) (string, bool) {
	if n.kind != kindString {
		return "", false
	}
	u, err := url.Parse(n.text)
	if err != nil || u.Opaque != "" || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	if u.Host != "" && u.Path == "" {
		u.Path = "/"
	}
	u.Scheme, u.Host, u.User = "", "", nil
	return u.String(), true
}

// staticHash is the part that ManifestStaticFilesStorage puts before the
// extension (django/contrib/staticfiles/storage.py, hashed_name): twelve
// hexadecimal digits of an MD5. Bundlers write eight or more; digits alone are a
// date or a number then.
var staticHash = regexp.MustCompile(`(?:\.[0-9a-f]{12}|[.-][0-9a-f]{8,32})(\.[A-Za-z0-9.]{1,16})\z`)

// dated is what staticHash would take for a hash.
var dated = regexp.MustCompile(`(?:-[0-9]+|\.[0-9]{8,11}|\.[0-9]{13,})\.[A-Za-z0-9.]{1,16}\z`)

func canonStatic(n *node) (string, bool) {
	path, query, _ := strings.Cut(n.text, "?")
	if dated.MatchString(path) {
		return n.text, n.kind == kindString
	}
	return staticHash.ReplaceAllString(path, "$1") + "?" + query, n.kind == kindString
}

func canonNumber(n *node) (string, bool) {
	if n.kind != kindNumber && n.kind != kindString {
		return "", false
	}
	d, ok := parseDecimal(n.text)
	if !ok {
		return "", false
	}
	return d.canon(), true
}

// oneIsNumber keeps two strings apart: "1.10" and "1.1" may be versions.
func oneIsNumber(a, b *node) bool { return a.kind == kindNumber || b.kind == kindNumber }

func (d *decimal) sign() string {
	if d.negative {
		return "-"
	}
	return ""
}

// canon is one spelling for every number of one value.
func (d *decimal) canon() string {
	return d.sign() + d.whole + d.frac + "e" + strconv.FormatInt(d.exp, 10)
}
