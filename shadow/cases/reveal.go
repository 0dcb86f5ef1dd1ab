package cases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// revealer fills the placeholders of what is expected with what came.
type revealer struct{ redacted int }

// reveal answers two bodies that differ only in what is known. What cannot be read
// as JSON stays as it is.
func reveal(expected, got []byte) (want, cut []byte, redacted int) {
	structure, err := tree(expected)
	if err != nil {
		return expected, got, 0
	}
	came, err := tree(got)
	if err != nil {
		came = nil
	}
	r := new(revealer)
	shown, rest := r.value(structure, came)
	if want, err = json.Marshal(shown); err != nil {
		return expected, got, 0
	}
	if r.cut(structure) && came != nil {
		if cut, err = json.Marshal(rest); err == nil {
			return want, cut, r.redacted
		}
	}
	return want, got, r.redacted
}

func tree(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return v, d.Decode(&v)
}

// value answers want with its placeholders filled from got, and got without what
// is not known of want.
func (r *revealer) value(want, got any) (filled, cut any) {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		if g == nil {
			return r.blank(want), got
		}
		return r.object(w, g)
	case []any:
		g, _ := got.([]any)
		if g == nil {
			return r.blank(want), got
		}
		return r.list(w, g)
	case string:
		return r.leaf(w, got), got
	}
	return want, got
}

func (r *revealer) leaf(want string, got any) any {
	var same bool
	var blank any
	switch want {
	case "<string>":
		_, same = got.(string)
		blank = want
	case "<number>":
		_, same = got.(json.Number)
		blank = json.Number("0")
	case "<bool>":
		_, same = got.(bool)
		blank = false
	default:
		return want
	}
	r.redacted++
	if same {
		return got
	}
	return blank
}

// blank is a value whose placeholders have nothing to be filled from.
func (r *revealer) blank(want any) any {
	switch w := want.(type) {
	case map[string]any:
		out := make(map[string]any, len(w))
		for name, value := range w {
			out[name] = r.blank(value)
		}
		return out
	case []any:
		out := make([]any, len(w))
		for i := range w {
			out[i] = r.blank(w[i])
		}
		return out
	case string:
		return r.leaf(w, nil)
	}
	return want
}

// object leaves members out whose names are redacted, when both have as many.
func (r *revealer) object(want, got map[string]any) (filled, cut map[string]any) {
	var hidden, data []string
	for name := range want {
		if isName(name) {
			hidden = append(hidden, name)
		}
	}
	for name := range got {
		if _, there := want[name]; !there && diff.LooksLikeData(name) {
			data = append(data, name)
		}
	}
	slices.Sort(data)
	filled, cut = make(map[string]any, len(want)), make(map[string]any, len(got))
	for name, value := range got {
		cut[name] = value
	}
	for name, value := range want {
		if isName(name) {
			continue
		}
		came, there := got[name]
		if !there {
			filled[name] = r.blank(value)
			continue
		}
		filled[name], cut[name] = r.value(value, came)
	}
	for i, name := range hidden {
		if i < len(data) {
			delete(cut, data[i])
		} else {
			filled[name] = r.blank(want[name])
		}
		r.redacted++
	}
	return filled, cut
}

// list cuts a list where the expected one was.
func (r *revealer) list(want, got []any) (filled, cut []any) {
	shown, more := elements(want)
	if more > 0 && len(got) == shown+more {
		got, r.redacted = got[:shown], r.redacted+more
	} else if more > 0 {
		// The lengths differ: as many elements are expected as there were.
		want = append(want[:shown:shown], make([]any, more)...)
		shown = len(want)
	}
	filled, cut = make([]any, shown), make([]any, len(got))
	copy(cut, got)
	for i := range filled {
		if i >= len(got) {
			filled[i] = r.blank(want[i])
			continue
		}
		filled[i], cut[i] = r.value(want[i], got[i])
	}
	return filled, cut
}

// elements are how many a list shows, and how many it says it has beside them.
func elements(list []any) (shown, more int) {
	if len(list) == 0 {
		return 0, 0
	}
	last, _ := list[len(list)-1].(string)
	if n, err := fmt.Sscanf(last, "<%d more>", &more); err != nil || n != 1 || more < 1 || more > 1<<20 || last != fmt.Sprintf("<%d more>", more) {
		return len(list), 0
	}
	return len(list) - 1, more
}

func isName(name string) bool {
	return strings.HasPrefix(name, "<name~") && strings.HasSuffix(name, ">")
}

// cut tells whether something of what came has to be left out: else its own bytes
// are compared, which know more than a tree does.
func (r *revealer) cut(want any) bool {
	switch w := want.(type) {
	case map[string]any:
		for name, value := range w {
			if isName(name) || r.cut(value) {
				return true
			}
		}
	case []any:
		if _, more := elements(w); more > 0 {
			return true
		}
		for _, value := range w {
			if r.cut(value) {
				return true
			}
		}
	}
	return false
}
