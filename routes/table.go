package routes

import "net/http"

// Table is a compiled route table. It is immutable and safe for concurrent use.
type Table struct {
	doc      *Document
	version  string
	compiled []Entry
	entries  []*Entry // those
	byName   map[string]*Entry

	tree  tree
	hosts map[string]uint32 // the root for each host that patterns name

	// sources are the values that conditions ask for, each once.
	sources []source
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
