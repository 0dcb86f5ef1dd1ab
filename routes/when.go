package routes

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// source is where a condition's value comes from. Sources are numbered in
// Table.sources, so that one match reads each of them once.
type source struct {
	kind sourceKind
	name string
}

type sourceKind uint8

const (
	fromHeader sourceKind = iota
	fromQuery
	fromCookie
)

// test is one compiled condition.
type test struct {
	Condition
	source int            // in Table.sources
	regexp *regexp.Regexp // of a Regexp
}

// verdict is what is known of a condition, or of all conditions of a route.
type verdict uint8

const (
	fails verdict = iota
	unclear
	holds
)

// compileTests gives the conditions in a fixed order: headers, query, cookies,
// each by name.
func (c *compiler) compileTests(when When) ([]test, error) {
	if when.Count() == 0 {
		return nil, nil
	}
	tests := make([]test, 0, when.Count())
	for kind, conditions := range [...]map[string]Condition{
		fromHeader: when.Headers, fromQuery: when.Query, fromCookie: when.Cookies,
	} {
		for _, name := range slices.Sorted(maps.Keys(conditions)) {
			one := test{Condition: conditions[name], source: c.number(source{sourceKind(kind), name})}
			if one.Kind == Regexp {
				var err error
				if one.regexp, err = c.regexp(one.Text); err != nil {
					return nil, err
				}
			}
			tests = append(tests, one)
		}
	}
	return tests, nil
}

// verdict says whether all conditions of e hold. One that fails settles it,
// even beside one that is unclear.
func (w *walk) verdict(e *Entry) verdict {
	sum := holds
	for i := range e.tests {
		switch e.tests[i].verdict(w.value(e.tests[i].source)) {
		case fails:
			return fails
		case unclear:
			sum = unclear
		case holds:
		}
	}
	return sum
}

// verdict says whether the condition holds for a value.
func (t *test) verdict(v value) verdict {
	switch {
	case v.state == doubtful:
		return unclear
	case t.Kind == Present || t.Kind == Absent:
		return known((v.state == missing) == (t.Kind == Absent))
	case v.state == missing:
		return fails
	case v.state == several:
		return unclear
	case t.Kind == Exact:
		return known(v.text == t.Text)
	case t.Kind == Prefix:
		return known(strings.HasPrefix(v.text, t.Text))
	default:
		return known(t.regexp.MatchString(v.text))
	}
}

func known(holding bool) verdict {
	if holding {
		return holds
	}
	return fails
}
