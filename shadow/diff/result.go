package diff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

// A Verdict is the bucket that a comparison belongs in, as far as two answers
// alone can tell.
type Verdict string

// The verdicts.
const (
	Equal         Verdict = "equal"
	EqualByRule   Verdict = "equal_by_rule"  // every difference was excused by a rule
	Different     Verdict = "different"      // at least one was not
	NotComparable Verdict = "not_comparable" // a limit was hit before a difference was found; see Result.Reason
)

// A Kind says how two values differ.
type Kind string

// The kinds. The monolith is the measure: what it has and the service has not
// is missing.
const (
	Missing Kind = "missing"
	Extra   Kind = "extra"
	Type    Kind = "type"   // of different types, or of different names where elements have names
	Value   Kind = "value"  // of one type, not equal
	Order   Kind = "order"  // a list of the same elements in another order
	Length  Kind = "length" // lists of different lengths
)

// A Result is what comparing two answers found. It holds no body and nothing
// that points into one.
type Result struct {
	Verdict Verdict
	// Reason says why the bodies were not compared whole, empty when they were.
	// With the verdict Different it says that there may be more differences.
	Reason Reason
	// Format is what the bodies were read as: json, html, bytes and so on;
	// "empty" when neither answer has a body, "identical" when their bytes are
	// the same.
	Format string
	// Differences in the order status, headers, body, trailers; at most
	// Limits.Differences of them. Total counts all.
	Differences []Difference
	Total       int
	// Excuses counts what rules excused, in the order of the rules.
	Excuses []Excuse
}

// An Excuse says how many differences one rule excused.
type Excuse struct {
	Rule  *Rule
	Count int
}

// A Difference is one place where the answers are not equal.
type Difference struct {
	// Path of the place in the body as a JSONPath ($.items[3].price), or
	// status, header.NAME, trailer.NAME. It may hold names that are data, such
	// as the keys of a map: redact it as a value where it is kept.
	Path string
	Kind Kind
	// Signature is the same for every difference of one cause: the path with
	// positions and names that are data generalised to *, the kind, and the two
	// types. It holds no value. The mirrored difference has the types swapped.
	Signature string
	// Place is the Signature, but with the positions of what is not alike for
	// standing in one list: the parts of a page, the lines of a text, the parts of
	// a multipart body. That one of them is known to change by itself says nothing
	// of the others.
	Place string
	// Monolith and Service are the two values, cut to Limits.Value bytes.
	Monolith, Service Leaf
	// Lapsed is a rule that excused the difference until it expired.
	Lapsed *Rule
}

// A Leaf is one value of a difference. Of an object or list there is only its
// type and size, never what it holds.
type Leaf struct {
	// Type is null, bool, number, string, bytes, fixed, object, array, element
	// or content, none where there is no value, or a format of a body as a whole.
	Type string
	// Text is the value, cut short. Of bytes it is empty.
	Text string
	// Size in bytes of a single value, in children of a container.
	Size int
	// Digest of a value that Text does not hold whole: 32 hexadecimal digits of
	// its SHA-256.
	Digest string
}

// Redacted is the value without its content: its type, its size and 16
// hexadecimal digits of an HMAC-SHA256 under key. Equal values stay equal.
func (l Leaf) Redacted(key []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(l.Type + "\x00" + strconv.Itoa(l.Size) + "\x00" + l.Digest + "\x00" + l.Text))
	return l.Type + ":" + strconv.Itoa(l.Size) + ":" + hex.EncodeToString(mac.Sum(nil)[:8])
}

// leaf describes a node. Its text is copied: the body must not live on in it.
func leaf(n *node, limit int) Leaf {
	l := Leaf{Type: n.kind.String(), Size: len(n.text)}
	switch {
	case n.kind == kindNone:
		return Leaf{Type: l.Type}
	case n.kind == kindFormat:
		return Leaf{Type: n.text}
	case n.kind == kindElement:
		l.Text, l.Size = cut(n.name, limit), int(n.count)
	case n.kind == kindBytes || n.kind == kindMessage || n.kind == kindFixed:
		l.Digest = digest(n.text)
	case !n.kind.leaf():
		l.Size = int(n.count)
	case len(n.text) > limit || !utf8.ValidString(n.text):
		l.Text, l.Digest = cut(n.text, limit), digest(n.text)
	default:
		l.Text = cut(n.text, limit)
	}
	return l
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
