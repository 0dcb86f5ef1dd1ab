package engine

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/strangler-proxy/strangler/identity"
)

// visitorSecret is the name under which the key of visitor cookies is stored.
const visitorSecret = "visitor"

const (
	storeWait  = 2 * time.Second // for one question to the store
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// askAgain wakes keepTrying.
func (e *Engine) askAgain() {
	select {
	case e.retry <- struct{}{}:
	default:
	}
}

// keepTrying asks the store for the visitor key and for salts until all are
// there, with growing pauses; routes without are the monolith's meanwhile.
func (e *Engine) keepTrying() {
	pause, timer := firstRetry, time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-e.background.Done():
			return
		case <-e.retry:
			pause = firstRetry
		case <-timer.C:
		}
		if !e.complete() {
			timer.Reset(pause)
			pause = min(2*pause, lastRetry)
		}
	}
}

// complete fetches what is missing and reports whether all is there.
func (e *Engine) complete() bool {
	complete := e.fetchVisitors()
	plan := e.running()
	if plan == nil || len(e.missingSalts(plan)) == 0 {
		return complete
	}
	complete = e.fetchSalts(plan) && complete
	e.mu.Lock()
	defer e.mu.Unlock()
	e.saltLocked()
	e.publishLocked()
	return complete
}

func (e *Engine) fetchVisitors() bool {
	if e.options.Secrets == nil || e.visitors.Load() != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(e.background, storeWait)
	defer cancel()
	key, err := e.options.Secrets.Secret(ctx, visitorSecret, func() []byte {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails, see crypto/rand
		return key
	})
	if err != nil {
		e.log.Warn("no key for visitor cookies yet; routes sticky by them stay on the monolith", slog.Any("error", err))
		return false
	}
	e.visitors.Store(identity.NewVisitors(key))
	return true
}

// missingSalts are the cohorts of a plan whose salt is not known.
func (e *Engine) missingSalts(p *plan) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var missing []string
	asked := map[string]bool{}
	for _, entry := range p.table.Routes() {
		name := cohort(entry.Route)
		if entry.Route.Service != "" && e.salts[name] == "" && !asked[name] {
			asked[name] = true
			missing = append(missing, name)
		}
	}
	return missing
}

// fetchSalts asks for the salts that a plan is missing, some thousands at a
// time so that verbs come in between, and reports whether all are known now. It
// stops when the store does not answer.
func (e *Engine) fetchSalts(p *plan) bool {
	missing := e.missingSalts(p)
	for some := range slices.Chunk(missing, 4096) {
		ctx, cancel := context.WithTimeout(e.background, storeWait)
		salts, err := e.ledger.Salts(ctx, some)
		cancel()
		e.mu.Lock()
		maps.Copy(e.salts, salts) // with an error, those that the ledger knows
		e.mu.Unlock()
		if err != nil {
			e.log.Warn("salts are not known yet; their routes stay on the monolith", slog.Any("error", err))
			return false
		}
	}
	return true
}
