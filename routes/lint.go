package routes

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Lint finds what is allowed in a table and yet likely not meant. All that it
// finds are warnings; Codes says what each means. Without a table, because
// Compile found conflicts, what needs one is left out. File is not set.
func Lint(doc *Document, t *Table) Problems {
	problems := slices.Concat(unusedServices(doc), unownedRoutes(doc), undeclaredFallbacks(doc), sharedData(doc), oddMethods(doc), idleRollouts(doc), idleShadows(doc), openToForgery(doc))
	if t != nil {
		problems = append(problems, deadRoutes(t)...)
	}
	return problems.sorted()
}

// version names the source of a table: the start of its SHA-256.
func version(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// locate moves conflicts from the line of their route to its pattern.
func locate(doc *Document, conflicts Problems) Problems {
	if len(conflicts) == 0 {
		return nil
	}
	places := make(map[string]position, len(doc.Routes))
	for _, r := range doc.Routes {
		places[r.Name] = r.at.match
	}
	for i, p := range conflicts {
		at := places[p.Route]
		conflicts[i].Line, conflicts[i].Column, conflicts[i].Text = int(at.line), int(at.column), shorten(p.Text)
	}
	return conflicts
}

// finding is a problem of a route at one of its parts; when that is not in the
// document, at the route.
func (r *Route) finding(at position, code, text, message, hint string) Problem {
	at = cmp.Or(at, r.at.name, r.at.start, position{int32(max(r.Line, 1)), 1})
	return Problem{
		Code: code, Severity: severityOf[code], Line: int(at.line), Column: int(at.column),
		Route: r.Name, Text: shorten(text), Message: message, Hint: hint,
	}
}

func unusedServices(doc *Document) (found Problems) {
	used := map[string]bool{doc.Monolith: true}
	for _, r := range doc.Routes {
		used[r.Service] = true
		if r.Shadow != nil {
			used[r.Shadow.Target], used[r.Shadow.Control] = true, true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Targets)) {
		if t := doc.Targets[name]; !used[name] {
			found = append(found, Problem{
				Code: codeUnusedService, Severity: Warning, Line: max(t.Line, 1), Column: max(int(t.column), 1),
				Text: name, Message: "no route uses this target", Hint: "remove it, or name it as the service of a route",
			})
		}
	}
	return found
}

func unownedRoutes(doc *Document) (found Problems) {
	for _, r := range doc.Routes {
		if r.Owner == "" {
			found = append(found, r.finding(r.at.name, codeUnownedRoute, r.Name, "the route has no owner", "add owner: TEAM"))
		}
	}
	return found
}

func undeclaredFallbacks(doc *Document) (found Problems) {
	for _, r := range doc.Routes {
		if r.Service != "" && !r.Fallback.Declared {
			found = append(found, r.finding(r.at.service, codeNoFallback, r.Service,
				"the route does not say what happens when its service fails",
				"such as fallback: [connect, 502, 503, 504], or fallback: [] for none"))
		}
	}
	return found
}

// sharedData finds data that two routes write for different owners, or in
// different services; then nobody can say who may change it.
func sharedData(doc *Document) (found Problems) {
	writers := map[string]*Route{}
	for _, r := range doc.Routes {
		for _, data := range r.Writes {
			first := writers[data]
			if first == nil {
				writers[data] = r
				continue
			}
			if differ(first.Owner, r.Owner) || differ(first.Service, r.Service) {
				found = append(found, r.finding(r.at.writes, codeWritesTwoOwners, data,
					fmt.Sprintf("route %s on line %d writes this too, for %s", first.Name, first.Line, writer(first)),
					"data has one writer; let the other ask it"))
			}
		}
	}
	return found
}

// differ reports whether both are known and not the same.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

func writer(r *Route) string {
	text := "owner " + cmp.Or(r.Owner, "unknown")
	if r.Service != "" {
		text += " in service " + r.Service
	}
	return text
}
