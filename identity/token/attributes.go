package token

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// packed is names, in order, and their values as JSON, in one text: a name and its
// value in turn, each after its length in four bytes.
type packed string

// appendAttributes packs them behind what is in to.
func appendAttributes(to []byte, all map[string]any) ([]byte, error) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, err := json.Marshal(all[name])
		switch {
		case err != nil:
			return to, fmt.Errorf("%w: the attribute %q is no JSON", ErrSubject, name)
		case len(value) > maxAttribute:
			return to, fmt.Errorf("%w: the attribute %q has more than %d bytes", ErrSubject, name, maxAttribute)
		case len(name) > maxAttribute:
			return to, fmt.Errorf("%w: the name of an attribute has more than %d bytes", ErrSubject, maxAttribute)
		}
		for _, part := range [...]string{name, string(value)} {
			to = append(binary.LittleEndian.AppendUint32(to, uint32(len(part))), part...) //#nosec G115 -- bounded above
		}
	}
	return to, nil
}

// value is the JSON of one, which is never empty; empty when there is none.
func (p packed) value(name string) string {
	for len(p) > 0 {
		var this, value string
		this, p = p.next()
		value, p = p.next()
		if this == name {
			return value
		}
	}
	return ""
}

func (p packed) next() (part string, rest packed) {
	end := 4 + int(p[0]) + int(p[1])<<8 + int(p[2])<<16 + int(p[3])<<24
	return string(p[4:end]), p[end:]
}
