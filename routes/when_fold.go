package routes

import (
	"unicode"
	"unicode/utf8"
)

// Texts are folded as (?i) compares them, by Unicode's simple folding: to the
// smallest of the runes that it takes for one another, with ASCII in lower case.
// K and the Kelvin sign fold to k, the long s folds to s. Bytes that are not
// UTF-8 stay. What two texts have in common, they still have when both are folded.

// fold is the folded text.
func fold(text string) string {
	b := make([]byte, 0, len(text))
	for text != "" {
		var piece folded
		piece, text = cutFolded(text)
		b = append(b, piece.bytes[:piece.size]...)
	}
	return string(b)
}

// folded is one rune or byte of a text, folded.
type folded struct {
	bytes [utf8.UTFMax]byte
	size  int
}

// cutFolded cuts the first rune off a text that is not empty.
func cutFolded(text string) (first folded, rest string) {
	if c := text[0]; c < utf8.RuneSelf {
		first.bytes[0], first.size = lowerASCII(c), 1
		return first, text[1:]
	}
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError {
		first.size = copy(first.bytes[:], text[:size])
		return first, text[size:]
	}
	first.size = utf8.EncodeRune(first.bytes[:], foldRune(r))
	return first, text[size:]
}

func foldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if least < utf8.RuneSelf {
		return rune(lowerASCII(byte(least)))
	}
	return least
}
