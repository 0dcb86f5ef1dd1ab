package shadow

import (
	"context"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Settings are how one route is mirrored.
type Settings struct {
	// Route is its name.
	Route string
	// Reverse: the service serves and the monolith is the shadow. Requests that
	// the other side serves are not sampled.
	Reverse bool
	// Sample is the share of requests that the hash samples.
	Sample routes.PPM
	// Chosen is the share of sampled safe requests for which the monolith is asked
	// a second time whatever the comparison says, by chance. It is bounded by nothing else.
	Chosen routes.PPM
	// DryRun: requests that may change something are mirrored too, to a shadow that
	// proves that it changes nothing.
	DryRun bool
	// Monolith and Service are the two sides: one of them is the shadow, both are
	// asked again. A monolith without URLs cannot be asked again. Control, when it has
	// URLs, is a second monolith that is asked in place of the first.
	Monolith, Service, Control Target
	// Timeout is how long one answer may take to its end. Default: 10s.
	Timeout time.Duration
	// InFlight is how many of the route's comparisons are under way at once.
	// Default: 16.
	InFlight int
	// Body is how many bytes of a request's body, and of an answer's, are kept.
	// Default: 1 MiB.
	Body int
	// Silence is after how long without a comparison, while requests are sampled,
	// the alarm is raised. Default: 15m.
	Silence time.Duration
	// Compare has the rules.
	Compare diff.Options
	// KeepCookies are the names of the cookies that a service hears: no other ones,
	// for nobody knows which of them somebody is signed in by. KeepHeaders are names
	// of headers that it hears though they look like credentials ([Credential]). A
	// monolith hears all of both.
	KeepCookies, KeepHeaders []string
	// Rewrite gives the path that the service is asked for, as url.URL has it. Nil:
	// unchanged.
	Rewrite func(path, rawPath string) (newPath, newRawPath string)
	// Token gives the fields with which the service hears who the client is: a
	// token for the shadow's audience that says that it is a shadow's. The principal is
	// Arrival's. Nothing and an error mean that the request is not mirrored. Nil:
	// the service wants none.
	Token func(ctx context.Context, principal any) (http.Header, error)
}

// Sides names what is held against what, the side that serves first. Evidence of
// other sides is evidence of something else.
func (s *Settings) Sides() string {
	if s.Reverse {
		return s.Service.Name + ", " + s.Monolith.Name
	}
	return s.Monolith.Name + ", " + s.Service.Name
}

// Target is where requests are sent. Targets with the same URLs share their
// connections.
type Target struct {
	Name string
	// URLs as in the route table: http, https, h2c or unix. They are tried in turn
	// when a dial fails.
	URLs []string
	// InFlight is how many mirrored requests it is asked at once, over all routes.
	// Default: 64.
	InFlight int
	// Build is the header in which answers name their build; may be empty.
	Build string
}

// withDefaults fills in what is left out.
func (s Settings) withDefaults() Settings {
	if s.Timeout <= 0 {
		s.Timeout = 10 * time.Second
	}
	if s.InFlight <= 0 {
		s.InFlight = 16
	}
	if s.Body <= 0 {
		s.Body = 1 << 20
	}
	if s.Silence <= 0 {
		s.Silence = 15 * time.Minute
	}
	return s
}
