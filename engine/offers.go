package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/strangler-proxy/strangler/routes"
)

// offer is what the sites of one configuration serve by blocks.
type offer struct{ names map[string]bool }

// Offer tells which targets the sites of one configuration serve by
// `target NAME { … }` blocks. From then on a table that needs another one is
// refused. It is refused itself, with ErrNoTarget, when the running table needs
// a target that names lacks. Configurations overlap during a reload: what any
// living one offers counts, and each calls withdraw when it ends. withdraw may
// be called more than once; it is nil with an error.
func (e *Engine) Offer(names []string) (withdraw func(), err error) {
	made := &offer{names: make(map[string]bool, len(names))}
	for _, name := range names {
		made.names[name] = true
	}
	if err := e.add(made); err != nil {
		return nil, err
	}
	if e.refusal() != nil {
		// It may have been refused for want of what is offered now. When it is
		// refused again, Status still says so.
		if err := e.Reload(); err != nil {
			e.log.Warn("the configuration is loaded, but its route table is still refused; the one before runs", "error", err)
		}
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.offers, made)
	}, nil
}

// add notes an offer unless the running table needs more.
func (e *Engine) add(made *offer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.plan != nil {
		missing := missingBlocks(e.plan.path, e.plan.table, func(name string) bool { return made.names[name] })
		if err := missing.Err(); err != nil {
			return fmt.Errorf("%w:\n%w", ErrNoTarget, err)
		}
	}
	e.offers[made] = struct{}{}
	return nil
}

// user is what needs a target: a route, or the table as its monolith.
type user struct{ route *routes.Route }

func (u user) what() string {
	if u.route == nil {
		return "the table as its monolith"
	}
	return "route " + u.route.Name
}

// blocks are the targets that a table needs from a site, with the first that
// needs them.
func blocks(table *routes.Table) map[string]user {
	needed := map[string]user{}
	need := func(name string, by user) {
		target := table.Document().Targets[name]
		if _, have := needed[name]; !have && target != nil && len(target.URLs) == 0 {
			needed[name] = by
		}
	}
	need(table.Document().Monolith, user{})
	for _, entry := range table.Routes() {
		if entry.Route.Service != "" {
			need(entry.Route.Service, user{entry.Route})
		}
	}
	return needed
}

// unoffered are the problems of a table that needs what no site offers; none
// as long as no configuration has told.
func (e *Engine) unoffered(path string, table *routes.Table) routes.Problems {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.offers) == 0 {
		return nil
	}
	return missingBlocks(path, table, e.offeredLocked)
}

// Offered finds the targets that the table needs from a site and that are not among
// the names of those which the sites of a configuration serve by blocks. The error is
// a *RefusedError. An engine is told by Offer; this is for who only checks.
func (p *Parsed) Offered(names []string) error {
	missing := missingBlocks(p.path, p.table, func(name string) bool { return slices.Contains(names, name) })
	if missing.Err() != nil {
		return &RefusedError{Problems: missing}
	}
	return nil
}

// missingBlocks are the problems of a table that needs what is not offered.
func missingBlocks(path string, table *routes.Table, offered func(name string) bool) (problems routes.Problems) {
	for name, user := range blocks(table) {
		if offered(name) {
			continue
		}
		at := table.Document().Targets[name].Place()
		problem := routes.Problem{
			Code: routes.CodeNoTargetBlock, Severity: routes.Error, File: path, Text: name,
			Line: at.Line, Column: at.Column,
			Message: "this target has no url, and no site has a block for it; " + user.what() + " needs it",
			Hint:    "give it a url here, or write target " + name + " { … } in the site",
		}
		if user.route != nil {
			problem.Route = user.route.Name
		}
		problems = append(problems, problem)
	}
	slices.SortFunc(problems, func(a, b routes.Problem) int { return cmp.Compare(a.Line, b.Line) })
	return problems
}

func (e *Engine) offeredLocked(name string) bool {
	for offer := range e.offers {
		if offer.names[name] {
			return true
		}
	}
	return false
}
