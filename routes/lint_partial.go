package routes

import "slices"

// judged is what can be said of a document with errors beside them: conflicts
// and warnings of the routes that have none. What may follow from an error, such
// as a target that is unused because of a mistyped "service", is left out.
func judged(doc *Document, errs Problems) Problems {
	broken := brokenRoutes(doc, errs)
	good := *doc
	good.Routes = slices.DeleteFunc(slices.Clone(doc.Routes), func(r *Route) bool { return broken[r] })
	table, conflicts := Compile(&good)
	found := append(locate(&good, conflicts), Lint(&good, table)...)
	return slices.DeleteFunc(found, func(p Problem) bool { return p.Code == codeUnusedService })
}

// brokenRoutes are the routes that an error names, or in which one stands: the
// last that begins at or before its line.
func brokenRoutes(doc *Document, errs Problems) map[*Route]bool {
	broken := map[*Route]bool{}
	for _, p := range errs {
		if p.Severity != Error {
			continue
		}
		var around *Route
		for _, r := range doc.Routes {
			if r.Line <= p.Line && (around == nil || r.Line >= around.Line) {
				around = r
			}
			if p.Route != "" && p.Route == r.Name {
				broken[r] = true
			}
		}
		if around != nil {
			broken[around] = true
		}
	}
	return broken
}
