package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
)

// A store that is silent has no error of its own; the status says what it means.
func TestStatusSaysWhyASilentStoreIsNotAsked(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	report := rolloutReport{Server: engine.Status{Identity: &engine.IdentityStatus{Sessions: identity.ResolverStatus{
		Store: "failing", Reason: session.TimedOut,
	}}}}
	report.printIdentity(&terminal{out: &out})
	if first, _, _ := strings.Cut(out.String(), "\n"); !strings.HasSuffix(first, ": timed_out: "+session.TimedOut.Meaning()) {
		t.Errorf("it says %q", first)
	}
}
