package rollout

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"sync"
	"time"
)

// saltsTimeout bounds how long Salts waits for the store.
const saltsTimeout = 10 * time.Second

// saltCache keeps the salts that were asked for: they never change, and a
// table that is loaded while the store is down still needs those it had.
type saltCache struct {
	mu    sync.Mutex
	known map[string]string
}

// Salts answers the salt of every cohort asked for; one that has none yet gets
// a new one, stored before it is answered. A salt never changes. On an error
// the map holds those that are known all the same; ask again for the others
// when a snapshot without StoreError comes.
func (l *Ledger) Salts(ctx context.Context, cohorts []string) (map[string]string, error) {
	salts, missing := l.salts.get(cohorts)
	if len(missing) == 0 {
		return salts, nil
	}
	ctx, cancel := context.WithTimeout(ctx, saltsTimeout)
	defer cancel()
	type result struct {
		salts map[string]string
		err   error
	}
	answer := make(chan result, 1)
	go func() { // a store that hangs must not hang the caller
		made, err := l.options.Store.Salts(ctx, missing, newSalt)
		answer <- result{made, err}
	}()
	var made result
	select {
	case made = <-answer:
	case <-ctx.Done():
		made.err = ctx.Err()
	}
	if made.err != nil {
		l.outdate()
		l.nudge()
		return salts, fmt.Errorf("reading the salts of %d cohorts: %w", len(missing), made.err)
	}
	l.salts.put(made.salts)
	maps.Copy(salts, made.salts)
	return salts, nil
}

func (s *saltCache) get(cohorts []string) (known map[string]string, missing []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known = make(map[string]string, len(cohorts))
	for _, cohort := range cohorts {
		if salt, ok := s.known[cohort]; ok {
			known[cohort] = salt
		} else {
			missing = append(missing, cohort)
		}
	}
	return known, missing
}

func (s *saltCache) put(salts map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[string]string, len(salts))
	}
	maps.Copy(s.known, salts)
}

// newSalt is 80 random bits as text that any flag file can carry.
func newSalt() string { return rand.Text()[:16] }
