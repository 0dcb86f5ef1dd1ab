package token

// Kind is what JSON a claim's value is.
type Kind string

// The kinds.
const (
	Text    Kind = "string"
	Bool    Kind = "boolean"
	Integer Kind = "integer"
)

// is says whether JSON that encoding/json has written is of the kind.
func (k Kind) is(value []byte) bool {
	switch k {
	case Text:
		return value[0] == '"'
	case Bool:
		return value[0] == 't' || value[0] == 'f'
	case Integer:
		for i, c := range value {
			if (c < '0' || c > '9') && (i > 0 || c != '-') {
				return false
			}
		}
		return true
	}
	return true
}
