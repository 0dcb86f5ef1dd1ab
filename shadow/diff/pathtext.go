package diff

import (
	"hash/fnv"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxPath bounds the text of a path. What is cut off goes on in a hash, so that
// two paths do not become one.
const maxPath = 512

// A form is how general the text of a path is.
type form uint8

const (
	formExact   form = iota // every position and name
	formPlace               // positions of markup alone, see [Difference.Place]
	formGeneral             // * for positions and for names that are data
)

// pathText writes a path as rules spell it.
func pathText(root string, steps []step, f form) string {
	var b strings.Builder
	b.WriteString(root)
	for i := range steps {
		switch s := &steps[i]; {
		case s.index < 0 && f != formExact && LooksLikeData(s.name):
			b.WriteString(".*")
		case s.index < 0:
			writeName(&b, s.name)
		case f == formGeneral || f == formPlace && !s.placed:
			b.WriteString("[*]")
		default:
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(int(s.index)))
			b.WriteByte(']')
		}
	}
	if b.Len() <= maxPath {
		return b.String()
	}
	whole := fnv.New64a()
	_, _ = whole.Write([]byte(b.String()))
	return cut(b.String(), maxPath) + "…" + strconv.FormatUint(whole.Sum64(), 16)
}

func writeName(b *strings.Builder, name string) {
	if name != "" && nameLen(name) == len(name) && utf8.ValidString(name) {
		b.WriteByte('.')
		b.WriteString(name)
		return
	}
	b.WriteString("['")
	b.WriteString(strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(strings.ToValidUTF8(name, "\uFFFD")))
	b.WriteString("']")
}

// cut copies at most n bytes of s, without a broken rune at the end.
func cut(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.ToValidUTF8(strings.Clone(s), "\uFFFD")
}

// signature names the cluster that a difference belongs to.
func signature(path string, k Kind, a, b string) string {
	return path + " " + string(k) + " " + a + "→" + b
}
