package routes

import "net/http"

// Table is a compiled route table. It is immutable and safe for concurrent use.
type Table struct {
	doc     *Document
	version string
	entries []*Entry
	byName  map[string]*Entry

	// The tree that Match walks: a root for each host that patterns name and
	// one for all others; below it one level per path segment. With many
	// routes its cost is that of cache misses: hence a node's first literal
	// child is in the node itself, and all others in one hash table.
	hosts    map[string]*node
	anyHost  *node
	literals edges

	// sources are the values that conditions ask for, each once.
	sources []source
}

// node is a place in the tree: the segments of the path up to here. Its size is
// that of a cache line.
type node struct {
	text   string // leads to child
	child  *node  // the first literal child; the others are in Table.literals
	number uint32 // the node's own when there are others, else 0
	wild   *node
	end    *group // patterns that end here
	slash  *group // … with /{$}
	rest   *group // … with a trailing slash or {name...}
}

// group is the routes of one pattern and method, in the order they are asked.
// The groups of one pattern form a list, one for each method.
type group struct {
	method  string // empty: every method
	sure    *Entry // the first entry when it has no conditions, else nil
	entries []*Entry
	index   *index // nil when there are few entries
	next    *group
}

// Entry is one compiled route. It is immutable and safe for concurrent use.
type Entry struct {
	// Index is the entry's place in Table.Routes, dense from 0.
	Index int
	// Route is the route as the document has it.
	Route *Route

	pattern pattern
	rewrite []rewritePart // nil: the path stays
	tests   []test
}

// Request is what a route is matched by.
type Request struct {
	// Method and Host are the request's own; Host may carry a port.
	Method, Host string
	// Path is the decoded path, RawPath the encoded one as url.URL has it:
	// empty when the default encoding of Path gives it.
	Path, RawPath string
	// RawQuery is the query as it was sent, without the question mark.
	RawQuery string
	// Header are the request's headers by canonical name.
	Header http.Header
}

// Document is what the table was compiled from; read only.
func (t *Table) Document() *Document { return t.doc }

// Routes are the entries in the order of the document; read only.
func (t *Table) Routes() []*Entry { return t.entries }

// Version is a hash of the source bytes; empty when Load did not make the table.
func (t *Table) Version() string { return t.version }

// Entry is the route of that name, nil when there is none.
func (t *Table) Entry(name string) *Entry { return t.byName[name] }
