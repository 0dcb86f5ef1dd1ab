package engine

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/strangler-proxy/strangler/engine/recent"
	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// Refusal is a route table that was not put in force, and why.
type Refusal struct {
	// At is when it was refused first.
	At time.Time `json:"at"`
	// Problems are what is wrong with it.
	Problems routes.Problems `json:"problems"`
}

// Watch loads the route table in a file and goes on watching it. The error is
// a *RefusedError when the table is bad; the engine then goes on with what it
// had. One that had none goes on with Options.LastTable, without an error. A path that is being watched already is only read again, and a bad
// table in it is no error: the running one stays, and Status says so.
func (e *Engine) Watch(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("route table: %w", err)
	}
	watched, err := e.first(path)
	if watched || err != nil {
		return err
	}
	e.follow(watch(path, e.options.Poll, e.options.Quiet, e.log, func() { e.reread(path) }))
	return nil
}

// first reads the table of a path and reports whether it is the watched one.
func (e *Engine) first(path string) (watched bool, err error) {
	e.loading.Lock()
	defer e.loading.Unlock()
	before, seen := e.refusal(), e.seen
	if e.file != nil && e.file.path == path {
		// Refused and logged like an edit. What was refused for want of a target
		// block may be good now.
		_ = e.read(path, before != nil)
		return true, nil
	}
	if err := e.read(path, true); err != nil {
		if e.startWithLast(path) {
			return false, nil
		}
		e.setRefusal(before)
		e.seen = seen
		return false, err
	}
	return false, nil
}

// follow makes w the watcher, nil for none, and ends the one before.
func (e *Engine) follow(w *watcher) {
	e.loading.Lock()
	before := e.file
	e.file = w
	e.loading.Unlock()
	if before != nil {
		before.stop() // not under the lock, which a reread may wait for
	}
}

// reread is called when the file at path may have changed.
func (e *Engine) reread(path string) {
	e.loading.Lock()
	defer e.loading.Unlock()
	if e.file != nil && e.file.path == path {
		_ = e.read(path, false) // logged, and kept for Status
	}
}

// Reload reads the watched file again, also when nothing says that it changed.
// The error is a *RefusedError when its table is bad, ErrNoTable before Watch.
func (e *Engine) Reload() error {
	e.loading.Lock()
	defer e.loading.Unlock()
	if e.file == nil {
		return ErrNoTable
	}
	return e.read(e.file.path, true)
}

// read puts the file's table in force or refuses it. Without force a content
// that was looked at already is not looked at again. loading is held.
func (e *Engine) read(path string, force bool) error {
	data, err := readTable(path)
	if err != nil {
		e.seen = [32]byte{}
		return e.refuse(routes.Problems{{
			Code: routes.CodeUnreadable, Severity: routes.Error, File: path, Message: err.Error(),
			Hint: "the file must be there and readable",
		}})
	}
	sum := sha256.Sum256(data)
	if sum == e.seen && !force {
		if refusal := e.refusal(); refusal != nil {
			return &RefusedError{Problems: refusal.Problems}
		}
		return nil
	}
	e.seen = sum
	parsed := e.parsedOf(path, sum, data)
	table, problems, office := parsed.table, parsed.problems, newOffice(e.identity)
	if table != nil {
		problems = append(problems, e.unoffered(path, table)...)
		problems = append(problems, office.unknown(path, table)...)
	}
	if table == nil || problems.Err() != nil {
		return e.refuse(problems)
	}
	next, problems := e.prepare(path, table, problems, office)
	if next == nil {
		return e.refuse(problems)
	}
	e.install(next)
	e.keepLast(kept{path, sum, data})
	if len(data) >= largeTable {
		debug.FreeOSMemory()
	}
	return nil
}

// refuse keeps the errors among the problems until a good table comes, and
// says them once.
func (e *Engine) refuse(problems routes.Problems) error {
	problems = slices.DeleteFunc(problems, func(p routes.Problem) bool { return p.Severity != routes.Error })
	err := &RefusedError{Problems: problems}
	if before := e.refusal(); before != nil && slices.Equal(before.Problems, problems) {
		return err
	}
	e.telemetry.Reloaded(e.background, false)
	running := "none"
	if table := e.Table(); table != nil {
		running = table.Version()
	}
	const most = 3 // all are in Status
	first := make([]string, 0, most)
	for _, problem := range problems[:min(len(problems), most)] {
		first = append(first, problem.String())
	}
	e.log.Error("route table refused", slog.Int("problems", len(problems)), slog.Any("first", first),
		slog.String("all", "strangler routes lint "+problems[0].File), slog.String("running", running))
	e.setRefusal(&Refusal{At: e.now(), Problems: problems})
	return err
}

func (e *Engine) refusal() *Refusal {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refused
}

