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

// profileTime is how long a CPU profile takes.
const profileTime = 5 * time.Second

// profile writes one CPU profile of each Caddy under load, when asked to.
func (m *measurement) profile(ctx context.Context) error {
	if !m.options.profile {
		return nil
	}
	for _, s := range m.subjects {
		if !s.hasAdmin() || s.name == againName {
			continue
		}
		name := filepath.Join(m.options.out, fmt.Sprintf("cpu-%s-%s.pprof", m.w.name, s.name))
		m.say("%s: %s", m.w.name, name)
		done := make(chan error, 1)
		go func() {
			url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.admin, int(profileTime.Seconds()))
			done <- fetch(ctx, url, name)
		}()
		_, err := m.give(ctx, m.order(s, profileTime+time.Second))
		if err := errors.Join(err, <-done); err != nil {
			return err
		}
	}
	return nil
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
