package diff

import (
	"strings"
	"unicode"
)

// Bounds of what a program calls a member.
const (
	maxName  = 64
	longName = 16 // letters and digits from which a name must be made of words
	maxWord  = 24
	wordSize = 3 // on average, of the words of a long name
	partSize = 4 // of a long part without - and the like
	maxRuns  = 2 // of digits beside letters
	maxHard  = 6 // consonants in a row
	shortHex = 7
)

// LooksLikeData tells whether the name of a member is likely a value: a map by
// number, e-mail address or token would have a signature per entry else, and show
// the entry. A name is data when it
//
//   - is empty, or longer than 64 bytes;
//   - has an @ behind its first byte, a space, a control character or one of
//     / \ + = % & ? , ; | " ' < >;
//   - has a digit and no letter (12, 2026-05-04, +49 30 1234, 10.0.0.1), or more
//     than two of three bytes are digits, from four on (u12345678);
//   - is of hexadecimal digits, - and :, two of them decimal, and 7 bytes or more
//     (UUIDs, hashes, IPv6 and MAC addresses);
//   - has 16 letters and digits or more that are not made of words: on average less
//     than 3 of one kind in a row (aZ9xQ2…), or 4 where nothing parts them, three
//     numbers among letters, more than 24 letters in a row, or 7 consonants.
//
// A name that is a word, or a short code, is none of these: a map by user name
// shows its entries.
func LooksLikeData(name string) bool {
	if name == "" || len(name) > maxName || strings.LastIndexByte(name, '@') > 0 || strings.ContainsFunc(name, foreign) {
		return true
	}
	digits, letters := 0, 0
	for _, r := range name {
		switch kindOf(r) {
		case digit:
			digits++
		case small, capital:
			letters++
		}
	}
	return number(name, digits, letters) || digits+letters >= longName && random(name)
}

// number tells whether a name is one, or made of numbers.
func number(name string, digits, letters int) bool {
	switch {
	case digits > 0 && (letters == 0 || digits > 3 && digits*3 > len(name)*2):
		return true
	case digits > 1 && len(name) >= shortHex && !strings.ContainsFunc(name, notHex):
		return true
	}
	return false
}

// random tells whether a long name is made of no words.
func random(name string) bool {
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return kindOf(r) == other }) {
		if len(part) >= longName && !words(part, partSize) {
			return true
		}
	}
	return !words(name, wordSize)
}

// foreign tells whether a rune stands in no name that a program gives.
func foreign(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`/\+=%&?,;|"'<>`, r)
}

func notHex(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F') && r != '-' && r != ':'
}

// words tells whether letters and digits are made of words of a size on average:
// runs of one kind, where one capital may begin a word in small letters.
func words(name string, size int) bool {
	var bytes, runs, numbers, run, hard int
	last, before := other, other
	for _, r := range name {
		is := kindOf(r)
		switch {
		case is == other:
			run, hard = 0, 0
		case is == last, is == small && last == capital && before != capital:
			run++
		default:
			runs, run, hard = runs+1, 1, 0
			if is == digit && last != other {
				numbers++
			}
		}
		if before, last = last, is; is != other {
			bytes++
		}
		if hard++; !consonant(r) {
			hard = 0
		}
		if run > maxWord || hard > maxHard || numbers > maxRuns {
			return false
		}
	}
	return bytes >= runs*size
}

// The kinds of bytes that make runs.
const (
	other = iota
	small
	capital
	digit
)

func kindOf(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return digit
	case unicode.IsUpper(r):
		return capital
	case unicode.IsLetter(r):
		return small
	}
	return other
}

func consonant(r rune) bool {
	r |= 0x20
	return r >= 'a' && r <= 'z' && !strings.ContainsRune("aeiouy", r)
}
