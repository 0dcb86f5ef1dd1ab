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

// pathText writes a path as rules spell it. A general one has * for positions
// and for names that are data.
func pathText(root string, steps []step, general bool) string {
	var b strings.Builder
	b.WriteString(root)
	for i := range steps {
		switch s := &steps[i]; {
		case s.index < 0 && general && LooksLikeData(s.name):
			b.WriteString(".*")
		case s.index < 0:
			writeName(&b, s.name)
		case general:
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
func signature(root string, steps []step, k Kind, a, b string) string {
	return pathText(root, steps, true) + " " + string(k) + " " + a + "→" + b
}
