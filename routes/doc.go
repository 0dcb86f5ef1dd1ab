// Package routes is the route table: the document an operator writes, its
// validation and lint, the compiled matcher, the decision which arm serves a
// request, and the explanation of that decision.
//
// The package is pure: it reads no file, opens no connection and asks no
// clock; callers pass bytes and times in. A request takes this way through it:
//
//	Parse → Document → Compile → Table → Match → Entry → Decide → Decision
//
// Its promise is the product's: any doubt means the monolith. A request that
// different servers may read differently, that no route matches, that has no
// key to be sticky by, or whose rollout state is not known, is the monolith's.
//
// # Which route wins
//
// Patterns are those of net/http's ServeMux, and the most specific wins by its
// rules: a host before none, then the pattern that matches less; two patterns
// of which neither does are refused by Compile. Unlike ServeMux, several routes
// may share a pattern and differ by conditions on headers, query and cookies:
// the one with more conditions is asked first, then the one that stands first
// in the document. When no route of a pattern holds, the next less specific
// pattern is asked. Paths are compared with case, decoded segment by segment,
// and never cleaned or redirected: what would need cleaning is ambiguous.
//
// # Cost
//
// Match walks a tree by the segments of the path, so that its cost does not
// depend on the number of routes, be they told apart by path, by host or by a
// condition: routes that share a pattern are found by the condition that the
// fewest of them have in common, regular expressions by a literal that a match
// must contain. It takes no lock and does not allocate.
package routes
