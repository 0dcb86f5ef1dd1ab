package admin

import (
	"bytes"
	"encoding/json"
	"strings"
)

// twice is the first name that an object in a JSON text has twice, whatever its
// case, as encoding/json reads names; empty: none, or the text is not JSON. Of
// two values the last would count, and a reader of the first be deceived.
func twice(text []byte) string {
	type object struct {
		names map[string]bool // nil for an array
		value bool            // a value comes next, not a name
	}
	var open []*object
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		inside := len(open) > 0 && open[len(open)-1].names != nil
		if name, ok := token.(string); ok && inside && !open[len(open)-1].value {
			within := open[len(open)-1]
			folded := strings.ToLower(name)
			if within.names[folded] {
				return name
			}
			within.names[folded], within.value = true, true
			continue
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if inside {
			open[len(open)-1].value = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &object{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &object{})
		}
	}
}
