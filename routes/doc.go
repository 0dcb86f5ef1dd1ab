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
package routes
