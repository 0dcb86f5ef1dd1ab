package routes

import "net/http"

// Table is a compiled route table. It is immutable and safe for concurrent use.
type Table struct {
	doc     *Document
	version string
	entries []*Entry
	byName  map[string]*Entry
}

// Entry is one compiled route.
type Entry struct {
	// Index is the entry's place in Table.Routes, dense from 0.
	Index int
	// Route is the route as the document has it.
	Route *Route
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
	Header   http.Header
}

// Match is the outcome of Table.Match.
type Match struct {
	// Entry is the route that wins; nil when none does.
	Entry *Entry
	// Reason says why Entry is nil: ReasonNoRoute, ReasonAmbiguousPath or
	// ReasonAmbiguousCondition.
	Reason Reason
}

// Compile makes a table of a document that Parse has checked.
func Compile(doc *Document) (*Table, Problems) {
	t := &Table{doc: doc, byName: make(map[string]*Entry, len(doc.Routes))}
	for i, r := range doc.Routes {
		e := &Entry{Index: i, Route: r}
		t.entries = append(t.entries, e)
		t.byName[r.Name] = e
	}
	return t, nil
}

// Document is what the table was compiled from; read only.
func (t *Table) Document() *Document { return t.doc }

// Routes are the entries in the order of the document; read only.
func (t *Table) Routes() []*Entry { return t.entries }

// Version is the hash of the source bytes; empty when Load did not make the table.
func (t *Table) Version() string { return t.version }

// Entry is the route of that name, nil when there is none.
func (t *Table) Entry(name string) *Entry { return t.byName[name] }

// Match finds the route of a request.
func (t *Table) Match(*Request) Match { return Match{Reason: ReasonNoRoute} }

// Rewrite gives the path the service is asked for.
func (e *Entry) Rewrite(path, rawPath string) (string, string) { return path, rawPath }

