package flags

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// BaggageHeader is the header that decisions travel in (W3C Baggage,
// https://www.w3.org/TR/baggage/), in the form of http.Header's keys.
const BaggageHeader = "Baggage"

// BaggagePrefix starts the keys of our members: strangler.flag.NAME=true.
// Members of a client whose keys begin with "strangler.", in whatever case, are
// removed: a service may believe ours.
const BaggagePrefix = "strangler.flag."

const reservedPrefix = "strangler."

// What every platform must pass on (W3C Baggage §3.3.2); more may be lost on the
// way.
const (
	maxBaggage        = 8192 // bytes
	maxBaggageMembers = 64
)

// Carried is a flag's decision on its way to a service.
type Carried struct {
	Flag  string
	Value bool
}

// CleanBaggage removes what a client pretends to be ours. All other members pass
// as they are, and a header without ours is not touched.
func CleanBaggage(h http.Header) {
	lines := h[BaggageHeader]
	if !forged(lines) {
		return
	}
	var kept []string
	for _, line := range lines {
		if left := without(line); left != "" {
			kept = append(kept, left)
		}
	}
	if len(kept) == 0 {
		delete(h, BaggageHeader)
		return
	}
	h[BaggageHeader] = kept
}

func forged(lines []string) bool {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if reserved(member) {
				return true
			}
		}
	}
	return false
}

func without(line string) string {
	kept := make([]string, 0, 8)
	for member := range strings.SplitSeq(line, ",") {
		if !reserved(member) {
			kept = append(kept, member)
		}
	}
	return textproto.TrimString(strings.Join(kept, ","))
}

// reserved reports whether a member's key is one of ours. A reader may decode
// what is percent-encoded in it, or trim more than the standard's white space.
func reserved(member string) bool {
	key, _, _ := strings.Cut(member, "=")
	key, _, _ = strings.Cut(key, ";")
	key = strings.TrimSpace(unescape(key))
	return len(key) >= len(reservedPrefix) && strings.EqualFold(key[:len(reservedPrefix)], reservedPrefix)
}

// Baggage is the header's lines for a request to a service: those of the client,
// after CleanBaggage, which stay byte for byte, and one of our decisions. What does
// not fit into the standard's limits is left out, the last of ours first: so many
// are dropped.
func Baggage(clients []string, decisions []Carried) (lines []string, dropped int) {
	size, members := 0, 0
	for _, line := range clients {
		size += len(line) + 1 // lines are joined by a comma
		members += 1 + strings.Count(line, ",")
	}
	var b strings.Builder
	for i := range decisions {
		member := BaggageMember(decisions[i].Flag, decisions[i].Value)
		if size+len(member) > maxBaggage || members+1 > maxBaggageMembers {
			dropped++
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(member)
		size += len(member) + 1
		members++
	}
	if b.Len() == 0 {
		return clients, dropped
	}
	return append(slices.Clip(clients), b.String()), dropped
}

// BaggageMember is one decision as it stands in the header.
func BaggageMember(flag string, value bool) string {
	return BaggagePrefix + escape(flag) + "=" + strconv.FormatBool(value)
}

// ReadBaggage is for services: the decisions in a request's baggage.
func ReadBaggage(h http.Header) []Carried {
	var all []Carried
	for _, line := range h[BaggageHeader] {
		for member := range strings.SplitSeq(line, ",") {
			key, value, _ := strings.Cut(member, "=")
			value, _, _ = strings.Cut(value, ";")
			name, ours := strings.CutPrefix(textproto.TrimString(key), BaggagePrefix)
			value = textproto.TrimString(value)
			if ours && (value == "true" || value == "false") {
				all = append(all, Carried{Flag: unescape(name), Value: value == "true"})
			}
		}
	}
	return all
}

const upperHex = "0123456789ABCDEF"

// escape makes a token (RFC 9110 §5.6.2) of a flag's name: bytes that none may
// have, and %, are percent-encoded.
func escape(name string) string {
	clean := true
	for i := range len(name) {
		clean = clean && plain(name[i])
	}
	if clean {
		return name
	}
	b := make([]byte, 0, len(name)+8)
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// plain reports whether c stands for itself: a token's character but %.
func plain(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$&'*+-.^_`|~", c) >= 0
}

// unescape undoes escape; what is no percent-encoding stays.
func unescape(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			high, ok1 := hex(text[i+1])
			low, ok2 := hex(text[i+2])
			if ok1 && ok2 {
				b = append(b, high<<4|low)
				i += 2
				continue
			}
		}
		b = append(b, text[i])
	}
	return string(b)
}

func hex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
