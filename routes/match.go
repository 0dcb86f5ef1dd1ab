package routes

import "net/http"

// Match is the outcome of Table.Match.
type Match struct {
	// Entry is the route that wins; nil when none does.
	Entry *Entry
	// Reason says why Entry is nil: ReasonNoRoute, ReasonAmbiguousPath or
	// ReasonAmbiguousCondition.
	Reason Reason
}

// Match finds the route of a request: among the patterns that match, the most
// specific by the rules of net/http's ServeMux, with a host before without.
// When the conditions of its routes do not hold, the next less specific pattern
// is asked. A condition that asks for a value that is there twice ends the walk.
//
// It walks a tree once, by the segments of the path: the cost depends on the
// path, not on the number of routes. It takes no lock and does not allocate,
// but for a query value that a condition asks for and that was sent encoded.
func (t *Table) Match(r *Request) Match {
	w := walk{table: t, request: *r}
	return w.run()
}

// walk is the state of one match. Explain runs the same one with a trace.
type walk struct {
	table   *Table
	request Request // a copy: through a pointer the caller's would escape
	match   Match
	values  values
	trace   *trace     // nil but under Explain
	recall  *recalling // nil but under MatchRecalled
}

func (w *walk) run() Match {
	if ambiguousPath(w.request.Path, w.request.RawPath) {
		return Match{Reason: ReasonAmbiguousPath}
	}
	w.match.Reason = ReasonNoRoute
	if root, there := w.table.host(w.request.Host); there && w.find(root, w.request.Path) {
		return w.match
	}
	w.find(0, w.request.Path)
	return w.match
}

// host is the root of the patterns that name the host, if any does.
func (t *Table) host(host string) (root uint32, there bool) {
	if len(t.hosts) == 0 {
		return 0, false
	}
	name, lower := hostName(host)
	if lower {
		root, there = t.hosts[name]
		return root, there
	}
	if len(name) > maxHost {
		return 0, false
	}
	var folded [maxHost]byte
	for i := range len(name) {
		folded[i] = lowerASCII(name[i])
	}
	root, there = t.hosts[string(folded[:len(name)])]
	return root, there
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// find asks the patterns below a node whose remaining segments match rest, which
// is empty or starts with a slash. Because no two patterns conflict, literal
// before wildcard before rest is from most to least specific. It reports
// whether the walk is over.
func (w *walk) find(at uint32, rest string) bool {
	tree := &w.table.tree
	n := tree.node(at)
	switch rest {
	case "":
		return w.ask(n.field(fieldEnd))
	case "/":
		return w.ask(n.field(fieldSlash)) || w.ask(n.field(fieldRest))
	}
	text, tail := cutSegment(rest)
	if next := tree.literal(at, n, text); next != 0 && w.find(next, tail) {
		return true
	}
	if next := n.field(fieldWild); next != 0 && w.find(next, tail) {
		return true
	}
	return w.ask(n.field(fieldRest))
}

// ask asks the routes of one pattern, those that name the method first.
func (w *walk) ask(first uint32) bool {
	if first == 0 {
		return false
	}
	method := w.request.Method
	if w.trace != nil {
		w.trace.others(&w.table.tree, first, method)
	}
	return w.askMethod(first, method) ||
		method == http.MethodHead && w.askMethod(first, http.MethodGet) ||
		method != "" && w.askMethod(first, "")
}

func (w *walk) askMethod(first uint32, method string) bool {
	tree := &w.table.tree
	for at := first; ; at++ {
		g := tree.groups[at]
		if tree.methods[g.method] == method {
			return w.pick(at, g)
		}
		if !g.more {
			return false
		}
	}
}

// pick takes the first route of the group whose conditions hold, or stops the
// walk at the first where that cannot be known.
func (w *walk) pick(at uint32, g group) bool {
	if g.sure != 0 && w.trace == nil {
		w.match = Match{Entry: &w.table.compiled[g.sure-1]}
		return true
	}
	c := &w.table.tree.choices[at]
	if w.recall != nil {
		return w.pickRecalled(c)
	}
	rank, verdict := w.search(c)
	if w.trace != nil {
		w.trace.group(w, c, rank, verdict)
	}
	switch verdict {
	case fails:
		return false
	case holds:
		w.match = Match{Entry: c.entries[rank]}
	case unclear:
		w.match = Match{Reason: ReasonAmbiguousCondition}
	}
	return true
}
