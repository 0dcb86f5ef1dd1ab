package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// routeStatus is what the admin API says of a route with a rollout.
type routeStatus struct {
	Route     string `json:"route"`
	Effective int    `json:"effective_ppm"`
	Rollout   *struct {
		Phase    string    `json:"phase"`
		Step     int       `json:"step"`
		Since    time.Time `json:"since"`
		LookedAt time.Time `json:"looked_at"`
		Evidence struct {
			Reports []struct {
				Guard    string   `json:"guard"`
				Service  oneCount `json:"service"`
				Monolith oneCount `json:"monolith"`
			} `json:"reports"`
		} `json:"evidence"`
	} `json:"rollout"`
}

type oneCount struct {
	Requests int `json:"requests"`
}

// flagCache is what the admin API says of the cache of flags.
type flagCache struct {
	Entries   int    `json:"entries"`
	Capacity  int    `json:"capacity"`
	Hits      uint64 `json:"hits"`
	Misses    uint64 `json:"misses"`
	Evictions uint64 `json:"evictions"`
}

// settleTime bounds the wait for the rollout controller, which looks every two
// seconds.
const settleTime = 30 * time.Second

// startRollouts starts the rollouts of the routes that will be asked and waits
// until the controller has looked at each: from then on it counts every request.
func (s *subject) startRollouts(ctx context.Context, names []string) error {
	s.rollouts = names
	// Caddy's sites answer a little before it says that their configuration is in force.
	if err := s.until(ctx, func() error { return s.call(ctx, http.MethodGet, "/strangler/status", nil, nil) }); err != nil {
		return err
	}
	for _, name := range names {
		if err := s.call(ctx, http.MethodPost, "/strangler/rollout/start", map[string]string{"route": name, "by": "bench"}, nil); err != nil {
			return err
		}
	}
	return s.until(ctx, func() error {
		return s.eachRollout(ctx, func(one *routeStatus) error {
			if one.Rollout.LookedAt.Before(one.Rollout.Since) {
				return fmt.Errorf("%s has not been looked at", one.Route)
			}
			return nil
		})
	})
}

// proveRollouts holds that all rollouts are where they were started, with guards
// that have counted every answer of the run; it returns how many.
func (s *subject) proveRollouts(ctx context.Context) (counted int, err error) {
	err = s.until(ctx, func() error {
		counted = 0
		err := s.eachRollout(ctx, func(one *routeStatus) error {
			reports := one.Rollout.Evidence.Reports
			if len(reports) == 0 {
				return fmt.Errorf("%s has no guards", one.Route)
			}
			counted += reports[0].Service.Requests + reports[0].Monolith.Requests
			return nil
		})
		if err == nil && counted != s.answered {
			err = fmt.Errorf("the guards have counted %d of %d requests", counted, s.answered)
		}
		return err
	})
	return counted, err
}

// eachRollout asks for the status of all started rollouts, which must be running
// in their first step.
func (s *subject) eachRollout(ctx context.Context, check func(*routeStatus) error) error {
	var status struct {
		Routes []routeStatus `json:"routes"`
	}
	if err := s.call(ctx, http.MethodGet, "/strangler/rollout", nil, &status); err != nil {
		return err
	}
	started := make(map[string]bool, len(s.rollouts))
	for _, name := range s.rollouts {
		started[name] = true
	}
	found := 0
	for i := range status.Routes {
		one := &status.Routes[i]
		if !started[one.Route] {
			continue
		}
		found++
		if one.Rollout == nil || one.Rollout.Phase != "running" || one.Rollout.Step != 1 || one.Effective != 500_000 {
			return fmt.Errorf("the rollout of %s is not running at 50 %%: %+v", one.Route, one)
		}
		if err := check(one); err != nil {
			return err
		}
	}
	if found != len(s.rollouts) {
		return fmt.Errorf("%d of %d started rollouts are there", found, len(s.rollouts))
	}
	return nil
}

// proveFlags holds that flags have decided about every answer of the run, each
// without a doubt.
func (s *subject) proveFlags(ctx context.Context) (*flagCache, error) {
	var status struct {
		Flags struct {
			Cache   flagCache         `json:"cache"`
			Answers map[string]uint64 `json:"answers"`
			Errors  map[string]uint64 `json:"errors"`
			Stale   uint64            `json:"stale"`
		} `json:"flags"`
	}
	if err := s.call(ctx, http.MethodGet, "/strangler/status", nil, &status); err != nil {
		return nil, err
	}
	f := &status.Flags
	if n := f.Answers["TARGETING_MATCH"]; n < uint64(s.answered) || len(f.Answers) != 1 || len(f.Errors) > 0 || f.Stale > 0 {
		return nil, fmt.Errorf("flags were not all decided by their rule, for %d requests: %+v", s.answered, f)
	}
	return &f.Cache, nil
}

// until waits for a condition.
func (s *subject) until(ctx context.Context, condition func() error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// call asks the admin API. body and into may be nil.
func (s *subject) call(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.admin+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: status %d: %s", method, path, answer.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}
