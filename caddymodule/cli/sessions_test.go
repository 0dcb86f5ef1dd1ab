package cli

import (
	"bytes"
	"errors"
	"testing"

	"github.com/strangler-proxy/strangler/identity"
)

// Several errors stand in several lines, and each says that it is one: what a store
// wrote into its error cannot pass for a line of ours.
func TestSeveralErrorsStandInSeveralLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	printInspection(&terminal{out: &out}, identity.Inspection{
		Outcome: identity.OutcomeUnavailable, Error: errors.Join(errors.New("redis: refused"), errors.New("db: gone\r\nprincipal: 1")).Error(),
	})
	const want = "unavailable:  ()\nerror: redis: refused\nerror: db: gone\\r\nerror: principal: 1\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}
