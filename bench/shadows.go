package main

import (
	"context"
	"fmt"
	"net/http"
)

// proveShadow holds that every request of the run was sampled, and that what was
// compared was equal; it returns the share of them that was compared.
func (s *subject) proveShadow(ctx context.Context) (share float64, err error) {
	var status struct {
		Routes []struct {
			Sampled uint64            `json:"sampled"`
			Ended   map[string]uint64 `json:"ended"`
		} `json:"routes"`
	}
	if err := s.call(ctx, http.MethodGet, "/strangler/shadow", nil, &status); err != nil {
		return 0, err
	}
	sampled, compared, different := uint64(0), uint64(0), uint64(0)
	for _, r := range status.Routes {
		sampled += r.Sampled
		compared += r.Ended["equal"]
		different += r.Ended["different"]
	}
	if sampled < uint64(s.answered) || different > 0 || (compared == 0) != (s.decided == byHung) {
		return 0, fmt.Errorf("%d of %d requests were sampled, %d were equal, %d different", sampled, s.answered, compared, different)
	}
	return ratio(float64(compared), float64(sampled)), nil
}
