package diff

import (
	"fmt"
	"time"
)

// A Rule excuses differences at a path, for a reason and for a time.
type Rule struct {
	// Path says where: $.served_at, $.items[*].id, $..updated, header.Location,
	// header.Set-Cookie.sessionid. $ is the body, status, header and trailer
	// are what stands beside it. See the package comment for the grammar.
	Path string
	// Compare is how the two values are held against each other there: one of
	// [Comparators].
	Compare string
	// Arg is what the comparator needs: a number for tolerance, a duration for
	// time, an expression for regexp, a path like $.id for key.
	Arg string
	// Because and Owner say why the rule is there and who answers for it. Both
	// must be given: a difference that nobody answers for is not excused.
	Because, Owner string
	// Until is when the rule ends. The zero value never ends.
	Until time.Time
	// Preset names the preset that the rule came with, if any.
	Preset string
}

// Expired tells whether the rule does not apply any more.
func (r *Rule) Expired(now time.Time) bool { return !r.Until.IsZero() && !now.Before(r.Until) }

// A compiledRule is a rule that is ready to be applied.
type compiledRule struct {
	Rule
	path       *rulePath
	comparator comparator
}

func compileRule(r Rule) (compiledRule, error) {
	path, err := parsePath(r.Path)
	if err != nil {
		return compiledRule{}, err
	}
	if r.Because == "" || r.Owner == "" {
		return compiledRule{}, fmt.Errorf("rule for %s: because and owner must say why it is there and who answers for it", r.Path)
	}
	build, ok := comparators[r.Compare]
	if !ok {
		return compiledRule{}, fmt.Errorf("rule for %s: %q is no comparator: write one of %v", r.Path, r.Compare, Comparators())
	}
	c, err := build(r.Arg)
	if err != nil {
		return compiledRule{}, fmt.Errorf("rule for %s: %s: %w", r.Path, r.Compare, err)
	}
	return compiledRule{Rule: r, path: path, comparator: c}, nil
}

// excuses tells whether the rule excuses a difference where the walk stands.
func (w *walk) excuses(r *compiledRule, k Kind, x, y int32) bool {
	switch r.comparator.scope {
	case scopeTree:
		return w.under(r.path.selectors)
	case scopeType:
		if k == Missing || k == Extra || k == Type {
			return w.underParent(r.path.selectors)
		}
		return w.under(r.path.selectors)
	case scopeLeaf:
		a, b := &w.a.nodes[x], &w.b.nodes[y]
		return (k == Value || k == Type) && a.kind.leaf() && b.kind.leaf() &&
			w.match(r.path.selectors, w.steps) && r.comparator.equal(a, b)
	default:
		return false
	}
}

// under tells whether the walk stands where the selectors lead, or below.
func (w *walk) under(sels []selector) bool {
	return w.match(sels, w.steps) || w.underParent(sels)
}

func (w *walk) underParent(sels []selector) bool {
	for n := range w.steps {
		if w.match(sels, w.steps[:n]) {
			return true
		}
	}
	return false
}
