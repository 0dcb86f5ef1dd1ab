package cases

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// exampler makes an example of a structure, with a matcher for each placeholder
// and for each value that a rule is about.
type exampler struct {
	rules   []Rule
	matches map[string]Match
	said    []bool // by rule
}

// matchers are what a rule comes to in a contract; the others are said in words.
var matchers = map[string]Matcher{
	"same_type":        {Match: "type"},
	"uuid":             {Match: "regex", Regex: `[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}`},
	"tolerance":        {Match: "number"},
	"time":             {Match: "type"},
	"url_host":         {Match: "type"},
	"static_name":      {Match: "type"},
	"number_as_string": {Match: "type"},
}

func (e *exampler) match(path string, m Matcher) {
	e.matches[path] = Match{Combine: "AND", Matchers: []Matcher{m}}
}

// rule is the rule about a value, by the general form of its path.
func (e *exampler) rule(general string) *Rule {
	for i := range e.rules {
		if e.rules[i].Path == general {
			if e.said == nil {
				e.said = make([]bool, len(e.rules))
			}
			e.said[i] = true
			return &e.rules[i]
		}
	}
	return nil
}

// value is the example of a part; keep is false when a rule ignores it.
func (e *exampler) value(v any, path, general string) (example any, keep bool) {
	if rule := e.rule(general); rule != nil {
		if rule.Compare == "ignore" {
			return nil, false
		}
		if m, known := matchers[rule.Compare]; known {
			e.match(path, m)
		}
		if rule.Compare == "regexp" {
			e.match(path, Matcher{Match: "regex", Regex: rule.Arg})
		}
	}
	switch v := v.(type) {
	case map[string]any:
		return e.object(v, path, general), true
	case []any:
		return e.list(v, path, general), true
	case string:
		return e.leaf(v, path), true
	}
	return v, true
}

func (e *exampler) leaf(text, path string) any {
	var kind string
	var example any
	switch text {
	case "<string>":
		kind, example = "type", "text"
	case "<number>":
		kind, example = "number", 1
	case "<bool>":
		kind, example = "boolean", true
	default:
		return text
	}
	if _, ruled := e.matches[path]; !ruled || kind != "type" {
		e.match(path, Matcher{Match: kind})
	}
	if m := e.matches[path].Matchers[0]; m.Match == "regex" {
		e.match(path, Matcher{Match: "type"}) // there is no example of it
	}
	return example
}

func (e *exampler) object(members map[string]any, path, general string) map[string]any {
	out := make(map[string]any, len(members))
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at, generalAt := path+member(name), general+member(name)
		if isName(name) {
			e.match(path, Matcher{Match: "values"})
			at, generalAt = path+".*", general+".*"
		}
		if value, keep := e.value(members[name], at, generalAt); keep {
			out[name] = value
		}
	}
	return out
}

// list is whole, or of one element when it was cut: then all must be like that.
func (e *exampler) list(all []any, path, general string) []any {
	shown, more := elements(all)
	if more > 0 {
		e.match(path, Matcher{Match: "type", Min: 1})
		value, _ := e.value(all[0], path+"[*]", general+"[*]")
		return []any{value}
	}
	out := make([]any, shown)
	for i := range out {
		out[i], _ = e.value(all[i], path+"["+strconv.Itoa(i)+"]", general+"[*]")
	}
	return out
}

// member is a name in a path.
func member(name string) string {
	plain := func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}
	if name != "" && strings.IndexFunc(name, plain) < 0 {
		return "." + name
	}
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}

// unsaid are the rules that no matcher says.
func (e *exampler) unsaid() (texts []string) {
	for i := range e.rules {
		r := &e.rules[i]
		_, known := matchers[r.Compare]
		if e.said == nil || !e.said[i] || !known && r.Compare != "ignore" && r.Compare != "regexp" {
			texts = append(texts, fmt.Sprintf("not in this contract: %s %s %s, because %s (%s)", r.Path, r.Compare, r.Arg, r.Because, r.Owner))
		}
	}
	return texts
}
