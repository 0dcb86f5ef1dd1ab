package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// visitors look at the queue of tickets, one after the other: enough of them
	// that 1 % are some.
	visitors = 2000
	// atOnce is how many wait for an answer at the same time. When all do, the
	// next one stays away: slow answers do not pile up.
	atOnce = 32
	// window is how long is counted until a line tells of it.
	window = 5 * time.Second
)

// traffic is many people who look at the queue of tickets at a steady rate.
type traffic struct {
	visitors []user
	rate     int

	mu     sync.Mutex
	took   map[string][]time.Duration // by who answered, in this window
	failed int
	told   string // the last line
}

func newTraffic(proxy string, rate int) (*traffic, error) {
	all, err := newUsers(visitors, func(n int) string {
		if n%4 == 0 {
			return fmt.Sprintf("http://%s/v1/tickets/%d", proxy, n/4%3+1)
		}
		return fmt.Sprintf("http://%s/v1/tickets/", proxy)
	})
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return &traffic{visitors: all, rate: rate, took: map[string][]time.Duration{}}, err
}

// start lets them look until ctx ends; stop waits for the last one.
func (t *traffic) start(ctx context.Context, say func(string)) (stop func()) {
	if t.rate == 0 {
		return func() {}
	}
	var all sync.WaitGroup
	all.Go(func() { t.look(ctx, &all) })
	all.Go(func() {
		tick := time.NewTicker(window)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if line := t.tell(); line != "" {
					say(line)
				}
			}
		}
	})
	return all.Wait
}

func (t *traffic) look(ctx context.Context, all *sync.WaitGroup) {
	tick := time.NewTicker(time.Second / time.Duration(t.rate))
	defer tick.Stop()
	free := make(chan struct{}, atOnce)
	for next := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case free <- struct{}{}:
		default:
			continue
		}
		visitor := t.visitors[next%len(t.visitors)]
		next++
		all.Go(func() {
			defer func() { <-free }()
			start := time.Now()
			by, err := visitor.ask(ctx)
			if ctx.Err() == nil {
				t.count(by, err, time.Since(start))
			}
		})
	}
}

func (t *traffic) count(by string, err error, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed++
		return
	}
	if by != "monolith" {
		by = "service"
	}
	t.took[by] = append(t.took[by], took)
}

// tell says what the window was like and begins the next one; nothing when one
// side alone answers, and did before.
func (t *traffic) tell() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	monolith, service := t.took["monolith"], t.took["service"]
	failed := t.failed
	t.took, t.failed = map[string][]time.Duration{}, 0
	line, all := "", len(monolith)+len(service)
	switch {
	case failed > 0:
		line = fmt.Sprintf("tickets: %d of %d without an answer", failed, failed+all)
	case all == 0:
	case len(service) == 0:
		line = "tickets: every answer is the monolith's"
	case len(monolith) == 0:
		line = "tickets: every answer is the service's"
	default:
		return t.note(fmt.Sprintf("tickets: %4.1f %% of %d answers are the service's; 95 %% within %s, the monolith's %s",
			100*float64(len(service))/float64(all), all, p95(service), p95(monolith)))
	}
	if line == t.told {
		return ""
	}
	return t.note(line)
}

func (t *traffic) note(line string) string {
	t.told = line
	return line
}

// p95 is the time within which 95 % are.
func p95(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)*95/100].Round(time.Millisecond)
}