func (e *Engine) setRefusal(r *Refusal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused = r
}

// prepare makes a plan of a table. Targets whose settings did not change are
// the running plan's, with their pools and breakers. A nil plan comes with the
// problems that prevented it.
func (e *Engine) prepare(path string, table *routes.Table, findings routes.Problems, office *office) (*plan, routes.Problems) {
	next := &plan{
		table: table, path: path, loadedAt: e.now(), findings: len(findings),
		lanes:     make([]lane, len(table.Routes())),
		unmatched: lane{recorder: e.telemetry.Route("")},
		targets:   map[string]*proxy.Target{},
		rollouts:  map[string]rollout.Plan{},
		layout:    e.layouts.Of(table),
		guard:     e.identity.guardFor(table),
	}
	running := e.running()
	failures := map[string]*failureLog{}
	var problems routes.Problems
	use := func(name string, monolith bool) upstream {
		target, err := next.use(running, name, monolith, e.log)
		if err != nil {
			at := table.Document().Targets[name].Place()
			problems = append(problems, routes.Problem{
				Code: routes.CodeUnusableTarget, Severity: routes.Error, File: path,
				Line: at.Line, Column: at.Column, Text: name, Message: err.Error(),
			})
		}
		if failures[name] == nil {
			failures[name] = &failureLog{target: name}
		}
		return upstream{name: name, target: target, failures: failures[name]}
	}
	next.monolith = use(table.Document().Monolith, true)
	for i, entry := range table.Routes() {
		next.lanes[i].recorder = e.telemetry.Route(entry.Route.Name)
		next.lanes[i].route, next.lanes[i].sticky = recent.Hash(entry.Route.Name), recent.HashSticky(entry.Route.Sticky)
		if flag := entry.Route.Flag; flag != "" {
			next.lanes[i].baggage = flags.BaggageMember(flag, true)
		}
		if c := countsOf(entry, table.Document().Targets, running); c != nil {
			next.lanes[i].counts, next.rollouts[entry.Route.Name] = c, rollout.PlanOf(entry.Route.Rollout)
		}
		next.lanes[i].papers, _ = office.papers(entry.Route) // unknown has found what is wrong
		if service := entry.Route.Service; service != "" && problems == nil {
			next.lanes[i].service = use(service, false)
		}
	}
	if problems == nil {
		if err := e.mirror(next); err != nil {
			problems = append(problems, routes.Problem{
				Code: routes.CodeUnusableTarget, Severity: routes.Error, File: path, Line: 1, Column: 1, Message: err.Error(),
			})
		}
	}
	if problems != nil {
		next.closeAllBut(running)
		return nil, problems
	}
	return next, nil
}

// use is the target of that name, the running plan's when its settings are the
// same; nil when it has no url.
func (p *plan) use(running *plan, name string, monolith bool, log *slog.Logger) (*proxy.Target, error) {
	if target := p.targets[name]; target != nil {
		return target, nil
	}
	settings := p.table.Document().Targets[name]
	if settings == nil || len(settings.URLs) == 0 {
		return nil, nil
	}
	if running != nil && monolith == (running.monolith.name == name) && running.targets[name] != nil &&
		sameSettings(settings, running.table.Document().Targets[name]) {
		p.targets[name] = running.targets[name]
		return p.targets[name], nil
	}
	target, err := proxy.New(settings, proxy.Options{Monolith: monolith, Logger: log})
	if err != nil {
		return nil, err
	}
	p.targets[name] = target
	return target, nil
}

// sameSettings reports whether a target made of a would be like one made of b.
func sameSettings(a, b *routes.Target) bool {
	return slices.Equal(a.URLs, b.URLs) && a.Timeouts == b.Timeouts &&
		a.MaxInFlight == b.MaxInFlight && a.Breaker == b.Breaker
}

// closeAllBut closes the targets that other does not have too.
func (p *plan) closeAllBut(other *plan) {
	for name, target := range p.targets {
		if other == nil || other.targets[name] != target {
			target.Close()
		}
	}
}

func (e *Engine) running() *plan {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.plan
}

// install puts a plan in force.
func (e *Engine) install(next *plan) {
	if !e.fetchSalts(next) {
		defer e.askAgain()
	}
	e.mu.Lock()
	before := e.plan
	e.plan, e.refused = next, nil
	e.saltLocked()
	e.publishLocked()
	e.mu.Unlock()
	if before != nil {
		before.closeAllBut(next)
	}
	e.configureBook(next)
	e.telemetry.Reloaded(e.background, true)
	e.log.Info("route table in force", slog.String("file", next.path),
		slog.String("version", next.table.Version()), slog.Int("routes", len(next.lanes)),
		slog.Int("findings", next.findings))
}
