package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// The endpoints' paths.
const (
	PathStatus         = "/strangler/status"
	PathTable          = "/strangler/table"
	PathRoutes         = "/strangler/routes"
	PathExplain        = "/strangler/explain"
	PathRollout        = "/strangler/rollout"
	PathSet            = "/strangler/rollout/set"
	PathHold           = "/strangler/rollout/hold"
	PathRelease        = "/strangler/rollout/release"
	PathStart          = "/strangler/rollout/start"
	PathAdvance        = "/strangler/rollout/advance"
	PathPause          = "/strangler/rollout/pause"
	PathResume         = "/strangler/rollout/resume"
	PathApprove        = "/strangler/rollout/approve"
	PathAbort          = "/strangler/rollout/abort"
	PathUndo           = "/strangler/rollout/undo"
	PathHistory        = "/strangler/rollout/history"
	PathKeys           = "/strangler/keys"
	PathKeyRotate      = "/strangler/keys/rotate"
	PathKeyRevoke      = "/strangler/keys/revoke"
	PathInspect        = "/strangler/sessions/inspect"
	PathShadow         = "/strangler/shadow"
	PathShadowReport   = "/strangler/shadow/report"
	PathShadowSamples  = "/strangler/shadow/samples"
	PathShadowReset    = "/strangler/shadow/reset"
	PathShadowResume   = "/strangler/shadow/resume"
	PathBrake          = "/strangler/brake/on"
	PathReleaseOfBrake = "/strangler/brake/release"
)

// Act is the part that all verbs have: who, why, from where.
type Act struct {
	// By is who; required.
	By string `json:"by"`
	// Reason is why; required to hold, to brake, to pause, to abort, to undo and to
	// reset a shadow.
	Reason string `json:"reason,omitempty"`
	// Source is "api", which is the default, or "cli".
	Source string `json:"source,omitempty"`
	// IfVersion refuses the verb unless the route still has this version; 0
	// means no check.
	IfVersion uint64 `json:"if_version,omitempty"`
	// DryRun asks what the verb would do; nothing is changed.
	DryRun bool `json:"dry_run,omitempty"`
}

// Refusal is the answer of a verb that was refused.
type Refusal struct {
	Error string `json:"error"`
	// Conflict, with status 409, is what somebody else did meanwhile: the
	// version now and the last change with who, when, why, before and after.
	Conflict *rollout.Conflict `json:"conflict,omitempty"`
}

// SetRequest is the body for PathSet.
type SetRequest struct {
	Act
	Route string `json:"route"`
	// Percent is the service's share, 0 to 100 with at most four decimals.
	Percent json.Number `json:"percent"`
}

// HoldRequest is the body for PathHold.
type HoldRequest struct {
	Act
	Route string `json:"route"`
	// Until ends the hold by itself, as RFC 3339 has it; left out: it lasts
	// until released.
	Until time.Time `json:"until,omitzero"`
}

// RouteRequest is the body for PathRelease, PathStart, PathAdvance, PathPause,
// PathResume, PathApprove and PathAbort.
type RouteRequest struct {
	Act
	Route string `json:"route"`
}

// UndoRequest is the body for PathUndo.
type UndoRequest struct {
	Act
	Route string `json:"route"`
	// To is the version to go back to, 0 for a route never touched; left out:
	// the one before the last change.
	To *uint64 `json:"to,omitempty"`
}

// BrakeRequest is the body for PathBrake and PathReleaseOfBrake.
type BrakeRequest struct {
	Act
}

// ExplainRequest is the body for PathExplain: a request as a client would send it.
type ExplainRequest struct {
	Method string `json:"method"`
	// URL is absolute, or a path when the host does not matter.
	URL     string      `json:"url"`
	Headers http.Header `json:"headers,omitempty"`
	// IP is the client's address, for routes that are sticky by it.
	IP string `json:"ip,omitempty"`
}

// act is the rollout's word for it. Only the command line may say that it is
// the command line; everything else is the API.
func (a Act) act() (rollout.Act, error) {
	switch a.Source {
	case "":
		a.Source = rollout.SourceAPI
	case rollout.SourceAPI, rollout.SourceCLI:
	default:
		return rollout.Act{}, fmt.Errorf("source %q is neither %q nor %q", a.Source, rollout.SourceAPI, rollout.SourceCLI)
	}
	return rollout.Act{By: a.By, Reason: a.Reason, Source: a.Source, IfVersion: a.IfVersion, DryRun: a.DryRun}, nil
}

// Request is the request as the server would see it, and its client.
func (x ExplainRequest) Request() (*http.Request, proxy.Client, error) {
	target, err := url.Parse(x.URL)
	if err != nil {
		return nil, proxy.Client{}, fmt.Errorf("url: %w", err)
	}
	if _, err := netip.ParseAddr(x.IP); x.IP != "" && err != nil {
		return nil, proxy.Client{}, fmt.Errorf("ip: %q is no address, such as 192.0.2.1 or 2001:db8::1", x.IP)
	}
	if target.Path == "" {
		target.Path = "/"
	}
	if !strings.HasPrefix(target.Path, "/") || target.Host == "" && target.Scheme != "" {
		return nil, proxy.Client{}, fmt.Errorf("url: %q is neither like https://HOST/PATH nor like /PATH", x.URL)
	}
	r := &http.Request{
		Method: strings.ToUpper(x.Method), Host: target.Host,
		// Without scheme and host, as in the request line of a client.
		URL:   &url.URL{Path: target.Path, RawPath: target.RawPath, RawQuery: target.RawQuery},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(x.Headers)),
	}
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	for name, values := range x.Headers {
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	return r, proxy.Client{IP: x.IP, RemoteIP: x.IP, Secure: target.Scheme == "https"}, nil
}

// share reads the percentage.
func (s SetRequest) share() (routes.PPM, error) {
	if s.Percent == "" {
		return 0, fmt.Errorf("percent is missing")
	}
	return routes.ParsePercent(s.Percent.String())
}
