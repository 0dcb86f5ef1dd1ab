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
	w := walk{table: t, request: r}
	return w.run()
}

// walk is the state of one match. Explain runs the same one with a trace.
type walk struct {
	table   *Table
	request *Request
	match   Match
	values  values
	trace   *trace // nil but under Explain
}

func (w *walk) run() Match {
	if ambiguousPath(w.request.Path, w.request.RawPath) {
		return Match{Reason: ReasonAmbiguousPath}
	}
	w.match.Reason = ReasonNoRoute
	if root := w.table.host(w.request.Host); root != nil && w.find(root, w.request.Path) {
		return w.match
	}
	w.find(w.table.anyHost, w.request.Path)
	return w.match
}

// host is the root of the patterns that name the host, nil when none does.
func (t *Table) host(host string) *node {
	if len(t.hosts) == 0 {
		return nil
	}
	name, lower := hostName(host)
	if lower {
		return t.hosts[name]
	}
	if len(name) > maxHost {
		return nil
	}
	var folded [maxHost]byte
	for i := range len(name) {
		folded[i] = lowerASCII(name[i])
	}
	return t.hosts[string(folded[:len(name)])]
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// find asks the patterns below n whose remaining segments match rest, which is
// empty or starts with a slash. Because no two patterns conflict, literal
// before wildcard before rest is from most to least specific. It reports
// whether the walk is over.
func (w *walk) find(n *node, rest string) bool {
	switch rest {
	case "":
		return w.ask(n.end)
	case "/":
		return w.ask(n.slash) || w.ask(n.rest)
	}
	text, tail := cutSegment(rest)
	if next := w.table.next(n, text); next != nil && w.find(next, tail) {
		return true
	}
	return n.wild != nil && w.find(n.wild, tail) || w.ask(n.rest)
}

// next is the child of n for a literal segment, nil when there is none.
func (t *Table) next(n *node, text string) *node {
	if n.child == nil || n.text == text {
		return n.child
	}
	if n.number == 0 {
		return nil
	}
	return t.literals.slot(n, text).child
}

// ask asks the routes of one pattern, those that name the method first.
func (w *walk) ask(first *group) bool {
	if first == nil {
		return false
	}
	method := w.request.Method
	if w.trace != nil {
		w.trace.others(first, method)
	}
	return w.askMethod(first, method) ||
		method == http.MethodHead && w.askMethod(first, http.MethodGet) ||
		method != "" && w.askMethod(first, "")
}

func (w *walk) askMethod(first *group, method string) bool {
	for g := first; g != nil; g = g.next {
		if g.method == method {
			return w.pick(g)
		}
	}
	return false
}

// pick takes the first route of the group whose conditions hold, or stops the
// walk at the first where that cannot be known.
func (w *walk) pick(g *group) bool {
	if g.sure != nil && w.trace == nil {
		w.match = Match{Entry: g.sure}
		return true
	}
	rank, verdict := w.search(g)
	if w.trace != nil {
		w.trace.group(w, g, rank, verdict)
	}
	switch verdict {
	case fails:
		return false
	case holds:
		w.match = Match{Entry: g.entries[rank]}
	case unclear:
		w.match = Match{Reason: ReasonAmbiguousCondition}
	}
	return true
}
