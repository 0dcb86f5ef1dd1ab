package token

// Kind is what JSON a claim's value is.
type Kind string

// The kinds.
const (
	Text    Kind = "string"
	Bool    Kind = "boolean" // 0 and 1 are one, too: MySQL and SQLite have no other
	Integer Kind = "integer"
)

// of answers JSON that encoding/json has written as JSON of the kind; ok is false
// when it is none.
func (k Kind) of(value []byte) (same []byte, ok bool) {
	switch k {
	case Text:
		return value, value[0] == '"'
	case Bool:
		switch string(value) {
		case "0":
			value = []byte("false")
		case "1":
			value = []byte("true")
		}
		return value, value[0] == 't' || value[0] == 'f'
	case Integer:
		for i, c := range value {
			if (c < '0' || c > '9') && (i > 0 || c != '-') {
				return value, false
			}
		}
	}
	return value, true
}
