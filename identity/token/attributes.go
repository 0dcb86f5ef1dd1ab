package token

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"slices"
)

// attributes are names, in order, and their values as JSON, in one text: a name and
// its value in turn, and where each ends.
type attributes struct {
	text string
	ends []uint32
}

func pack(all map[string]any) (attributes, error) {
	a := attributes{ends: make([]uint32, 0, 2*len(all))}
	var text []byte
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, err := json.Marshal(all[name])
		switch {
		case err != nil:
			return a, fmt.Errorf("%w: the attribute %q is no JSON", ErrSubject, name)
		case len(value) > maxAttribute:
			return a, fmt.Errorf("%w: the attribute %q has more than %d bytes", ErrSubject, name, maxAttribute)
		case len(name) > maxAttribute:
			return a, fmt.Errorf("%w: the name of an attribute has more than %d bytes", ErrSubject, maxAttribute)
		}
		text = append(text, name...)
		a.ends = append(a.ends, uint32(len(text))) //#nosec G115 -- maxAttributes of maxAttribute bytes
		text = append(text, value...)
		a.ends = append(a.ends, uint32(len(text))) //#nosec G115 -- as above
	}
	a.text = string(text)
	return a, nil
}

// value is the JSON of one, which is never empty; empty when there is none.
func (a *attributes) value(name string) string {
	start := uint32(0)
	for i := 0; i+1 < len(a.ends); i += 2 {
		if a.text[start:a.ends[i]] == name {
			return a.text[a.ends[i]:a.ends[i+1]]
		}
		start = a.ends[i+1]
	}
	return ""
}

// digest writes what no other attributes write.
func (a *attributes) digest(to hash.Hash) {
	to.Write([]byte(a.text))
	for _, end := range a.ends {
		to.Write(binary.LittleEndian.AppendUint32(nil, end))
	}
}
