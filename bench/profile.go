package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profile writes two profiles of each Caddy, when asked to: where its CPU time
// goes under load, for as long as all its slices took, and what it has
// allocated since its start.
func (m *measurement) profile(ctx context.Context) error {
	if !m.options.profile {
		return nil
	}
	seconds := max(1, int((time.Duration(m.options.slices) * m.options.slice).Seconds()))
	for _, s := range m.subjects {
		if !s.hasAdmin() || s.name == againName {
			continue
		}
		m.say("%s: profile of %s", m.w.name, s.name)
		done := make(chan error, 1)
		go func() { done <- m.fetchProfile(ctx, s, "cpu", fmt.Sprintf("profile?seconds=%d", seconds)) }()
		_, err := m.ask(ctx, s, m.order(s, time.Duration(seconds+1)*time.Second))
		if err := errors.Join(err, <-done, m.fetchProfile(ctx, s, "allocs", "allocs")); err != nil {
			return err
		}
	}
	return nil
}

// fetchProfile writes one profile of Caddy's admin API to KIND-WORKLOAD-PROXY.pprof.
func (m *measurement) fetchProfile(ctx context.Context, s *subject, kind, query string) error {
	name := filepath.Join(m.options.out, fmt.Sprintf("%s-%s-%s.pprof", kind, m.w.name, s.name))
	return fetch(ctx, "http://"+s.admin+"/debug/pprof/"+query, name)
}

// fetch writes the answer's body to a file.
func fetch(ctx context.Context, url, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", url, answer.StatusCode)
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, answer.Body)
	return errors.Join(err, file.Close())
}
