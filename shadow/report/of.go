package report

import "time"

// Of is one part of the evidence of some routes at one moment: what the commands
// and the admin API show of it has this shape whatever the part is, the report's own.
type Of[Part any] struct {
	Version int       `json:"version"` // as the report's
	At      time.Time `json:"at"`
	Routes  []Part    `json:"routes"`
}

// RouteSignatures are the ways in which a route's answers differ, as in a [Route].
type RouteSignatures struct {
	Route          string      `json:"route"`
	Signatures     []Signature `json:"signatures"`
	MoreSignatures int         `json:"more_signatures,omitempty"`
}

// RouteSamples are the samples that are kept of a route, the worst signature first.
type RouteSamples struct {
	Route string `json:"route"`
	// Era is the one that was asked for, absent for the present one.
	Era     uint64 `json:"era,omitempty"`
	Samples []Kept `json:"samples"`
}

// RouteRules are a route's rules, and the noise that was learned and could be rules,
// as in a [Route].
type RouteRules struct {
	Route string  `json:"route"`
	Rules []Rule  `json:"rules"`
	Noise []Noisy `json:"noise,omitempty"`
}

// PartOf makes of each route of a report the part of it that is asked for.
func PartOf[Part any](r *Report, part func(*Route) Part) Of[Part] {
	out := Of[Part]{Version: r.Version, At: r.At, Routes: make([]Part, len(r.Routes))}
	for i := range r.Routes {
		out.Routes[i] = part(&r.Routes[i])
	}
	return out
}
